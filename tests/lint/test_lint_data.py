"""Checks of plan and data: splits, sizes, names; each fires where it should and is silent where it should be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import class_folders

from suite.data.dataset import Dataset, Split
from suite.lint.examine import examine
from suite.lint.label_budgets import LabelBudgets
from suite.lint.names import shared_source
from suite.lint.splits import Splits, same_shares_p_value
from suite.lint.study import Home, Study, read_study
from suite.lint.unbalanced import Unbalanced
from suite.spec.plan import Plan, make_plan
from suite.spec.spec import parse_spec
from suite.store.records.check import Finding

ZOO = {"source": "zoo", "name": "vit_tiny"}
DIGITS = {"source": "sklearn", "name": "digits_photo"}


def plan_of(*, models: Sequence[dict] = (ZOO,), datasets: Sequence[dict] = (DIGITS,), **more: object) -> Plan:
    """The plan of a spec with a probe."""
    document = {
        "name": "made", "task": "image_classification", "models": models, "datasets": datasets,
        "strategies": [{"strategy": "linear_probe"}], **more,
    }  # fmt: skip
    return make_plan(parse_spec(json.dumps(document)))


def planned(check: str, **spec: object) -> list[Finding]:
    """What a check says of a plan."""
    return [one for one in examine("plan", plan_of(**spec)).findings if one.check == check]


def of_images(folder: Path) -> Sequence[Finding]:
    """What all checks of data say of a folder of images."""
    return examine("data", read_study(plan_of(datasets=[{"source": "folder", "path": str(folder)}]))).findings


def dataset_of(**counts: Sequence[int]) -> Dataset:
    """A data set with so many examples of each class in each split; its images are all black."""
    black = np.zeros((4, 4, 3), np.uint8)
    splits = {
        name: Split(
            name, tuple(f"{name}-{i}" for i in range(sum(own))), np.repeat(np.arange(len(own)), own), lambda _: black
        )
        for name, own in counts.items()
    }
    names = tuple(f"class {index}" for index in range(len(counts["train"])))
    return Dataset("made", names, splits, "f")


def of_splits(dataset: Dataset, **further: Dataset) -> list[tuple[str, str]]:
    """Severity and place of what the check of splits says."""
    study = Study(plan_of(), (Home("made", dataset, further),), {})
    return [(one.severity, one.where) for one in Splits.findings(study)]


def test_stratified_splits_of_a_size_are_no_finding():
    """Every class has its share everywhere."""
    assert of_splits(dataset_of(train=[60, 40], validation=[15, 10], test=[30, 20])) == []


def test_a_missing_class_is_an_error():
    """Nothing of class 1 can be scored."""
    assert ("error", "made, test") in of_splits(dataset_of(train=[50, 50], validation=[10, 10], test=[20, 0]))


def test_few_examples_of_a_class_are_a_warning():
    """Of a further set only the test split counts."""
    small = dataset_of(train=[1, 1], validation=[1, 1], test=[9, 30])
    good = dataset_of(train=[50, 50], validation=[10, 10], test=[20, 20])
    assert of_splits(good, other=small) == [("warning", "other, test")]
    assert ("warning", "made, train") in of_splits(small)


def test_shares_that_sampling_does_not_explain_are_told():
    """Half and half in training, one in ten in the test; the words name the class with its shares."""
    dataset = dataset_of(train=[500, 500], validation=[50, 50], test=[180, 20])
    study = Study(plan_of(), (Home("made", dataset, {}),), {})
    (finding,) = Splits.findings(study)
    assert (finding.severity, finding.where) == ("warning", "made, train and test")
    assert "50.0" in finding.what
    assert "90.0" in finding.what


def test_a_difference_that_matters_little_is_a_note():
    """Two points over 100,000 examples are no accident, and no harm."""
    assert of_splits(dataset_of(train=[50_000, 50_000], validation=[100, 100], test=[52_000, 48_000])) == [
        ("note", "made, train and test")
    ]


@given(
    shares=st.lists(st.integers(1, 50), min_size=2, max_size=6),
    scale=st.integers(1, 20),
    seed=st.integers(0, 2**31 - 1),
)
def test_samples_of_one_source_are_seldom_called_different(shares: list[int], scale: int, seed: int):
    """The p-value is a probability, and equal shares never differ."""
    counts = np.array(shares)
    equal = same_shares_p_value(counts * scale, counts)
    assert equal is None or equal > 0.99
    dice = np.random.default_rng(seed)
    p_value = same_shares_p_value(counts, dice.multinomial(40, counts / counts.sum()))
    assert p_value is None or 0 <= p_value <= 1


def test_an_empty_split_or_one_class_has_no_test():
    """There is nothing to compare."""
    assert same_shares_p_value(np.array([5, 5]), np.array([0, 0])) is None
    assert same_shares_p_value(np.array([50, 0]), np.array([50, 0])) is None
    assert same_shares_p_value(np.array([2, 2]), np.array([1, 1])) is None


def test_another_input_size_than_the_weights_own_is_told():
    """MobileNet has weights for 128 pixels and none for 64; a zoo model has its own size only."""
    far = {"source": "applications", "name": "MobileNetV2", "input_size": 64}
    near = {"source": "applications", "name": "EfficientNetB1", "input_size": 224}
    (warning, note) = planned("resolution", models=[far, near])
    assert (warning.severity, note.severity) == ("warning", "note")
    assert "64 x 64 pixels; its weights were trained at 224 x 224" in warning.what
    published = {"source": "applications", "name": "MobileNet", "input_size": 128}
    random = {**far, "weights": None}
    assert planned("resolution", models=[ZOO, published, random]) == []


def test_the_size_of_a_hub_preset_is_known_by_its_name():
    """No file of the preset is needed; another preprocessing than its own is told too."""
    preset = {"source": "hub", "preset": "vit_base_patch16_224_imagenet"}
    assert planned("resolution", models=[preset]) == []
    told = planned("resolution", models=[{**preset, "input_size": 384, "preprocessing": "tf"}])
    assert [one.severity for one in told] == ["warning", "warning"]
    assert any("preprocessing 'tf'" in one.what for one in told)


def picture_sizes(path: Path, side: int, size: tuple[int, int]) -> list[Finding]:
    """What the check of image sizes says of images of one size and a model of one input."""
    from images import encoded, noise_image

    for name in ("a", "b"):
        (path / name).mkdir(exist_ok=True)
        for number in range(5):
            (path / name / f"{number}.png").write_bytes(encoded(noise_image(number, size=size)))
    plan = plan_of(
        models=[{"source": "applications", "name": "MobileNet", "input_size": side}],
        datasets=[{"source": "folder", "path": str(path)}],
    )
    return [one for one in examine("data", read_study(plan)).findings if one.check == "picture_size"]


@pytest.mark.parametrize(
    ("side", "size", "severities"),
    [(128, (32, 32), ["note"]), (32, (128, 128), ["note"]), (32, (400, 300), ["warning"]), (96, (96, 80), [])],
    ids=["blown up", "shrunk", "lost", "fits"],
)
def test_images_of_another_size_than_the_input_are_told(
    tmp_path: Path, side: int, size: tuple[int, int], severities: list[str]
):
    """Blown up from twice, shrunk from four times, lost from eight times."""
    assert [one.severity for one in picture_sizes(tmp_path, side, size)] == severities


def test_weights_pretrained_on_the_test_data_are_told_before_training(tmp_path: Path):
    """The zoo saw CIFAR-10, ImageNet weights their own; a folder is known by its name, also as a further set."""
    cifar = class_folders(tmp_path / "cifar-10" / "train", {"a": 3, "b": 3}).parent
    (finding,) = planned("seen_before", datasets=[{"source": "folder", "path": str(cifar)}])
    assert finding.severity == "warning"
    assert "vit_tiny" in finding.what
    assert len(planned("seen_before", datasets=[{"source": "keras", "name": "cifar10"}])) == 1
    net = {"source": "applications", "name": "MobileNet"}
    assert len(planned("seen_before", models=[net], evaluate_on=[{"source": "tfds", "name": "imagenet_v2"}])) == 1
    assert planned("seen_before", models=[ZOO, net]) == []
    scratch = [{"strategy": "from_scratch"}]
    assert planned("seen_before", datasets=[{"source": "keras", "name": "cifar10"}], strategies=scratch) == []


@pytest.mark.parametrize(
    ("pretrained_on", "name", "source"),
    [
        ("cifar10", "CIFAR-10-seed0", "CIFAR-10"),
        ("cifar10", "cifar10.zip", "CIFAR-10"),
        ("ImageNet-21k, then ImageNet-1k", "imagenette/160px-v2", "ImageNet"),
        ("ImageNet-1k", "Stanford Dogs", "ImageNet"),
        ("our flowers", "our_flowers", "ourflowers"),
        ("cifar10", "cifar100", None),
        ("ImageNet-1k", "flowers5", None),
        ("", "", None),
    ],
)
def test_names_are_brought_to_one_form(pretrained_on: str, name: str, source: str | None):
    """Case, separators, archives, seeds and configurations are no part of what a data set is."""
    assert shared_source(pretrained_on, (name,)) == source


@given(st.text(max_size=30), st.lists(st.text(max_size=30), max_size=3))
def test_no_name_makes_the_comparison_of_names_raise(pretrained_on: str, names: list[str]):
    """Cards and folders are named by people."""
    assert shared_source(pretrained_on, tuple(names)) is None or any(names)


def test_what_is_not_on_this_machine_is_left_out_and_not_fetched(keras_home: Path):
    """The reason names the file; the other data set is still read."""
    study = read_study(plan_of(datasets=[{"source": "keras", "name": "mnist"}, DIGITS]))
    assert [home.label for home in study.homes] == ["digits_photo"]
    assert "nothing is downloaded" in study.left_out["mnist"]
    assert not list(keras_home.iterdir())


def test_the_shipped_example_has_notes_only():
    """Digits of 8 x 8 pixels are blown up, which the spec means; no digit is in two splits."""
    plan = plan_of(evaluate_on=[{"source": "sklearn", "name": "digits"}])
    found = examine("data", read_study(plan))
    assert [(one.check, one.severity, one.where) for one in found.findings] == [("picture_size", "note", "digits")]
    assert found.ran == (
        "duplicates", "frames", "label_budgets", "picture_size", "pixels", "reading", "splits", "unbalanced",
    )  # fmt: skip


def of_budgets(dataset: Dataset, *budgets: object) -> list[tuple[str, str]]:
    """Severity and place of what the check of label budgets says."""
    study = Study(plan_of(train_examples=list(budgets)), (Home("made", dataset, {}),), {})
    return [(one.severity, one.where) for one in LabelBudgets.findings(study)]


def test_a_label_budget_beyond_a_class_is_told_before_anything_is_trained():
    """A warning where other budgets are left, an error where none is; without budgets nothing is asked."""
    rare = dataset_of(train=[60, 8], validation=[60, 60], test=[30, 20])
    assert ("warning", "made, train") in of_budgets(rare, 10, "all")
    assert of_budgets(rare, 10, 20) == [("error", "made, train")] * 2
    assert of_budgets(rare, "all") == []


def test_a_budget_that_leaves_little_to_choose_on_is_a_note():
    """Five of 60 training examples take five of 60 validation examples with them: ten in all."""
    even = dataset_of(train=[60, 60], validation=[60, 60], test=[30, 20])
    assert of_budgets(even, 5, "all") == [("note", "made, validation")]
    assert of_budgets(even, 30, "all") == []


@pytest.mark.parametrize(
    ("counts", "headline", "found"),
    [((90, 10), None, 1), ((90, 10), "balanced_accuracy", 0), ((90, 31), None, 0), ((90, 10), "f1_weighted", 1)],
)
def test_accuracy_on_unbalanced_classes_is_warned_of_once(counts: tuple[int, int], headline: str | None, found: int):
    """Beyond one to three; the words say what always naming one class gives, in both units."""
    dataset = dataset_of(train=counts, validation=counts, test=counts)
    plan = plan_of(**({"headline": headline} if headline else {}))
    findings = list(Unbalanced.findings(Study(plan, (Home("made", dataset, {}),), {})))
    assert len(findings) == found
    for one in findings:
        assert "90.0\u202f% accuracy, and 50.0\u202f% balanced accuracy" in one.what


IMAGENET = {"source": "applications", "name": "MobileNetV2"}


@pytest.mark.parametrize(
    ("strategy", "model", "found"),
    [
        ({"strategy": "fine_tune"}, IMAGENET, 1),
        ({"strategy": "fine_tune"}, ZOO, 0),
        ({"strategy": "fine_tune", "learning_rate": [0.00003, 0.001]}, IMAGENET, 0),
        ({"strategy": "fine_tune", "unfreeze": 1}, IMAGENET, 0),
        ({"strategy": "fine_tune", "learning_rate": 0.000001}, IMAGENET, 1),
        ({"strategy": "fine_tune", "optimizer": "sgd", "learning_rate": 0.01}, IMAGENET, 0),
        ({"strategy": "from_scratch", "learning_rate": 0.1}, ZOO, 1),
        ({"strategy": "linear_probe"}, IMAGENET, 0),
    ],
)
def test_rates_far_outside_the_usual_range_are_warned_of(strategy: dict, model: dict, found: int):
    """A range of what is tried that holds a usual rate is none of the check's business."""
    findings = planned("rates", models=[model], strategies=[strategy])
    assert len(findings) == found
    assert all("usual" in one.what and "learning_rate" in one.mend for one in findings)


