"""Check ``reading``: what lies beside the examples of a data set and was not read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from suite.data.dataset import Dataset
from suite.lint.study import Study
from suite.lint.subjects import LooksAt
from suite.store.records.check import Finding
from suite.store.records.reading import LeftOut

__all__ = ["ReadingCheck"]

SHOWN = 3
"""Names that are said of each reason."""
MUCH = 0.01
"""The share of what there is, from which on it is a warning that it was not read."""


class ReadingCheck:
    """What was left out of a data set though somebody may have wanted it; not hidden files and their like."""

    summary: ClassVar[str] = "files and rows that are there and were not read"
    looks_at: ClassVar[tuple[LooksAt, ...]] = ("data",)

    @classmethod
    def findings(cls, subject: Study) -> Iterator[Finding]:
        """At most one per data set."""
        for label, dataset in subject.all_sets():
            if dataset.reading is not None and dataset.reading.passed_over:
                yield _finding(label, dataset)


def _finding(label: str, dataset: Dataset) -> Finding:
    reading = dataset.reading
    assert reading is not None  # noqa: S101 - asked for by the caller
    left = [one for one in reading.left_out if not one.expected]
    return Finding(
        check="reading",
        severity="warning" if reading.passed_over >= MUCH * max(1, reading.seen) else "note",
        what=f"{reading.passed_over:,} of {reading.seen:,} {reading.unit}s were not read: "
        f"{'; '.join(map(_said, left))}.",
        where=label,
        why="What is not read is neither learned from nor tested on, and nobody misses it.",
        mend="Move or convert what should be an example; suite show dataset names it.",
    )


def _said(one: LeftOut) -> str:
    named = ", ".join(one.names[:SHOWN])
    more = ", ..." if one.count > SHOWN else ""
    return f"{one.count:,} {one.reason}" + (f" ({named}{more})" if named else "")
