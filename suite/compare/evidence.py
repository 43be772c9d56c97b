"""What is known of one cell before anything is concluded: its finished trials and their predictions."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suite.errors import StoreError
from suite.metrics import Metric, MissingScore
from suite.metrics.resampling import interval, resampled_scores
from suite.results import Predictions, Result

__all__ = ["LoadPredictions", "SetEvidence", "gather", "mean_score"]

Array = NDArray[np.float64]
LoadPredictions = Callable[[Result, str], Predictions | None]
"""A result and the name of an evaluation set to its predictions; None where they were not kept."""


@dataclass(frozen=True)
class SetEvidence:
    """The predictions of a cell's finished trials on one evaluation set."""

    predictions: tuple[Predictions, ...]
    """One per seed, all of the same examples in the same order."""
    seeds: tuple[int, ...]
    examples_key: str
    """Hash over example ids and targets: equal exactly where two cells can be paired."""
    values: Array | None
    """Mean over seeds of the headline of each example, shape ``(n,)``; None where it is no mean."""
    resampled: Array | None
    """The headline on bootstrap samples; the same samples for every cell. None where it is missing."""
    reason: str | None
    """Why there are no resamples, or what was left out."""

    @property
    def examples(self) -> int | None:
        """How many examples the set has; None where no predictions were kept."""
        return len(self.predictions[0].targets) if self.predictions else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the headline."""
        return None if self.resampled is None else interval(self.resampled)

    @property
    def steps(self) -> int:
        """Seeds in the mean: values of a 0-or-1 metric are multiples of 1 / steps."""
        return len(self.predictions)


def gather(metric: Metric, results: Sequence[Result], name: str, load: LoadPredictions) -> SetEvidence:
    """Loads the predictions of finished trials on one evaluation set and resamples them.

    Predictions that cannot be read, or that are of other examples than the first seed's, are left out
    with a reason.
    """
    loaded: list[tuple[int, Predictions, str]] = []
    reason: str | None = None
    for result in results:
        try:
            found = load(result, name)
        except StoreError as error:
            found, reason = None, str(error)
        if found is None:
            reason = reason or "the predictions were not kept."
        else:
            loaded.append((result.seed, found, _key(found)))
    same = [entry for entry in loaded if entry[2] == loaded[0][2]]
    if len(same) < len(loaded):
        reason = f"{len(loaded) - len(same)} of {len(loaded)} seeds were scored on other examples and are left out."
    predictions = tuple(entry[1] for entry in same)
    values, resampled, missing = _resample(metric, predictions)
    return SetEvidence(
        predictions=predictions,
        seeds=tuple(entry[0] for entry in same),
        examples_key=same[0][2] if same else "",
        values=values,
        resampled=resampled,
        reason=missing or reason,
    )


def mean_score(results: Sequence[Result], name: str, metric: str) -> float | None:
    """Mean over the trials that have the metric on an evaluation set; None where none has."""
    values = [
        score.value
        for result in results
        if (score := result.scores.get(name, {}).get(metric)) is not None and score.value is not None
    ]
    return math.fsum(values) / len(values) if values else None


def _resample(metric: Metric, predictions: tuple[Predictions, ...]) -> tuple[Array | None, Array | None, str | None]:
    if not predictions:
        return None, None, None
    try:
        values = None
        if metric.per_example is not None:
            values = np.asarray(np.mean([metric.per_example(one) for one in predictions], axis=0))
        return values, resampled_scores(metric, predictions), None
    except MissingScore as missing:
        return None, None, str(missing)


def _key(predictions: Predictions) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(predictions.example_ids).tobytes())
    digest.update(str(predictions.example_ids.dtype).encode())
    digest.update(np.ascontiguousarray(predictions.targets, dtype=np.int64).tobytes())
    return digest.hexdigest()
