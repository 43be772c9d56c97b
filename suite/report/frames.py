"""Results and comparisons as tables for pandas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from suite.compare.advice.constraints import licence_of
from suite.spec.label_budget import ALL
from suite.store.records.result import Result, Score

if TYPE_CHECKING:
    import pandas as pd

    from suite.compare.comparison import Comparison

__all__ = ["leaderboard_frame", "result_row", "results_frame", "scores_frame"]

_OWN = ("id", "cell_id", "model", "dataset", "strategy", "phase", "seed", "status", "reason")
_PROFILE = (
    "parameters",
    "trainable_parameters",
    "macs",
    "size_bytes",
    "latency_ms_p50",
    "latency_ms_p95",
    "throughput_per_second",
    "peak_memory_bytes",
    "device",
)
_TIMINGS = (
    "fit_seconds",
    "compile_seconds",
    "validation_seconds",
    "seconds_to_best",
    "features_seconds",
    "examples_per_second",
    "total_seconds",
)
_FURTHER = ("best_epoch", "batch_size", "family", "started_at", "finished_at")


def results_frame(results: Iterable[Result]) -> pd.DataFrame:
    """One row per trial; a number that could not be had is missing, never 0.

    Columns: who (``id``, ``model``, ``strategy``, ``train_examples``, ...), ``<set>.<metric>`` for each score with
    ``<set>.<metric>.low`` and ``.high`` where it has an interval (``test.accuracy``), what it costs
    (``parameters``, ``latency_ms_p50``, ...), how long it took (``fit_seconds``, ...), ``temperature``, and
    ``hyperparameters.<name>``. Damaged test sets are called ``blur.3``, other data sets of the spec ``cross.<name>``.
    """
    import pandas as pd

    rows = [result_row(result) for result in results]
    frame = pd.DataFrame(rows, columns=list(dict.fromkeys([*_OWN, *(key for row in rows for key in row)])))
    seconds = [column for column in ("started_at", "finished_at") if column in frame]
    for column in seconds:
        frame[column] = pd.to_datetime(frame[column], format="ISO8601", errors="coerce", utc=True)
    return frame


def scores_frame(results: Iterable[Result]) -> pd.DataFrame:
    """One row per trial, evaluation set and metric, with the interval where there is one and the reason where no value.

    Damaged test sets are called ``blur.3``, other data sets of the spec ``cross.<name>``.
    """
    import pandas as pd

    who = ("id", "model", "dataset", "strategy", "phase", "seed")
    rows = [
        {
            **{name: getattr(result, name) for name in who},
            "train_examples": str(result.trial.get("train_examples", ALL)),
            "set": evaluation_set,
            "metric": metric,
            "value": score.value,
            "low": score.low,
            "high": score.high,
            "reason": score.reason,
        }
        for result in results
        for evaluation_set, scores in _scores(result)
        for metric, score in scores.items()
    ]
    columns = [*who, "train_examples", "set", "metric", "value", "low", "high", "reason"]
    return pd.DataFrame(rows, columns=columns).astype({"value": float, "low": float, "high": float})


def leaderboard_frame(comparison: Comparison) -> pd.DataFrame:
    """One row per cell, by data set and rank, with score, verdict and costs.

    ``verdict`` says whether it may be the best, ``behind`` how far it is behind the best score; ``low`` and ``high``
    after a name are the ends of its interval.
    """
    import pandas as pd

    headline = comparison.headline.name
    rows = [
        {
            "rank": cell.rank,
            "model": cell.model,
            "dataset": cell.dataset,
            "strategy": cell.strategy,
            headline: cell.headline.value if cell.headline else None,
            f"{headline}.low": cell.headline.interval[0] if cell.headline and cell.headline.interval else None,
            f"{headline}.high": cell.headline.interval[1] if cell.headline and cell.headline.interval else None,
            "verdict": cell.best.verdict if cell.best else None,
            "behind": cell.best.behind if cell.best else None,
            "behind.low": cell.best.low if cell.best else None,
            "behind.high": cell.best.high if cell.best else None,
            "latency_ms_p50": cell.profile.latency_ms_p50.mean if cell.profile else None,
            "parameters": cell.profile.parameters if cell.profile else None,
            "licence": licence_of(cell),
            "training_seconds": cell.timings.training_seconds.mean if cell.timings else None,
            "finished": cell.finished,
            "planned": cell.planned,
        }
        for cell in comparison.cells
    ]
    return pd.DataFrame(rows).convert_dtypes()


def result_row(result: Result) -> dict[str, Any]:
    """One trial as column and value; see ``results_frame`` for the columns. What could not be had is None or absent."""
    row: dict[str, Any] = {name: getattr(result, name) for name in _OWN}
    row["train_examples"] = str(result.trial.get("train_examples", ALL))
    for evaluation_set, scores in _scores(result):
        for metric, score in scores.items():
            row[f"{evaluation_set}.{metric}"] = score.value
            if score.low is not None:
                row[f"{evaluation_set}.{metric}.low"] = score.low
                row[f"{evaluation_set}.{metric}.high"] = score.high
    for record, names in ((result.profile, _PROFILE), (result.timings, _TIMINGS)):
        row.update({name: getattr(record, name) for name in names} if record else {})
    row.update({name: getattr(result, name) for name in _FURTHER})
    row["licence"] = result.weights.licence if result.weights else None
    if result.calibration is not None:
        row["temperature"] = result.calibration.temperature
    row.update({f"hyperparameters.{name}": value for name, value in result.hyperparameters.items()})
    return row


def _scores(result: Result) -> Iterator[tuple[str, Mapping[str, Score]]]:
    """Every set that a trial was scored on, under the name that its columns begin with."""
    yield from result.scores.items()
    yield from ((f"{one.corruption}.{one.severity}", one.scores) for one in result.corrupted)
    yield from ((f"cross.{one.dataset}", one.scores) for one in result.cross)
