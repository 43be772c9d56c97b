"""Metrics of plugins as results keep them: a run is read without importing anything that it names.

A trial writes down what is known of each metric that a plugin brought (``MetricRecord`` of a result), and beside its
predictions what the metric said of them: where it is a mean over examples the value of each, else the score followed by
the scores of the bootstrap samples.  Both are enough to rank, to draw intervals and to pair.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.errors import StoreError
from suite.metrics.metric import Metric, MissingScore, metrics_named
from suite.metrics.resampling import resampled_by_fit
from suite.registry import METRICS
from suite.store.records.outputs import Outputs
from suite.store.records.result import MetricRecord, Result

__all__ = ["metric_to_read", "metrics_to_read", "record_of", "records_of", "scored_by"]


def records_of(metrics: Iterable[Metric]) -> dict[str, MetricRecord]:
    """Name to record of those metrics that plugins brought."""
    return {metric.name: record_of(metric) for metric in metrics if not METRICS.is_builtin(metric.name)}


def record_of(metric: Metric) -> MetricRecord:
    """What is kept of a metric."""
    return MetricRecord(
        label=metric.label,
        higher_is_better=metric.higher_is_better,
        summary=metric.summary,
        answers=metric.answers,
        stratified=metric.stratified,
        bounds=metric.bounds,
        is_mean=metric.per_example is not None,
    )


def scored_by(metrics: Iterable[Metric], predictions: Outputs) -> dict[str, NDArray[np.float64]]:
    """What metrics of plugins say of predictions, to be kept with them; a metric that is missing keeps nothing."""
    found: dict[str, NDArray[np.float64]] = {}
    for metric in metrics:
        if METRICS.is_builtin(metric.name):
            continue
        try:
            value = metric(predictions)
            if metric.per_example is not None:
                found[metric.name] = np.asarray(metric.per_example(predictions), dtype=np.float64)
            else:
                found[metric.name] = np.concatenate([[value], resampled_by_fit(metric, [predictions])[0]])
        except MissingScore:
            continue
    return found


def metric_to_read(name: str, results: Sequence[Result]) -> Metric:
    """A metric for reading: as it is registered here, else as the results keep it.

    Raises:
        StoreError: Where it is neither, with what to give and the nearest name.
    """
    found = metrics_to_read([name], results)
    if not found:
        near = difflib.get_close_matches(name, METRICS.names(), n=1)
        raise StoreError(
            f"the metric '{name}' is of a plugin that is not loaded, and these results do not say enough of it: give "
            "--plugin FILE. (Reading a run imports nothing that the run names.)"
            + (f" Did you mean '{near[0]}'?" if near else "")
        )
    return found[0]


def metrics_to_read(names: Sequence[str], results: Sequence[Result]) -> tuple[Metric, ...]:
    """``metric_to_read`` for several names; those that are unknown are left out."""
    records: dict[str, MetricRecord] = {}
    for result in results:
        records |= result.metrics
    made: list[Metric] = []
    for name in names:
        if name in METRICS:
            made += metrics_named([name])
        elif name in records:
            made.append(_kept_metric(name, records[name]))
    return tuple(made)


def _kept_metric(name: str, record: MetricRecord) -> Metric:
    """A metric that says of predictions what was kept with them, and of others nothing."""

    def kept(predictions: Any) -> NDArray[np.float64]:
        scored: Mapping[str, NDArray[np.float64]] = predictions.scored
        if name not in scored or (record.is_mean and len(scored[name]) != len(predictions)):
            raise MissingScore(f"{record.label} is a metric of a plugin, and what it says of these was not kept.")
        return scored[name]

    def score(predictions: Any) -> float:
        found = kept(predictions)
        return float(found.mean() if record.is_mean else found[0])

    def resampled(predictions: Any) -> NDArray[np.float64]:
        return kept(predictions)[1:]

    return Metric(
        name=name,
        label=record.label,
        higher_is_better=record.higher_is_better,
        summary=record.summary,
        function=score,
        answers=record.answers,
        per_example=kept if record.is_mean else None,
        kept_resamples=None if record.is_mean else resampled,
        stratified=record.stratified,
        bounds=record.bounds,
    )
