"""Check ``label_budgets``: label budgets that the data cannot give, or that leave little to choose settings on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np

from suite.lint.study import Home, Study
from suite.lint.subjects import LooksAt
from suite.spec.label_budget import ALL, Budget, allowance, allowance_beside, short_class, words_of
from suite.store.records.check import Finding

__all__ = ["FEWEST", "LabelBudgets"]

FEWEST = 50
"""Validation examples below which one of them moves the score that chooses settings by more than two points."""


class LabelBudgets:
    """``train_examples`` of the spec against the sizes of the classes."""

    summary: ClassVar[str] = "label budgets that the data cannot give, or that leave little to choose settings on"
    looks_at: ClassVar[tuple[LooksAt, ...]] = ("data",)

    @classmethod
    def findings(cls, subject: Study) -> Iterator[Finding]:
        """Per data set: the budgets that are left out, then the smallest of the others."""
        budgets = subject.plan.spec.train_examples
        for home in subject.homes if budgets != (ALL,) else ():
            counts, validation = _counts(home, "train"), _counts(home, "validation")
            able = [one for one in budgets if short_class(one, counts) is None]
            for budget in budgets:
                if budget not in able:
                    yield _too_large(home, budget, counts, nothing_left=not able)
            chosen_on = {one: sum(allowance_beside(allowance(one, counts), counts, validation)) for one in able}
            few = [one for one, number in chosen_on.items() if number < FEWEST and one != ALL]
            if few:
                yield _few(home, few, min(chosen_on[one] for one in few))


def _counts(home: Home, split: str) -> list[int]:
    counts: list[int] = np.bincount(home.dataset.splits[split].targets, minlength=home.dataset.num_classes).tolist()
    return counts


def _too_large(home: Home, budget: Budget, counts: Sequence[int], *, nothing_left: bool) -> Finding:
    place = short_class(budget, counts) or 0
    return Finding(
        check="label_budgets",
        severity="error" if nothing_left else "warning",
        what=f"Class '{home.dataset.class_names[place]}' has {counts[place]} training examples, fewer than the "
        f"{budget} per class that train_examples asks for.",
        where=f"{home.label}, train",
        why="No budget can be run on this data set." if nothing_left else "This budget is left out on this data set.",
        mend=f'Ask for {counts[place]} per class or fewer, for a share such as "25%", or add examples.',
    )


def _few(home: Home, budgets: Sequence[Budget], fewest: int) -> Finding:
    return Finding(
        check="label_budgets",
        severity="note",
        what=f"With {' or '.join(map(words_of, budgets))}, settings are chosen on as few as {fewest} validation "
        "examples.",
        where=f"{home.label}, validation",
        why="The choice between settings is mostly chance then, as it would be with so few labels.",
        mend="Keep the number of settings small, or read these points of the curve with their spread over seeds.",
    )
