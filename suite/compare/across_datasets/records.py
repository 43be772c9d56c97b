"""One comparison over several data sets: the types of everything that is told of it.

A method is a model with a strategy; on each data set it is one cell, and its score there is that cell's
headline.  ``suite.compare.across_datasets.summary`` builds these, ``docs/report.md`` explains them in plain words.
"""

from __future__ import annotations

from typing import Literal

from suite.store.records.result import Record

__all__ = [
    "Across",
    "Friedman",
    "LackingMethod",
    "LeftOutDataset",
    "MeanOver",
    "MethodAcross",
    "MethodPair",
    "MissingOn",
    "Nemenyi",
]


class MeanOver(Record):
    """A mean over data sets, and how many of how many it covers."""

    value: float | None
    """None where no data set has the number."""
    count: int
    """Data sets in the mean."""
    of: int
    """Data sets of the comparison."""


class MethodAcross(Record):
    """A method that has a score on every data set that counts."""

    model: str
    strategy: str
    strategy_name: str
    """The registered name, for instance ``fine_tune`` where the label is ``fine_tune: all``."""
    place: int
    """From 1, by mean rank; equal mean ranks share a place."""
    mean_rank: MeanOver
    """1 is best; methods with equal scores share the mean of their ranks."""
    score: MeanOver
    """Of the headline. Data sets differ in difficulty, so this mean is pulled by the ones with the widest spread."""
    normalised: MeanOver
    """0 for the worst and 1 for the best compared method of a data set. Data sets where all are equal have none."""
    z_score: MeanOver
    """Standard deviations above the mean of the compared methods of a data set; positive is better."""
    win_rate: MeanOver
    """Share of the contests with every other compared method on every data set that it wins; ties count half."""
    wins: int
    """Data sets where no compared method has a better score; shared first places count for each."""
    cell_ids: tuple[str, ...]
    """One per data set that counts, in the order of ``Across.datasets``, as are the two below."""
    scores: tuple[float, ...]
    ranks: tuple[float, ...]


class MissingOn(Record):
    """A data set that a method has no score on."""

    dataset: str
    reason: str


class LackingMethod(Record):
    """A method that is listed apart, because it lacks a data set that counts."""

    model: str
    strategy: str
    finished: int
    """Data sets that count and that it has a score on."""
    missing: tuple[MissingOn, ...]


class LeftOutDataset(Record):
    """A data set that does not count, because fewer than half of the methods have a score on it."""

    dataset: str
    finished: int
    of: int


class Friedman(Record):
    """Friedman's test of whether the methods differ at all, with the correction for tied ranks."""

    chi_square: float
    degrees: int
    """Of freedom, of the chi-square: methods - 1."""
    chi_square_p: float
    f: float | None
    """Iman and Davenport's F; None where all data sets agree completely and it has no bound."""
    f_degrees: tuple[int, int]
    p_value: float
    """Of F, which decides. Where F has no bound: the exact chance of complete agreement."""
    chi_square_plain: float
    """By the formula of Demšar (2006), section 3.2.2, which leaves ties uncorrected: to compare with papers."""
    f_plain: float | None
    """Iman and Davenport's F of ``chi_square_plain``."""


class Nemenyi(Record):
    """Nemenyi's test of all pairs by their mean ranks, corrected for all of them together."""

    critical_difference: float
    """Mean ranks that are at least this far apart differ, at 5 %."""
    groups: tuple[tuple[int, int], ...]
    """First and last position in ``Across.methods`` of each largest run of methods that are closer than that."""


class MethodPair(Record):
    """Two compared methods, by their positions in ``Across.methods``."""

    first: int
    second: int
    """The larger position: its mean rank is no better."""
    wins: int
    """Data sets where ``first`` has the better score."""
    ties: int
    losses: int
    favours: Literal["first", "second", "neither"]
    """The sign of Wilcoxon's statistic, which may disagree with the mean ranks: it weighs large gaps more."""
    p_value: float | None
    """Of Wilcoxon's signed-rank test; None where there are too few data sets."""
    p_holm: float | None
    """The same, corrected for all pairs."""
    p_nemenyi: float | None
    different: bool
    """Whether the two can be told apart at 5 %, by ``p_holm``."""


class Across(Record):
    """What the data sets say together."""

    datasets: tuple[str, ...]
    """Those that count, in the order of the plan."""
    of: int
    """Data sets in the plan."""
    methods: tuple[MethodAcross, ...]
    """The compared ones, best mean rank first; empty where there are fewer than two, or fewer than two data sets."""
    lacking: tuple[LackingMethod, ...]
    left_out: tuple[LeftOutDataset, ...]
    friedman: Friedman | None
    nemenyi: Nemenyi | None
    pairs: tuple[MethodPair, ...]
    answer: str | None
    """One sentence: what comes out best over all data sets; None where nothing can be compared."""
    sentences: tuple[str, ...]
    """What the tests say, or why there are none, and what was left out."""
