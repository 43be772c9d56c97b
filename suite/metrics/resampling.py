"""The bootstrap over examples: the same resamples for every model, so that their differences are paired.

Tests of pairs and verdicts stand on it; the interval of a score does not (``suite.metrics.intervals``).

Where a metric is ``stratified``, examples are drawn within their class, so that no resample loses a class or
changes the mix.  Classes may be small, and drawing ``n`` of ``n`` makes a variance too small by ``(n - 1) / n``; so
each resample leaves one example of each class out at random and draws from the others, which makes the
variance of a mean exactly unbiased: the bootknife of Hesterberg (2004), Unbiasing the Bootstrap - Bootknife Sampling
vs. Smoothing, Proceedings of the Section on Statistics and the Environment, ASA, pages 2924 to 2930.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from suite.metrics.metric import Counts, Metric, MissingScore, Statistics, Sums
from suite.store.records.generations import AnyPredictions
from suite.store.records.result import Predictions

__all__ = [
    "LEVEL",
    "RESAMPLES",
    "SEED",
    "interval",
    "resampled_by_fit",
    "resampled_means",
    "resampled_scores",
]

RESAMPLES = 2_000
SLOW_RESAMPLES = 500
"""For metrics that must be computed anew for each resample; enough for a 95 % interval, not for a fine one."""
SEED = 20_170
WEIGHTS_AT_ONCE = 4_000_000
"""Counts in memory at once: 16 MB."""
DENSE_CLASSES = 32
LEVEL = 0.95


Targets = NDArray[np.int64]


def resampled_means(values: NDArray[np.float64], *, strata: Targets | None = None) -> NDArray[np.float64]:
    """Means of ``RESAMPLES`` bootstrap samples of the rows.

    Args:
        values: Shape ``(n, columns)``, one row per example.
        strata: The class of each example, shape ``(n,)``, where each class keeps its number of examples.

    Returns:
        Shape ``(RESAMPLES, columns)``. Two calls with the same ``n`` and strata see the same resamples.
    """
    single = values.astype(np.float32)
    parts = [weights @ single for weights in _weights(len(values), strata)]
    return np.concatenate(parts).astype(np.float64) / len(values)


def resampled_by_fit(metric: Metric, predictions: Sequence[AnyPredictions]) -> NDArray[np.float64]:
    """The metric on bootstrap samples of the examples, for several models of the same examples.

    Args:
        metric: Any metric; those that are means, or functions of counts or sums, are fast.
        predictions: One or more fits (seeds), all on the same examples in the same order.

    Returns:
        Shape ``(fits, RESAMPLES)``, or ``(fits, SLOW_RESAMPLES)`` where each resample must be scored anew. NaN where
        a resample has no score.

    Raises:
        MissingScore: Where the metric is missing on the predictions themselves.
    """
    for one in predictions:
        metric.refuse_other_answers(one)
    if metric.kept_resamples is not None:
        kept = [metric.kept_resamples(one) for one in predictions]
        return np.stack([one[: min(map(len, kept))] for one in kept])
    strata = predictions[0].targets if metric.stratified else None
    if metric.per_example is not None:
        values = np.stack([metric.per_example(one) for one in predictions], axis=1)
        return resampled_means(values, strata=strata).T
    if metric.from_counts is not None:
        counted = [one for one in predictions if isinstance(one, Predictions)]
        return np.stack([_from_counts(metric, metric.from_counts, one, strata) for one in counted])
    if metric.sums is not None and metric.from_sums is not None:
        return np.stack([_from_sums(metric, metric.sums, metric.from_sums, one, strata) for one in predictions])
    return np.stack([_anew(metric, one, strata) for one in predictions])


def resampled_scores(metric: Metric, predictions: Sequence[AnyPredictions]) -> NDArray[np.float64]:
    """``resampled_by_fit`` averaged over the fits: shape ``(RESAMPLES,)`` or ``(SLOW_RESAMPLES,)``."""
    return np.asarray(resampled_by_fit(metric, predictions).mean(axis=0))


def interval(resampled: NDArray[np.float64], level: float = LEVEL) -> tuple[float, float] | None:
    """The percentile interval of resampled scores; None where more than 1 in 20 resamples has no score."""
    there = resampled[np.isfinite(resampled)]
    if len(there) == 0 or len(there) < 0.95 * len(resampled):
        return None
    low, high = np.quantile(there, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _weights(examples: int, strata: Targets | None = None) -> Iterator[NDArray[np.float32]]:
    """How often each example is drawn, in parts of shape ``(some resamples, examples)``."""
    classes = None if strata is None else strata.astype(np.int64).tobytes()
    if examples * RESAMPLES <= WEIGHTS_AT_ONCE:
        yield _small_weights(examples, classes)
        return
    draw = _drawer(examples, classes)
    at_once = max(1, WEIGHTS_AT_ONCE // examples)
    for start in range(0, RESAMPLES, at_once):
        yield draw(min(at_once, RESAMPLES - start))


@lru_cache(maxsize=8)
def _small_weights(examples: int, classes: bytes | None) -> NDArray[np.float32]:
    weights = _drawer(examples, classes)(RESAMPLES)
    weights.setflags(write=False)
    return weights


def _drawer(examples: int, classes: bytes | None) -> _Plain | _Stratified:
    return _Plain(examples) if classes is None else _Stratified(np.frombuffer(classes, dtype=np.int64))


class _Plain:
    """Multinomial counts, drawn as indices: faster than the multinomial sampler for many examples."""

    def __init__(self, examples: int) -> None:
        self.examples = examples
        self.generator = np.random.default_rng(SEED)

    def __call__(self, resamples: int) -> NDArray[np.float32]:
        """The next resamples, shape ``(resamples, examples)``."""
        counts = np.empty((resamples, self.examples), dtype=np.float32)
        for row in range(resamples):
            drawn = self.generator.integers(0, self.examples, self.examples)
            counts[row] = np.bincount(drawn, minlength=self.examples)
        return counts


class _Stratified:
    """As many draws of each class as it has examples, one of them left out at random: the bootknife."""

    def __init__(self, strata: Targets) -> None:
        self.order = np.argsort(strata, kind="stable")
        _, self.stratum, sizes = np.unique(strata[self.order], return_inverse=True, return_counts=True)
        self.sizes = sizes
        self.starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self.drawn, self.left_out = (np.random.default_rng([SEED, part]) for part in (0, 1))

    def __call__(self, resamples: int) -> NDArray[np.float32]:
        """The next resamples, shape ``(resamples, examples)``."""
        examples = len(self.order)
        omitted = (self.left_out.random((resamples, len(self.sizes))) * self.sizes).astype(np.int64)
        # A class with a single example keeps it.
        omitted[:, self.sizes == 1] = 1
        others = np.maximum(self.sizes - 1, 1)
        place = (self.drawn.random((resamples, examples)) * others[self.stratum]).astype(np.int64)
        place += place >= omitted[:, self.stratum]
        place += self.starts[self.stratum] + examples * np.arange(resamples)[:, None]
        counts = np.empty((resamples, examples), dtype=np.float32)
        counted = np.bincount(place.ravel(), minlength=resamples * examples)
        counts[:, self.order] = counted.reshape(resamples, examples)
        return counts


def _from_counts(
    metric: Metric, score: Counts, predictions: Predictions, strata: Targets | None
) -> NDArray[np.float64]:
    metric(predictions)
    classes = predictions.probabilities.shape[1]
    cell = predictions.targets * classes + predictions.labels
    scores: list[NDArray[np.float64]] = []
    for weights in _weights(len(cell), strata):
        if classes <= DENSE_CLASSES:
            one_hot = np.eye(classes * classes, dtype=np.float32)[cell]
            matrices = (weights @ one_hot).reshape(-1, classes, classes).astype(np.float64)
            scores.append(score(matrices))
            continue
        for row in weights:
            counts = np.bincount(cell, row, classes * classes).astype(np.float64)
            scores.append(score(counts.reshape(1, classes, classes)))
    return np.concatenate(scores)


def _from_sums(
    metric: Metric, statistics: Statistics, score: Sums, predictions: AnyPredictions, strata: Targets | None
) -> NDArray[np.float64]:
    metric(predictions)
    summands = statistics(predictions).astype(np.float32)
    parts = [score((weights @ summands).astype(np.float64)) for weights in _weights(len(summands), strata)]
    scores = np.concatenate(parts)
    return np.where(np.isfinite(scores), scores, np.nan)


def _anew(metric: Metric, predictions: AnyPredictions, strata: Targets | None) -> NDArray[np.float64]:
    examples = len(predictions.targets)
    scores = np.full(SLOW_RESAMPLES, np.nan)
    metric(predictions)
    rows = (row for weights in _weights(examples, strata) for row in weights)
    for index, row in zip(range(SLOW_RESAMPLES), rows, strict=False):
        sample = predictions.take(np.repeat(np.arange(examples), row.astype(np.int64)))
        try:
            scores[index] = metric(sample)
        except MissingScore:
            continue
    return scores
