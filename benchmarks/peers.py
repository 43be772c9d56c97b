"""Tests that the suite does not use, to compare its own with: what they find of the same simulated answers.

Smyth (2004), Linear Models and Empirical Bayes Methods for Assessing Differential Expression, Statistical Applications
in Genetics and Molecular Biology 3, section 6.2; Satterthwaite (1946), Biometrics Bulletin 2; Nadeau and Bengio (2003),
Inference for the Generalization Error, Machine Learning 52, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from suite.compare.evidence import SetEvidence
from suite.compare.hierarchy import example_variances, spread_of
from suite.compare.paired import sign_flip_p_values, spread_p_values
from suite.compare.spread import BOTH

__all__ = ["as_given", "each_pair", "moderated_t", "resampled_t", "squeezed_as_smyth"]

Array = NDArray[np.float64]


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
