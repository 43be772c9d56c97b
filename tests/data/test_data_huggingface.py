"""Data sets in the Hub's formats: Parquet with images and named classes, tables beside images, cards, the cache."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from images import class_folders, encoded, noise_image

from suite.data.dataset import Dataset
from suite.data.huggingface import HuggingFaceSource
from suite.errors import BadExampleError, DataError, DownloadError, SpecError
from suite.spec.spec import SplitsSpec, resolve_options

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def load(*, skip: bool = False, **options: object) -> Dataset:
    """The data set of these options."""
    chosen = resolve_options(HuggingFaceSource, options, place="here", at="data")
    HuggingFaceSource.verify(chosen)
    return HuggingFaceSource.load(chosen, splits=SplitsSpec(), on_bad_example="skip" if skip else "error")


def written(path: Path, columns: dict[str, list[Any]], names: dict[str, list[str]] | None = None) -> Path:
    """A Parquet file as ``datasets`` writes it, with the names of classes in its schema."""
    table = pa.table(columns)
    if names:
        features = {name: {"names": own, "_type": "ClassLabel"} for name, own in names.items()}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path


def cells(numbers: range) -> list[dict[str, Any]]:
    """Images as the Hub keeps them in a column."""
    return [{"bytes": encoded(noise_image(number)), "path": None} for number in numbers]


def shards(root: Path) -> Path:
    """12 training images in two files and 4 test images, with two named classes."""
    for name, numbers in {
        "train-00000-of-00002": range(8), "train-00001-of-00002": range(8, 12), "test-00000-of-00001": range(12, 16),
    }.items():  # fmt: skip
        columns = {"image": cells(numbers), "label": [number % 2 for number in numbers]}
        written(root / "data" / f"{name}.parquet", columns, {"label": ["cat", "dog"]})
    return root


def test_images_and_named_classes_of_parquet_files_are_read(tmp_path):
    """Splits by the names of files; pixels are those that were put in."""
    dataset = load(path=str(shards(tmp_path)))
    assert dataset.class_names == ("cat", "dog")
    assert dataset.made_splits == ("validation",)
    assert len(dataset.splits["test"]) == 4
    for split in dataset.splits.values():
        for at, one in enumerate(split.ids):
            file, row = one.rsplit(":", 1)
            number = int(row) - 1 + {"train-00000": 0, "train-00001": 8, "test-00000": 12}[file.split("/")[-1][:-17]]
            assert np.array_equal(split.read(at), np.asarray(noise_image(number)))
            assert split.targets[at] == number % 2


def test_a_split_of_cells_can_be_sent_to_a_process(tmp_path):
    """Workers read the same images."""
    test = load(path=str(shards(tmp_path))).splits["test"]
    again = pickle.loads(pickle.dumps(test))
    assert np.array_equal(again.read(2), test.read(2))


def test_cells_that_hold_no_image_are_named_at_once(tmp_path):
    """Nothing, no bytes, damaged bytes, a path to nowhere; the rest is read where they are skipped."""
    bad: list[Any] = [None, {"bytes": b"", "path": None}, {"bytes": None, "path": "gone.png"}]
    columns = {"image": [*cells(range(10)), *bad], "label": [number % 2 for number in range(13)]}
    written(tmp_path / "train.parquet", columns, {"label": ["cat", "dog"]})
    with pytest.raises(BadExampleError, match="3 examples cannot be read") as caught:
        load(path=str(tmp_path))
    assert all(words in str(caught.value) for words in ("row 11", "got nothing", "got no bytes", "'gone.png'"))
    assert len(load(path=str(tmp_path), skip=True).skipped) == 3


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_table_beside_images_names_their_classes(tmp_path, kind):
    """Per split, with further columns kept; the ids are the paths."""
    for split, count in {"train": 10, "test": 4}.items():
        rows = {
            "file_name": [f"{number}.png" for number in range(count)],
            "label": ["cat" if number % 2 else "dog" for number in range(count)],
            "site": [f"s{number % 3}" for number in range(count)],
        }
        folder = tmp_path / split
        folder.mkdir()
        for number in range(count):
            (folder / f"{number}.png").write_bytes(encoded(noise_image(number)))
        each = [dict(zip(rows, one, strict=True)) for one in zip(*rows.values(), strict=True)]
        if kind == "parquet":
            written(folder / "metadata.parquet", rows)
        elif kind == "jsonl":
            (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, each)))
        else:
            lines = [",".join(rows), *(",".join(map(str, one.values())) for one in each)]
            (folder / "metadata.csv").write_text("\n".join(lines) + "\n")
    dataset = load(path=str(tmp_path), further_columns=["site"])
    assert sorted(dataset.splits["test"].ids) == [f"test/{number}.png" for number in range(4)]
    assert dataset.class_names == ("cat", "dog")
    assert set(dataset.splits["train"].metadata["site"].tolist()) <= {"s0", "s1", "s2"}


def test_class_folders_are_those_of_the_folder_source(tmp_path):
    """The Hub's plainest format."""
    class_folders(tmp_path, {"train/cat": 5, "train/dog": 5, "test/cat": 2, "test/dog": 2})
    assert load(path=str(tmp_path)).class_names == ("cat", "dog")
    with pytest.raises(DataError, match="has no table"):
        load(path=str(tmp_path), label_column="label")


