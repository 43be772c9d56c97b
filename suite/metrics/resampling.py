"""The bootstrap over examples: the same resamples for every model, so that their differences are paired."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from suite.metrics.metric import Counts, Metric, MissingScore
from suite.results import Predictions

__all__ = ["RESAMPLES", "interval", "intervals", "resampled_means", "resampled_scores"]

RESAMPLES = 2_000
SLOW_RESAMPLES = 500
"""For metrics that must be computed anew for each resample; enough for a 95 % interval, not for a fine one."""
SEED = 20_170
WEIGHTS_AT_ONCE = 4_000_000
"""Counts in memory at once: 16 MB."""
DENSE_CLASSES = 32
LEVEL = 0.95


def resampled_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of ``RESAMPLES`` bootstrap samples of the rows.

    Args:
        values: Shape ``(n, columns)``, one row per example.

    Returns:
        Shape ``(RESAMPLES, columns)``. Two calls with the same ``n`` see the same resamples.
    """
    single = values.astype(np.float32)
    parts = [weights @ single for weights in _weights(len(values))]
    return np.concatenate(parts).astype(np.float64) / len(values)


def resampled_scores(metric: Metric, predictions: Sequence[Predictions]) -> NDArray[np.float64]:
    """The metric on bootstrap samples of the examples, mean over several models of the same examples.

    Args:
        metric: Any metric; those that are means or functions of counts are fast.
        predictions: One or more fits (seeds), all on the same examples in the same order.

    Returns:
        Shape ``(RESAMPLES,)``, or ``(SLOW_RESAMPLES,)`` where each resample must be scored anew. NaN where a
        resample has no score, for instance since it lost a class.

    Raises:
        MissingScore: Where the metric is missing on the predictions themselves.
    """
    if metric.per_example is not None:
        values = _mean([metric.per_example(one) for one in predictions])
        return resampled_means(values[:, None])[:, 0]
    if metric.from_counts is not None:
        return _mean([_from_counts(metric, metric.from_counts, one) for one in predictions])
    return _mean([_anew(metric, one) for one in predictions])


def interval(resampled: NDArray[np.float64], level: float = LEVEL) -> tuple[float, float] | None:
    """The percentile interval of resampled scores; None where more than 1 in 20 resamples has no score."""
    there = resampled[np.isfinite(resampled)]
    if len(there) == 0 or len(there) < 0.95 * len(resampled):
        return None
    low, high = np.quantile(there, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def intervals(resampled: NDArray[np.float64]) -> NDArray[np.float64]:
    """``interval`` of many rows at once.

    Args:
        resampled: Shape ``(rows, resamples)``.

    Returns:
        Low and high per row, shape ``(rows, 2)``; NaN where there is no interval.
    """
    ends = np.full((len(resampled), 2), np.nan)
    whole = np.isfinite(resampled).all(axis=1)
    if whole.any():
        # Sorting single precision is several times faster than any partition of double precision.
        ordered = np.sort(resampled[whole].astype(np.float32), axis=1).astype(np.float64)
        last = ordered.shape[1] - 1
        for column, share in enumerate(((1 - LEVEL) / 2, (1 + LEVEL) / 2)):
            below = int(share * last)
            above = min(below + 1, last)
            ends[whole, column] = ordered[:, below] + (share * last - below) * (ordered[:, above] - ordered[:, below])
    for row in np.flatnonzero(~whole):
        found = interval(resampled[row])
        if found is not None:
            ends[row] = found
    return ends


def _weights(examples: int) -> Iterator[NDArray[np.float32]]:
    """How often each example is drawn, in parts of shape ``(some resamples, examples)``."""
    if examples * RESAMPLES <= WEIGHTS_AT_ONCE:
        yield _small_weights(examples)
        return
    generator = np.random.default_rng(SEED)
    at_once = max(1, WEIGHTS_AT_ONCE // examples)
    for start in range(0, RESAMPLES, at_once):
        yield _draw(generator, examples, min(at_once, RESAMPLES - start))


@lru_cache(maxsize=8)
def _small_weights(examples: int) -> NDArray[np.float32]:
    weights = _draw(np.random.default_rng(SEED), examples, RESAMPLES)
    weights.setflags(write=False)
    return weights


def _draw(generator: np.random.Generator, examples: int, resamples: int) -> NDArray[np.float32]:
    """Multinomial counts, drawn as indices: faster than the multinomial sampler for many examples."""
    counts = np.empty((resamples, examples), dtype=np.float32)
    for row in range(resamples):
        counts[row] = np.bincount(generator.integers(0, examples, examples), minlength=examples)
    return counts


def _mean(arrays: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.asarray(np.mean(np.stack(arrays), axis=0))


def _from_counts(metric: Metric, score: Counts, predictions: Predictions) -> NDArray[np.float64]:
    metric(predictions)
    classes = predictions.probabilities.shape[1]
    cell = predictions.targets * classes + predictions.labels
    scores: list[NDArray[np.float64]] = []
    for weights in _weights(len(cell)):
        if classes <= DENSE_CLASSES:
            one_hot = np.eye(classes * classes, dtype=np.float32)[cell]
            matrices = (weights @ one_hot).reshape(-1, classes, classes).astype(np.float64)
            scores.append(score(matrices))
            continue
        for row in weights:
            counts = np.bincount(cell, row, classes * classes).astype(np.float64)
            scores.append(score(counts.reshape(1, classes, classes)))
    return np.concatenate(scores)


def _anew(metric: Metric, predictions: Predictions) -> NDArray[np.float64]:
    generator = np.random.default_rng(SEED)
    examples = len(predictions.targets)
    scores = np.full(SLOW_RESAMPLES, np.nan)
    metric(predictions)
    for index in range(SLOW_RESAMPLES):
        drawn = generator.integers(0, examples, examples)
        sample = Predictions(
            example_ids=predictions.example_ids[drawn],
            targets=predictions.targets[drawn],
            probabilities=predictions.probabilities[drawn],
            class_names=predictions.class_names,
        )
        try:
            scores[index] = metric(sample)
        except MissingScore:
            continue
    return scores
