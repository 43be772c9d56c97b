"""Two sources of luck at once: other test examples and other seeds.

A score is the mean over ``K`` seeds and ``n`` examples, and both could have been others.  The variance of such a
mean is that over examples, plus that over seeds, less their interaction, which is in both estimates (Owen 2007, The
Pigeonhole Bootstrap, Annals of Applied Statistics 1; Cameron, Gelbach and Miller 2011, Robust Inference with
Multiway Clustering, Journal of Business and Economic Statistics 29).  The interaction is each fit's luck with single
examples: it comes with the examples here, and what is added is only what the seeds vary beyond it
(``suite.compare.statistics.seed_variance``), which is never below 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from suite.compare.statistics.evidence import SetEvidence
from suite.compare.statistics.paired_tests import Z, reach_of
from suite.compare.statistics.seed_variance import Seeds, seed_spread
from suite.metrics.intervals import Luck, interval_of

__all__ = ["example_variances", "luck_spreads", "overall_interval", "spread_of", "with_finite_rows"]

Array = NDArray[np.float64]
NEARLY_ZERO = 1e-9
"""Of two sums that cancel, a rest below this share is rounding."""


def spread_of(evidence: Mapping[str, SetEvidence]) -> dict[str, Array]:
    """Cell id to what is known of the variance of one seed's score beyond luck with examples.

    Times ``SetEvidence.seed_factor`` it is what other seeds add to the variance of the mean.  Cells without resamples
    are left out.
    """
    able = {name: one for name, one in evidence.items() if one.resampled is not None}
    parts = seed_spread(
        Seeds(
            variance=np.array([_seed_variance(one) for one in able.values()]),
            luck=np.array([_luck(one) for one in able.values()]),
            freedom=np.array([one.freedom for one in able.values()], dtype=np.int64),
        )
    )
    return dict(zip(able, parts, strict=True))


def example_variances(evidence: Sequence[SetEvidence]) -> Array:
    """The variance of the difference of every two mean scores over other examples; shape ``(cells, cells)``.

    The cells must have resamples of one length.  Where seeds have splits of their own, these overlap, and the variance
    is larger than that of as many independent ones (``SetEvidence.seed_factor``).
    """
    means = np.stack([_mean(one) for one in evidence])
    grown = np.array([one.steps * one.seed_factor for one in evidence])
    squares = _of_differences(means - means.mean(axis=1, keepdims=True))
    return np.asarray(squares / (means.shape[1] - 1) * np.maximum(grown[:, None], grown))


def luck_spreads(lucks: Sequence[Luck]) -> Array:
    """What is known of the variance of one seed's score beyond luck with examples, of cells of one data set.

    Returns:
        Shape ``(cells, parts)``; as ``spread_of``, but of any metric.
    """
    return seed_spread(
        Seeds(
            variance=np.array([one.between for one in lucks]),
            luck=np.array([one.within for one in lucks]),
            freedom=np.array([one.fits - 1 for one in lucks], dtype=np.int64),
        )
    )


def overall_interval(luck: Luck, spread: Array) -> tuple[float, float]:
    """The 95 % interval of a cell's score over examples and, with two or more seeds, seeds together.

    Args:
        luck: Of the cell's score with examples.
        spread: What ``luck_spreads`` says of it.
    """
    inside = luck.variance * luck.fits * luck.seed_factor
    if luck.fits < 2:
        return interval_of(luck, inside)
    reach = float(reach_of((inside + spread * luck.seed_factor)[None])[0])
    return interval_of(luck, (reach / Z) ** 2)


def with_finite_rows(values: Array) -> Array:
    """Resamples without a score take the mean of the others of their row, so that sums of products can be built."""
    if np.isfinite(values).all():
        return values
    there = np.isfinite(values)
    means = np.where(there, values, 0).sum(axis=-1, keepdims=True) / np.maximum(there.sum(axis=-1, keepdims=True), 1)
    return np.asarray(np.where(there, values, means))


def _of_differences(rows: Array) -> Array:
    """Squared distances between all rows, shape ``(rows, rows)``."""
    products = rows @ rows.T
    own = np.diagonal(products)
    both = own[:, None] + own
    apart = both - 2 * products
    return np.asarray(np.where(apart > NEARLY_ZERO * both, apart, 0.0))


def _mean(evidence: SetEvidence) -> Array:
    return with_finite_rows(evidence.by_seed.mean(axis=0))


def _luck(evidence: SetEvidence) -> float:
    """How much luck with examples moves one seed's score against the others: the interaction, for one seed."""
    if evidence.steps < 2:
        return 0.0
    by_seed = with_finite_rows(evidence.by_seed)
    apart = by_seed - by_seed.mean(axis=0)
    return float(apart.var(axis=1).sum() / evidence.freedom)


def _seed_variance(evidence: SetEvidence) -> float:
    scores = evidence.scores
    return float(scores.var(ddof=1)) if evidence.steps > 1 and np.ptp(scores) > 0 else 0.0
