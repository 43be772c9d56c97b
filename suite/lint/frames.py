"""Check ``frames``: files whose names tell that they are parts of one source, which sit in two splits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import ClassVar

from suite.compare.number_format import percent
from suite.data.dataset import Dataset
from suite.lint.study import Study
from suite.lint.subjects import LooksAt
from suite.store.records.check import Finding

__all__ = ["Frames"]

NAMED = r"(?i)([^/]+?)[ _.()-]*(?:frame|frm|slice|patch|tile|crop|page|view|shot|aug)[ _.()-]*\d+[^/]*$"
"""Words that number the parts of one thing: ``IMG_0001_frame12.png``, ``scan7-slice-003.png``."""
NUMBERED = r"([^/]*\d[^/]*?)[ _.()-]+\d+\.[^./]+$"
"""A number after a name that has one itself: ``video3_0012.png``, ``patient07-2.png``."""
FEWEST = 0.5
"""The share of the files that a source has in common with others, from which on names are taken for such."""
SHOWN = 3


class Frames:
    """Names such as ``IMG_0001_frame12`` in two splits, where the spec names no group."""

    summary: ClassVar[str] = "files that look like frames or slices of one source, on both sides of a split"
    looks_at: ClassVar[tuple[LooksAt, ...]] = ("data",)

    @classmethod
    def findings(cls, subject: Study) -> Iterator[Finding]:
        """One per data set at most."""
        for label, dataset in subject.all_sets():
            if dataset.content == "image" and all(split.groups is None for split in dataset.splits.values()):
                yield from _findings(label, dataset)


def _findings(label: str, dataset: Dataset) -> Iterator[Finding]:
    for pattern in (NAMED, NUMBERED):
        expression = re.compile(pattern)
        sources = {name: [_source(expression, one) for one in split.ids] for name, split in dataset.splits.items()}
        everything = [one for found in sources.values() for one in found]
        known = [one for one in everything if one is not None]
        distinct = set(known)
        if len(known) < FEWEST * len(everything) or not 1 < len(distinct) <= len(known) / 2:
            continue
        train = set(sources["train"])
        shared = [one for one in sources["test"] if one is not None and one in train]
        if not shared:
            return
        examples = ", ".join(sorted(set(shared))[:SHOWN])
        yield Finding(
            check="frames",
            severity="warning",
            what=f"The names tell of {len(distinct):,} sources with {len(known) / len(distinct):.3g} images each, and "
            f"{percent(len(shared) / len(sources['test']))} of the test images are of a source that is trained on "
            f"too ({examples}).",
            where=f"{label}, test",
            why="Frames of one video and slices of one scan are nearly the same image: a model is tested on what it "
            "has seen, and its score is too high.",
            mend=f'Say what belongs together: "splits": {{"group": {{"pattern": {json.dumps(pattern)}}}}}, '
            'or by a "column" or a "folder".',
        )
        return


def _source(expression: re.Pattern[str], identifier: str) -> str | None:
    """What a file is a part of, by its name; None where that tells nothing."""
    found = expression.search(identifier)
    return None if found is None else found[1]
