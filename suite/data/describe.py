"""What ``suite show dataset NAME`` prints, as one record."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from suite.data.dataset import Dataset, Split
from suite.errors import BadExampleError

__all__ = ["DatasetDescription", "describe_dataset"]


@dataclass(frozen=True)
class DatasetDescription:
    """A data set in numbers and words."""

    name: str
    class_names: tuple[str, ...]
    examples: Mapping[str, int]
    """How many there are, by split."""
    class_counts: Mapping[str, tuple[int, ...]]
    """How many of each class, in the order of ``class_names``, by split; empty where answers are texts."""
    picture_sizes: tuple[tuple[tuple[int, int], int], ...]
    """Height and width in pixels and how many of the looked-at pictures have them, the most frequent first."""
    pictures_looked_at: int
    text_lengths: tuple[int, int, int] | None
    """Characters of the shortest, the median and the longest of the looked-at examples; None where they are pictures.
    """
    licence: str | None
    fingerprint: str
    origin: str
    skipped: tuple[tuple[str, str], ...]
    """Id and reason of each example that was left out."""


def describe_dataset(dataset: Dataset, *, look_at: int = 50) -> DatasetDescription:
    """Describes a data set; the sizes of pictures and texts come from at most ``look_at`` of its training examples.

    Examples that cannot be decoded are not counted among those that were looked at.
    """
    sizes: Counter[tuple[int, int]] = Counter()
    lengths: list[int] = []
    for example in _some(dataset.splits["train"], look_at):
        if dataset.content == "text":
            lengths.append(sum(map(len, example)))
        else:
            height, width = example.shape[:2]
            sizes[height, width] += 1
    return DatasetDescription(
        name=dataset.name,
        class_names=dataset.class_names,
        examples={name: len(split) for name, split in dataset.splits.items()},
        class_counts={
            name: tuple(np.bincount(split.targets, minlength=dataset.num_classes).tolist())
            for name, split in dataset.splits.items()
            if dataset.answers == "class"
        },
        picture_sizes=tuple(sizes.most_common()),
        pictures_looked_at=sizes.total(),
        text_lengths=(min(lengths), round(float(np.median(lengths))), max(lengths)) if lengths else None,
        licence=dataset.licence,
        fingerprint=dataset.fingerprint,
        origin=dataset.origin,
        skipped=tuple((example.id, example.reason) for example in dataset.skipped),
    )


def _some(split: Split, most: int) -> Iterator[Any]:
    """At most so many examples, spread evenly."""
    for index in np.unique(np.linspace(0, len(split) - 1, num=min(most, len(split))).astype(int)).tolist():
        with contextlib.suppress(BadExampleError):
            yield split.read(index)