@pytest.mark.parametrize("path", sorted(Path("specs").glob("*.json")), ids=lambda path: path.stem)
def test_the_specs_that_ship_have_usual_rates(path: Path):
    """What the suite shows as an example follows its own advice."""
    plan = make_plan(parse_spec(path.read_text()))
    assert not [one for one in examine("plan", plan).findings if one.check == "rates"]


def test_images_on_which_nothing_is_seen_are_told(tmp_path: Path):
    """Of one colour, nearly black, clipped; each with its name."""
    folder = class_folders(tmp_path / "pets", {"cat": 8, "dog": 8})
    random = np.random.default_rng(0)
    odd = {
        "cat/grey.png": np.full((40, 40, 3), 128), "dog/dark.png": random.integers(0, 9, (40, 40, 3)),
        "dog/ink.png": np.repeat(random.integers(0, 2, (32, 32, 1)) * 255, 3, axis=2),
    }  # fmt: skip
    for name, pixels in odd.items():
        PIL.Image.fromarray(pixels.astype(np.uint8)).save(folder / name)
    found = [one for one in of_images(folder) if one.check == "pixels"]
    assert len(found) == 1
    for said in ("1 of one colour (cat/grey.png)", "1 nearly black (dog/dark.png)", "1 clipped (dog/ink.png)"):
        assert said in found[0].what


