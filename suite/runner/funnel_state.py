"""How a funnel stands: which trials wait for an earlier stage, and which are left out, with the reason.

Everything is derived from the stored results, never kept beside them: the same results give the same standing, after a
crash too, whatever the order in which they came.  A stage is decided when its last trial has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from suite.metrics import Metric, MissingScore, metrics_named
from suite.metrics.resampling import resampled_scores
from suite.registry import TRANSFERABILITY
from suite.spec.funnel.record import DatasetFunnel, Drop, FunnelState, StageKind, StageState
from suite.spec.funnel.rules import (
    Judged,
    behind,
    clearly_worse,
    over_limits,
    paired,
    spared,
    static_limits,
    unpaired,
)
from suite.spec.funnel.settings import FunnelSpec
from suite.spec.plan import Plan
from suite.spec.trial import Cell, Trial
from suite.store.records.outputs import Outputs
from suite.store.records.result import Result

__all__ = ["Stage", "Standing", "stages_of", "standing_of"]

VALIDATION = "validation"
LoadPredictions = Callable[[Result, str], Outputs | None]


@dataclass(frozen=True)
class Stage:
    """One stage of the funnel on one data set."""

    kind: StageKind
    trials: tuple[Trial, ...]
    epochs: int | None = None


@dataclass(frozen=True)
class Standing:
    """What the results so far decide."""

    state: FunnelState
    _waiting: frozenset[str]
    _left_out: Mapping[str, tuple[str, str]]

    def waits(self, trial: Trial) -> bool:
        """Whether a trial may not start yet, since an earlier stage is not decided."""
        return trial.id in self._waiting

    def left_out(self, trial: Trial) -> str | None:
        """Why a trial is not run; None where it is, or where that is not known yet."""
        found = self._left_out.get(trial.id)
        return found[1] if found else None

    def dropped(self, trial: Trial) -> str:
        """Who was dropped, where a trial is left out: a model with every strategy, or with its own."""
        return self._left_out[trial.id][0]


def stages_of(plan: Plan, dataset: str) -> tuple[Stage, ...]:
    """The stages on one data set, in their order; those without trials are left out.

    The first final of each cell is a stage of its own, with the search before it; the other seeds are the last.
    """
    own = [trial for trial in plan.trials if trial.cell.labels[1] == dataset]
    firsts = {trial.cell.id: trial.id for trial in reversed(own) if trial.phase == "final"}
    first = [t for t in own if t.phase == "search" or (t.phase == "final" and firsts[t.cell.id] == t.id)]
    seeds = [t for t in own if t.phase == "final" and firsts[t.cell.id] != t.id]
    found = [Stage("rank", tuple(t for t in own if t.phase == "rank"))]
    rungs = sorted({t.epochs for t in own if t.phase == "short" and t.epochs is not None})
    found += [Stage("short", tuple(t for t in own if t.phase == "short" and t.epochs == rung), rung) for rung in rungs]
    found += [Stage("full", tuple(first)), Stage("seeds", tuple(seeds))]
    return tuple(stage for stage in found if stage.trials)


def standing_of(
    plan: Plan,
    results: Mapping[str, Result],
    *,
    headline: str,
    load_predictions: LoadPredictions,
    is_cut: Callable[[Trial], bool] = lambda _: False,
) -> Standing:
    """How the funnel of a plan stands.

    Args:
        plan: Of a spec with a ``funnel``, or a part of it.
        results: Trial id to result, of those that have ended and count.
        headline: Name of the metric that short and full fits are judged by, on validation.
        load_predictions: A result and an evaluation set's name to its kept predictions.
        is_cut: Whether the search budget leaves a search trial out, so that nobody waits for it.
    """
    assert plan.spec.funnel is not None, "only a spec with a funnel has a standing"  # noqa: S101 - for the type checker
    datasets = dict.fromkeys(trial.cell.labels[1] for trial in plan.trials)
    judge = _Judge(plan.spec.funnel, static_limits(plan.spec.constraints), metrics_named([headline])[0])
    waiting: set[str] = set()
    left_out: dict[str, tuple[str, str]] = {}
    found = []
    for dataset in datasets:
        walk = _Walk(dataset, stages_of(plan, dataset), results, judge, load_predictions, is_cut)
        found.append(walk.run())
        waiting |= walk.waiting
        left_out |= walk.left_out
    return Standing(FunnelState(datasets=tuple(found)), frozenset(waiting), left_out)


@dataclass
class _Walk:
    """Goes through the stages of one data set, up to the first that is not decided."""

    dataset: str
    stages: Sequence[Stage]
    results: Mapping[str, Result]
    judge: _Judge
    load_predictions: LoadPredictions
    is_cut: Callable[[Trial], bool]
    waiting: set[str] = field(default_factory=set)
    left_out: dict[str, tuple[str, str]] = field(default_factory=dict)
    dropped: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Cell id to who was dropped, and why."""

    def run(self) -> DatasetFunnel:
        """The state; ``waiting`` and ``left_out`` are filled beside it."""
        states: list[StageState] = []
        is_open = False
        for stage in self.stages:
            asked = [trial for trial in stage.trials if trial.cell.id not in self.dropped]
            gone = [trial for trial in stage.trials if trial.cell.id in self.dropped]
            self.left_out |= {t.id: self.dropped[t.cell.id] for t in gone if t.id not in self.results}
            if is_open:
                self.waiting |= {trial.id for trial in asked}
                continue
            is_open = any(trial.id not in self.results and not self.is_cut(trial) for trial in asked)
            states += [self._state(stage, asked, (), decided=False)] if is_open else self._decided(stage, asked)
        return DatasetFunnel(dataset=self.dataset, stages=tuple(states), left_out=tuple(self.left_out))

    def _decided(self, stage: Stage, asked: Sequence[Trial]) -> Iterator[StageState]:
        """What a stage says; the ranking of models begins with the limits on their profiles."""
        if stage.kind == "rank":
            found = {trial.cell.labels[0]: result for trial in asked if (result := self.results.get(trial.id))}
            over = self.judge.over_limits(found)
            if self.judge.limits:
                yield self._models("limits", stage, over, judged_by="limits of the spec")
            yield self._ranked({name: one for name, one in found.items() if name not in over}, stage)
            return
        entrants = self._entrants(stage, asked)
        if stage.kind == "seeds":
            yield self._state(stage, asked, (), decided=True)
            return
        judged = [self.judge.by_validation(cell.id, result) for cell, result in entrants]
        reasons: dict[str, str] = {}
        if stage.kind == "short":
            what = f"after {_epochs(stage.epochs)} its {self.judge.what} is"
            noise = paired(self._resampled(entrants))
            reasons = behind(judged, self.judge.spec.short.keep, what=what, who="fits", noise=noise)
        elif stage.kind == "full":
            reasons = clearly_worse(judged, self._resampled(entrants), self.judge.spec.level, what=self.judge.what)
        cells = {cell.id: cell for cell, _ in entrants}
        drops = [self._drop((cells[key],), cells[key].labels[2], reason) for key, reason in reasons.items()]
        yield self._state(stage, asked, drops, decided=True, judged=judged)

    def _entrants(self, stage: Stage, asked: Sequence[Trial]) -> list[tuple[Cell, Result | None]]:
        """Each cell that is in the stage, with the result that it is judged by.

        A strategy that has no epochs was fitted whole in the first rung, and stands by that in the later ones.
        """
        latest: dict[str, tuple[Cell, Result | None]] = {}
        for trial in self._in(stage):
            if trial.cell.id not in self.dropped:
                latest[trial.cell.id] = (trial.cell, self.results.get(trial.id))
        return list(latest.values())

    def _in(self, stage: Stage) -> Iterator[Trial]:
        for one in self.stages[: self.stages.index(stage) + 1]:
            if one.kind == stage.kind:
                yield from (trial for trial in one.trials if trial.phase != "search")

    def _ranked(self, found: Mapping[str, Result | None], stage: Stage) -> StageState:
        judged = [self.judge.by_features(name, result) for name, result in found.items()]
        missing = [one for one in judged if one.score is None]
        if missing and len(missing) < len(judged) and all(self.judge.has_ended_well(found[o.key]) for o in missing):
            # To drop a model for what its files lack would be no judgement of it.
            remark = f"{missing[0].key}: {missing[0].reason} So nobody was dropped by {self.judge.estimator}."
            return self._models("rank", stage, {}, judged=judged, remark=remark)
        what = self.judge.estimator
        if len(missing) == len(judged) and judged:
            remark = f"{missing[0].reason} So nobody was dropped by {what}."
            return self._models("rank", stage, {}, judged=judged, remark=remark)
        noise = unpaired(judged)
        reasons = behind(judged, self.judge.spec.rank.keep, what=what, who="models", noise=noise)
        level = spared(judged, self.judge.spec.rank.keep, noise)
        if not level:
            return self._models("rank", stage, reasons, judged=judged)
        on = f"{', '.join(level)} {'goes' if len(level) == 1 else 'go'} on too"
        remark = f"{on}: by {what} nothing tells {'it' if len(level) == 1 else 'them'} from the last that does."
        return self._models("rank", stage, reasons, judged=judged, remark=remark)

    def _models(
        self,
        kind: StageKind,
        stage: Stage,
        reasons: Mapping[str, str],
        *,
        judged: Sequence[Judged] | None = None,
        judged_by: str | None = None,
        remark: str | None = None,
    ) -> StageState:
        """A stage that drops models with every strategy."""
        drops = []
        for model, reason in reasons.items():
            drops.append(self._drop(self._cells_of(model), None, reason, model))
        return StageState(
            kind=kind,
            judged_by=judged_by or self.judge.estimator,
            entrants=tuple(t.cell.labels[0] for t in stage.trials) if judged is None else tuple(o.key for o in judged),
            scores=_scores(judged or ()),
            trial_ids=tuple(trial.id for trial in stage.trials) if kind == "rank" else (),
            drops=tuple(drops),
            decided=True,
            remark=remark,
        )

    def _cells_of(self, model: str) -> tuple[Cell, ...]:
        later = (t.cell for stage in self.stages if stage.kind != "rank" for t in stage.trials)
        return tuple({cell.id: cell for cell in later if cell.labels[0] == model}.values())

    def _drop(self, cells: Sequence[Cell], strategy: str | None, reason: str, model: str | None = None) -> Drop:
        name = model or cells[0].labels[0]
        who = f"{name} on {self.dataset}" + (f", {strategy}" if strategy else "")
        self.dropped |= {cell.id: (who, reason) for cell in cells}
        return Drop(
            model=name,
            strategy=strategy,
            cell_ids=tuple(cell.id for cell in cells),
            reason=reason,
        )

    def _state(
        self,
        stage: Stage,
        asked: Sequence[Trial],
        drops: Sequence[Drop],
        *,
        decided: bool,
        judged: Sequence[Judged] = (),
    ) -> StageState:
        names = [one.key for one in judged] or list(dict.fromkeys(trial.cell.id for trial in asked))
        if stage.kind == "rank":
            names = [trial.cell.labels[0] for trial in asked]
        return StageState(
            kind=stage.kind,
            epochs=stage.epochs,
            judged_by=self.judge.estimator if stage.kind == "rank" else self.judge.what,
            entrants=tuple(names),
            scores=_scores(judged),
            trial_ids=tuple(trial.id for trial in asked),
            drops=tuple(drops),
            decided=decided,
        )

    def _resampled(self, entrants: Sequence[tuple[Cell, Result | None]]) -> dict[str, NDArray[np.float64]]:
        """Cell id to its validation score on the same bootstrap samples; without those that cannot be paired."""
        found: dict[str, NDArray[np.float64]] = {}
        first: NDArray[np.str_] | None = None
        for cell, result in entrants:
            kept = self.load_predictions(result, VALIDATION) if self.judge.has_ended_well(result) and result else None
            if kept is None:
                continue
            first = kept.example_ids if first is None else first
            if np.array_equal(first, kept.example_ids):
                try:
                    found[cell.id] = self.judge.sign * resampled_scores(self.judge.metric, [kept])
                except MissingScore:
                    continue
        return found


