"""Model source ``hub``: presets in every local format, caches, and classes with a config."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import keras_hub
import numpy as np
import pytest
from hub_configs import HUB_CONFIGS

from suite.data.decoding import resize_image
from suite.errors import DownloadError, ModelError, WeightsError
from suite.models.hub import HubOptions, HubSource
from suite.models.preset_loading import load_preset
from suite.models.presets import builtin_presets, find_preset
from suite.store.records.resizing import STRETCH, Resizing

VIT = {**HUB_CONFIGS["ViTBackbone"], "image_shape": (32, 32, 3)}


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small ViT with its image converter, saved as KerasHub saves presets."""
    folder = tmp_path_factory.mktemp("presets") / "vit_small_imagenet"
    keras_hub.models.ViTBackbone(**VIT).save_to_preset(folder)
    scale = [1 / 255 / deviation for deviation in (0.2, 0.3, 0.4)]
    converter = keras_hub.layers.ViTImageConverter(image_size=(32, 32), scale=scale, offset=[-1.0, -2.0, -3.0])
    converter.save_to_preset(folder)
    return folder


def options(**given: Any) -> HubOptions:
    """Validated options."""
    return HubSource.check(HubOptions(**given))


def test_builtin_names_are_kerashubs_own() -> None:
    """What is read from its files without importing it is what KerasHub has registered."""
    for kind in (keras_hub.models.ViTBackbone, keras_hub.models.MiTBackbone, keras_hub.models.ResNetBackbone):
        for name, entry in kind.presets.items():
            assert builtin_presets()[name]["kaggle_handle"] == entry["kaggle_handle"]


def test_a_local_preset_is_loaded(preset: Path) -> None:
    """Weights, size, class token and stages come from the folder."""
    backbone = HubSource.build(options(preset=str(preset)))
    own = keras_hub.models.Backbone.from_preset(str(preset))
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(np.asarray(backbone.model(images)), np.asarray(own(images)))
    assert (backbone.input_size, backbone.pooling, backbone.family) == ((32, 32), "token", "vit")
    assert (backbone.weights.name, backbone.weights.pretrained_on) == ("vit_small_imagenet", "ImageNet-1k")


def test_options_that_a_plan_wrote_down_whole_are_taken(preset: Path) -> None:
    """A plan writes every option, also those that are left out and belong to texts."""
    whole = HubSource.Options.model_validate_json(options(preset=str(preset)).model_dump_json())
    assert {"tokenizer", "sequence_length", "pooling"} <= whole.model_fields_set
    assert HubSource.build(whole, weights="random").input_size == (32, 32)


def test_preprocessing_is_the_image_converter(preset: Path, tmp_path: Path) -> None:
    """The converter's scale and offset, as a layer that is saved with a model."""
    backbone = HubSource.build(options(preset=str(preset)), weights="random")
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    expected = np.asarray(keras_hub.layers.ImageConverter.from_preset(str(preset))(images))
    np.testing.assert_allclose(np.asarray(backbone.preprocess(images)), expected, rtol=1e-5, atol=1e-5)
    inputs = keras.layers.Input((32, 32, 3))
    keras.Model(inputs, backbone.preprocess(inputs)).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(np.asarray(loaded(images)), expected, rtol=1e-5, atol=1e-5)


def test_resizing_is_the_image_converter_s_unless_the_options_have_another(preset: Path) -> None:
    """It crops to the input's shape; a class without weights has no way of its own."""
    converter = keras_hub.layers.ImageConverter.from_preset(str(preset))
    wide = np.zeros((1, 32, 64, 3), "float32")
    wide[:, :, 16:48] = 255.0
    converter.image_size, converter.scale, converter.offset = (32, 32), None, None
    backbone = HubSource.build(options(preset=str(preset)), weights="random")
    ours = resize_image(wide[0].astype("uint8"), (32, 32), backbone.resizing)
    np.testing.assert_array_equal(ours, np.asarray(converter(wide))[0])
    asked = Resizing(fit="letterbox", fill=(9, 9, 9))
    assert HubSource.build(options(preset=str(preset), resizing=asked), weights="random").resizing == asked
    config = {"image_shape": (32, 32, 3), "patch_size": 8, "num_layers": 1, "num_heads": 2, "hidden_dim": 8}
    random = options(backbone="ViTBackbone", config={**config, "mlp_dim": 16})
    assert HubSource.build(random).resizing == STRETCH


def test_random_weights_differ_from_the_presets(preset: Path) -> None:
    """``from_scratch`` takes the architecture and leaves the weights."""
    backbone = HubSource.build(options(preset=str(preset)), weights="random")
    images = np.ones((1, 32, 32, 3), "float32")
    assert not backbone.is_pretrained
    assert not np.allclose(np.asarray(backbone.model(images)), np.asarray(load_preset(str(preset))(images)))


def test_position_embeddings_fit_one_size(preset: Path) -> None:
    """A ViT's weights for 32 pixels do not fit 64; its architecture alone does."""
    given = options(preset=str(preset), input_size=64)
    with pytest.raises(WeightsError, match="vit_small_imagenet"):
        HubSource.build(given)
    assert HubSource.build(given, weights="random").input_size == (64, 64)


def test_a_preset_without_converter_asks_for_preprocessing(preset: Path, tmp_path: Path) -> None:
    """Nobody would know what the weights expect."""
    folder = tmp_path / "bare"
    shutil.copytree(preset, folder, ignore=shutil.ignore_patterns("image_converter.json"))
    with pytest.raises(ModelError, match='give "preprocessing"'):
        HubSource.build(options(preset=str(folder)))
    assert HubSource.build(options(preset=str(folder), preprocessing="tf")).is_pretrained


