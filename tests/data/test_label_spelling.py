"""Labels that a person would not tell apart, in every source."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import class_folders

from suite.data.assemble import Part, assemble
from suite.data.dataset import Dataset, Split
from suite.data.folder import FolderSource
from suite.data.label_spelling import is_missing_label, same_labels
from suite.data.table import TableSource
from suite.errors import BadExampleError, DataError
from suite.spec.spec import SplitsSpec, resolve_options

ALIKE = [
    ("Cat", "cat"), ("cat", "cat "), ("cat", "\u200bcat"), ("cat", "ca\u00adt"), ("big cat", "big  cat"),
    ("big cat", "big\u00a0cat"), ("caf\u00e9", "cafe\u0301"), ("1", "1.0"), ("1", "01"), ("\uff11", "1"), ("-0", "0"),
    ("STRASSE", "stra\u00dfe"), ("\ufeffcat", "cat"), ("0.50", ".5"),
]  # fmt: skip


def table(path: Path, rows: list[tuple[str, object]], **options: object) -> Dataset:
    """The data set of JSON Lines with these texts and labels."""
    path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows), "utf-8")
    given = {"path": str(path), "text_column": "text", "label_column": "label", **options}
    chosen = resolve_options(TableSource, given, place="here", at="data")
    return TableSource.load(chosen, splits=SplitsSpec(), on_bad_example="error")


@pytest.mark.parametrize(("first", "second"), ALIKE)
def test_labels_that_look_alike_are_refused_with_both_spellings(first, second):
    """And with the examples of each, which say what is the slip."""
    with pytest.raises(DataError, match=r"here: labels that differ only in .*\(12\) and .*\(3\).*normalise.*as_given"):
        same_labels({first: 12, second: 3, "dog": 9}, "refuse", place="here")


@pytest.mark.parametrize(("first", "second"), ALIKE)
def test_they_are_one_class_where_the_spec_says_so(first, second):
    """By the most frequent spelling, without what nobody sees; or two, as they are given."""
    merged = same_labels({first: 3, second: 12, "dog": 9}, "normalise", place="here")
    assert merged[first] == merged[second]
    assert merged["dog"] == "dog"
    assert same_labels({first: 3, second: 12}, "as_given", place="here") == {first: first, second: second}


@pytest.mark.parametrize("labels", [("cat", "cats"), ("1", "10"), ("a-b", "a b"), ("v1", "v1.0"), ("1e5", "100000")])
def test_labels_that_mean_two_things_are_two(labels):
    """Nothing is guessed."""
    assert len(set(same_labels(dict.fromkeys(labels, 1), "refuse", place="here").values())) == 2


@given(st.dictionaries(st.text(max_size=8), st.integers(0, 9), min_size=1, max_size=8))
def test_normalising_twice_changes_nothing(counts):
    """Whatever the labels are."""
    once = same_labels(counts, "normalise", place="here")
    assert once.keys() == counts.keys()
    again = same_labels(dict.fromkeys(once.values(), 1), "refuse", place="here")
    assert all(label == same for label, same in again.items())


@pytest.mark.parametrize("label", ["", " ", "NaN", "nan", "<NA>", "null", "N/A", "\u200b"])
def test_what_programs_write_for_no_label_is_no_class(label):
    """``none`` and ``NA`` may be one."""
    assert is_missing_label(label)
    assert not is_missing_label("none")
    assert not is_missing_label("NA")


def test_a_table_finds_them(tmp_path):
    """Numbers and texts of JSON alike."""
    rows = [(f"text {n}", "1" if n % 3 else n % 2) for n in range(40)]
    rows += [(f"more {n}", " 1.0") for n in range(10)]
    with pytest.raises(DataError, match=r"'1' \(.*\) and ' 1.0' \(10\)"):
        table(tmp_path / "a.jsonl", rows)
    merged = table(tmp_path / "b.jsonl", rows, labels="normalise")
    assert merged.class_names == ("0", "1")
    assert "' 1.0' and '1' taken as '1'" in merged.reading.words
    assert table(tmp_path / "c.jsonl", rows, labels="as_given").num_classes == 3


def test_all_missing_labels_of_a_table_are_named_at_once(tmp_path):
    """With how many there are."""
    rows = [(f"text {n}", "ab"[n % 2]) for n in range(20)] + [("none", None), ("nan", "nan"), ("empty", " ")]
    with pytest.raises(BadExampleError, match=r"3 examples cannot be read:(.|\n)*is empty(.|\n)*is missing: nan"):
        table(tmp_path / "a.jsonl", rows)


def test_a_folder_finds_them(tmp_path):
    """Also where a class is written in two ways in two splits."""
    class_folders(tmp_path, {"train/Cat": 6, "train/dog": 6, "test/cat": 4, "test/dog": 4})
    options = {"path": str(tmp_path)}
    with pytest.raises(DataError, match=r"'Cat' \(6\) and 'cat' \(4\)"):
        FolderSource.verify(resolve_options(FolderSource, options, place="here", at="data"))
    chosen = resolve_options(FolderSource, {**options, "labels": "normalise"}, place="here", at="data")
    dataset = FolderSource.load(chosen, splits=SplitsSpec(), on_bad_example="error")
    assert dataset.class_names == ("Cat", "dog")
    assert "'Cat' and 'cat' taken as 'Cat'" in dataset.reading.words
    assert len(dataset.splits["test"]) == 8


def test_whatever_knows_its_classes_is_looked_at_too():
    """A source that hands over names and numbers, as TensorFlow Datasets does."""
    targets = np.repeat(np.arange(3), 5)
    ids = tuple(f"{n}" for n in range(15))
    part = Part(Split("train", ids, targets, lambda _: np.zeros((2, 2, 3), np.uint8)), lambda index: b"%d" % index)
    given = {"place": "here", "origin": "", "licence": None, "splits": SplitsSpec(), "on_bad_example": "error"}
    with pytest.raises(DataError, match="'Cat'"):
        assemble("a", {"train": part}, class_names=("Cat", "dog", "cat"), labels="refuse", **given)
    merged = assemble("a", {"train": part}, class_names=("Cat", "dog", "cat"), labels="normalise", **given)
    assert merged.class_names == ("Cat", "dog")
    assert merged.reading.class_counts == {"Cat": 10, "dog": 5}
