"""Ranks over data sets and the tests on them. Arrays in, numbers out.

Scores and ranks have shape ``(data sets, methods)`` throughout; rank 1 is best.

Sources: Friedman (1937); Iman and Davenport (1980), "Approximations of the critical region of the Friedman
statistic"; Wilcoxon (1945); Nemenyi (1963), all as Demšar (2006, JMLR 7) puts them to use for comparing methods
over data sets; Benavoli, Corani and Mangili (2016, JMLR 17) on which of them to believe about a pair.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from suite.compare.across_datasets.records import Friedman
from suite.compare.statistics.paired_tests import SIGNIFICANT

__all__ = [
    "FEWEST_DATASETS",
    "SIGNIFICANT",
    "critical_difference",
    "fewest_datasets",
    "friedman",
    "groups_of",
    "nemenyi_p_values",
    "normalised",
    "ranks_of",
    "signed_rank_p_values",
    "z_scores",
]

Array = NDArray[np.float64]
FEWEST_DATASETS = 6
"""With five, Wilcoxon's exact test cannot go below 2 / 2**5 = 0.0625, and F rejects equal methods too often (up to
7 % for four methods, 19 % with three data sets; simulated in the tests)."""
DIGITS = 10
"""Scores are equal to this many decimals: means over seeds in another order differ in the sixteenth."""
EXACT_WITH_TIES = 25
"""With tied differences the exact distribution is computed up to this many data sets, beyond it the normal one."""
EXACT_UP_TO = 100


def ranks_of(scores: Array, *, higher_is_better: bool) -> Array:
    """Ranks within each data set, the best 1; equal scores share the mean of their ranks."""
    from scipy import stats

    turned = np.round(-scores if higher_is_better else scores, DIGITS)
    return np.asarray(stats.rankdata(turned, method="average", axis=1), dtype=np.float64)


def normalised(scores: Array, *, higher_is_better: bool) -> Array:
    """Scores of each data set stretched from 0 (worst) to 1 (best); NaN where all methods are equal."""
    turned = np.round(scores if higher_is_better else -scores, DIGITS)
    low = turned.min(axis=1, keepdims=True)
    return _divided(turned - low, turned.max(axis=1, keepdims=True) - low)


def z_scores(scores: Array, *, higher_is_better: bool) -> Array:
    """Standard deviations above the mean of each data set, positive is better; NaN where all methods are equal."""
    turned = np.round(scores if higher_is_better else -scores, DIGITS)
    same = np.ptp(turned, axis=1, keepdims=True) == 0
    spread = np.where(same, 0.0, turned.std(axis=1, keepdims=True))
    return _divided(turned - turned.mean(axis=1, keepdims=True), spread)


def friedman(ranks: Array) -> Friedman | None:
    """Friedman's test with the correction for ties, and Iman and Davenport's F of it.

    Args:
        ranks: Shape ``(data sets, methods)``, at least 2 x 2.

    Returns:
        None where all methods are equal on every data set: there is nothing to test.
    """
    from scipy import stats

    count, methods = ranks.shape
    middle = (methods + 1) / 2
    plain = 12 * count / (methods * (methods + 1)) * float(((ranks.mean(axis=0) - middle) ** 2).sum())
    # The variance of the ranks in each row is smaller by its ties; with all tied nothing is left.
    left = float(((ranks - middle) ** 2).sum()) / (count * methods * (methods**2 - 1) / 12)
    if left < 1e-12:
        return None
    chi_square = plain / left
    f, f_plain = (_iman_davenport(value, count, methods) for value in (chi_square, plain))
    degrees = (methods - 1, (methods - 1) * (count - 1))
    return Friedman(
        chi_square=chi_square,
        degrees=methods - 1,
        chi_square_p=float(stats.chi2.sf(chi_square, methods - 1)),
        f=f,
        f_degrees=degrees,
        p_value=_agreement(ranks) if f is None else float(stats.f.sf(f, *degrees)),
        chi_square_plain=plain,
        f_plain=f_plain,
    )


def _iman_davenport(chi_square: float, count: int, methods: int) -> float | None:
    most = count * (methods - 1)
    room = most - chi_square
    return None if room < 1e-9 * most else (count - 1) * chi_square / room


def _agreement(ranks: Array) -> float:
    """The chance that all data sets have the same ranking, where every ranking with its ties is as likely."""
    _, sizes = np.unique(ranks[0], return_counts=True)
    rankings = math.lgamma(ranks.shape[1] + 1) - sum(math.lgamma(size + 1) for size in sizes.tolist())
    return math.exp((1 - len(ranks)) * rankings)


def critical_difference(methods: int, count: int, *, alpha: float = SIGNIFICANT) -> float:
    """Nemenyi's critical difference of mean ranks of ``methods`` methods over ``count`` data sets.

    Demšar (2006), section 3.2.2: q sqrt(k (k + 1) / (6 N)), q from the studentized range over sqrt(2).
    """
    from scipy import stats

    q = float(stats.studentized_range.ppf(1 - alpha, methods, np.inf)) / math.sqrt(2)
    return q * math.sqrt(methods * (methods + 1) / (6 * count))


def nemenyi_p_values(gaps: Array, methods: int, count: int) -> Array:
    """Nemenyi's p-values of differences of mean ranks, corrected for all pairs; same shape as ``gaps``."""
    from scipy import stats

    scaled = np.abs(gaps) / math.sqrt(methods * (methods + 1) / (12 * count))
    return np.clip(np.asarray(stats.studentized_range.sf(scaled, methods, np.inf), dtype=np.float64), 0.0, 1.0)


