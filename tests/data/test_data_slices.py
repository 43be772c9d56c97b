"""Which slice a test example is in: columns, numbers cut into quarters, and what is seen of the example itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from suite.data.dataset import Dataset
from suite.data.images_table import ImagesTableSource
from suite.data.slices import slice_of
from suite.data.table import TableSource
from suite.errors import DataError, SpecError
from suite.spec.groups import GroupSpec
from suite.spec.plan import make_plan
from suite.spec.slices import SliceSpec, as_slice
from suite.spec.spec import SplitsSpec, parse_spec, resolve_options
from suite.store.records.slices import SliceRecord


@pytest.fixture
def images(tmp_path: Path) -> Dataset:
    """48 images of rising size and brightness, with a camera, an age (one missing) and a patient each."""
    lines = ["file,label,camera,age,patient,note"]
    for number in range(48):
        values = np.full((8 + number, 60, 3), 5 * number, dtype=np.uint8)
        PIL.Image.fromarray(values).save(tmp_path / f"{number}.png")
        age = "" if number == 1 else str(20 + number)
        lines.append(f"{number}.png,{'ab'[number % 2]},{'xyz'[number % 3]},{age},p{number // 4},{number}n")
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    given = {"path": str(tmp_path / "t.csv"), "image_column": "file", "label_column": "label"}
    options = resolve_options(ImagesTableSource, given, place="here", at="data")
    splits = SplitsSpec(test=0.5, validation=0.2)
    return ImagesTableSource.load(options, splits=splits, on_bad_example="error")


def parts(dataset: Dataset, record: SliceRecord) -> dict[str, list[int]]:
    """Slice to the numbers of its images."""
    names = [int(Path(one).stem) for one in dataset.splits["test"].ids]
    codes = record.numbers()
    return {
        value: sorted(name for name, code in zip(names, codes, strict=True) if code == at)
        for at, value in enumerate(record.values)
    }


def test_a_column_gives_a_slice_for_each_value(images):
    """In the order of the values."""
    found = parts(images, slice_of(images, as_slice("camera"), None))
    assert list(found) == ["x", "y", "z"]
    assert all(number % 3 == at for at, one in enumerate(found.values()) for number in one)


def test_many_numbers_are_cut_into_quarters_of_the_training_split(images):
    """Every example once; a slice begins with its edge, and what is missing is a slice of its own."""
    found = parts(images, slice_of(images, as_slice("age"), None))
    assert next(iter(found)).startswith("below ")
    assert len(found) in {4, 5}
    flat = [number for name, one in found.items() if name != "not stated" for number in one]
    assert flat == sorted(flat)
    assert found.get("not stated", [1]) == [1]


def test_edges_are_taken_as_they_are_given(images):
    """Numbers below, between and above."""
    found = parts(images, slice_of(images, SliceSpec(by="age", edges=(30, 45.5)), None))
    assert list(found)[:3] == ["below 30", "30 to 45.5", "45.5 and more"]
    assert all(20 + number < 30 for number in found["below 30"])
    assert all(30 <= 20 + number < 45.5 for number in found["30 to 45.5"])


@pytest.mark.parametrize("by", ["image_size", "brightness"])
def test_images_are_told_apart_by_what_is_seen_of_them(images, by):
    """Both rise with the number of the image."""
    found = parts(images, slice_of(images, as_slice(by), None))
    assert len(found) == 4
    flat = [number for one in found.values() for number in one]
    assert flat == sorted(flat)


def test_groups_are_slices_where_the_spec_names_them(images):
    """By the name of the group."""
    found = parts(images, slice_of(images, as_slice("group"), GroupSpec(column="patient")))
    assert all(f"p{number // 4}" == name for name, one in found.items() for number in one)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (as_slice("kamera"), "Did you mean 'camera'"),
        (as_slice("group"), "needs splits.group"),
        (as_slice("text_length"), "cannot be measured of images"),
        (SliceSpec(by="camera", edges=(1,)), "values that are no numbers"),
    ],
)
def test_what_cannot_be_sliced_is_refused(images, choice, words):
    """With the nearest name or with what is missing."""
    with pytest.raises(DataError, match=words):
        slice_of(images, choice, None)


def test_a_column_of_too_many_words_is_no_slice(tmp_path):
    """Nobody reads a table of forty columns."""
    lines = ["text,label,who", *(f"word {n},{'ab'[n % 2]},name{n}" for n in range(200))]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    given = {
        "path": str(tmp_path / "t.csv"),
        "text_column": "text",
        "label_column": "label",
        "further_columns": ["who"],
    }
    options = resolve_options(TableSource, given, place="here", at="data")
    dataset = TableSource.load(options, splits=SplitsSpec(), on_bad_example="error")
    with pytest.raises(DataError, match="40 different values"):
        slice_of(dataset, as_slice("who"), None)
    assert slice_of(dataset, as_slice("text_length"), None).values == ("all",)


DOCUMENT = {
    "name": "made", "task": "image_classification", "models": [{"source": "zoo", "name": "vit_tiny"}],
    "datasets": [{"source": "sklearn", "name": "digits"}], "strategies": [{"strategy": "linear_probe"}],
}  # fmt: skip


def test_no_trial_hangs_on_slices():
    """They may be named after a run has ended."""
    plain = make_plan(parse_spec(json.dumps(DOCUMENT)))
    sliced = [{**DOCUMENT["datasets"][0], "slices": ["image_size", {"by": "brightness", "edges": [100]}]}]
    assert [one.id for one in make_plan(parse_spec(json.dumps({**DOCUMENT, "datasets": sliced}))).trials] == [
        one.id for one in plain.trials
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"datasets": [{"source": "sklearn", "name": "digits", "slices": ["a", {"by": "a"}]}]}, "'a' is there twice"),
        ({"evaluate_on": [{"source": "sklearn", "name": "digits_photo", "slices": ["brightness"]}]}, "slices"),
        ({"constraints": {"min_slice_accuracy": 0.5}}, "name some as 'slices'"),
        ({"datasets": [{"source": "sklearn", "name": "digits", "slices": [{"by": "a", "edges": [2, 1]}]}]}, "ascend"),
    ],
)
def test_slices_that_would_be_ignored_are_refused(change, words):
    """With their place."""
    with pytest.raises(SpecError, match=words):
        make_plan(parse_spec(json.dumps({**DOCUMENT, **change})))


def test_a_spec_of_before_is_written_as_before():
    """A finished run looks at its kept spec to see whether anything is new."""
    spec = parse_spec(json.dumps({**DOCUMENT, "constraints": {"max_size_mb": 10.0}}))
    assert "slice" not in spec.model_dump_json()
    assert "group" not in spec.model_dump_json()