def test_texts_with_named_classes_are_read(tmp_path):
    """Where a column of texts is named; JSON Lines by the names of files."""
    rows = [{"text": f"text {number}", "label": number % 2} for number in range(20)]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "test.jsonl").write_text("\n".join(map(json.dumps, rows[:6])))
    card = {
        "dataset_info": {"features": [{"name": "label", "dtype": {"class_label": {"names": {"0": "no", "1": "yes"}}}}]}
    }
    (tmp_path / "README.md").write_text(f"---\n{json.dumps(card)}\n---\n# Texts\n")
    dataset = load(path=str(tmp_path), text_column="text")
    assert (dataset.content, dataset.class_names, len(dataset.splits["test"])) == ("text", ("no", "yes"), 6)


def configured(root: Path) -> Path:
    """Two configurations by a card."""
    for name, labels in {"small": ["cat", "dog"], "large": ["bird", "fish"]}.items():
        columns = {"image": cells(range(10)), "label": [number % 2 for number in range(10)]}
        written(root / name / "a-0.parquet", columns, {"label": labels})
    lines = ["---", "configs:"]
    for name in ("small", "large"):
        lines += [f"- config_name: {name}", "  data_files:", "  - split: train", f"    path: {name}/a-*"]
    (root / "README.md").write_text("\n".join([*lines, "---", ""]))
    return root


def test_a_configuration_is_chosen_by_its_name(tmp_path):
    """With several none is guessed."""
    root = str(configured(tmp_path))
    assert load(path=root, config="large").class_names == ("bird", "fish")
    with pytest.raises(DataError, match="small, large; say which as 'config'"):
        load(path=root)
    with pytest.raises(DataError, match="Did you mean 'large'"):
        load(path=root, config="larger")


def cached(home: Path, name: str) -> Path:
    """A snapshot as the Hub's cache keeps it, files as links into its blobs."""
    place = home / f"datasets--{name.replace('/', '--')}"
    made = shards(home / "made")
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("a" * 40)
    (place / "blobs").mkdir()
    for at, file in enumerate(sorted(made.rglob("*.parquet"))):
        blob = place / "blobs" / str(at)
        blob.write_bytes(file.read_bytes())
        target = place / "snapshots" / ("a" * 40) / file.relative_to(made)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(blob)
    return place


def test_a_name_is_read_from_the_cache_and_nothing_is_fetched_unasked(tmp_path, monkeypatch):
    """What is not there is told with the key that fetches it."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    cached(tmp_path, "me/pets")
    assert len(load(name="me/pets").splits["test"]) == 4
    with pytest.raises(DownloadError, match='"download": true'):
        load(name="me/birds")
    with pytest.raises(DownloadError, match="could not be downloaded"):
        load(name="me/birds", download=True)
    (need,) = HuggingFaceSource.requirements(HuggingFaceSource.Options(name="me/birds"))
    assert not need.present


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "expected either 'path' of a folder or 'name' on the Hub, got neither"),
        ({"path": "x", "name": "a/b"}, "got both"),
        ({"path": "x", "download": True}, "belong to a 'name'"),
        ({"name": "a/b/c"}, "name"),
        ({"path": "x", "text_column": "t", "image_column": "i"}, "got both"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, words):
    """Before anything is read."""
    with pytest.raises(SpecError, match=words):
        resolve_options(HuggingFaceSource, options, place="here", at="data")


def test_what_is_no_data_set_is_told_and_nothing_is_run(tmp_path):
    """A loading script is named; a column that nothing tells is asked for."""
    (tmp_path / "pets.py").write_text("raise SystemExit('ran')")
    with pytest.raises(DataError, match=r"pets\.py is a program that makes it, and no program is run"):
        load(path=str(tmp_path))
    written(tmp_path / "train.parquet", {"photo": cells(range(4)), "kind": [0, 1, 0, 1]})
    with pytest.raises(DataError, match="say as 'label_column' which of its columns it is: photo, kind"):
        load(path=str(tmp_path))
    with pytest.raises(DataError, match="say as 'image_column'"):
        load(path=str(tmp_path), label_column="kind")
