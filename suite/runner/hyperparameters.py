"""The setting that a trial fits: its own candidate, the sampler's draw, or what was best on validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from suite.errors import TrialSkipped
from suite.registry import METRICS
from suite.runner.request import TrialRequest
from suite.spec.search.propose import Tried, propose
from suite.spec.search.pruning import Stop, Watch, heights, watch_for
from suite.spec.trial import Trial
from suite.store.records.result import Result, Score

__all__ = ["batch_size_of", "drawn", "setting_of", "watch_of"]


def drawn(trial: Trial, earlier: Sequence[Result], headline: str) -> Trial:
    """The trial with its setting, where it belongs to a sampled search; any other as it is.

    Args:
        trial: Of the plan.
        earlier: Results of the search trials before it, in their order.
        headline: Name of the metric that the search goes by.
    """
    search = trial.cell.search
    if search is None or trial.phase != "search" or trial.number is None:
        return trial
    better = METRICS.get(headline).higher_is_better if search.sampler == "tpe" else True
    tried = [_tried(result, headline) for result in earlier]
    return replace(trial, candidate=propose(search, trial.number, tried, higher_is_better=better))


def watch_of(request: TrialRequest) -> Watch | Stop | None:
    """What ends a fit early: of a short trial its last epoch, of a search trial its pruner; None for the others."""
    if request.trial.epochs is not None:
        return Stop(request.trial.epochs)
    search = request.trial.cell.search
    if search is None or request.trial.phase != "search":
        return None
    return watch_for(search, [_tried(result, request.headline) for result in request.search_results])


def setting_of(request: TrialRequest) -> Mapping[str, Any]:
    """The options that a trial sets in its strategy.

    A final trial takes the search trial that was best on validation, by the headline metric.  Trials that were given
    up do not count. Ties go to the lower validation loss, then to the earlier trial: the candidates of a grid are
    listed from the simplest.

    Raises:
        TrialSkipped: Where every search trial failed.
    """
    trial = request.trial
    if trial.phase != "final":
        return trial.candidate or {}
    if trial.cell.search_seed is None:
        return {}
    tried = [one for one in request.search_results if one.status == "done" and one.pruned_after is None]
    if not tried:
        raise TrialSkipped("every search trial of this cell failed, so there is no setting to take")
    sign = 1.0 if METRICS.get(request.headline).higher_is_better else -1.0
    chosen = max(tried, key=lambda result: _rank(result, request.headline, sign))
    setting: dict[str, Any] = chosen.trial["candidate"]
    return setting


def batch_size_of(request: TrialRequest) -> int:
    """The batch size that is asked for, which a search may vary."""
    return int(setting_of(request).get("batch_size") or request.trial.cell.batch_size)


def _tried(result: Result, headline: str) -> Tried:
    return Tried(
        setting=result.trial.get("candidate") or {},
        score=_value(result, headline),
        curve=heights(result.history, higher_is_better=METRICS.get(headline).higher_is_better),
        pruned=result.pruned_after is not None,
    )


def _rank(result: Result, headline: str, sign: float) -> tuple[float, float]:
    score, loss = _value(result, headline), _value(result, "log_loss")
    return (
        sign * score if score is not None else float("-inf"),
        -loss if loss is not None else float("-inf"),
    )


def _value(result: Result, metric: str) -> float | None:
    score: Score | None = result.scores.get("validation", {}).get(metric)
    return score.value if score is not None else None
