"""Two sources of luck at once: other test examples and other seeds.

A score is the mean over ``K`` seeds and ``n`` examples, and both could have been others.  The variance of such a
mean is that over examples, plus that over seeds, less their interaction, which is in both estimates (Owen 2007, The
Pigeonhole Bootstrap, Annals of Applied Statistics 1; Cameron, Gelbach and Miller 2011, Robust Inference with
Multiway Clustering, Journal of Business and Economic Statistics 29).

The hierarchical bootstrap here resamples examples as usual.  Seeds it does not resample: drawing 3 of 3 seeds makes
their variance too small by ``(K - 1) / K`` (Davison and Hinkley 1997, Bootstrap Methods and their Application, section
3.8), and even a corrected variance of three seeds is itself a guess.  So the seeds' part of each resample is drawn
from Student's distribution with ``K - 1`` degrees of freedom, scaled by their unbiased variance: what is known of a
mean of ``K`` values whose variance is unknown.  Half of the interaction is taken out of each of the two parts.  The
sum is then unbiased whichever way it is split; half and half covers best with few seeds
(``benchmarks/statistics.md``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from suite.compare.evidence import SetEvidence
from suite.metrics.resampling import SEED, interval

__all__ = ["ONE_SEED", "Noise", "hierarchical", "noise_of", "noise_of_pairs", "overall_interval", "with_finite_rows"]

Array = NDArray[np.float64]
Floats = NDArray[np.floating]
HALF = 0.5
NEARLY_ZERO = 1e-9
"""Of two sums that cancel, a rest below this share is rounding."""
ONE_SEED = "there is one seed only, so nothing is known of how much another would change."


@dataclass(frozen=True)
class Noise:
    """Variances of some scores or differences; the arrays have one shape."""

    examples: Array
    """Of the mean over seeds, over other examples."""
    mixed: Array
    """The part that seeds and examples have in common."""
    seeds: Array
    """Of the mean over seeds, over other seeds; ``mixed`` is in it."""
    freedom: NDArray[np.int64]
    """Degrees of freedom of ``seeds``; 0 where there is one seed, and nothing is known of others."""

    def among(self, row: int, columns: Sequence[int]) -> Noise:
        """Some of one row of the noise of pairs."""
        return Noise(
            examples=self.examples[row, columns],
            mixed=self.mixed[row, columns],
            seeds=self.seeds[row, columns],
            freedom=self.freedom[row, columns],
        )


def noise_of(evidence: Sequence[SetEvidence]) -> Noise:
    """The noise of each cell's score; every array has shape ``(cells,)``. The cells must have resamples."""
    return Noise(
        examples=np.array([_variance(_mean(one)) for one in evidence]),
        mixed=np.array([_mixed(one) for one in evidence]),
        seeds=np.array([_seed_variance(one) for one in evidence]),
        freedom=np.array([one.steps - 1 for one in evidence], dtype=np.int64),
    )


def noise_of_pairs(evidence: Sequence[SetEvidence]) -> Noise:
    """The noise of the difference of every two cells; shape ``(cells, cells)``, empty without cells.

    Cells with the same seeds on the same examples are paired seed by seed; where seeds are missing in one, the
    variances over seeds add up.
    """
    own = noise_of(evidence)
    if not evidence:
        return own
    mixed = own.mixed[:, None] + own.mixed
    seeds = own.seeds[:, None] + own.seeds
    freedom = np.minimum(own.freedom[:, None], own.freedom)
    for members in _alike(evidence):
        first = evidence[members[0]]
        if first.steps < 2:
            continue
        block = np.ix_(members, members)
        apart = np.stack([_apart(evidence[index]).ravel() for index in members])
        scores = np.stack([evidence[index].scores for index in members])
        scores = scores - scores.mean(axis=1, keepdims=True)
        mixed[block] = _of_differences(apart) * first.steps / apart.shape[1] / (first.steps * first.freedom)
        seeds[block] = _of_differences(scores) / first.freedom * first.seed_factor
    means = np.stack([_mean(one) for one in evidence])
    examples = _of_differences(means - means.mean(axis=1, keepdims=True)) / (means.shape[1] - 1)
    return Noise(examples=examples, mixed=mixed, seeds=seeds, freedom=freedom)


