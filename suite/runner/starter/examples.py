"""What ``suite new`` finds in a folder of images or a table of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from suite.data.dataset import Dataset
from suite.data.decoding import IMAGE_SUFFIXES
from suite.data.rows import ENDINGS, Table, column_names, read_rows
from suite.data.table_files import tables_of
from suite.errors import DataError, SuiteError, did_you_mean
from suite.registry import DATASETS
from suite.spec.spec import SplitsSpec, resolve_options
from suite.store.records.reading import Reading

__all__ = ["Found", "is_table", "look_at_folder", "look_at_table"]

_SAMPLE = 64
"""Images whose sides are measured."""
_ROWS = 2_000
"""Rows of a table by which its columns are known."""
TEXT_WORDS = (
    "text", "review", "sentence", "content", "body", "comment", "message", "tweet", "description", "document",
    "question", "abstract", "title",
)  # fmt: skip
LABEL_WORDS = ("label", "class", "category", "sentiment", "topic", "target", "intent", "rating", "stars", "y")
"""What people call the two columns, the likeliest first."""
IMAGE_WORDS = ("image", "file", "path", "filename", "img", "photo", "name")
MOST_CLASSES = 200


@dataclass(frozen=True)
class Found:
    """Examples with their classes."""

    thing: str
    """``image`` or ``text``."""
    task: str
    entry: dict[str, Any]
    """What the spec says of where they lie."""
    name: str
    """Of the folder or file."""
    class_sizes: Mapping[str, int]
    """Training examples by class."""
    total: int
    train: int
    median_side: int | None
    """Of images: the median over a sample of the shorter side, in pixels."""
    skipped: int
    has_test: bool
    copies: int
    """Examples that are in a later split too, with the splits as the suite makes them by default."""
    reading: Reading
    """What was found and what was left out."""

    @property
    def imbalance(self) -> float:
        """The largest class over the smallest."""
        return max(self.class_sizes.values()) / max(1, min(self.class_sizes.values()))


def is_table(path: Path) -> bool:
    """Whether a path is that of a table, by its ending."""
    return Path(path.name.lower().removesuffix(".gz")).suffix in ENDINGS


def look_at_folder(folder: Path) -> Found:
    """Reads a folder (or zip) once, leaving out what cannot be decoded, and measures a sample of the images."""
    entry = {"source": "folder", "path": str(folder)}
    dataset = _loaded(entry)
    has_test = "test" not in dataset.made_splits
    name = folder.resolve().name.removesuffix(".zip")
    side = _median_side(dataset)
    return _found(dataset, "image", "image_classification", entry, name, side, has_test=has_test)


def look_at_table(path: Path, *, text: str | None, label: str | None) -> Found:
    """Reads a table of texts or of paths of images once, after its two columns are found.

    Args:
        path: Of the table.
        text: The column of the texts or the paths; found when None.
        label: The column of the classes; found when None.

    Raises:
        SuiteError: Where the columns are not named and cannot be found, or are not there.
    """
    text, label, are_images = _columns(path, text, label)
    name = path.name.removesuffix(".gz")
    if are_images:
        entry = {"source": "images_table", "path": str(path), "image_column": text, "label_column": label}
        dataset = _loaded(entry)
        has_test = "test" not in dataset.made_splits
        side = _median_side(dataset)
        return _found(dataset, "image", "image_classification", entry, Path(name).stem, side, has_test=has_test)
    entry = {"source": "table", "path": str(path), "text_column": text, "label_column": label}
    return _found(_loaded(entry), "text", "text_classification", entry, Path(name).stem, None, has_test=False)


def _median_side(dataset: Dataset) -> int:
    """The median of the shorter sides of a sample of the images, in pixels."""
    train = dataset.splits["train"]
    step = max(1, len(train) // _SAMPLE)
    return int(np.median([min(train.read(index).shape[:2]) for index in range(0, len(train), step)]))


def _loaded(entry: Mapping[str, Any]) -> Dataset:
    source = DATASETS.get(str(entry["source"]))
    own = {key: value for key, value in entry.items() if key != "source"}
    options = resolve_options(source, own, place=str(entry["path"]), at="")
    dataset: Dataset = source.load(options, splits=SplitsSpec(), on_bad_example="skip")
    return dataset


def _found(  # noqa: PLR0917 - what was read, and what is known besides
    dataset: Dataset, thing: str, task: str, entry: dict[str, Any], name: str, side: int | None, *, has_test: bool
) -> Found:
    train = dataset.splits["train"]
    counts = np.bincount(train.targets, minlength=dataset.num_classes).tolist()
    return Found(
        thing=thing,
        task=task,
        entry=entry,
        name=name,
        class_sizes=dict(zip(dataset.class_names, counts, strict=True)),
        total=sum(len(split) for split in dataset.splits.values()),
        train=len(train),
        median_side=side,
        skipped=len(dataset.skipped),
        has_test=has_test,
        copies=sum(one.count for one in dataset.copies),
        reading=dataset.reading or Reading(unit="example", seen=len(train), read=len(train)),
    )


@dataclass(frozen=True)
class _Column:
    """What the first rows show of a column."""

    name: str
    values: tuple[str, ...]

    @property
    def distinct(self) -> int:
        return len(set(self.values))

    @property
    def length(self) -> float:
        """Mean characters."""
        return sum(map(len, self.values)) / max(1, len(self.values))

    @property
    def may_be_classes(self) -> bool:
        """Few values, each several times."""
        return 2 <= self.distinct <= min(MOST_CLASSES, len(self.values) / 3)

    @property
    def may_be_text(self) -> bool:
        """Words, and hardly ever the same."""
        return self.length > 15 and self.distinct > 0.5 * len(self.values)

    @property
    def may_be_images(self) -> bool:
        """Paths of images, of which each is there once."""
        endings = {Path(value.replace("\\", "/")).suffix.lower() for value in self.values}
        return bool(endings) and endings <= IMAGE_SUFFIXES and self.distinct > 0.9 * len(self.values)

    @property
    def words(self) -> str:
        return f"{self.name} ({self.distinct:,} values of {self.length:.0f} characters)"


def _columns(path: Path, text: str | None, label: str | None) -> tuple[str, str, bool]:
    """The columns of text (or image) and class, those that were named, else those that their names or values tell;
    and whether the first holds paths of images.
    """
    from suite.data.table import TableSource

    asked_of = {"path": str(path), "label_column": "any", "text_column": "any"}
    options = resolve_options(TableSource, asked_of, place=str(path), at="")
    (table,) = tables_of(options, columns=tuple(filter(None, (text, label)))).values()
    names = column_names(table)
    for asked in (text, label):
        if asked is not None and asked not in names:
            raise DataError(f"{path}: {did_you_mean(asked, names, what='column')}")
    looked = [_look(table, name) for name in dict.fromkeys(names)]
    label = label or _likeliest([one for one in looked if one.may_be_classes and one.name != text], LABEL_WORDS)
    images = [one for one in looked if one.may_be_images and text in {None, one.name} and one.name != label]
    text = (
        text
        or _likeliest(images, IMAGE_WORDS)
        or _likeliest([one for one in looked if one.may_be_text and one.name != label], TEXT_WORDS)
    )
    if text is None or label is None:
        missing = " and ".join(what for what, name in (("text", text), ("class", label)) if name is None)
        shown = ", ".join(one.words for one in looked[:12])
        raise SuiteError(
            f"{path}: which column holds the {missing}? Say --text NAME and --label NAME; its columns are {shown}."
        )
    if text == label:
        raise SuiteError(f"{path}: '{text}' cannot be both the text and the class; name two columns.")
    return text, label, any(one.name == text for one in images)


def _look(table: Table, name: str) -> _Column:
    rows = islice((row for row in read_rows(table, [name]) if row.problem is None), _ROWS)
    values = [row.values[0] for row in rows]
    return _Column(name, tuple(v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values))


def _likeliest(columns: Sequence[_Column], words: Sequence[str]) -> str | None:
    """The only one; of several the one with a usual name; None where there is none, or nothing tells them apart."""
    if len(columns) == 1:
        return columns[0].name
    for word in words:
        named = [one.name for one in columns if one.name.strip().lower() == word]
        named = named or [one.name for one in columns if word in one.name.strip().lower() and len(word) > 1]
        if len(named) == 1:
            return named[0]
    return None
