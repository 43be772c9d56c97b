"""How far an estimate would move with other examples of the same kind: 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from suite.metrics.metric import MissingScore

__all__ = ["jackknife_half_width", "wilson"]

Z = 1.959964
"""Quantile of the normal distribution for 95 %, two-sided."""
FOLDS = 10
FEWEST_FOLDS = 5
MOST_EXAMPLES = 500
"""The noise of more is that of so many, divided by the root of their ratio: ten more estimates stay cheap."""


def wilson(share: float, examples: int) -> tuple[float, float]:
    """Wilson's score interval of a share of ``examples`` (Wilson 1927)."""
    middle = (share + Z**2 / (2 * examples)) / (1 + Z**2 / examples)
    half = Z / (1 + Z**2 / examples) * math.sqrt(share * (1 - share) / examples + Z**2 / (4 * examples**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def jackknife_half_width(
    estimate: Callable[[NDArray[np.int64]], float], targets: NDArray[np.int64], *, seed: int = 0
) -> float | None:
    """Half of a 95 % interval, from estimates that each leave out a tenth of the examples.

    The grouped jackknife (Efron and Tibshirani 1993, chapter 11); a bootstrap would show an estimator each example
    twice, which those that leave one out take for knowledge.

    Args:
        estimate: Of the examples at some rows.
        targets: Classes, shape ``(n,)``; each fold has its share of every class.
        seed: Of the folds.

    Returns:
        None where too few folds have an estimate, as with classes of two examples.
    """
    generator = np.random.default_rng(seed)
    chosen = generator.permutation(len(targets))[:MOST_EXAMPLES]
    by_class = chosen[np.argsort(targets[chosen], kind="stable")]
    folds = np.arange(len(by_class)) % FOLDS
    found = []
    for fold in range(FOLDS):
        try:
            found.append(estimate(np.sort(by_class[folds != fold])))
        except MissingScore:
            continue
    if len(found) < FEWEST_FOLDS:
        return None
    values = np.array(found)
    variance = (len(values) - 1) / len(values) * float(((values - values.mean()) ** 2).sum())
    return Z * math.sqrt(variance * len(chosen) / len(targets))
