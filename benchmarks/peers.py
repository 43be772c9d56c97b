"""Tests that the suite does not use, to compare its own with: what they find of the same simulated answers.

Smyth (2004), Linear Models and Empirical Bayes Methods for Assessing Differential Expression, Statistical Applications
in Genetics and Molecular Biology 3, section 6.2; Satterthwaite (1946), Biometrics Bulletin 2; Nadeau and Bengio (2003),
Inference for the Generalization Error, Machine Learning 52, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from suite.compare.statistics.evidence import SetEvidence
from suite.compare.statistics.intervals import example_variances, spread_of
from suite.compare.statistics.paired_tests import spread_p_values
from suite.compare.statistics.seed_variance import BOTH

__all__ = ["as_given", "each_pair", "moderated_t", "resampled_t", "sign_flip_p_values", "squeezed_as_smyth"]

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


def as_given(answers: Array) -> Array:
    """Sign-flip tests over examples, with the fitted models as they are.

    Args:
        answers: 1 where right, shape ``(models, seeds, examples)``.

    Returns:
        P-values of the pairs in the order of ``np.triu_indices``, as the others here.
    """
    first, second = np.triu_indices(len(answers), 1)
    values = answers.mean(axis=1)
    return sign_flip_p_values(values[first] - values[second], steps=answers.shape[1])


def each_pair(evidence: Sequence[SetEvidence]) -> Array:
    """Each pair by itself, as the suite's reports tested them before there was one verdict.

    Normal errors of examples and seeds, and no p-value below that of the exact test of the fitted models.
    """
    first, second = np.triu_indices(len(evidence), 1)
    spread = spread_of({str(place): one for place, one in enumerate(evidence)})
    seeds = np.array([one.seed_factor * spread[str(place)] for place, one in enumerate(evidence)])
    scores = np.array([one.scores.mean() for one in evidence])
    added = (seeds[first][:, :, None] + seeds[second][:, None, :]).reshape(len(first), -1)
    variances = example_variances(evidence)[first, second][:, None] + added
    p_values = spread_p_values(scores[first] - scores[second], variances, BOTH)
    values = [one.values for one in evidence if one.values is not None]
    if len(values) < len(evidence):
        return p_values
    means = np.stack(values)
    exact = sign_flip_p_values(means[first] - means[second], steps=evidence[0].steps)
    return np.where(added.any(axis=1), np.maximum(exact, p_values), exact)


def moderated_t(answers: Array) -> Array:
    """Examples as they are, and variances between seeds moderated as Smyth does, by moments of their logarithms."""
    models, seeds, examples = answers.shape
    first, second = np.triu_indices(models, 1)
    scores, values = answers.mean(axis=2), answers.mean(axis=1)
    rest = answers - scores[:, :, None] - values[:, None] + scores.mean(axis=1)[:, None, None]
    luck = (rest**2).sum(axis=(1, 2)) / ((seeds - 1) * examples**2)
    variance, freedom = squeezed_as_smyth(np.maximum(scores.var(axis=1, ddof=1), luck / 100), seeds - 1)
    own = np.maximum(variance, luck) / seeds
    over_examples = (values[first] - values[second]).var(axis=1) / examples
    pure = np.maximum(over_examples - (luck[first] + luck[second]) / seeds, 0)
    total = np.maximum(pure + own[first] + own[second], over_examples)
    degrees = freedom * total**2 / (own[first] ** 2 + own[second] ** 2)
    gaps = np.abs(scores.mean(axis=1)[first] - scores.mean(axis=1)[second])
    return np.asarray(2 * special.stdtr(np.minimum(degrees, 1e6), -gaps / np.sqrt(total)))


def resampled_t(scores: Array, factor: float) -> Array:
    """The corrected resampled t-test of scores of shape ``(models, splits)``."""
    first, second = np.triu_indices(len(scores), 1)
    gaps = scores[first] - scores[second]
    error = np.sqrt(factor * gaps.var(axis=1, ddof=1))
    mean = np.abs(gaps.mean(axis=1))
    statistic = np.divide(mean, error, out=np.where(mean < 1e-12, 0.0, np.inf), where=error > 1e-12)
    return np.asarray(2 * stats.t.sf(statistic, scores.shape[1] - 1))


def squeezed_as_smyth(variances: Array, freedom: int) -> tuple[Array, float]:
    """Smyth's posterior variances and their degrees of freedom: never more than all cells have together."""
    logs = np.log(variances) - special.digamma(freedom / 2) + np.log(freedom / 2)
    beyond = logs.var(ddof=1) - special.polygamma(1, freedom / 2)
    pooled = freedom * len(variances)
    if beyond <= 0:
        return np.full(len(variances), variances.mean()), float(pooled)
    prior = 2 * _inverse_trigamma(float(beyond))
    centre = np.exp(logs.mean() + special.digamma(prior / 2) - np.log(prior / 2))
    return (prior * centre + freedom * variances) / (prior + freedom), float(min(prior + freedom, pooled))


def _inverse_trigamma(value: float) -> float:
    """Newton's method on ``1 / trigamma``, as Smyth's appendix has it."""
    found = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(special.polygamma(1, found))
        found += trigamma * (1 - trigamma / value) / float(special.polygamma(2, found))
    return found
