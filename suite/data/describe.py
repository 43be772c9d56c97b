"""What ``suite show dataset NAME`` prints, as one record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from suite.data.dataset import Dataset
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
    """How many of each class, in the order of ``class_names``, by split."""
    picture_sizes: tuple[tuple[tuple[int, int], int], ...]
    """Height and width in pixels and how many of the looked-at pictures have them, the most frequent first."""
    pictures_looked_at: int
    licence: str | None
    fingerprint: str
    origin: str
    skipped: tuple[tuple[str, str], ...]
    """Id and reason of each example that was left out."""


def describe_dataset(dataset: Dataset, *, look_at: int = 50) -> DatasetDescription:
    """Describes a data set; the sizes of pictures come from at most ``look_at`` of its training examples.

    Pictures that cannot be decoded are not counted among those that were looked at.
    """
    train = dataset.splits["train"]
    sizes: Counter[tuple[int, int]] = Counter()
    for index in np.unique(np.linspace(0, len(train) - 1, num=min(look_at, len(train))).astype(int)).tolist():
        try:
            height, width = train.read(index).shape[:2]
        except BadExampleError:
            continue
        sizes[height, width] += 1
    return DatasetDescription(
        name=dataset.name,
        class_names=dataset.class_names,
        examples={name: len(split) for name, split in dataset.splits.items()},
        class_counts={
            name: tuple(np.bincount(split.targets, minlength=dataset.num_classes).tolist())
            for name, split in dataset.splits.items()
        },
        picture_sizes=tuple(sizes.most_common()),
        pictures_looked_at=sizes.total(),
        licence=dataset.licence,
        fingerprint=dataset.fingerprint,
        origin=dataset.origin,
        skipped=tuple((example.id, example.reason) for example in dataset.skipped),
    )
