"""Paired tests of two models on the same examples, and the correction for testing many pairs."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from suite.compare.spread import WEIGHTS
from suite.metrics.resampling import LEVEL

__all__ = ["SIGNIFICANT", "Z_POWER", "Z", "holm", "reach_of", "sign_flip_p_values", "spread_p_values"]

Array = NDArray[np.float64]
SIGNIFICANT = 0.05
"""Below it, after correction, two cells are told apart."""
FAR_APART = 8.0
"""Beyond this many standard errors p is below 1e-14 by either computation; no decision hangs on it."""
EXACT_UP_TO = 3_000
"""With more differing examples the normal distribution is as good as the exact one."""
Z = float(special.ndtri((1 + LEVEL) / 2))
"""Standard errors from the middle of a 95 % interval to its ends, where the standard error is known: 1.96."""
Z_POWER = float(special.ndtri(0.8))
"""Standard errors beyond the edge of that interval at which a true difference shows 4 times in 5: 0.84."""
NEWTON_STEPS = 30
CLOSE = 1e-7


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


def spread_p_values(differences: Array, variances: Array, weights: Array = WEIGHTS) -> Array:
    """The two-sided p-values of normal differences whose variances are not quite known.

    The chance of so large a difference under each variance that may be true, weighted by how likely that is: Student's
    t-test comes out where the variances follow from chi-square.

    Args:
        differences: Shape ``(pairs,)``.
        variances: What the variance of each may be, shape ``(pairs, parts)``.
        weights: How likely each part is, shape ``(parts,)``.

    Returns:
        Shape ``(pairs,)``; 1 where the two never differ, and 0 where they always do by the same.
    """
    size = np.abs(differences)[:, None]
    never = np.where(size > 0, np.inf, 0.0)
    deviations = np.divide(
        size, np.sqrt(variances), out=np.broadcast_to(never, variances.shape).copy(), where=variances > 0
    )
    return np.asarray(special.erfc(deviations / math.sqrt(2)) @ weights, dtype=np.float64)


def reach_of(variances: Array, weights: Array = WEIGHTS, *, chance: float = SIGNIFICANT) -> Array:
    """Half the width of their intervals: where ``spread_p_values`` is ``chance``; shape ``(pairs,)``."""
    far = float(special.ndtri(1 - chance / 2))
    low, high = (far * np.sqrt(end(variances, axis=1)) for end in (np.min, np.max))
    reach = np.asarray(far * np.sqrt(variances @ weights))
    open_ = np.flatnonzero(high > low * (1 + CLOSE))
    scales = np.sqrt(variances[open_])
    for _ in range(NEWTON_STEPS):
        if not len(open_):
            break
        deviations = reach[open_, None] / scales
        p_values = special.erfc(deviations / math.sqrt(2)) @ weights
        slope = (np.exp(-(deviations**2) / 2) / scales) @ weights * math.sqrt(2 / math.pi)
        step = np.log(p_values / chance) * p_values / slope
        reach[open_] = np.clip(reach[open_] + step, low[open_], high[open_])
        moving = np.abs(step) > CLOSE * reach[open_]
        open_, scales = open_[moving], scales[moving]
    return reach


def holm(p_values: Array) -> Array:
    """Holm's step-down correction (1979): adjusted p-values in the order given, shape ``(m,)``."""
    count = len(p_values)
    order = np.argsort(p_values, kind="stable")
    stepped = np.maximum.accumulate(p_values[order] * (count - np.arange(count)))
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
