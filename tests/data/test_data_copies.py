"""Copies of an example in two splits: counted, kept together, or left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from images import class_folders, encoded, noise_image

from suite.data.dataset import Dataset
from suite.data.folder import FolderOptions, FolderSource
from suite.errors import DataError
from suite.spec.plan import make_plan
from suite.spec.spec import SplitsSpec, parse_spec


def folder_of(root: Path, copies: dict[str, str], *, splits: bool = False) -> Path:
    """Two classes of twelve images each, in splits or not, with some files copied to other names."""
    names = [f"{split}/{kind}/{index}.png" for split in (("train", "val", "test") if splits else ("",))
             for kind in ("cat", "dog") for index in range(12)]  # fmt: skip
    for number, name in enumerate(names):
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(noise_image(number + 1), "PNG"))
    for source, target in copies.items():
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        (root / target).write_bytes((root / source).read_bytes())
    return root


def load(root: Path, duplicates: str = "keep", *, seed: int = 0) -> Dataset:
    """The folder as a data set."""
    splits = SplitsSpec.model_validate({"duplicates": duplicates, "seed": seed})
    return FolderSource.load(FolderOptions(path=str(root)), splits=splits, on_bad_example="error")


def place_of(dataset: Dataset) -> dict[str, str]:
    """Each id to its split."""
    return {identifier: name for name, split in dataset.splits.items() for identifier in split.ids}


def test_copies_between_given_splits_are_counted_by_content(tmp_path: Path) -> None:
    """Two test images are in train, one of them under the other class."""
    copies = {"train/cat/0.png": "test/cat/again.png", "train/cat/1.png": "test/dog/again.png"}
    (found,) = load(folder_of(tmp_path, copies, splits=True)).copies
    assert (found.first, found.second, found.count, found.relabelled) == ("train", "test", 2, 1)
    assert ("test/cat/again.png", "train/cat/0.png") in found.pairs


def test_grouped_copies_stay_on_one_side_whatever_the_seed(tmp_path: Path) -> None:
    """Four copies of one image, one of them under another class, in splits that are made."""
    copies = {"cat/0.png": "cat/a.png", "cat/a.png": "cat/b.png", "cat/b.png": "dog/c.png"}
    root = folder_of(tmp_path, copies)
    for seed in range(20):
        dataset = load(root, "group", seed=seed)
        places = place_of(dataset)
        assert len({places[one] for one in ("cat/0.png", "cat/a.png", "cat/b.png", "dog/c.png")}) == 1
        assert not dataset.copies
        assert len(places) == 27
        assert dataset.grouped_copies == 4


def test_without_copies_grouping_changes_nothing(tmp_path: Path) -> None:
    """The fingerprint is that of the data, not of the option."""
    root = folder_of(tmp_path, {})
    assert load(root, "group").fingerprint == load(root, "drop").fingerprint == load(root).fingerprint


def test_dropped_copies_leave_train_and_validation_never_test(tmp_path: Path) -> None:
    """What a later split has too is left out of the earlier one, and counted."""
    copies = {
        "test/cat/0.png": "train/cat/x.png",
        "val/dog/0.png": "train/dog/y.png",
        "test/dog/1.png": "val/dog/z.png",
    }
    root = folder_of(tmp_path, copies, splits=True)
    dataset = load(root, "drop")
    assert dataset.dropped_copies == {"train": 2, "validation": 1}
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 24, "validation": 24, "test": 24}
    assert not dataset.copies
    assert dataset.fingerprint != load(root).fingerprint


def test_a_split_of_copies_alone_is_refused(tmp_path: Path) -> None:
    """A validation split whose every image is tested would be left without any."""
    names = [f"{kind}/{index}.png" for kind in ("cat", "dog") for index in range(12)]
    root = folder_of(tmp_path, {f"test/{name}": f"val/{name}" for name in names}, splits=True)
    with pytest.raises(DataError, match="every example of its validation split is in a later split too"):
        load(root, "drop")


def test_grouping_cannot_mend_the_sources_own_splits(tmp_path: Path) -> None:
    """It is told, with a pair and what would help, instead of being ignored."""
    root = folder_of(tmp_path, {"train/cat/0.png": "test/cat/again.png"}, splits=True)
    with pytest.raises(DataError, match=r"1 examples? of its own test split .*'drop' takes the copies out"):
        load(root, "group")


def test_a_class_of_copies_alone_is_refused(tmp_path: Path) -> None:
    """Twelve files of one image are one example, which cannot be in three splits."""
    root = class_folders(tmp_path, {"cat": 12, "dog": 12})
    for path in (root / "dog").iterdir():
        path.write_bytes(encoded(noise_image(99), "PNG"))
    with pytest.raises(DataError, match="class 'dog' has 1 example"):
        load(root, "group")


def test_trials_from_before_the_choice_keep_their_ids() -> None:
    """``keep`` is written nowhere; any other choice makes other trials."""
    document = {"name": "n", "task": "image_classification", "models": [{"source": "zoo", "name": "vit_tiny"}],
                "datasets": [{"source": "sklearn", "name": "digits"}], "strategies": [{"strategy": "knn"}]}  # fmt: skip

    def ids(**splits: object) -> list[str]:
        dataset = {"source": "sklearn", "name": "digits", "splits": splits}
        return [one.id for one in make_plan(parse_spec(json.dumps(document | {"datasets": [dataset]}))).trials]

    assert ids() == ids(duplicates="keep")
    assert ids() != ids(duplicates="group")
    assert "duplicates" not in parse_spec(json.dumps(document)).model_dump_json()
