"""What ``suite show dataset NAME`` prints, as one record."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from suite.data.dataset import Content, Dataset, Split, Text
from suite.errors import BadExampleError

__all__ = ["DatasetDescription", "Sample", "describe_dataset"]


@dataclass(frozen=True)
class Sample:
    """A text to look at."""

    id: str
    answer: str | None
    """Its class; None where the answer is the last of the texts."""
    texts: tuple[str, ...]


@dataclass(frozen=True)
class DatasetDescription:
    """A data set in numbers and words."""

    name: str
    class_names: tuple[str, ...]
    examples: Mapping[str, int]
    """How many there are, by split."""
    class_counts: Mapping[str, tuple[int, ...]]
    """How many of each class, in the order of ``class_names``, by split; empty where there are no classes."""
    picture_sizes: tuple[tuple[tuple[int, int], int], ...]
    """Height and width in pixels and how many of the looked-at images have them, the most frequent first; empty for
    texts."""
    pictures_looked_at: int
    licence: str | None
    fingerprint: str
    origin: str
    skipped: tuple[tuple[str, str], ...]
    """Id and reason of each example that was left out."""
    content: Content
    answers: str
    words: tuple[int, int, int] | None
    """Words of the shortest, the middle and the longest of the looked-at texts, both of a pair together; None for
    images."""
    samples: tuple[Sample, ...]
    """Three training examples; none of images."""
    reading: dict[str, Any] | None
    """The JSON of ``suite.store.records.reading.Reading``."""


def describe_dataset(dataset: Dataset, *, look_at: int = 50) -> DatasetDescription:
    """Describes a data set; sizes of images and lengths of texts come from ``look_at`` training examples at most.

    Those that cannot be read are not counted among those that were looked at.
    """
    seen = _looked_at(dataset.splits["train"], look_at)
    texts = list(seen.items()) if dataset.content == "text" else []
    sizes = Counter[tuple[int, int]]()
    if dataset.content == "image":
        sizes.update(tuple(image.shape[:2]) for image in seen.values())
    words = sorted(sum(len(part.split()) for part in text) for _, text in texts)
    return DatasetDescription(
        name=dataset.name,
        class_names=dataset.class_names,
        examples={name: len(split) for name, split in dataset.splits.items()},
        class_counts={
            name: tuple(np.bincount(split.targets, minlength=dataset.num_classes).tolist())
            for name, split in dataset.splits.items()
            if dataset.has_classes
        },
        picture_sizes=tuple(sizes.most_common()),
        pictures_looked_at=sizes.total(),
        licence=dataset.licence,
        fingerprint=dataset.fingerprint,
        origin=dataset.origin,
        skipped=tuple((example.id, example.reason) for example in dataset.skipped),
        content=dataset.content,
        answers=dataset.answers,
        words=(words[0], words[len(words) // 2], words[-1]) if words else None,
        samples=tuple(_sample(dataset, *texts[place]) for place in sorted({0, len(texts) // 2, len(texts) - 1}))
        if texts
        else (),
        reading=None if dataset.reading is None else dataset.reading.model_dump(mode="json"),
    )


def _looked_at(train: Split, look_at: int) -> dict[int, Any]:
    """Examples from all over the training split, by their number; those that cannot be read are left out."""
    seen: dict[int, Any] = {}
    for index in np.unique(np.linspace(0, len(train) - 1, num=min(look_at, len(train))).astype(int)).tolist():
        with contextlib.suppress(BadExampleError):
            seen[index] = train.read(index)
    return seen


def _sample(dataset: Dataset, index: int, text: Text) -> Sample:
    train = dataset.splits["train"]
    answer = dataset.class_names[int(train.targets[index])] if dataset.has_classes else None
    return Sample(train.ids[index], answer, text)
