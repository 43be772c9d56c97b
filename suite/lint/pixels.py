"""Check ``pixels``: images on which nothing is to be seen, and data sets that use a small part of the range."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from suite.compare.number_format import percent
from suite.data.dataset import Dataset
from suite.lint.hashes import Marks
from suite.lint.study import Study
from suite.lint.subjects import LooksAt
from suite.store.records.check import Finding

__all__ = ["Pixels"]

DARK, LIGHT = 16, 239
"""A thumbnail that is nowhere lighter, or nowhere darker, of 255."""
BLACK, WHITE = 1, 254
CLIPPED = 0.99
"""The share of a thumbnail that is black or white, from which on an image is told as clipped."""
NARROW = 64
"""Of 255: what 99 of 100 pixels of a data set span, below which contrast is given away."""
NAMED = 3
MUCH = 0.01
"""The share of the images from which on it is a warning."""


class Pixels:
    """Images of one colour, black, white or clipped, and data sets without contrast."""

    summary: ClassVar[str] = "images that are black, white, clipped or of one colour, and data sets without contrast"
    looks_at: ClassVar[tuple[LooksAt, ...]] = ("data",)
    reads_examples: ClassVar[bool] = True

    @classmethod
    def findings(cls, subject: Study) -> Iterator[Finding]:
        """At most two per data set."""
        for label, dataset in subject.all_sets():
            if dataset.content != "image":
                continue
            marks = [(name, subject.marks(label, dataset, name).marks) for name in dataset.splits]
            yield from _empty(label, dataset, marks)
            yield from _narrow(label, [one for _, one in marks])


def _empty(label: str, dataset: Dataset, marks: Sequence[tuple[str, Marks]]) -> Iterator[Finding]:
    found: dict[str, list[str]] = {}
    for name, one in marks:
        for index, kind in _kinds(one.thumbnails):
            found.setdefault(kind, []).append(dataset.splits[name].ids[index])
    total = sum(len(one.thumbnails) for _, one in marks)
    bad = sum(map(len, found.values()))
    if not bad:
        return
    parts = []
    for kind, ids in found.items():
        parts.append(f"{len(ids):,} {kind} ({', '.join(ids[:NAMED])}{', ...' if len(ids) > NAMED else ''})")
    yield Finding(
        check="pixels",
        severity="warning" if bad >= MUCH * total and "clipped" not in found else "note",
        what=f"Of {total:,} images {'; '.join(parts)}.",
        where=label,
        why="On an image of one colour there is nothing to be learned or recognised but its colour.",
        mend="Look at some of them; take out what shows nothing, or mend how they were made.",
    )


def _kinds(thumbnails: NDArray[np.uint8]) -> Iterator[tuple[int, str]]:
    least, most = thumbnails.min(axis=1), thumbnails.max(axis=1)
    ends = ((thumbnails <= BLACK) | (thumbnails >= WHITE)).mean(axis=1)
    for index in range(len(thumbnails)):
        if least[index] == most[index]:
            yield index, "of one colour"
        elif most[index] < DARK:
            yield index, "nearly black"
        elif least[index] > LIGHT:
            yield index, "nearly white"
        elif ends[index] >= CLIPPED:
            yield index, "clipped"


def _narrow(label: str, marks: Sequence[Marks]) -> Iterator[Finding]:
    values = np.concatenate([one.thumbnails.ravel() for one in marks])
    if not len(values):
        return
    low, high = np.quantile(values, (0.005, 0.995), method="nearest").tolist()
    if high - low < NARROW:
        yield Finding(
            check="pixels",
            severity="warning",
            what=f"99 of 100 pixels lie between {low} and {high} of 255: {percent((high - low) / 255)} of the range.",
            where=label,
            why="Weights were trained on images that use the range; of such images they see hardly anything.",
            mend="Write the images again with their contrast, for instance 12 bits as 16, which the suite brings to "
            "the levels of the training split.",
        )
