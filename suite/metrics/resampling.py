"""The bootstrap over examples: the same resamples for every model, so that their differences are paired.

Tests of pairs and verdicts stand on it; the interval of a score does not (``suite.metrics.intervals``).

Where a metric is ``stratified``, examples are drawn within their class, so that no resample loses a class or
changes the mix.  Classes may be small, and drawing ``n`` of ``n`` makes a variance too small by ``(n - 1) / n``; so
each resample leaves one example of each class out at random and draws from the others, which makes the
variance of a mean exactly unbiased: the bootknife of Hesterberg (2004), Unbiasing the Bootstrap - Bootknife Sampling
vs. Smoothing, Proceedings of the Section on Statistics and the Environment, ASA, pages 2924 to 2930.

Examples that belong together (a patient's, a video's) are drawn together: whole groups, as a bootknife, whatever their
classes are (the cluster bootstrap; Field and Welsh 2007, Bootstrapping Clustered Data, JRSS B 69).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from suite.metrics.metric import Metric
from suite.store.records.outputs import Outputs

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
LEVEL = 0.95


Targets = NDArray[np.int64]


def resampled_means(
    values: NDArray[np.float64], *, strata: Targets | None = None, groups: Targets | None = None
) -> NDArray[np.float64]:
    """Means of ``RESAMPLES`` bootstrap samples of the rows.

    Args:
        values: Shape ``(n, columns)``, one row per example.
        strata: The class of each example, shape ``(n,)``, where each class keeps its number of examples.
        groups: The group of each, shape ``(n,)``, where groups are drawn.

    Returns:
        Shape ``(RESAMPLES, columns)``. Two calls with the same ``n``, strata and groups see the same resamples.
    """
    single = values.astype(np.float32)
    parts, totals = [], []
    for weights in _weights(len(values), strata, groups):
        parts.append(weights @ single)
        totals.append(weights.sum(axis=1, dtype=np.float64))
    return np.asarray(np.concatenate(parts).astype(np.float64) / np.concatenate(totals)[:, None])


def resampled_by_fit(metric: Metric, predictions: Sequence[Outputs]) -> NDArray[np.float64]:
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
    if not metric.is_mean:
        for one in predictions:
            metric(one)
    under = [metric.prepared(one) for one in predictions]
    strata = predictions[0].strata if metric.stratified else None
    parts = _weights(len(predictions[0]), strata, predictions[0].facts.groups)
    if metric.is_slow:
        parts = _first(SLOW_RESAMPLES, parts)
    return np.concatenate([np.stack([score(weights) for score in under]) for weights in parts], axis=1)


def resampled_scores(metric: Metric, predictions: Sequence[Outputs]) -> NDArray[np.float64]:
    """``resampled_by_fit`` averaged over the fits: shape ``(RESAMPLES,)`` or ``(SLOW_RESAMPLES,)``."""
    return np.asarray(resampled_by_fit(metric, predictions).mean(axis=0))


def interval(resampled: NDArray[np.float64], level: float = LEVEL) -> tuple[float, float] | None:
    """The percentile interval of resampled scores; None where more than 1 in 20 resamples has no score."""
    there = resampled[np.isfinite(resampled)]
    if len(there) == 0 or len(there) < 0.95 * len(resampled):
        return None
    low, high = np.quantile(there, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _weights(
    examples: int, strata: Targets | None = None, groups: Targets | None = None
) -> Iterator[NDArray[np.float32]]:
    """How often each example is drawn, in parts of shape ``(some resamples, examples)``."""
    classes = None if strata is None else strata.astype(np.int64).tobytes()
    together = None if groups is None else groups.astype(np.int64).tobytes()
    if examples * RESAMPLES <= WEIGHTS_AT_ONCE:
        yield _small_weights(examples, classes, together)
        return
    draw = _drawer(examples, classes, together)
    at_once = max(1, WEIGHTS_AT_ONCE // examples)
    for start in range(0, RESAMPLES, at_once):
        yield draw(min(at_once, RESAMPLES - start))


@lru_cache(maxsize=8)
def _small_weights(examples: int, classes: bytes | None, together: bytes | None) -> NDArray[np.float32]:
    weights = _drawer(examples, classes, together)(RESAMPLES)
    weights.setflags(write=False)
    return weights


def _first(count: int, parts: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """The first resamples of all of them."""
    left = count
    for weights in parts:
        yield weights[:left]
        left -= len(weights)
        if left <= 0:
            return


def _drawer(examples: int, classes: bytes | None, together: bytes | None) -> _Plain | _Stratified | _Grouped:
    if together is not None:
        return _Grouped(np.frombuffer(together, dtype=np.int64))
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


class _Grouped:
    """As many groups as there are, one of them left out at random; every example as often as its group."""

    def __init__(self, groups: Targets) -> None:
        names, self.group = np.unique(groups, return_inverse=True)
        self.draw = _Stratified(np.zeros(len(names), dtype=np.int64))

    def __call__(self, resamples: int) -> NDArray[np.float32]:
        """The next resamples, shape ``(resamples, examples)``."""
        return self.draw(resamples)[:, self.group]
