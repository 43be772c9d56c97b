"""Check ``splits``: classes that are missing, rare, or spread unequally over the splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from suite.compare.number_format import percent
from suite.data.dataset import Dataset
from suite.lint.study import Study
from suite.lint.subjects import LooksAt
from suite.store.records.check import Finding

__all__ = ["FEWEST", "Splits"]

FEWEST: Mapping[str, int] = {"train": 5, "validation": 5, "test": 10}
"""Examples per class below which a split is called small: with 10 in the test set, one more right answer of a class
moves its recall by 10 points."""
UNLIKELY = 0.001
"""p-value below which sampling does not explain the difference between two splits."""
LARGE = 0.05
"""Share of the examples that would have to change class for both splits to be alike, from which it is a warning."""
EXPECTED = 5.0
"""Smallest expected count for which the chi-square distribution holds (Cochran 1954)."""
NAMED = 3


class Splits:
    """Class shares and sizes of the splits."""

    summary: ClassVar[str] = "classes missing, rare or unequally spread over the splits"
    looks_at: ClassVar[tuple[LooksAt, ...]] = ("data",)

    @classmethod
    def findings(cls, subject: Study) -> Iterator[Finding]:
        """Per data set; of the further sets the test split alone, since nothing else of them is used."""
        for home in subject.homes:
            counts = {name: _counts(home.dataset, name) for name in ("train", "validation", "test")}
            yield from _of_sizes(home.label, home.dataset, counts)
            for name in ("validation", "test"):
                yield from _unequal(home.label, home.dataset, counts["train"], counts[name], name)
            for label, further in home.further.items():
                yield from _of_sizes(label, further, {"test": _counts(further, "test")})


def _counts(dataset: Dataset, split: str) -> NDArray[np.int64]:
    return np.bincount(dataset.splits[split].targets, minlength=dataset.num_classes)


def _of_sizes(label: str, dataset: Dataset, counts: Mapping[str, NDArray[np.int64]]) -> Iterator[Finding]:
    for name, count in counts.items():
        absent = np.flatnonzero(count == 0)
        few = np.flatnonzero((count > 0) & (count < FEWEST[name]))
        if len(absent):
            yield Finding(
                check="splits",
                severity="error",
                what=f"{len(absent)} of {len(count)} classes have no example in {name}: {_names(dataset, absent)}.",
                where=f"{label}, {name}",
                why="What is never seen cannot be learned, and what is never asked cannot be scored.",
                mend="Add examples of these classes, split the data anew, or leave the classes out everywhere.",
            )
        if len(few):
            yield Finding(
                check="splits",
                severity="warning",
                what=f"{len(few)} of {len(count)} classes have fewer than {FEWEST[name]} examples in {name}, "
                f"the fewest {int(count[few].min())}: {_names(dataset, few)}.",
                where=f"{label}, {name}",
                why=_WHY_FEW[name],
                mend="Add examples, or give this split a larger share ('splits' in the spec); read scores of single "
                "classes with care.",
            )


_WHY_FEW = {
    "train": "A class that is learned from a handful of examples is learned by luck.",
    "validation": "Settings are chosen on so few examples that chance chooses.",
    "test": "One answer moves the score of such a class by ten points or more; small differences cannot show.",
}


def _unequal(
    label: str, dataset: Dataset, train: NDArray[np.int64], other: NDArray[np.int64], name: str
) -> Iterator[Finding]:
    p_value = same_shares_p_value(train, other)
    if p_value is None or p_value >= UNLIKELY:
        return
    gap = train / train.sum() - other / other.sum()
    moved = float(np.abs(gap).sum() / 2)
    worst = int(np.abs(gap).argmax())
    yield Finding(
        check="splits",
        severity="warning" if moved >= LARGE else "note",
        what=f"The class shares of train and {name} differ by more than sampling explains (chi-square, p = "
        f"{p_value:.1g}); the most for {dataset.class_names[worst]}: {percent(train[worst] / train.sum())} of train, "
        f"{percent(other[worst] / other.sum())} of {name}.",
        where=f"{label}, train and {name}",
        why="A model learns how frequent classes are; on other shares its score measures that too.",
        mend="Split by class (the suite does where it makes the splits), or say that the shift is meant; "
        "balanced_accuracy is less moved by it.",
    )


def same_shares_p_value(first: NDArray[np.int64], second: NDArray[np.int64]) -> float | None:
    """Pearson's chi-square test that two samples have the same class shares.

    Classes too rare for the test are taken together.

    Returns:
        The p-value; None where there are fewer than two classes with enough examples, or an empty split.
    """
    from scipy import stats

    table = np.stack([first, second]).astype(float)
    if not table.sum(axis=1).all():
        return None
    smallest = table.sum(axis=0) * table.sum(axis=1).min() / table.sum()
    rare = smallest < EXPECTED
    kept = table[:, ~rare]
    rest = table[:, rare].sum(axis=1, keepdims=True)
    if rest.sum() * table.sum(axis=1).min() / table.sum() >= EXPECTED:
        kept = np.concatenate([kept, rest], axis=1)
    return float(stats.chi2_contingency(kept).pvalue) if kept.shape[1] > 1 else None


def _names(dataset: Dataset, classes: NDArray[np.int64]) -> str:
    first = ", ".join(dataset.class_names[index] for index in classes[:NAMED].tolist())
    return first + (f" and {len(classes) - NAMED} more" if len(classes) > NAMED else "")
