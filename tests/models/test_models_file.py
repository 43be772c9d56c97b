"""Model source ``file``, and what ``suite show model`` tells of a backbone."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from suite.errors import ModelError, SuiteError, WeightsError
from suite.models.describe import describe_model
from suite.models.file import FileOptions, FileSource
from suite.models.hashing import weights_sha256
from suite.models.zoo.images import Architecture, build_architecture


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small classifier of images of 16 pixels."""
    layers = keras.layers
    inputs = layers.Input((16, 16, 3))
    features = layers.Conv2D(4, 3, strides=2, name="low")(inputs)
    features = layers.Conv2D(8, 3, strides=2, name="high")(features)
    outputs = layers.Dense(5, name="head")(layers.GlobalAveragePooling2D(name="pool")(features))
    path = tmp_path_factory.mktemp("files") / "mine.keras"
    keras.Model(inputs, outputs).save(path)
    return path


def options(path: Path, **given: Any) -> FileOptions:
    """Validated options."""
    return FileSource.check(FileOptions(path=str(path), **given))


def test_features_of_a_chosen_layer(saved: Path) -> None:
    """The output of the named layer, pooled as its shape asks for, without the layers behind it."""
    backbone = FileSource.build(options(saved, layer="high", preprocessing="tf"))
    assert backbone.model.output_shape == (None, 3, 3, 8)
    assert backbone.pooling == "average"
    assert [path for stage in backbone.stages for path in stage.layers] == ["low", "high"]
    grey = np.full((1, 16, 16, 3), 255.0, "float32")
    np.testing.assert_allclose(np.asarray(backbone.preprocess(grey)), 1.0)


def test_a_file_cut_before_its_softmax_keeps_the_head_beside(tmp_path: Path) -> None:
    """The source head gives the whole model's probabilities of raw images; logits are no probabilities."""
    layers = keras.layers
    inputs = layers.Input((16, 16, 3))
    features = layers.GlobalAveragePooling2D(name="pool")(layers.Conv2D(4, 3, name="low")(inputs))
    whole = keras.Model(inputs, layers.Dense(5, activation="softmax", name="head")(features))
    whole.save(tmp_path / "whole.keras")
    backbone = FileSource.build(options(tmp_path / "whole.keras", layer="low", preprocessing="tf"))
    raw = np.random.default_rng(0).uniform(0, 255, (3, 16, 16, 3)).astype("float32")
    assert backbone.source_head is not None
    np.testing.assert_allclose(backbone.source_head(raw), whole(raw / 127.5 - 1.0), rtol=1e-5)


def test_logits_are_no_source_head(saved: Path) -> None:
    """Nor is there one where nothing was cut off."""
    assert FileSource.build(options(saved, layer="high")).source_head is None
    assert FileSource.build(options(saved)).source_head is None


def test_the_models_own_output_is_the_default(saved: Path) -> None:
    """A vector is taken as it is; the size is that of the file."""
    given = options(saved)
    assert FileSource.input_size(given) == (16, 16)
    assert FileSource.build(given).pooling == "none"


def test_random_weights_are_new(saved: Path) -> None:
    """``from_scratch`` draws the same architecture again."""
    given = options(saved, layer="high")
    pretrained, scratch = FileSource.build(given), FileSource.build(given, weights="random")
    assert weights_sha256(pretrained.model) == pretrained.weights.sha256
    assert weights_sha256(scratch.model) != pretrained.weights.sha256
    assert pretrained.stages == scratch.stages


def test_a_misspelt_layer_has_a_suggestion(saved: Path) -> None:
    """The nearest layer's name."""
    with pytest.raises(ModelError, match=r"layer: unknown layer 'hihg'\. Did you mean 'high'"):
        FileSource.build(options(saved, layer="hihg"))


def test_a_hash_that_differs_is_refused(saved: Path) -> None:
    """The right one is accepted."""
    right = hashlib.sha256(saved.read_bytes()).hexdigest()
    assert FileSource.build(options(saved, sha256=right)).is_pretrained
    with pytest.raises(WeightsError, match="was expected to have 000000000000"):
        FileSource.build(options(saved, sha256="0" * 64))


