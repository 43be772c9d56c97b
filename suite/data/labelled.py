"""The examples of a label budget: some of each class, drawn from a seed and the examples' ids alone.

Within a class the examples stand in one order that follows from the seed, and a budget takes the first of them: so the
subsets of a seed are nested, and every model and strategy gets the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suite.data.dataset import Dataset, Split
from suite.data.splits import choose, subset
from suite.errors import DataError, TrialSkipped
from suite.spec.label_budget import ALL, Budget, allowance, allowance_beside, short_class

__all__ = ["LabelledSplit", "labelled_splits"]

NAMES = ("train", "validation")


@dataclass(frozen=True)
class LabelledSplit:
    """A split, or what of it some budget of the spec takes, and which of these examples this budget has."""

    split: Split
    """What is decoded and whose features are computed, once for all budgets of a seed."""
    chosen: NDArray[np.int64] | None
    """Positions in ``split``, ascending; None for all of it."""


def labelled_splits(
    dataset: Dataset, budget: Budget, *, seed: int, among: Sequence[Budget] = ()
) -> dict[str, LabelledSplit]:
    """The training and validation examples of a budget.

    The validation split is cut by the same share of each class as the training split: labels that choose a setting
    are labels too.

    Args:
        dataset: With both splits.
        budget: In its normal form.
        seed: Of the trial: which examples are drawn.
        among: All budgets of the spec. Where ``"all"`` is none of them, only what the largest takes is looked at.

    Raises:
        TrialSkipped: Where a class has fewer training examples than the budget asks for.
        DataError: Where that holds for every budget in ``among``.
    """
    if budget == ALL:
        return {name: LabelledSplit(dataset.splits[name], None) for name in NAMES}
    counts = _counts(dataset, "train")
    _require_enough(dataset, budget, counts, among)
    within = [one for one in {budget, *among} if short_class(one, counts) is None]
    most = np.max([allowance(one, counts) for one in within], axis=0).tolist()
    validation = _counts(dataset, "validation")
    own = allowance(budget, counts)
    return {
        "train": _take(dataset.splits["train"], own, most, seed=seed),
        "validation": _take(
            dataset.splits["validation"],
            allowance_beside(own, counts, validation),
            allowance_beside(most, counts, validation),
            seed=seed,
        ),
    }


def _counts(dataset: Dataset, name: str) -> list[int]:
    counts: list[int] = np.bincount(dataset.splits[name].targets, minlength=dataset.num_classes).tolist()
    return counts


def _take(split: Split, own: Sequence[int], most: Sequence[int], *, seed: int) -> LabelledSplit:
    """The first ``own`` of each class, as positions in the split of the first ``most``."""
    name = f"labels/{split.name}"
    whole = split
    if sum(most) < len(split):
        whole = subset(split, np.flatnonzero(choose(split, np.array(most), seed=seed, name=name)), name=split.name)
    return LabelledSplit(whole, np.flatnonzero(choose(whole, np.array(own), seed=seed, name=name)))


def _require_enough(dataset: Dataset, budget: Budget, counts: Sequence[int], among: Sequence[Budget]) -> None:
    short = short_class(budget, counts)
    if short is None:
        return
    there = f"class '{dataset.class_names[short]}' of '{dataset.name}' has {counts[short]} training "
    there += "example" if counts[short] == 1 else "examples"
    if any(short_class(one, counts) is None for one in among):
        raise TrialSkipped(f"{there}, and train_examples asks for {budget} per class")
    least = min([budget, *among], key=lambda one: one if isinstance(one, int) else 0)
    raise DataError(
        f"train_examples: {there}, fewer than the {least} per class of the smallest budget, so nothing is left to "
        f'run. List a number up to {counts[short]}, a share such as "25%", or "all".'
    )
