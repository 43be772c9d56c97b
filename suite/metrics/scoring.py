"""Predictions to scores: what the runner stores with every trial."""

from __future__ import annotations

from collections.abc import Sequence

from suite.generations import AnyPredictions
from suite.metrics.metric import Metric, MissingScore
from suite.metrics.resampling import interval, resampled_scores
from suite.results import Score

__all__ = ["score_all", "score_with_interval"]


def score_all(
    predictions: AnyPredictions, metrics: Sequence[Metric], *, headline: str | None = None
) -> dict[str, Score]:
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
        metric.name: score_with_interval(metric, predictions) if metric.name == chosen else metric.score(predictions)
        for metric in metrics
    }


def score_with_interval(metric: Metric, predictions: AnyPredictions) -> Score:
    """The score with its 95 % percentile bootstrap interval over examples, where it has one."""
    score = metric.score(predictions)
    if score.value is None:
        return score
    try:
        found = interval(resampled_scores(metric, [predictions]))
    except MissingScore:
        return score
    if found is None:
        return score
    return Score(value=score.value, low=found[0], high=found[1])
