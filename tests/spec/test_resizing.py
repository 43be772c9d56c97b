"""How images get to a model's size: the geometry, where it comes from, and what its name is part of."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from images import class_folders

from suite.cache import entries
from suite.data.cache import decoded
from suite.data.decoding import resize_image
from suite.data.folder import FolderOptions, FolderSource
from suite.errors import ModelError, SpecError
from suite.lint.resolution import Resolution
from suite.models.applications import ApplicationsOptions, ApplicationsSource
from suite.models.constructors import CONSTRUCTORS, evaluation_resizing
from suite.models.hub import HubOptions, HubSource
from suite.models.zoo.images import ZooOptions, ZooSource
from suite.spec.plan import make_plan
from suite.spec.spec import SplitsSpec, parse_spec
from suite.store.records.resizing import STRETCH, Resizing

TIMM = Path(__file__).parents[3] / "shared" / "data" / "reference" / "timm" / "results-imagenet.csv"
CROP = Resizing(fit="shorter_side", crop_share=0.875)


def smooth(height: int, width: int) -> np.ndarray:
    """A smooth image, another colour everywhere."""
    small = np.random.default_rng(height + width).integers(0, 256, (6, 7, 3), dtype=np.uint8)
    return np.asarray(PIL.Image.fromarray(small).resize((width, height), PIL.Image.Resampling.BICUBIC))


def in_two_steps(image: np.ndarray, resize: int, crop: int, method: PIL.Image.Resampling) -> np.ndarray:
    """Torchvision's ``Resize`` and ``CenterCrop``, as timm evaluates too."""
    height, width = image.shape[:2]
    scale = resize / min(height, width)
    resized = PIL.Image.fromarray(image).resize((int(width * scale), int(height * scale)), method)
    left, top = round((resized.width - crop) / 2), round((resized.height - crop) / 2)
    return np.asarray(resized.crop((left, top, left + crop, top + crop)))