def test_a_data_set_without_contrast_is_told(tmp_path: Path):
    """As 12 bits are that were written as 16 and read as 8."""
    folder = tmp_path / "dim"
    random = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for number in range(8):
            pixels = random.integers(10, 60, (40, 40, 3)).astype(np.uint8)
            PIL.Image.fromarray(pixels).save(folder / name / f"{number}.png")
    found = [one.what for one in of_images(folder) if one.check == "pixels"]
    assert [what.startswith("99 of 100 pixels lie between") for what in found] == [True]


def frames_in(folder: Path, name: str) -> Path:
    """Two classes of 8 sources with 4 images each."""
    number = 0
    for source, frame in ((source, frame) for source in range(16) for frame in range(4)):
        path = folder / ("cat" if source % 2 else "dog") / name.format(source=source, frame=frame)
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(np.random.default_rng(number := number + 1).integers(0, 256, (6, 6, 3), np.uint8)).save(
            path
        )
    return folder


@pytest.mark.parametrize(
    "name", ["IMG_{source:04d}_frame{frame}.png", "video{source}_{frame:04d}.png", "s{source} Slice ({frame}).png"]
)
def test_frames_of_one_source_on_both_sides_are_a_finding_that_mends_itself(tmp_path, name):
    """The pattern in the finding is one that a spec takes; with it there is nothing left to find."""
    folder = frames_in(tmp_path, name)
    (found,) = [one for one in of_images(folder) if one.check == "frames"]
    assert "16 sources with 4 images each" in found.what
    pattern = json.loads("{" + found.mend.partition("{")[2].partition("}}")[0] + "}}")["group"]
    data = {"source": "folder", "path": str(folder), "splits": {"group": pattern}}
    study = read_study(plan_of(datasets=[data]))
    assert study.homes[0].dataset.reading.groups == 16
    assert [one for one in examine("data", study).findings if one.check == "frames"] == []


@pytest.mark.parametrize(
    "name", ["{source}{frame}.png", "DSC_{source:02d}{frame}.png", "cat-{source:02d}{frame:02d}.png"]
)
def test_numbered_photographs_are_no_frames(tmp_path, name):
    """A running number says nothing of sources."""
    assert [one for one in of_images(frames_in(tmp_path, name)) if one.check == "frames"] == []
