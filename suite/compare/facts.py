"""The four facts under the answer: what was compared, how much finished, what can be seen, what it cost."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from suite.compare.cell import CellSummary
from suite.compare.comparison import DatasetFacts, Difference, EnvironmentUse, Facts, FailureRecord
from suite.compare.planned import PlanSummary
from suite.compare.statistics.evidence import SetEvidence
from suite.metrics import Metric
from suite.spec.label_budget import budget_of
from suite.store.records.result import Environment, Predictions, Result, Status

__all__ = ["dataset_facts", "environments_of", "facts_of", "failures_of", "wall_seconds"]

LOG_LINES = 20
FAILED: tuple[Status, ...] = ("failed", "diverged", "timeout")


def facts_of(plan: PlanSummary, results: Sequence[Result], tests: tuple[DatasetFacts, ...], *, cut: int = 0) -> Facts:
    """Counts over the plan and the results that belong to it; ``cut`` trials were left out for lack of time."""
    statuses = Counter(result.status for result in results)
    seconds = (result.timings.total_seconds for result in results if result.timings is not None)
    return Facts(
        models=len({trial.model for trial in plan.trials}),
        strategies=len({trial.strategy for trial in plan.trials}),
        datasets=len({trial.dataset for trial in plan.trials}),
        seeds=len({trial.seed for trial in plan.trials if trial.phase == "final"}),
        cells=len({trial.cell_id for trial in plan.trials}),
        trials_planned=len(plan.trials) - cut,
        trials_finished=statuses["done"],
        trials_failed=sum(statuses[status] for status in FAILED),
        trials_missing=len(plan.trials) - len(results) - cut,
        cells_skipped=len(plan.skips),
        tests=tests,
        wall_seconds=wall_seconds(results),
        worker_seconds=math.fsum(seconds),
        devices=tuple(dict.fromkeys(result.environment.device for result in results if result.environment is not None)),
    )


def dataset_facts(
    dataset: str,
    ranked: Sequence[CellSummary],
    evidence: Mapping[str, SetEvidence],
    pairs: Sequence[Difference],
    metric: Metric,
) -> DatasetFacts:
    """What the test set of one data set can show, from the cells that were scored on it.

    Args:
        dataset: Its label.
        ranked: Its cells, best first.
        evidence: Cell id to predictions on the home test set.
        pairs: As tested: half of the interval of a difference is what does not show.
        metric: The headline.
    """
    with_predictions = [evidence[cell.cell_id] for cell in ranked if evidence[cell.cell_id].predictions]
    if not with_predictions:
        return DatasetFacts(dataset=dataset, examples=None, smallest_difference=None, chance=None)
    first = with_predictions[0]
    targets = first.classified[0].targets if first.classified else np.zeros(0, dtype=np.int64)
    neighbours = set(pairwise(cell.cell_id for cell in ranked))
    tested = [pair for pair in pairs if (pair.better, pair.worse) in neighbours and pair.smallest_detectable]
    reaches = [(pair.high - pair.low) / 2 for pair in tested if pair.high is not None and pair.low is not None]
    shares = [pair.seed_share for pair in tested if pair.seed_share is not None]
    return DatasetFacts(
        dataset=dataset,
        examples=first.examples,
        groups=first.groups,
        smallest_difference=statistics.median(reaches) if reaches else None,
        seed_share=statistics.median(shares) if shares else None,
        chance=float(np.bincount(targets).max() / len(targets)) if len(targets) else None,
        always=_always(first.classified[0], metric) if first.classified else None,
    )


def _always(predictions: Predictions, metric: Metric) -> float | None:
    """The metric of the same answer to every example: how frequent each class is."""
    shares = np.bincount(predictions.targets, minlength=len(predictions.class_names)) / max(1, len(predictions.targets))
    answers = np.broadcast_to(shares.astype(np.float32), predictions.probabilities.shape)
    same = Predictions(predictions.example_ids, predictions.targets, answers, predictions.class_names)
    return metric.score(same).value


def failures_of(results: Iterable[Result]) -> tuple[FailureRecord, ...]:
    """Every trial that ended without a score, its reason and the end of its log."""
    return tuple(
        FailureRecord(
            trial_id=result.id,
            cell_id=result.cell_id,
            model=result.model,
            dataset=result.dataset,
            strategy=result.strategy,
            seed=result.seed,
            train_examples=budget_of(result.trial),
            phase=result.phase,
            status=result.status,
            reason=result.reason or "no reason was recorded.",
            log_tail="\n".join((result.error or "").splitlines()[-LOG_LINES:]),
        )
        for result in results
        if result.status != "done"
    )


def environments_of(results: Iterable[Result]) -> tuple[EnvironmentUse, ...]:
    """The distinct environments, the most used first.

    Whether XLA is used is decided per model, so it makes no other environment.
    """
    found: dict[str, tuple[Environment, int]] = {}
    for result in results:
        if result.environment is None:
            continue
        key = result.environment.model_dump_json(exclude={"jit_compile", "jit_reason"})
        first, count = found.get(key, (result.environment, 0))
        found[key] = (first, count + 1)
    most_used = sorted(found.values(), key=lambda entry: -entry[1])
    return tuple(EnvironmentUse(environment=environment, trials=count) for environment, count in most_used)


def wall_seconds(results: Iterable[Result]) -> float | None:
    """Seconds during which at least one trial was running; None where no trial has its times."""
    spans = sorted(span for result in results if (span := _span(result)) is not None)
    if not spans:
        return None
    total, (start, end) = 0.0, spans[0]
    for next_start, next_end in spans[1:]:
        if next_start > end:
            total, start, end = total + end - start, next_start, next_end
        else:
            end = max(end, next_end)
    return total + end - start


def _span(result: Result) -> tuple[float, float] | None:
    try:
        start = dt.datetime.fromisoformat(result.started_at).timestamp()
        end = dt.datetime.fromisoformat(result.finished_at).timestamp()
    except ValueError:
        return None
    return start, max(start, end)
