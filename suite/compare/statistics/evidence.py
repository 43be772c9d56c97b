"""What is known of one cell before anything is concluded: its finished trials and their predictions."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suite.errors import StoreError
from suite.metrics import Metric, MissingScore
from suite.metrics.resampling import resampled_by_fit
from suite.store.records.outputs import Outputs
from suite.store.records.result import Predictions, Result

__all__ = ["THREADS", "LoadPredictions", "SetEvidence", "gather", "mean_score"]

THREADS = min(4, os.cpu_count() or 1)
"""Cells that are looked at side by side: unpacking, resampling and sorting hold no lock for most of their time."""
Array = NDArray[np.float64]
LoadPredictions = Callable[[Result, str], Outputs | None]
"""A result and the name of an evaluation set to its predictions; None where they were not kept."""


@dataclass(frozen=True)
class SetEvidence:
    """The predictions of a cell's finished trials on one evaluation set."""

    predictions: tuple[Outputs, ...]
    """One per seed; of the same examples in the same order, unless seeds have splits of their own."""
    seeds: tuple[int, ...]
    keys: tuple[str, ...]
    """One per seed: a hash over example ids and targets or references, equal exactly where two fits can be paired."""
    scores: Array
    """The headline of each seed, shape ``(seeds,)``; ``(0,)`` where it is missing."""
    values: Array | None
    """Mean over seeds of the headline of each example, shape ``(n,)``; None where it is no mean, or where seeds have
    different examples."""
    by_seed: Array
    """The headline of each seed on bootstrap samples, shape ``(seeds, resamples)``; the same samples for every cell.
    ``(0, 0)`` where it is missing."""
    resampled: Array | None
    """Mean of ``by_seed`` over seeds; None where it is missing."""
    reason: str | None
    """Why there are no resamples, or what was left out."""
    test_to_train: float = 0.0
    """Test examples per training example, where every seed drew its own of both; 0 where all seeds share them."""

    @functools.cached_property
    def examples_key(self) -> str:
        """Equal exactly where the seeds of two cells, one after another, can be paired."""
        return "+".join(dict.fromkeys(self.keys))

    @functools.cached_property
    def classified(self) -> tuple[Predictions, ...]:
        """The predictions where they are of classes; empty where models write."""
        return tuple(one for one in self.predictions if isinstance(one, Predictions))

    @property
    def examples(self) -> int | None:
        """How many examples the set has; None where no predictions were kept."""
        return len(self.predictions[0]) if self.predictions else None

    @property
    def groups(self) -> int | None:
        """How many groups its examples belong to; None where each stands for itself."""
        found = self.predictions[0].facts.groups if self.predictions else None
        return None if found is None else len(np.unique(found))

    @property
    def steps(self) -> int:
        """Seeds in the mean: values of a 0-or-1 metric are multiples of 1 / steps."""
        return len(self.seeds)

    @property
    def freedom(self) -> int:
        """Degrees of freedom of what is known of other seeds."""
        return self.steps - 1

    @property
    def seed_factor(self) -> float:
        """What the variance between seeds is multiplied by to give that of their mean.

        ``1 / seeds``, and ``n_test / n_train`` more where seeds have splits of their own, which overlap: Nadeau and
        Bengio (2003), Inference for the Generalization Error, Machine Learning 52, section 3.
        """
        return 1 / self.steps + self.test_to_train


def gather(
    metric: Metric, results: Sequence[Result], name: str, load: LoadPredictions, *, resample: bool = False
) -> SetEvidence:
    """Loads the predictions of finished trials on one evaluation set and resamples them.

    Args:
        metric: The headline.
        results: Finished final trials of one cell, by seed.
        name: Of the evaluation set.
        load: Gives the predictions of a result.
        resample: Whether every seed has splits of its own, so that all are kept. Otherwise predictions of other
            examples than the first seed's are left out, with a reason, like those that cannot be read.
    """
    loaded: list[tuple[Result, Outputs, str]] = []
    reason: str | None = None
    for result in results:
        try:
            found = load(result, name)
        except StoreError as error:
            found, reason = None, str(error)
        if found is None:
            reason = reason or "the predictions were not kept."
        else:
            loaded.append((result, found, found.examples_key()))
    kept = [entry for entry in loaded if resample or entry[2] == loaded[0][2]]
    if len(kept) < len(loaded):
        reason = f"{len(loaded) - len(kept)} of {len(loaded)} seeds were scored on other examples and are left out."
    predictions, keys = tuple(entry[1] for entry in kept), tuple(entry[2] for entry in kept)
    scores, by_seed = np.zeros(0), np.zeros((0, 0))
    values = missing = None
    if predictions:
        try:
            values, by_seed = _resample(metric, predictions, keys)
            scores = _scores(metric, name, kept)
        except MissingScore as error:
            missing = str(error)
    return SetEvidence(
        predictions=predictions,
        seeds=tuple(entry[0].seed for entry in kept),
        keys=keys,
        scores=scores,
        values=values,
        by_seed=by_seed,
        resampled=np.asarray(by_seed.mean(axis=0)) if len(by_seed) else None,
        reason=missing or reason,
        test_to_train=_test_to_train([entry[0] for entry in kept]) if resample else 0.0,
    )


def mean_score(results: Sequence[Result], name: str, metric: str) -> float | None:
    """Mean over the trials that have the metric on an evaluation set; None where none has."""
    values = [
        score.value
        for result in results
        if (score := result.scores.get(name, {}).get(metric)) is not None and score.value is not None
    ]
    return math.fsum(values) / len(values) if values else None


def _scores(metric: Metric, name: str, kept: Sequence[tuple[Result, Outputs, str]]) -> Array:
    """The headline of each seed: as stored, and from the predictions where it was not."""
    scores = []
    for result, predictions, _ in kept:
        stored = result.scores.get(name, {}).get(metric.name)
        scores.append(metric(predictions) if stored is None or stored.value is None else stored.value)
    return np.array(scores)


def _resample(metric: Metric, predictions: tuple[Outputs, ...], keys: tuple[str, ...]) -> tuple[Array | None, Array]:
    """Values per example, where there are any, and the headline on resamples by seed."""
    if len(set(keys)) == 1:
        values = None
        if metric.per_example is not None:
            for one in predictions:
                metric.refuse_other_answers(one)
            values = np.asarray(np.mean([metric.per_example(one) for one in predictions], axis=0))
        return values, resampled_by_fit(metric, predictions)
    own = [resampled_by_fit(metric, [one])[0] for one in predictions]
    # Different examples are drawn independently: in an order that follows from the examples alone.
    shuffled = [np.random.default_rng(int(key[:15], 16)).permutation(one) for key, one in zip(keys, own, strict=True)]
    return None, np.stack(shuffled)


def _test_to_train(results: Sequence[Result]) -> float:
    """Test examples per training example of the home data set; the largest of the seeds."""
    sizes = [result.data[0].sizes for result in results if result.data]
    return max((one.get("test", 0) / max(1, one.get("train", 0)) for one in sizes), default=0.0)
