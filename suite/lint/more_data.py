"""Check ``more_data``: a model that is worse with more training examples than with fewer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from suite.compare.comparison import CellSummary, HeadlineScore
from suite.lint.chance import share
from suite.lint.subjects import LooksAt, Run
from suite.store.records.check import Finding

__all__ = ["MARGIN", "MoreData"]

MARGIN = 0.02
"""How much worse a score without interval and without seeds must be: two points of the headline."""
COLLAPSED = 0.05
"""A model that keeps less than this share of the score it has with fewer examples has broken down."""


@dataclass(frozen=True)
class _Sized:
    """A cell with the number of its training examples."""

    examples: int | None
    """None for all of them, where a published table does not say how many that is."""
    cell: CellSummary
    headline: HeadlineScore


class MoreData:
    """The same model, strategy and data in two sizes, the larger one worse."""

    summary: ClassVar[str] = "cells that are worse with more training examples than with fewer"
    looks_at: ClassVar[tuple[LooksAt, ...]] = ("results",)

    @classmethod
    def findings(cls, subject: Run) -> Iterator[Finding]:
        """Compares each size with the next smaller one; a cell without a size stands for the whole data set."""
        groups: dict[tuple[str, str, str], dict[float, _Sized]] = {}
        for cell in subject.ranked_by_labels:
            home = subject.home(cell)
            if home is not None and cell.headline is not None:
                examples = home.sizes.get("train")
                sizes = groups.setdefault((cell.model, cell.strategy, home.name), {})
                sizes.setdefault(examples or math.inf, _Sized(examples, cell, cell.headline))
        higher = subject.comparison.headline.higher_is_better
        for sizes in groups.values():
            for less, more in pairwise(sized for _, sized in sorted(sizes.items())):
                yield from _compare(less, more, higher=higher)


def _compare(less: _Sized, more: _Sized, *, higher: bool) -> Iterator[Finding]:
    lost = (less.headline.value - more.headline.value) * (1 if higher else -1)
    if lost <= 0 or _explained(less.headline, more.headline, lost):
        return
    broken = higher and more.headline.value < COLLAPSED * less.headline.value
    score = share if higher else "{:.3g}".format
    yield Finding(
        check="more_data",
        severity="error" if broken else "warning",
        what=f"With {_amount(more)} training examples the score is {score(more.headline.value)}, with "
        f"{_amount(less)} it is {score(less.headline.value)}.",
        where=f"{more.cell.model} x {more.cell.dataset} x {more.cell.strategy}",
        why="More examples of the same kind do not make a model so much worse: the larger run has diverged, was tuned "
        "less, or was scored on something else."
        if broken
        else "More examples of the same kind should not hurt: one of the two is tuned worse, or the data differ.",
        mend="Look at the loss of the larger run, and at what differs between the two besides the size; leave the "
        "score out of means until it is explained.",
    )


def _amount(sized: _Sized) -> str:
    return "all" if sized.examples is None else f"{sized.examples:,}"


def _explained(less: HeadlineScore, more: HeadlineScore, lost: float) -> bool:
    """Whether intervals, or the spread over seeds, or the margin where there are neither, explain the loss."""
    if less.low is not None and less.high is not None and more.low is not None and more.high is not None:
        if less.low <= more.high and more.low <= less.high:
            return True
    elif lost < MARGIN:
        return True
    several = min(len(less.seeds), len(more.seeds)) > 1
    return several and less.lowest_seed <= more.highest_seed and more.lowest_seed <= less.highest_seed
