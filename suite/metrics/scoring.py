"""Predictions to scores: what the runner stores with every trial."""

from __future__ import annotations

from collections.abc import Sequence

from suite.metrics.intervals import with_interval
from suite.metrics.metric import Metric
from suite.store.records.outputs import Outputs
from suite.store.records.result import Score

__all__ = ["score_all"]


def score_all(predictions: Outputs, metrics: Sequence[Metric], *, headline: str | None = None) -> dict[str, Score]:
    """Every metric of one set of predictions.

    Args:
        predictions: Of one fit on one evaluation set.
        metrics: In the order in which the scores come back.
        headline: Name of the metric that also gets a 95 % interval over examples; the first when None.

    Returns:
        Metric name to score. A metric that cannot be computed has no value and a reason.
    """
    chosen = headline or (metrics[0].name if metrics else None)
    return {
        metric.name: with_interval(metric, predictions) if metric.name == chosen else metric.score(predictions)
        for metric in metrics
    }