def test_code_in_a_file_is_never_run(tmp_path: Path) -> None:
    """A Lambda layer is refused by safe mode, and the reason is told."""
    path = tmp_path / "unsafe.keras"
    inputs = keras.layers.Input((8, 8, 3))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x + 1)(inputs)).save(path)
    with pytest.raises(ModelError, match="holds Python code"):
        options(path)


@pytest.mark.parametrize("kept", [0.2, 0.9])
def test_a_truncated_file_is_refused(saved: Path, tmp_path: Path, kept: float) -> None:
    """Half a file is no archive."""
    path = tmp_path / "half.keras"
    path.write_bytes(saved.read_bytes()[: int(kept * saved.stat().st_size)])
    with pytest.raises(ModelError, match="not a zip archive"):
        options(path)


def test_a_damaged_member_is_refused(saved: Path, tmp_path: Path) -> None:
    """Bytes changed in the middle are noticed."""
    path = tmp_path / "damaged.keras"
    content = bytearray(saved.read_bytes())
    middle = len(content) // 2
    content[middle - 2000 : middle + 2000] = bytes(4000)
    path.write_bytes(bytes(content))
    with pytest.raises(ModelError, match=r"damaged.keras is damaged"):
        options(path)


@pytest.mark.parametrize("number", range(48))
def test_a_damaged_file_is_used_or_refused(number: int) -> None:
    """Configuration, weights or bytes changed at random: nothing but the suite's own error comes out."""
    from benchmarks.fuzz_keras_files import read_damaged

    with contextlib.suppress(SuiteError):
        read_damaged(Random(f"test/{number}"))


