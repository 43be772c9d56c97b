"""Tests of differences whose variance is not quite known, and the correction for testing many."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

from suite.compare.statistics.seed_variance import WEIGHTS
from suite.metrics.resampling import LEVEL

__all__ = ["SIGNIFICANT", "Z_POWER", "Z", "holm", "reach_of", "spread_p_values"]

Array = NDArray[np.float64]
SIGNIFICANT = 0.05
"""Below it, after correction, two cells are told apart."""
Z = float(special.ndtri((1 + LEVEL) / 2))
"""Standard errors from the middle of a 95 % interval to its ends, where the standard error is known: 1.96."""
Z_POWER = float(special.ndtri(0.8))
"""Standard errors beyond the edge of that interval at which a true difference shows 4 times in 5: 0.84."""
NEWTON_STEPS = 30
CLOSE = 1e-7


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
