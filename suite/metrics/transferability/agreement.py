"""How well one number predicts another over models: weighted Kendall tau with a bootstrap interval."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from suite.metrics.resampling import interval
from suite.store.records.result import Record

__all__ = ["FEWEST_MODELS", "Agreement", "weighted_tau"]

FEWEST_MODELS = 3
RESAMPLES = 1_000
SEED = 20_170
ROUNDING = 1e-9


class Agreement(Record):
    """How well a score orders models, against what came out later."""

    tau: float | None
    """Weighted Kendall tau, -1 (reversed) to 1 (the same order); None where there is none, and ``reason`` says why."""
    low: float | None = None
    """Lower end of the 95 % interval over models."""
    high: float | None = None
    models: int
    """How many have both numbers."""
    of: int
    """How many there are."""
    reason: str | None = None
    """Why there is no tau, or no interval."""


def weighted_tau(scores: Sequence[float | None], outcomes: Sequence[float | None]) -> Agreement:
    """How well ``scores`` order the models that ``outcomes`` order, the top of the list counting most.

    Vigna: A weighted correlation index for rankings with ties, WWW 2015, with additive hyperbolic weights, mean
    over the ranking by score and by outcome; the default of ``scipy.stats.weightedtau``, and what LogME and later
    papers report.  The 95 % interval is a percentile bootstrap over models: it says how much other models of this
    kind would move the number.  With few models it is wide and rough.

    Args:
        scores: One per model; None where it is missing.
        outcomes: One per model, in the same order.

    Raises:
        ValueError: For sequences of different length.
    """
    pairs = sorted(
        (score, outcome)
        for score, outcome in zip(scores, outcomes, strict=True)
        if score is not None and outcome is not None and np.isfinite([score, outcome]).all()
    )
    counts = {"models": len(pairs), "of": len(scores)}
    if len(pairs) < FEWEST_MODELS:
        reason = f"an order needs {FEWEST_MODELS} models with both numbers; there are {len(pairs)} of {len(scores)}."
        return Agreement(tau=None, reason=reason, **counts)
    values = np.array(pairs, dtype=np.float64)
    tau = _tau(values)
    if not np.isfinite(tau):
        which = "scores" if len(set(values[:, 0])) == 1 else "outcomes"
        return Agreement(tau=None, reason=f"all {which} are the same, and give no order.", **counts)
    ends = interval(_resampled(values))
    if ends is None:
        reason = f"{len(pairs)} models are too few for an interval: too many resamples hold one model only."
        return Agreement(tau=tau, reason=reason, **counts)
    if ends[1] - ends[0] < ROUNDING:
        reason = f"every resample of the {len(pairs)} models gives the same tau, which hides how sure it is."
        return Agreement(tau=tau, reason=reason, **counts)
    return Agreement(tau=tau, low=ends[0], high=ends[1], **counts)


def _tau(pairs: NDArray[np.float64]) -> float:
    from scipy.stats import weightedtau

    return float(weightedtau(pairs[:, 0], pairs[:, 1]).statistic)


def _resampled(pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tau of bootstrap samples of the models, NaN where a sample has no order; the same draws for equal counts."""
    generator = np.random.default_rng(SEED)
    drawn = generator.integers(0, len(pairs), (RESAMPLES, len(pairs)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.array([_tau(pairs[row]) for row in drawn])