def with_config(saved: Path, path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of a file whose configuration is another."""
    with zipfile.ZipFile(saved) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_layer_larger_than_its_weights_is_refused_at_once(saved: Path, tmp_path: Path) -> None:
    """10**9 units are not built to see that they do not fit."""

    def enlarge(config: dict[str, Any]) -> None:
        config["config"]["layers"][-1]["config"]["units"] = 10**9

    with pytest.raises(ModelError, match=r"declare at least 8e.09 parameters, and its 0.0 MB of weights"):
        options(with_config(saved, tmp_path / "huge.keras", enlarge))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("Xception", (71, 71, 3)),
        ("MobileNetV2", (32, 32, 3)),
        ("EfficientNetB0", (32, 32, 3)),
        ("ResNet50", (32, 32, 3)),
    ],
)
def test_no_architecture_declares_more_than_it_has(name: str, shape: tuple[int, int, int]) -> None:
    """What is reckoned from a configuration alone is never more than the parameters that there are."""
    from suite.models.keras_file import _check_layers

    model = getattr(keras.applications, name)(weights=None, include_top=False, input_shape=shape)
    declared = _check_layers(name, json.loads(json.dumps(keras.saving.serialize_keras_object(model))))
    assert 0.2 * model.count_params() < declared <= model.count_params()


def test_a_configuration_without_end_is_refused(saved: Path, tmp_path: Path) -> None:
    """Neither Python's parser nor Keras gets to the bottom of it."""

    def bury(config: dict[str, Any]) -> None:
        node: Any = {}
        for _ in range(300):
            node = {"config": node}
        config["config"]["extra"] = node

    with pytest.raises(ModelError, match="nested more than 150 levels deep"):
        options(with_config(saved, tmp_path / "deep.keras", bury))


def test_code_of_the_users_is_asked_for_by_name(tmp_path: Path) -> None:
    """The class and how to register it; before anything runs."""

    class MyScale(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs

    path = tmp_path / "custom.keras"
    inputs = keras.layers.Input((8, 8, 3))
    keras.Model(inputs, MyScale()(inputs)).save(path)
    with pytest.raises(ModelError, match=r"needs code of yours: 'MyScale'.*--plugin FILE"):
        options(path)
    keras.saving.register_keras_serializable(package="Tests", name="MyScale")(MyScale)
    keras.Model(inputs, keras.layers.Conv2D(2, 3)(MyScale()(inputs))).save(path)
    assert FileSource.build(options(path)).pooling == "average"


def test_named_outputs_are_told_with_the_layers(tmp_path: Path) -> None:
    """A dict is no features; a layer is, and then the file is used."""
    path = tmp_path / "named.keras"
    inputs = keras.layers.Input((8, 8, 3))
    features = keras.layers.Conv2D(2, 3, name="low")(inputs)
    keras.Model(inputs, {"f": features}).save(path)
    with pytest.raises(ModelError, match=r"a dict of outputs \(f\).*one of: .*low"):
        options(path)
    assert FileSource.build(options(path, layer="low")).pooling == "average"


def test_weights_that_are_no_numbers_are_told(tmp_path: Path) -> None:
    """A training that diverged is seen before anything is computed with it."""
    path = tmp_path / "nan.keras"
    model = keras.Sequential([keras.layers.Input((8, 8, 3)), keras.layers.Conv2D(2, 3, name="low")])
    model.layers[0].bias.assign([0.0, np.nan])
    model.save(path)
    with pytest.raises(ModelError, match=r"no numbers \(NaN or infinite\), in layers/conv2d"):
        options(path)


def test_a_layer_named_outside_ascii_is_told(saved: Path, tmp_path: Path) -> None:
    """TensorFlow takes no such scope; the model's own name does not matter."""

    def rename(config: dict[str, Any]) -> None:
        config["config"]["name"] = "mod\u00e8le"

    backbone = FileSource.build(options(with_config(saved, tmp_path / "mod\u00e8le.keras", rename)))
    assert backbone.model.name == "backbone"
    assert backbone.name == "mod\u00e8le"

    def rename_layer(config: dict[str, Any]) -> None:
        config["config"]["layers"][1]["config"]["name"] = "couch\u00e9"

    with pytest.raises(ModelError, match="layer 'couch\u00e9' has a name that TensorFlow cannot use"):
        options(with_config(saved, tmp_path / "layer.keras", rename_layer))


def test_weights_that_lie_elsewhere_are_refused(saved: Path, tmp_path: Path) -> None:
    """A link out of the file could make it read any other."""
    with zipfile.ZipFile(saved) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    stream = io.BytesIO(members["model.weights.h5"])
    with h5py.File(stream, "a") as file:
        file["outside"] = h5py.ExternalLink("/etc/passwd", "/")
    members["model.weights.h5"] = stream.getvalue()
    path = tmp_path / "linked.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(ModelError, match="refer to something outside"):
        options(path)


@pytest.mark.parametrize(("name", "message"), [("model.h5", "ends in .keras"), ("none.keras", "is no file")])
def test_other_files_are_refused(tmp_path: Path, name: str, message: str) -> None:
    """Only .keras files, and only those that are there."""
    with pytest.raises(ModelError, match=message):
        options(tmp_path / name)


def test_a_model_of_something_else_is_refused(tmp_path: Path) -> None:
    """A model of vectors takes no images."""
    path = tmp_path / "vectors.keras"
    keras.Sequential([keras.layers.Input((7,)), keras.layers.Dense(2)]).save(path)
    with pytest.raises(ModelError, match="RGB images"):
        FileSource.build(options(path))


def test_a_fixed_size_cannot_be_changed(saved: Path) -> None:
    """The file says 16."""
    with pytest.raises(ModelError, match="takes 16 x 16 only, got 32 x 32"):
        FileSource.build(options(saved, input_size=32))


def test_any_size_needs_one(tmp_path: Path) -> None:
    """A fully convolutional model has no size of its own."""
    path = tmp_path / "any.keras"
    keras.Sequential([keras.layers.Input((None, None, 3)), keras.layers.Conv2D(2, 1)]).save(path)
    with pytest.raises(ModelError, match="input_size: is missing"):
        FileSource.build(options(path))
    assert FileSource.build(options(path, input_size=24)).input_size == (24, 24)


def test_description_counts_every_parameter(saved: Path) -> None:
    """Stages with layers and parameters, the size, the preprocessing in words."""
    told = describe_model("file", options(saved, layer="high", preprocessing="caffe"))
    assert sum(stage.parameters for stage in told.stages) == told.parameters == 4 * 28 + 8 * 37
    assert told.preprocessing == "RGB to BGR, plus -103.94 / -116.78 / -123.68"
    assert (told.input_size, told.pooling, told.weights) == ((16, 16), "average", "mine.keras")


def test_description_fetches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that are not there are named, and the architecture is described without them."""
    from suite.models.applications import ApplicationsOptions

    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    told = describe_model("applications", ApplicationsOptions(name="MobileNet", alpha=0.25, input_size=(32, 32)))
    assert told.weights == "not here yet"
    assert not told.requirements[0].present
    assert told.stages[-1].name == "stage5"


def test_equal_weights_have_equal_hashes() -> None:
    """Names that Keras numbers by itself do not change the hash; a changed value does."""
    made = []
    for _ in range(2):
        keras.utils.set_random_seed(1)
        made.append(keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(1)]))
    assert weights_sha256(made[0]) == weights_sha256(made[1])
    made[0].layers[0].bias.assign([1.0, 0.0])
    assert weights_sha256(made[0]) != weights_sha256(made[1])


def test_an_architecture_is_built_from_its_config() -> None:
    """The zoo's builder gives the same kind of backbone as the sources."""
    architecture = Architecture(
        builder="keras_hub",
        constructor="VGGBackbone",
        config={"stackwise_num_repeats": [1, 1], "stackwise_num_filters": [4, 8]},
        input_size=(16, 16),
        pooling="average",
        family="vgg",
    )
    backbone = build_architecture(architecture, name="small")
    assert [stage.name for stage in backbone.stages] == ["block1", "block2"]
    grey = np.full((1, 16, 16, 3), 127.5, "float32")
    np.testing.assert_allclose(np.asarray(backbone.preprocess(grey)), 0.0, atol=1e-6)


def test_an_unknown_constructor_has_a_suggestion() -> None:
    """The nearest class of keras_hub.models."""
    architecture = Architecture.model_construct(
        builder="keras_hub", constructor="VGGBackbon", config={}, input_size=(16, 16), pooling="average", family="vgg"
    )
    with pytest.raises(ModelError, match="Did you mean 'VGGBackbone'"):
        build_architecture(architecture, name="small")


@pytest.mark.parametrize("name", ["whole.h5", "renamed.keras"])
def test_a_whole_legacy_file_is_told_with_the_command_that_converts_it(tmp_path, name):
    """Whatever its name ends in; the command does convert it."""
    import re
    import subprocess
    import sys

    import keras

    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    keras.Model(inputs, outputs).save(tmp_path / "model.h5")
    (tmp_path / "model.h5").rename(tmp_path / name)
    with pytest.raises(ModelError, match="a whole model in the older HDF5 form") as caught:
        FileSource.check(FileOptions(path=str(tmp_path / name)))
    if name == "whole.h5":
        program = re.search(r'python -c "(.*)"', str(caught.value))[1]
        subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True)
        FileSource.check(FileOptions(path=str(tmp_path / "whole.keras")))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("w.weights.h5", b"\x89HDF\r\n\x1a\n" + bytes(64), "weights alone, without the model"),
        ("w.pth", b"PK", "weights of PyTorch; build the same model in Keras"),
        ("m.onnx", b"x", "which cannot be trained"),
        ("saved/saved_model.pb", b"x", "a SavedModel"),
    ],
)
def test_other_files_are_told_for_what_they_are(tmp_path, name, content, words):
    """With what makes a .keras file of them."""
    place = tmp_path / name
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(content)
    given = place.parent if place.name == "saved_model.pb" else place
    with pytest.raises(ModelError, match=words):
        FileSource.check(FileOptions(path=str(given)))