def groups_of(mean_ranks: Array, difference: float) -> tuple[tuple[int, int], ...]:
    """Largest runs of at least two methods whose mean ranks are closer than ``difference``.

    Args:
        mean_ranks: Ascending.
        difference: The critical difference.

    Returns:
        First and last position of each run, ascending; no run lies inside another.
    """
    lasts = np.searchsorted(mean_ranks, mean_ranks + difference - 1e-9, side="left") - 1
    runs: list[tuple[int, int]] = []
    for first, last in enumerate(lasts.tolist()):
        if last > first and (not runs or last > runs[-1][1]):
            runs.append((first, last))
    return tuple(runs)


def fewest_datasets(pairs: int) -> int:
    """With fewer data sets no pair could be told apart, not even where one method wins on all of them.

    The least p-value of Wilcoxon's exact two-sided test is 2 / 2**n, and Holm multiplies the least of all by the
    number of pairs.
    """
    count = FEWEST_DATASETS
    while pairs * 2.0 ** (1 - count) >= SIGNIFICANT:
        count += 1
    return count


def signed_rank_p_values(differences: Array) -> tuple[Array, Array]:
    """Two-sided p-values of Wilcoxon's signed-rank test, many pairs at once.

    Differences of 0 are left out, as Wilcoxon did.  The distribution is exact, also with tied differences (then
    given the ties); SciPy's ``wilcoxon`` is exact without ties only, or takes one pair at a time.

    Args:
        differences: Score of one method minus that of the other, shape ``(pairs, data sets)``.

    Returns:
        The p-values and the signs of the statistic, shape ``(pairs,)`` each; p is 1 where there is no difference.
    """
    from scipy import stats

    rounded = np.round(differences, DIGITS)
    signs = np.sign(rounded).astype(np.int64)
    zeros = (signs == 0).sum(axis=1, keepdims=True)
    # Twice the ranks: whole numbers with ties too. The zeros have the lowest ranks, so theirs are taken off.
    doubled = np.rint(2 * (stats.rankdata(np.abs(rounded), axis=1) - zeros)).astype(np.int64) * (signs != 0)
    totals = (doubled * signs).sum(axis=1)
    normal = special.erfc(
        _divided(np.abs(totals).astype(np.float64), np.sqrt(2.0 * (doubled**2).sum(axis=1)), none=0.0)
    )
    p_values = np.asarray(normal, dtype=np.float64)
    for row, kept in enumerate((signs != 0).sum(axis=1).tolist()):
        pattern = tuple(sorted(doubled[row].tolist()))[len(doubled[row]) - kept :]
        tied = len(set(pattern)) < kept
        if kept <= (EXACT_WITH_TIES if tied else EXACT_UP_TO):
            upper = _at_least(pattern)
            p_values[row] = min(1.0, 2 * upper[(sum(pattern) + abs(int(totals[row]))) // 2])
    return p_values, np.sign(totals)


@lru_cache(maxsize=4_096)
def _at_least(pattern: tuple[int, ...]) -> list[float]:
    """P(the doubled positive ranks add up to at least i), where every sign is as likely as the other."""
    distribution = np.zeros(sum(pattern) + 1)
    distribution[0] = 1.0
    reached = 0
    for rank in pattern:
        reached += rank
        moved = distribution[: reached - rank + 1].copy()
        distribution[rank : reached + 1] += moved
        distribution[: reached + 1] /= 2
    tail: list[float] = distribution[::-1].cumsum()[::-1].tolist()
    return tail


def _divided(values: Array, by: Array, *, none: float = math.nan) -> Array:
    """Values over ``by``, and ``none`` where that is 0."""
    values, by = np.broadcast_arrays(values, by)
    return np.asarray(np.divide(values, by, out=np.full(values.shape, none), where=by > 0), dtype=np.float64)