@dataclass(frozen=True)
class _Judge:
    """Reads of a result what a stage judges by."""

    spec: FunnelSpec
    limits: Mapping[str, float]
    metric: Metric

    @property
    def sign(self) -> float:
        return 1.0 if self.metric.higher_is_better else -1.0

    @property
    def what(self) -> str:
        return f"validation {self.metric.label}"

    @cached_property
    def estimator(self) -> str:
        return str(TRANSFERABILITY.get(self.spec.rank.by).label)

    def has_ended_well(self, result: Result | None) -> bool:
        """Whether there is a result to judge by."""
        return result is not None and result.status == "done"

    def over_limits(self, found: Mapping[str, Result]) -> dict[str, str]:
        """Models over a limit that is known before training, each with the reason."""
        broken = {name: over_limits(result.profile, self.limits) for name, result in found.items() if result.profile}
        return {name: f"{reason}." for name, reason in broken.items() if reason is not None}

    def by_features(self, name: str, result: Result | None) -> Judged:
        """The estimator that decides."""
        if result is None or result.status != "done":
            return Judged(name, None, reason=_ending(result))
        score = result.estimates.get(self.spec.rank.by)
        if score is None or score.value is None:
            return Judged(name, None, reason=(score.reason if score else None) or f"{self.estimator} is missing.")
        half = None if score.low is None or score.high is None else (score.high - score.low) / 2
        return Judged(name, score.value, f"{score.value:.3f}", half=half)

    def by_validation(self, key: str, result: Result | None) -> Judged:
        """The headline metric on validation, turned so that higher is better."""
        if result is None or result.status != "done":
            return Judged(key, None, reason=_ending(result))
        score = result.scores.get(VALIDATION, {}).get(self.metric.name)
        if score is None or score.value is None:
            return Judged(key, None, reason=(score.reason if score else None) or f"it has no {self.what}.")
        return Judged(key, self.sign * score.value, f"{score.value:.3f}")


def _ending(result: Result | None) -> str:
    if result is None:
        return "it was not fitted."
    return f"its trial {_ENDINGS.get(result.status, result.status)}: {result.reason or 'no reason is known'}"


_ENDINGS = {"failed": "failed", "diverged": "diverged", "timeout": "took too long", "skipped": "was skipped"}


def _scores(judged: Sequence[Judged]) -> dict[str, float]:
    return {one.key: one.score for one in judged if one.score is not None}


def _epochs(count: int | None) -> str:
    return "1 epoch" if count == 1 else f"{count} epochs"
