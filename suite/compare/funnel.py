"""What a funnel did: who was dropped and why, what it cost and saved, how well each stage predicted the next."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Mapping, Sequence

from suite.compare.cell import CellSummary
from suite.compare.planned import PlannedTrial, PlanSummary
from suite.metrics.transferability.agreement import Agreement, weighted_tau
from suite.spec.funnel.record import DatasetFunnel, Drop, StageKind, StageState
from suite.spec.funnel.rules import measured_of, said_of, static_limits
from suite.store.records.result import Profile, Record, Result, Score

__all__ = ["FunnelStage", "FunnelSummary", "RankedModel", "left_out_by_funnel", "summarise_funnel", "without_dropped"]


class RankedModel(Record):
    """One model before training: what it costs and what its frozen features say."""

    model: str
    profile: Profile | None
    estimates: dict[str, Score]
    reason: str | None = None
    """Why it has neither."""


class FunnelStage(Record):
    """One stage, as a reader sees it."""

    kind: StageKind
    title: str
    judged_by: str
    entrants: int
    unit: str
    """What they are: ``models`` or ``cells``."""
    trials: int
    """Fits, or looks at features, that it asked for and that ended."""
    seconds: float
    """Of these, in their workers."""
    drops: tuple[Drop, ...]
    decided: bool
    remark: str | None = None
    predicted: str | None = None
    """What its scores are held against: the next stage."""
    agreement: Agreement | None = None
    """How well its order of those who went on was that of the next stage; None for the last."""


class FunnelSummary(Record):
    """The funnel on one data set."""

    dataset: str
    stages: tuple[FunnelStage, ...]
    models: tuple[RankedModel, ...]
    """Best first by the estimator that decides."""
    ranked_by: str
    """Name of that estimator."""
    trials_run: int
    trials_left_out: int
    """Searches and full fits that were planned and are not run."""
    seconds_spent: float
    """Of everything that ran."""
    seconds_full: float | None
    """About what all searches and full fits would have taken together, judged by comparable ones; None where there
    are none."""
    decided: bool
    """Whether every stage has ended."""
    nobody: str | None = None
    """Which limits exclude every model, and the nearest that do not; None where one is left."""


def left_out_by_funnel(plan: PlanSummary, results: Collection[str]) -> frozenset[str]:
    """Ids of the trials that the funnel of a plan leaves out; empty where there is no funnel."""
    return frozenset() if plan.funnel is None else plan.funnel.left_out.difference(results)


def without_dropped(plan: PlanSummary, results: Mapping[str, Result]) -> PlanSummary:
    """The plan without the cells that the funnel dropped before any full fit: they have no score and no rank."""
    if plan.funnel is None:
        return plan
    drops = (drop for one in plan.funnel.datasets for stage in one.stages for drop in stage.drops)
    cells = {cell_id for drop in drops for cell_id in drop.cell_ids}
    gone = cells - {result.cell_id for result in results.values() if result.phase == "final"}
    return plan.model_copy(update={"trials": tuple(trial for trial in plan.trials if trial.cell_id not in gone)})


def summarise_funnel(
    plan: PlanSummary, results: Mapping[str, Result], cells: Sequence[CellSummary], *, higher_is_better: bool
) -> tuple[FunnelSummary, ...]:
    """One summary per data set; empty where the plan has no funnel.

    Args:
        plan: With the state of its funnel.
        results: Trial id to result, all that there are.
        cells: Of the comparison, for the scores on test.
        higher_is_better: Of the headline.
    """
    if plan.funnel is None:
        return ()
    sign = 1.0 if higher_is_better else -1.0
    tested = {cell.cell_id: sign * cell.headline.value for cell in cells if cell.headline}
    return tuple(_summary(one, plan, results, tested) for one in plan.funnel.datasets)


def _summary(
    found: DatasetFunnel, plan: PlanSummary, results: Mapping[str, Result], tested: Mapping[str, float]
) -> FunnelSummary:
    own = [trial for trial in plan.trials if trial.dataset == found.dataset]
    ranks = [trial for trial in plan.ranked if trial.dataset == found.dataset]
    model_of = {trial.cell_id: trial.model for trial in own}
    ran = [results[trial.trial_id] for trial in (*ranks, *own) if trial.trial_id in results]
    seen = [(stage, _scores(stage)) for stage in found.stages]
    stages = tuple(
        _stage(stage, results, _next_of(index, seen, tested), model_of) for index, (stage, _) in enumerate(seen)
    )
    by = plan.funnel_by or ""
    models = _models(ranks, results, by)
    return FunnelSummary(
        dataset=found.dataset,
        stages=stages,
        models=models,
        ranked_by=by,
        trials_run=len(ran),
        trials_left_out=len(found.left_out),
        seconds_spent=math.fsum(_seconds(result) for result in ran),
        seconds_full=_seconds_full(own, results),
        nobody=_nobody(found, plan, models),
        decided=bool(found.stages)
        and all(stage.decided for stage in found.stages)
        and not _waiting(own, found, results),
    )


def _nobody(found: DatasetFunnel, plan: PlanSummary, models: Sequence[RankedModel]) -> str | None:
    """Names the limits that exclude every model, each with the model that is nearest to it."""
    over = next((stage for stage in found.stages if stage.kind == "limits"), None)
    if over is None or len(over.drops) < len(over.entrants):
        return None
    parts = []
    for name, most in static_limits(plan.constraints).items():
        measured = [(value, one.model) for one in models if (value := measured_of(one.profile, name)) is not None]
        beyond = sum(value > most for value, _ in measured) + len(models) - len(measured)
        if beyond and measured:
            nearest, model = min(measured)
            least = f"; the least is {said_of(nearest, name)}, of {model}"
            parts.append(f"constraints.{name} {said_of(most, name)} excludes {beyond} of {len(models)} models{least}")
        elif beyond:
            parts.append(f"constraints.{name} cannot be checked, since it was measured of no model")
    return f"{found.dataset}: no model keeps the limits: {'; '.join(parts)}. Raise what excludes most, and run again."


def _waiting(own: Sequence[PlannedTrial], found: DatasetFunnel, results: Mapping[str, Result]) -> bool:
    left_out = set(found.left_out)
    return any(
        trial.trial_id not in results and trial.trial_id not in left_out for trial in own if trial.phase != "search"
    )


def _stage(
    stage: StageState,
    results: Mapping[str, Result],
    following: tuple[str, Mapping[str, float]] | None,
    model_of: Mapping[str, str],
) -> FunnelStage:
    ran = [results[trial_id] for trial_id in stage.trial_ids if trial_id in results]
    agreement = None
    if following is not None and stage.decided and stage.scores:
        agreement = _agreement(stage, following[1], model_of)
    return FunnelStage(
        kind=stage.kind,
        title=_title(stage),
        judged_by=stage.judged_by,
        entrants=len(stage.entrants),
        unit="models" if stage.kind in {"limits", "rank"} else "cells",
        trials=len(ran),
        seconds=math.fsum(_seconds(result) for result in ran),
        drops=stage.drops,
        decided=stage.decided,
        remark=stage.remark,
        predicted=following[0] if agreement is not None and following else None,
        agreement=agreement,
    )


def _title(stage: StageState) -> str:
    if stage.kind == "short":
        return "First epoch" if stage.epochs == 1 else f"First {stage.epochs} epochs"
    return {"limits": "Limits", "rank": "Frozen features", "full": "One full fit", "seeds": "Further seeds"}[stage.kind]


def _scores(stage: StageState) -> Mapping[str, float]:
    return stage.scores if stage.decided else {}


def _next_of(
    index: int, seen: Sequence[tuple[StageState, Mapping[str, float]]], tested: Mapping[str, float]
) -> tuple[str, Mapping[str, float]] | None:
    """What the stage at ``index`` is held against: the scores of the next that has any, at last those on test."""
    if seen[index][0].kind == "limits":
        return None
    for stage, scores in seen[index + 1 :]:
        if scores:
            return _title(stage).lower(), scores
    return ("the test scores", tested) if seen[index][0].kind == "full" and tested else None


def _agreement(stage: StageState, following: Mapping[str, float], model_of: Mapping[str, str]) -> Agreement:
    """Over those who have both; a model stands for its best cell of the next stage."""
    outcome = dict(following)
    if stage.kind == "rank":
        outcome = {}
        for cell_id, value in following.items():
            model = model_of.get(cell_id, "")
            outcome[model] = max(value, outcome.get(model, -math.inf))
    both = [name for name in stage.scores if name in outcome]
    return weighted_tau([stage.scores[name] for name in both], [outcome[name] for name in both])


def _models(ranks: Sequence[PlannedTrial], results: Mapping[str, Result], by: str) -> tuple[RankedModel, ...]:
    made = []
    for trial in ranks:
        result = results.get(trial.trial_id)
        made.append(
            RankedModel(
                model=trial.model,
                profile=result.profile if result else None,
                estimates=result.estimates if result else {},
                reason=None if result and result.status == "done" else (result.reason if result else "not there yet."),
            )
        )
    return tuple(sorted(made, key=lambda one: -_value(one.estimates.get(by))))


def _value(score: Score | None) -> float:
    return score.value if score is not None and score.value is not None else -math.inf


def _seconds(result: Result) -> float:
    return result.timings.total_seconds if result.timings is not None else 0.0


def _seconds_full(own: Sequence[PlannedTrial], results: Mapping[str, Result]) -> float | None:
    """About what every search and every full fit takes: those that ran, and for the others what comparable ones took.

    A cell's own full fits stand for it; else its short fit with the missing epochs added; else the mean of the same
    strategy; else the mean of all.
    """
    wanted = [trial for trial in own if trial.phase in {"search", "final"}]
    known: dict[str, list[float]] = {}
    for trial in own:
        result = results.get(trial.trial_id)
        if result is not None and result.status == "done":
            known.setdefault(f"{trial.phase}:{trial.cell_id}", []).append(_as_full_fit(result))
    own_fit: dict[str, float] = {}
    for trial in wanted:
        for phase in ("final", "search", "short"):
            found = known.get(f"{phase}:{trial.cell_id}")
            if found:
                own_fit.setdefault(trial.cell_id, statistics.mean(found))
    if not own_fit:
        return None
    strategy_of = {trial.cell_id: trial.strategy for trial in own}
    mean_of = _means([(strategy_of[cell_id], seconds) for cell_id, seconds in own_fit.items()])
    total = 0.0
    for trial in wanted:
        result = results.get(trial.trial_id)
        ran = _seconds(result) if result is not None and result.status == "done" else None
        total += ran if ran is not None else own_fit.get(trial.cell_id, mean_of(trial.strategy))
    return total


def _means(fits: Sequence[tuple[str, float]]) -> Callable[[str], float]:
    """A strategy to the mean seconds of its fits, or of all where it has none."""
    everything = statistics.mean(seconds for _, seconds in fits)
    by_strategy: dict[str, list[float]] = {}
    for strategy, seconds in fits:
        by_strategy.setdefault(strategy, []).append(seconds)
    means = {strategy: statistics.mean(found) for strategy, found in by_strategy.items()}
    return lambda strategy: means.get(strategy, everything)


def _as_full_fit(result: Result) -> float:
    """Seconds of the whole fit that a short one is the beginning of; of any other, what it took."""
    seconds, done = _seconds(result), len(result.history)
    if result.phase != "short" or not done or result.timings is None:
        return seconds
    epochs = int((result.trial.get("training") or {}).get("epochs", done))
    each = (result.timings.fit_seconds + result.timings.validation_seconds) / done
    return seconds + max(0, epochs - done) * each