@pytest.mark.parametrize("shape", [(320, 400), (400, 320), (512, 512), (130, 200), (375, 500)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_crop_is_that_of_resizing_and_cropping(shape: tuple[int, int], interpolation: str) -> None:
    """224 of 256, the same but for half a pixel."""
    image = smooth(*shape)
    ours = resize_image(image, (224, 224), CROP.model_copy(update={"interpolation": interpolation}))
    theirs = in_two_steps(image, 256, 224, PIL.Image.Resampling[interpolation.upper()])
    difference = np.abs(ours.astype(int) - theirs)
    exact = (np.array(shape) * 256 / min(shape) % 2 == 0).all()
    assert difference.max() <= (1 if exact and min(shape) > 256 else 6)


def test_by_default_images_are_stretched_as_ever() -> None:
    """Bit by bit what Pillow's plain ``resize`` gives."""
    image = smooth(37, 90)
    expected = PIL.Image.fromarray(image).resize((20, 30), PIL.Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(resize_image(image, (30, 20)), np.asarray(expected))


@pytest.mark.parametrize(("shape", "rows", "columns"), [((50, 100), (5, 15), (0, 20)), ((80, 40), (0, 20), (5, 15))])
def test_a_letterbox_shows_the_whole_image_on_the_fill(shape, rows, columns) -> None:
    """Proportions are kept, the image is in the middle."""
    image = np.full((*shape, 3), 200, np.uint8)
    made = resize_image(image, (20, 20), Resizing(fit="letterbox", fill=(1, 2, 3)))
    inside = np.zeros((20, 20), bool)
    inside[slice(*rows), slice(*columns)] = True
    assert (made[inside] == 200).all()
    assert (made[~inside] == (1, 2, 3)).all()


@pytest.mark.parametrize("resizing", [CROP, Resizing(crop_share=0.5), Resizing(fit="letterbox", crop_share=0.9)])
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (28, 28), (999, 1000)])
@pytest.mark.parametrize("size", [(8, 8), (7, 13), (224, 224)])
def test_every_shape_comes_to_every_size(resizing: Resizing, shape: tuple[int, int], size: tuple[int, int]) -> None:
    """However thin it is; a plain colour stays."""
    made = resize_image(np.full((*shape, 3), 9, np.uint8), size, resizing)
    assert made.shape == (*size, 3)
    assert set(np.unique(made)) <= {0, 9}
    assert 9 in made


def test_the_middle_is_seen() -> None:
    """A frame that is cropped away leaves no trace."""
    image = np.zeros((100, 200, 3), np.uint8)
    image[10:90, 60:140] = 255
    assert (resize_image(image, (40, 40), Resizing(fit="shorter_side", crop_share=0.75)) == 255).all()
    stretched = resize_image(image, (40, 40), Resizing(crop_share=0.75))
    assert (stretched[:, 0] == 0).all()
    assert (stretched[:, 20] == 255).all()


def test_a_fill_belongs_to_a_letterbox() -> None:
    """Elsewhere it would be read and ignored."""
    with pytest.raises(ValueError, match="letterbox"):
        Resizing(fill=(1, 1, 1))


def test_decoded_images_are_kept_by_their_resizing(tmp_path: Path) -> None:
    """Each way has an entry; stretched ones are found under the name that they always had."""
    dataset = FolderSource.load(
        FolderOptions(path=str(class_folders(tmp_path / "pets", {"cat": 9, "dog": 9}))),
        splits=SplitsSpec(),
        on_bad_example="error",
    )
    test, root = dataset.splits["test"], tmp_path / "cache"
    plain = decoded(test, dataset, size=(4, 4), root=root)
    assert np.array_equal(decoded(test, dataset, size=(4, 4), resizing=Resizing(why="as ever"), root=root), plain)
    assert len(entries(root)) == 1
    cropped = decoded(test, dataset, size=(4, 4), resizing=CROP, root=root)
    assert len(entries(root)) == 2
    assert not np.array_equal(cropped, plain)
    np.testing.assert_array_equal(cropped[0], resize_image(test.read(0), (4, 4), CROP))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        *((f"EfficientNetB{n}", f"tf_efficientnet_b{n}.ap_in1k") for n in range(8)),
        *((f"EfficientNetV2B{n}", f"tf_efficientnetv2_b{n}.in1k") for n in range(4)),
        *((f"EfficientNetV2{size}", f"tf_efficientnetv2_{size.lower()}.in1k") for size in "SML"),
        ("MobileNetV3Large", "tf_mobilenetv3_large_100.in1k"),
        ("MobileNetV3Small", "tf_mobilenetv3_small_100.in1k"),
        ("VGG16", "vgg16.tv_in1k"),
        ("ResNet50", "resnet50.tv_in1k"),
    ],
)
def test_keras_constructors_are_evaluated_as_timm_evaluates_the_same_weights(name: str, theirs: str) -> None:
    """Crop share to its three digits, and interpolation; the weights of these are the same, or of the same recipe."""
    ours, side = evaluation_resizing(name), str(CONSTRUCTORS[name].default_size)
    with TIMM.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (row["model"], row["img_size"]) == (theirs, side)]
    shares = {round(float(row["crop_pct"]), 3) for row in rows}
    assert round(ours.crop_share, 3) in shares | {share + 0.001 for share in shares}  # timm cuts digits off
    assert {row["interpolation"] for row in rows} == {ours.interpolation}


def test_every_constructor_has_one_centre_crop() -> None:
    """As the README of Keras Applications says of its scores."""
    assert {evaluation_resizing(name).fit for name in CONSTRUCTORS} == {"shorter_side"}
    assert evaluation_resizing("ConvNeXtTiny") == Resizing(
        fit="shorter_side", crop_share=0.875, interpolation="bicubic"
    )
    assert ApplicationsSource.weights_resizing(ApplicationsOptions(name="VGG16", weights=None)) is None
    assert ZooSource.weights_resizing(ZooOptions(name="vgg_tiny")) == STRETCH