def test_a_truncated_weights_file_is_refused(preset: Path, tmp_path: Path) -> None:
    """Half a file is no weights."""
    folder = tmp_path / "half"
    shutil.copytree(preset, folder)
    weights = folder / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:4000])
    with pytest.raises(WeightsError, match="cannot be loaded"):
        HubSource.build(options(preset=str(folder)))


def test_files_put_into_kaggles_cache_by_hand_are_used(
    preset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place that the complaint names works, without Kaggle's own marker files."""
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    given = options(preset="kaggle://someone/vit/keras/small/2")
    (requirement,) = HubSource.requirements(given)
    assert not requirement.present
    shutil.copytree(preset, requirement.path)
    assert HubSource.requirements(given)[0].present
    assert HubSource.build(given).input_size == (32, 32)
    assert find_preset("kaggle://someone/vit/keras/small").folder == requirement.path


def test_a_cached_hugging_face_snapshot_is_used(preset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The snapshot of the main branch is read without asking the server."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--someone--vit"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    shutil.copytree(preset, repository / "snapshots" / "abc")
    assert HubSource.build(options(preset="hf://someone/vit")).is_pretrained


@pytest.mark.parametrize("name", ["hf://someone/vit", "vit_base_patch16_224_imagenet"])
def test_no_network_says_what_and_where(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, with the page and the folder; no client is left to retry."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("socket.create_connection", refuse)
    monkeypatch.setattr("urllib.request.getproxies", dict)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    with pytest.raises(DownloadError, match=rf"https://.*put them at {tmp_path}"):
        HubSource.build(options(preset=name))


def test_a_timm_folder_is_loaded(tmp_path: Path) -> None:
    """A ResNet in timm's names, shapes and config, with its mean and deviation, and its way of resizing."""
    from safetensors.numpy import save_file

    save_file(_timm_resnet18(), tmp_path / "model.safetensors")
    config = {"input_size": [3, 64, 64], "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.2], "interpolation": "bicubic"}
    config |= {"crop_pct": 0.95, "crop_mode": "squash"}
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "resnet18", "pretrained_cfg": config}))
    backbone = HubSource.build(options(preset=str(tmp_path)))
    assert (backbone.family, backbone.input_size) == ("resnet", (64, 64))
    assert backbone.resizing == Resizing(crop_share=0.95, interpolation="bicubic")
    assert [stage.name for stage in backbone.stages] == ["stem", "conv2", "conv3", "conv4", "conv5"]
    grey = np.full((1, 64, 64, 3), 127.5, "float32")
    np.testing.assert_allclose(np.asarray(backbone.preprocess(grey))[0, 0, 0], [0.0, 0.5, 1.0], atol=1e-5)


def _timm_resnet18() -> dict[str, Any]:
    """Random weights under the names of timm's resnet18."""
    random = np.random.default_rng(0)
    weights: dict[str, Any] = {}

    def add(conv: str, norm: str, shape: tuple[int, ...]) -> None:
        weights[f"{conv}.weight"] = random.normal(size=shape).astype("float32")
        for name in ("weight", "bias", "running_mean", "running_var"):
            weights[f"{norm}.{name}"] = np.ones(shape[0], "float32")

    add("conv1", "bn1", (64, 3, 7, 7))
    before = 64
    for layer, width in enumerate((64, 128, 256, 512), 1):
        for block in range(2):
            at = f"layer{layer}.{block}"
            add(f"{at}.conv1", f"{at}.bn1", (width, before if block == 0 else width, 3, 3))
            add(f"{at}.conv2", f"{at}.bn2", (width, width, 3, 3))
            if block == 0 and layer > 1:
                add(f"{at}.downsample.0", f"{at}.downsample.1", (width, before, 1, 1))
        before = width
    return weights


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "either 'preset' or 'backbone'"),
        ({"preset": "vit_base_patch16_224_imagenett"}, "Did you mean 'vit_base_patch16_224_imagenet'"),
        ({"preset": "kaggle://vit"}, "expected kaggle://owner"),
        ({"preset": "hf://vit"}, "expected hf://owner/name"),
        ({"preset": "ftp://vit"}, "built-in name, kaggle://, hf:// or a folder"),
        ({"preset": "."}, "has no config.json"),
        ({"backbone": "VitBackbone", "input_size": 32}, "Did you mean 'ViTBackbone'"),
        ({"backbone": "ViTBackbone"}, "input_size: is missing"),
        ({"preset": "vit_base_patch16_224_imagenet", "config": {}}, "belongs to 'backbone'"),
    ],
)
def test_what_cannot_be_found_is_told(given: dict[str, Any], message: str, tmp_path: Path, monkeypatch: Any) -> None:
    """Handles and names are checked when the spec is read."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=message):
        options(**given)


def test_a_wrong_config_is_told() -> None:
    """The class's own complaint, in one sentence."""
    config = {**HUB_CONFIGS["ViTBackbone"], "patch_size": 7}
    with pytest.raises(ModelError, match=r"ViTBackbone refuses its config: .*divisible"):
        HubSource.build(options(backbone="ViTBackbone", config=config, input_size=32))


def test_a_preset_whose_config_is_damaged_is_told(tmp_path: Path) -> None:
    """Not JSON, not a traceback."""
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match="is damaged"):
        HubSource.check(HubOptions(preset=str(tmp_path)))


def test_labels() -> None:
    """Short names from handles."""
    assert HubSource.label(HubOptions(preset="kaggle://keras/vit/keras/vit_base/4")) == "vit_base"
    assert HubSource.label(HubOptions(preset="hf://google/vit-base")) == "vit-base"
    assert HubSource.label(HubOptions(backbone="ViTBackbone", input_size=(32, 32))) == "ViTBackbone (random) @32x32"
