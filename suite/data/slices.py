"""Which slice each test example is in: by a column, or by what is seen of the example itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from suite.data.dataset import Dataset, Split
from suite.data.groups import group_names
from suite.data.splits import subset
from suite.errors import DataError, did_you_mean
from suite.spec.groups import GroupSpec
from suite.spec.slices import PROPERTIES, SliceSpec
from suite.store.records.slices import SliceRecord

__all__ = ["slice_of"]

MOST = 30
"""Slices of one property: more are no table that anybody reads."""
FEW = 8
"""Different numbers up to which each is a slice of its own."""
QUARTERS = (0.25, 0.5, 0.75)
NOTHING = "not stated"
Numbers = NDArray[np.float64]


def slice_of(dataset: Dataset, choice: SliceSpec, group: GroupSpec | None) -> SliceRecord:
    """One property of the test examples of a data set.

    Args:
        dataset: With its test split.
        choice: What to tell examples apart by.
        group: How the spec says what belongs together, where it does.

    Raises:
        DataError: Where there is no such column, or it has too many values that are no numbers.
    """
    test, train = dataset.splits["test"], dataset.splits["train"]
    measure = _measure(choice.by, dataset)
    if measure is not None:
        found = measure(test)
        edges = choice.edges or _quarters(measure(_some(train)))
        return _cut(choice.by, found, edges)
    words = _words(test, choice.by, group, dataset)
    numbers = _numbers(words)
    if choice.edges is not None or (numbers is not None and len(set(words) - {""}) > FEW):
        if numbers is None:
            raise DataError(f"{dataset.name}: slices: '{choice.by}' has 'edges' and values that are no numbers.")
        of_train = _numbers(_words(train, choice.by, group, dataset))
        return _cut(choice.by, numbers, choice.edges or _quarters(numbers if of_train is None else of_train))
    values = sorted(set(words), key=lambda word: (word == "", *(_as_number(word))))
    if len(values) > MOST:
        raise DataError(
            f"{dataset.name}: slices: '{choice.by}' has {len(values):,} different values in the test split, expected "
            f"at most {MOST}. Choose a column of fewer; numbers take 'edges'."
        )
    place = {value: number for number, value in enumerate(values)}
    codes = np.array([place[word] for word in words], dtype=np.int64)
    return SliceRecord.of(choice.by, [value or NOTHING for value in values], codes)


def _measure(by: str, dataset: Dataset) -> Callable[[Split], Numbers] | None:
    """What gives a number for every example of a split; None for a column or groups."""
    if by in dataset.splits["test"].metadata or by == "group" or by not in PROPERTIES:
        return None
    if (by == "text_length") == (dataset.content == "image"):
        kind = "images" if by == "text_length" else "texts"
        raise DataError(f"{dataset.name}: slices: '{by}' cannot be measured of {kind}.")
    if by == "text_length":
        return lambda split: np.array([sum(len(text.split()) for text in split.read(at)) for at in range(len(split))])
    if by == "image_size":
        return lambda split: np.array([min(split.read(at).shape[:2]) for at in range(len(split))], dtype=np.float64)
    return lambda split: np.array([float(split.read(at).mean()) for at in range(len(split))])


def _some(split: Split, most: int = 2_000) -> Split:
    """A part of a split, evenly spread: enough to know its quarters."""
    if len(split) <= most:
        return split
    return subset(split, np.linspace(0, len(split) - 1, most).astype(np.int64), name=split.name)


def _words(split: Split, by: str, group: GroupSpec | None, dataset: Dataset) -> list[str]:
    if by in split.metadata:
        return [str(value).strip() for value in split.metadata[by].tolist()]
    if by == "group" and group is not None:
        return [str(name) for name in group_names(split, group, dataset.name).tolist()]
    if by == "group":
        raise DataError(f"{dataset.name}: slices: 'group' needs splits.group to say what the groups are.")
    known = (*split.metadata, *PROPERTIES)
    hint = "" if split.metadata else " Of a table of texts, 'further_columns' says which columns to keep."
    raise DataError(f"{dataset.name}: slices: {did_you_mean(by, known, what='column')}{hint}")


def _numbers(words: Sequence[str]) -> Numbers | None:
    """The values as numbers, NaN for none; None where any is something else."""
    found = [math.nan if word == "" else _as_number(word)[1] for word in words]
    there = [number for word, number in zip(words, found, strict=True) if word]
    return np.array(found) if there and all(map(math.isfinite, there)) else None


def _as_number(word: str) -> tuple[int, float, str]:
    """Numbers first, by their value; anything else by its letters."""
    try:
        number = float(word)
    except ValueError:
        return 1, math.inf, word
    return (0, number, word) if math.isfinite(number) else (1, math.inf, word)


def _quarters(numbers: Numbers) -> tuple[float, ...]:
    """Where quarters of some numbers end, each edge once; none where all are alike."""
    there = numbers[np.isfinite(numbers)]
    if not len(there):
        return ()
    edges = np.unique(np.quantile(there, QUARTERS, method="higher"))
    return tuple(edges[(edges > there.min()) & (edges <= there.max())].tolist())


def _told(edges: Sequence[float]) -> list[str]:
    """Edges in as few digits as tell them apart."""
    ways = ([f"{edge:.{digits}g}" for edge in edges] for digits in range(3, 17))
    return next((way for way in ways if len(set(way)) == len(edges)), [repr(edge) for edge in edges])


def _cut(name: str, numbers: Numbers, edges: Sequence[float]) -> SliceRecord:
    """Numbers by edges: a slice begins with its edge."""
    codes = np.searchsorted(np.array(edges), numbers, side="right").astype(np.int64)
    without = ~np.isfinite(numbers)
    said = _told(edges)
    values = ["all"]
    if said:
        values = [f"below {said[0]}", *(f"{low} to {high}" for low, high in pairwise(said)), f"{said[-1]} and more"]
    if without.any():
        codes[without] = len(values)
        values.append(NOTHING)
    return SliceRecord.of(name, values, codes)
