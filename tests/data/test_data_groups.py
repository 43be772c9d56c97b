"""Groups: no split parts them, label budgets take one after another, and what cannot be is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import encoded, noise_image

from suite.data.dataset import Dataset
from suite.data.folder import FolderSource
from suite.data.groups import joined
from suite.data.labelled import labelled_splits
from suite.data.table import TableSource
from suite.errors import DataError, SpecError
from suite.spec.spec import SplitsSpec, parse_spec, resolve_options


def table(path: Path, rows: list[tuple[str, str]], **splits: object) -> Dataset:
    """A table of texts with a class and a patient in each row."""
    lines = ["text,label,patient", *(f"text {at},{label},{patient}" for at, (label, patient) in enumerate(rows))]
    path.write_text("\n".join(lines) + "\n")
    given = {"path": str(path), "text_column": "text", "label_column": "label"}
    options = resolve_options(TableSource, given, place="here", at="data")
    spec = SplitsSpec.model_validate({"group": {"column": "patient"}, **splits})
    return TableSource.load(options, splits=spec, on_bad_example="error")


def patients(dataset: Dataset) -> dict[str, set[str]]:
    """The patients of each split."""
    return {name: set(split.metadata["patient"].tolist()) for name, split in dataset.splits.items()}


@given(
    sizes=st.lists(st.integers(1, 12), min_size=12, max_size=40),
    seed=st.integers(0, 50),
    mixed=st.booleans(),
    duplicates=st.sampled_from(["keep", "group"]),
)
def test_no_group_is_parted_whatever_its_size(tmp_path_factory, sizes, seed, mixed, duplicates):
    """Every split has every class, whole patients, and about its share of the examples."""
    rows = [
        ("ab"[(place + (number if mixed else 0)) % 2], f"p{place}")
        for place, size in enumerate(sizes)
        for number in range(size)
    ]
    path = tmp_path_factory.mktemp("table") / "t.csv"
    dataset = table(path, rows, seed=seed, duplicates=duplicates)
    found = patients(dataset)
    assert not found["train"] & found["test"]
    assert not found["train"] & found["validation"]
    assert not found["validation"] & found["test"]
    assert sum(len(split) for split in dataset.splits.values()) == len(rows)
    assert all(set(split.targets.tolist()) == {0, 1} for split in dataset.splits.values())
    assert abs(len(dataset.splits["test"]) - 0.2 * len(rows)) <= 2 * max(sizes)
    assert dataset.reading is not None
    assert dataset.reading.groups == len(sizes)


def test_the_seed_decides_which_groups_go(tmp_path):
    """The same for one seed whatever the order of the rows, and others for another."""
    rows = [("ab"[place % 2], f"p{place}") for place in range(30) for _ in range(3)]
    first, second = (patients(table(tmp_path / f"{seed}.csv", rows, seed=seed))["test"] for seed in (0, 1))
    assert first != second
    assert patients(table(tmp_path / "0.csv", rows, seed=0))["test"] == first


def images(root: Path, *names: str) -> Path:
    """An image at each path."""
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(encoded(noise_image(number)))
    return root


def folder(path: Path, **splits: object) -> Dataset:
    """A folder of images in classes."""
    given = {"path": str(path), **({} if (path / "train").is_dir() else {"split_folders": False})}
    options = resolve_options(FolderSource, given, place="here", at="data")
    return FolderSource.load(options, splits=SplitsSpec.model_validate(splits), on_bad_example="error")


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("{kind}/ann{one}_frame{two}.png", {"pattern": r"(\w+)_frame"}),
        ("{kind}/ann{one}/{two}.png", {"folder": 1}),
        ("{kind}/ann{one}/day/{two}.png", {"folder": 2}),
    ],
)
def test_groups_of_images_stand_in_their_paths(tmp_path, name, group):
    """By a pattern or by a folder, however deep."""
    paths = [
        name.format(kind=kind, one=one, two=two) for kind in ("cat", "dog") for one in range(9) for two in range(3)
    ]
    dataset = folder(images(tmp_path, *paths), group=group)
    train, test = (set(dataset.splits[split].groups.tolist()) for split in ("train", "test"))
    assert not train & test
    assert dataset.reading.groups == 9


def test_a_label_budget_takes_one_group_after_another(tmp_path):
    """Of ten examples of a class that come in groups of five, two groups give all."""
    rows = [("ab"[place % 2], f"p{place}") for place in range(40) for _ in range(5)]
    dataset = table(tmp_path / "t.csv", rows)
    found = labelled_splits(dataset, 10, seed=0, among=(10,))["train"]
    chosen = found.split.groups[found.chosen]
    assert len(chosen) == 20
    assert len(set(chosen.tolist())) == 4


def test_copies_belong_to_the_groups_of_each_other(tmp_path):
    """A chain of either kind joins examples."""
    found = joined(np.array([0, 0, 1, 1, 2]), np.array([7, 8, 8, 9, 5]))
    assert len(set(found[:4].tolist())) == 1
    assert found[4] != found[0]


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ({"column": "patients"}, "Did you mean 'patient'"),
        ({"pattern": "nothing"}, "belong to no group by the pattern 'nothing'"),
        ({"folder": 3}, "belong to no group by folder 3 above the file"),
    ],
)
def test_examples_without_a_group_are_refused(tmp_path, group, words):
    """With what was looked for and where."""
    with pytest.raises(DataError, match=words):
        table(tmp_path / "t.csv", [("ab"[place % 2], f"p{place}") for place in range(40)], group=group)


def test_a_source_without_columns_says_so(tmp_path):
    """Folders have paths only."""
    root = images(tmp_path, *(f"{kind}/{number}.png" for kind in ("cat", "dog") for number in range(5)))
    with pytest.raises(DataError, match="expected 'pattern' or 'folder'"):
        folder(root, group={"column": "patient"})


def test_given_splits_that_part_a_group_are_refused(tmp_path):
    """Nobody can mend that but who made them."""
    paths = [
        f"{split}/{kind}/ann{one}_frame{two}.png"
        for split in ("train", "test") for kind in ("cat", "dog") for one in range(3) for two in range(2)
    ]  # fmt: skip
    with pytest.raises(DataError, match="3 groups sit in its train split and in its test split, such as 'ann0'"):
        folder(images(tmp_path, *paths), group={"pattern": r"(\w+)_frame"})


def test_a_class_of_two_groups_cannot_be_in_three_splits(tmp_path):
    """The class and its groups are named."""
    rows = [("a", f"p{place % 10}") for place in range(50)] + [("b", f"q{place % 2}") for place in range(20)]
    with pytest.raises(DataError, match=r"class 'b' has no example for the .* split, since .* 2 groups"):
        table(tmp_path / "t.csv", rows)


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ({}, "expected one of 'column', 'pattern' and 'folder', got none"),
        ({"column": "a", "folder": 1}, "got 'column' and 'folder'"),
        ({"pattern": "("}, "expected a regular expression"),
        ({"folder": 0}, "group.folder"),
        ({"colum": "a"}, "Did you mean 'column'"),
    ],
)
def test_a_group_that_says_nothing_is_refused_in_the_spec(group, words):
    """Before anything is read, with the place."""
    import json

    document = {
        "name": "made", "task": "image_classification", "models": [{"source": "zoo", "name": "vit_tiny"}],
        "datasets": [{"source": "folder", "path": "x", "splits": {"group": group}}],
        "strategies": [{"strategy": "linear_probe"}],
    }  # fmt: skip
    with pytest.raises(SpecError, match=words):
        parse_spec(json.dumps(document))


def test_a_spec_without_groups_is_the_one_of_before():
    """Its trials keep their ids."""
    assert SplitsSpec().model_dump(mode="json") == {"validation": 0.2, "test": 0.2, "seed": 0}