def hierarchical(resampled: Floats, centres: Array, noise: Noise) -> Floats:
    """Resamples over examples, widened by what other seeds would change.

    Args:
        resampled: Scores or differences on resampled examples, shape ``(rows, resamples)``.
        centres: The scores or differences themselves, shape ``(rows,)``.
        noise: Of each row. Rows without freedom come back as they are.

    Returns:
        Shape ``(rows, resamples)``, in the precision of ``resampled``.
    """
    kind = resampled.dtype
    half = HALF * noise.mixed
    kept = np.divide(half, noise.examples, out=np.zeros_like(half), where=noise.examples > 0)
    shrink = np.where(noise.freedom > 0, np.sqrt(np.clip(1 - kept, 0, 1)), 1.0)
    widen = np.sqrt(np.maximum(noise.seeds - half, 0)).astype(kind)
    spread: Floats = resampled * shrink.astype(kind)[:, None]
    spread += (centres * (1 - shrink)).astype(kind)[:, None]
    for freedom in np.unique(noise.freedom[noise.freedom > 0]).tolist():
        rows = np.flatnonzero((noise.freedom == freedom) & (widen > 0))
        spread[rows] += widen[rows, None] * _student(freedom, resampled.shape[1]).astype(kind)
    return spread


def overall_interval(
    evidence: SetEvidence, bounds: tuple[float, float] | None
) -> tuple[tuple[float, float] | None, str | None]:
    """The 95 % interval of a cell's score over examples and seeds together, or why there is none.

    It holds the interval over examples: three seeds that happen to agree do not make the test set larger.
    """
    inner = evidence.interval
    if evidence.resampled is None or inner is None:
        return None, evidence.reason or "too few resamples have a score."
    if evidence.steps < 2:
        return None, ONE_SEED
    centre = evidence.scores.mean()
    spread = hierarchical(_mean(evidence)[None], np.array([centre]), noise_of([evidence]))
    outer = interval(spread[0].astype(np.float64)) or inner
    low, high = bounds or (-np.inf, np.inf)
    return (max(low, min(inner[0], outer[0])), min(high, max(inner[1], outer[1]))), None


def with_finite_rows(values: Array) -> Array:
    """Resamples without a score take the mean of the others of their row, so that sums of products can be built."""
    if np.isfinite(values).all():
        return values
    there = np.isfinite(values)
    means = np.where(there, values, 0).sum(axis=-1, keepdims=True) / np.maximum(there.sum(axis=-1, keepdims=True), 1)
    return np.asarray(np.where(there, values, means))


@lru_cache(maxsize=32)
def _student(freedom: int, resamples: int) -> Array:
    """Evenly spaced quantiles of Student's distribution in an order of their own: no noise from drawing."""
    quantiles = special.stdtrit(freedom, (np.arange(resamples) + 0.5) / resamples)
    drawn: Array = np.random.default_rng([SEED, freedom]).permutation(quantiles)
    return drawn


def _alike(evidence: Sequence[SetEvidence]) -> list[list[int]]:
    """Positions of cells that have the same seeds on the same examples."""
    groups: dict[tuple[tuple[int, ...], tuple[str, ...]], list[int]] = {}
    for index, one in enumerate(evidence):
        groups.setdefault((one.seeds, one.keys), []).append(index)
    return list(groups.values())


def _of_differences(rows: Array) -> Array:
    """Squared distances between all rows, shape ``(rows, rows)``."""
    products = rows @ rows.T
    own = np.diagonal(products)
    both = own[:, None] + own
    apart = both - 2 * products
    return np.asarray(np.where(apart > NEARLY_ZERO * both, apart, 0.0))


def _mean(evidence: SetEvidence) -> Array:
    return with_finite_rows(evidence.by_seed.mean(axis=0))


def _apart(evidence: SetEvidence) -> Array:
    """What each seed's resamples differ from the mean over seeds; shape ``(seeds, resamples)``, row means 0."""
    by_seed = with_finite_rows(evidence.by_seed)
    apart = by_seed - by_seed.mean(axis=0)
    return np.asarray(apart - apart.mean(axis=1, keepdims=True))


def _variance(values: Array) -> float:
    return float(values.var(ddof=1))


def _mixed(evidence: SetEvidence) -> float:
    if evidence.steps < 2:
        return 0.0
    return float((_apart(evidence) ** 2).mean(axis=1).sum() / (evidence.steps * evidence.freedom))


def _seed_variance(evidence: SetEvidence) -> float:
    if evidence.steps < 2:
        return 0.0
    scores = evidence.scores
    return _variance(scores) * evidence.seed_factor if np.ptp(scores) > 0 else 0.0
