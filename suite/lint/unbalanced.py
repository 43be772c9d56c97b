"""Check ``unbalanced``: a headline that follows the largest class, on classes of very different sizes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from suite.compare.number_format import percent
from suite.lint.study import Study
from suite.lint.subjects import LooksAt
from suite.store.records.check import Finding

__all__ = ["FOLLOWS_THE_LARGEST", "UNBALANCED", "Unbalanced"]

UNBALANCED = 3.0
"""The largest class over the smallest, beyond which accuracy is mostly that of the large ones."""
FOLLOWS_THE_LARGEST = frozenset({"accuracy", "top5_accuracy", "f1_weighted", "precision_weighted", "recall_weighted"})
"""Headlines in which an example counts the same whatever its class."""


class Unbalanced:
    """Class sizes of the test split, where the headline weighs every example alike."""

    summary: ClassVar[str] = "accuracy as the headline on classes of very different sizes"
    looks_at: ClassVar[tuple[LooksAt, ...]] = ("data",)

    @classmethod
    def findings(cls, subject: Study) -> Iterator[Finding]:
        """One per data set."""
        headline = subject.plan.headline
        for home in subject.homes if headline in FOLLOWS_THE_LARGEST else ():
            targets = home.dataset.splits["test"].targets
            counts = np.bincount(targets, minlength=home.dataset.num_classes)
            if home.dataset.has_classes and len(targets) and counts.max() > UNBALANCED * max(1, counts.min()):
                yield _finding(home.label, headline, counts, home.dataset.class_names)


def _finding(label: str, headline: str, counts: NDArray[np.int64], names: tuple[str, ...]) -> Finding:
    largest, smallest = int(counts.argmax()), int(counts.argmin())
    return Finding(
        check="unbalanced",
        severity="warning",
        what=f"{names[largest]} has {counts[largest]:,} test examples and {names[smallest]} has {counts[smallest]:,}: "
        f"always naming {names[largest]} gives {percent(counts[largest] / counts.sum())} accuracy, and "
        f"{percent(1 / len(names))} balanced accuracy.",
        where=f"{label}, test",
        why=f"By {headline.replace('_', ' ')} a model may rank first that never finds the small classes.",
        mend='Rank by "headline": "balanced_accuracy" or "f1_macro", unless a mistake costs the same in every class.',
    )