def preset(folder: Path, **files: dict[str, object]) -> HubOptions:
    """A folder with these JSON files."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return HubOptions(preset=str(folder))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"crop_pct": 0.95, "interpolation": "bicubic"}, ("shorter_side", 0.95, "bicubic", (0, 0, 0))),
        ({"crop_pct": 1.0, "crop_mode": "squash", "interpolation": "bicubic"}, ("stretch", 1.0, "bicubic", (0, 0, 0))),
        (
            {"crop_mode": "border", "crop_pct": 0.9, "mean": [0.5, 0.4, 0]},
            ("letterbox", 0.9, "bilinear", (128, 102, 0)),
        ),
        ({"interpolation": "random"}, ("shorter_side", 0.875, "bilinear", (0, 0, 0))),
    ],
)
def test_a_timm_configuration_is_read(given, expected, tmp_path: Path) -> None:
    """``crop_pct``, ``crop_mode``, ``interpolation``, and the mean colour around a letterbox."""
    options = preset(tmp_path / "timm", config={"architecture": "resnet18", "pretrained_cfg": given})
    found = HubSource.weights_resizing(options)
    assert (found.fit, found.crop_share, found.interpolation, found.fill) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("shorter_side", "bilinear")),
        ({"crop_to_aspect_ratio": False, "interpolation": "bicubic"}, ("stretch", "bicubic")),
        (
            {"crop_to_aspect_ratio": False, "pad_to_aspect_ratio": True, "interpolation": "lanczos3"},
            ("letterbox", "lanczos"),
        ),
    ],
)
def test_an_image_converter_is_read(given, expected, tmp_path: Path) -> None:
    """KerasHub's file says whether it crops, pads or stretches."""
    config = {"class_name": "ViTBackbone", "config": {"image_shape": [32, 32, 3]}}
    options = preset(tmp_path / "hub", config=config, image_converter={"config": given})
    found = HubSource.weights_resizing(options)
    assert (found.fit, found.interpolation, found.crop_share) == (*expected, 1.0)


@pytest.mark.parametrize("given", [{"interpolation": ["bicubic"]}, {"crop_mode": "border", "mean": [9, "x", 0]}])
def test_a_damaged_configuration_is_a_sentence(given, tmp_path: Path) -> None:
    """With the file that is damaged."""
    with pytest.raises(ModelError, match=r"config\.json is damaged: pretrained_cfg"):
        HubSource.weights_resizing(preset(tmp_path / "timm", config={"pretrained_cfg": given}))


SPEC = {
    "name": "small",
    "task": "image_classification",
    "models": [
        {"source": "zoo", "name": "vgg_tiny"},
        {"source": "applications", "name": "MobileNet", "alpha": 0.25},
    ],
    "datasets": [{"source": "sklearn", "name": "digits"}],
    "strategies": [{"strategy": "linear_probe"}],
    "seeds": [1],
}


def plan(**further: object):
    """The plan of a small spec."""
    return make_plan(parse_spec(json.dumps({**SPEC, **further})))


def test_the_spec_s_resizing_is_part_of_every_trial() -> None:
    """Another way is another trial; left out, a trial says nothing of it."""
    ways = (None, {"fit": "stretch"}, {"fit": "letterbox"}, {"fit": "letterbox", "fill": [9, 9, 9]})
    plans = [plan(resizing=way) if way else plan() for way in ways]
    ids = {trial.id for one in plans for trial in one.trials}
    assert len(ids) == len(ways) * 2
    assert "resizing" not in plans[0].trials[0].as_json()
    assert plans[3].trials[0].as_json()["resizing"]["fill"] == [9, 9, 9]
    assert {trial.id for trial in plan(resizing={"fit": "stretch", "why": "as before"}).trials} <= ids


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"resizing": {"fit": "strech"}}, "resizing.fit"),
        ({"resizing": {"crop_share": 0}}, "resizing.crop_share"),
        ({"resizing": {"fill": [1, 2, 3]}}, "letterbox"),
        ({"resizing": {"crop_shares": 0.5}}, "Did you mean 'crop_share'"),
        ({"resizing": {}, "task": "text_classification"}, "not about images"),
    ],
)
def test_a_wrong_resizing_is_refused(given: dict[str, object], said: str) -> None:
    """With its place; where there are no images too."""
    with pytest.raises(SpecError, match=said):
        parse_spec(json.dumps({**SPEC, **given}))


def test_lint_tells_of_other_crops_than_the_weights_own() -> None:
    """A note where all models are alike, a warning where one model is not."""
    for_all = [one for one in Resolution.findings(plan(resizing={"fit": "stretch"})) if "images" in one.what]
    assert [(one.severity, one.where) for one in for_all] == [("note", "model MobileNet 0.25")]
    assert "evaluated with images cropped, middle 87.5 %, bilinear" in for_all[0].what
    models = [{**SPEC["models"][1], "resizing": {"fit": "letterbox"}}]
    assert [one.severity for one in Resolution.findings(plan(models=models)) if "images" in one.what] == ["warning"]
