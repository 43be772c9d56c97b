"""How far counts are off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from object_counting.outputs import Counts
from suite.metrics.metric import metric


@metric(
    "mean_absolute_error",
    answers="count",
    higher_is_better=False,
    summary="Mean of how far counts are off; 0 is best.",
    per_example=lambda counts: np.abs(counts.errors),
)
def mean_absolute_error(counts: Counts) -> float:
    """Mean absolute error."""
    return float(np.abs(counts.errors).mean())


def _under(counts: Counts, weights: NDArray[np.floating]) -> NDArray[np.float64]:
    true = counts.true_counts.astype(np.float64)
    total = weights.sum(axis=1)
    means = weights @ true / total
    spread = weights @ true**2 / total - means**2
    left = weights @ counts.errors**2 / total
    return np.where(spread > 0, 1 - left / np.where(spread > 0, spread, 1.0), np.nan)


@metric(
    "explained_variance",
    answers="count",
    higher_is_better=True,
    summary="Share of the variance of the true counts that is explained; 1 is best.",
    weighted=_under,
)
def explained_variance(counts: Counts) -> float:
    """Coefficient of determination."""
    return float(_under(counts, np.ones((1, len(counts))))[0])
