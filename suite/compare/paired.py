"""Paired tests of two models on the same examples, and the correction for testing many pairs."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

__all__ = ["bootstrap_p_value", "holm", "sign_flip_p_values"]

Array = NDArray[np.float64]
FAR_APART = 8.0
"""Beyond this many standard errors p is below 1e-14 by either computation; no decision hangs on it."""
EXACT_UP_TO = 3_000
"""With more differing examples the normal distribution is as good as the exact one."""


def sign_flip_p_values(differences: Array, *, steps: int = 1) -> Array:
    """The two-sided p-values of paired sign-flip tests, many pairs at once.

    Under the null hypothesis each example's difference could as well have had the other sign.  For one
    seed and a right-or-wrong metric this is McNemar's exact test.

    Args:
        differences: Score of one model minus that of the other for each example, shape ``(pairs, n)``.
        steps: Where every difference is a multiple of ``1 / steps``, the exact distribution is used;
            otherwise the normal one.

    Returns:
        Shape ``(pairs,)``; 1 where the models never differ.
    """
    scaled = differences * steps
    whole = np.rint(scaled)
    spread = np.sqrt((scaled**2).sum(axis=1))
    total = np.abs(scaled.sum(axis=1))
    deviation = np.divide(total, spread, out=np.zeros_like(total), where=spread > 0)
    p_values = np.asarray(special.erfc(deviation / math.sqrt(2)), dtype=np.float64)
    is_whole = np.abs(scaled - whole).max(axis=1, initial=0.0) < 1e-6
    few = np.count_nonzero(whole, axis=1) <= EXACT_UP_TO
    for row in np.flatnonzero(is_whole & few & (deviation <= FAR_APART)):
        sizes = np.bincount(np.abs(whole[row]).astype(np.int64)).tolist()
        p_values[row] = _exact(tuple(sizes[1:]), abs(int(whole[row].sum())))
    return p_values


@lru_cache(maxsize=65_536)
def _exact(counts: tuple[int, ...], total: int) -> float:
    """P(|sum| >= total) of independent signs on ``counts[k - 1]`` differences of size ``k``."""
    if total == 0:
        return 1.0
    distribution = np.ones(1)
    largest = 0
    for size, count in enumerate(counts, start=1):
        if count:
            distribution = np.convolve(distribution, _signs(count, size))
            largest += size * count
    # Entry i stands for the sum 2 i - largest.
    first = -(-(total + largest) // 2)
    return float(min(1.0, 2 * distribution[first:].sum()))


@lru_cache(maxsize=16_384)
def _signs(count: int, size: int) -> Array:
    """Distribution of the number of plus signs, spread so that one more sign is ``size`` entries further."""
    spread = np.zeros(count * size + 1)
    spread[::size] = _fair_coins(count)
    return spread


def _fair_coins(count: int) -> Array:
    """The binomial distribution of ``count`` fair coins, from the ratios of its neighbours.

    ``scipy.stats.binom.pmf`` to 13 digits, without the second that importing ``scipy.stats`` takes.
    """
    below = np.arange(count // 2)
    ratios = (below + 1) / (count - below)
    half = np.append(np.cumprod(ratios[::-1])[::-1], 1.0)
    whole = np.concatenate([half, half[::-1] if count % 2 else half[-2::-1]])
    return np.asarray(whole / whole.sum())


def bootstrap_p_value(difference: float, resampled: Array) -> float | None:
    """The two-sided p-value of a normal test with the bootstrap's standard error.

    For metrics that are no mean over examples, such as F1.

    Args:
        difference: Observed difference of the two scores.
        resampled: The difference on paired bootstrap samples, shape ``(resamples,)``.

    Returns:
        None where fewer than 95 % of the resamples have a score; 1 where the models never differ.
    """
    there = resampled[np.isfinite(resampled)]
    if len(there) < max(2, 0.95 * len(resampled)):
        return None
    error = float(there.std(ddof=1))
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return math.erfc(abs(difference) / error / math.sqrt(2))


def holm(p_values: Array) -> Array:
    """Holm's step-down correction (1979): adjusted p-values in the order given, shape ``(m,)``."""
    count = len(p_values)
    order = np.argsort(p_values, kind="stable")
    stepped = np.maximum.accumulate(p_values[order] * (count - np.arange(count)))
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
