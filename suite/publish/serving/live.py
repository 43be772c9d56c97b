"""Reads how a run stands, while it goes on: its store, and what running trials have told. Nothing is written."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from suite.compare.advice.readiness import cells_to_come
from suite.compare.planned import PlannedTrial, PlanSummary
from suite.errors import StoreError, SuiteError
from suite.publish.serving.state import Counts, EndedTrial, LiveState, ReportState, RunningTrial, TrialName
from suite.publish.serving.watch import Pace
from suite.report.charts.theme import model_colours
from suite.report.outcome import REPORT
from suite.report.stored_run import is_report_current
from suite.runner.claims import claimed, living_owners
from suite.runner.dry_run import left_to_do
from suite.runner.estimate import Estimate
from suite.runner.live_curve import read_curve
from suite.spec.label_budget import ALL, words_of
from suite.spec.plan import Plan, make_plan
from suite.spec.spec import parse_stored_spec
from suite.store.postgres import without_patience
from suite.store.quick_read import glance
from suite.store.records.result import Result
from suite.store.state import Entry, Glance
from suite.store.store import Store, open_store

__all__ = ["LiveReader"]

NEWEST = 60
"""Trials that are shown of those that are done; the report has them all."""
EARLIER = 3
"""Curves of the same cell that are drawn behind the one that grows."""
ERROR_LINES = 25
UNSUCCESSFUL = {"failed", "diverged", "timeout"}
KINDS = {"rank": "features", "short": "first epochs", "search": "search"}


@dataclass(frozen=True)
class _Known:
    """What is kept of a stored result."""

    sequence: int
    ended: EndedTrial
    curve: tuple[float, ...]


@dataclass(frozen=True)
class _Forecast:
    """What the plan and the results say of the trials that are not done."""

    left_out: frozenset[str] = frozenset()
    seconds: Mapping[str, float] | None = None
    """Of each trial that is missing; None where nothing comparable is done."""


class LiveReader:
    """Reads a run again and again; only what is new since is read in full."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, _Known] = {}
        self._forecast = _Forecast()
        self._forecast_of: tuple[Any, ...] = ()
        self._pace = Pace(least_seconds=0.5, share=0.05)
        self._reading = threading.Lock()

    def read(self) -> LiveState:
        """How the run stands now; a store that cannot be read is told in the state."""
        name = self._folder.resolve().name
        try:
            with self._reading, without_patience():
                return self._read(name)
        except (StoreError, ValueError) as error:
            return LiveState(name=name, phase="unreadable", problem=_first_line(error), report=self._report(None))

    def _read(self, name: str) -> LiveState:
        state = glance(self._folder)
        is_going_on = bool(living_owners(self._folder))
        if "plan" not in state.documents:
            return LiveState(name, "running" if is_going_on else "waiting", report=self._report(state))
        plan = _plan_of(state.documents["plan"])
        planned = {trial.trial_id: trial for trial in (*plan.ranked, *plan.trials)}
        with open_store(self._folder, create=False) as store:
            working = {name: room for name, room in claimed(store).items() if name in planned}
            self._read_results(store, planned, state.entries, working, plan.headline or "accuracy")
        forecast = self._look_ahead(state, plan)
        counts = _count(planned, state.entries, working, forecast.left_out)
        ended = [known for name, known in self._known.items() if name in planned and name not in working]
        ended.sort(key=lambda known: -known.sequence)
        running = tuple(self._running(planned[name], room, state.entries, forecast) for name, room in working.items())
        return LiveState(
            name=plan.spec_name,
            phase="running" if is_going_on else "stopped" if counts.missing else "finished",
            title=plan.title,
            command=plan.command,
            headline=plan.headline or "accuracy",
            counts=counts,
            skipped_cells=len(plan.skips),
            seconds_left=_seconds_left(planned, state.entries, running, forecast),
            running=running,
            done=tuple(known.ended for known in ended if known.ended.status == "done")[:NEWEST],
            unsuccessful=tuple(known.ended for known in ended if known.ended.status != "done"),
            colours=model_colours(trial.model for trial in planned.values()),
            report=self._report(state),
        )

    def _read_results(
        self,
        store: Store,
        planned: Mapping[str, PlannedTrial],
        entries: Mapping[str, Entry],
        working: Iterable[str],
        headline: str,
    ) -> None:
        """Fills what is known: the newest, all that did not end well, and fits beside those that run."""
        own = sorted((one for one in entries.values() if one.id in planned), key=lambda one: -one.sequence)
        done = [entry for entry in own if entry.status == "done"]
        wanted = {entry.id for entry in (*done[:NEWEST], *(one for one in own if one.status != "done"))}
        for cell_id in {planned[name].cell_id for name in working}:
            beside = [one for one in done if one.cell_id == cell_id and one.phase != "rank"]
            wanted |= {entry.id for entry in beside[:EARLIER]}
        self._known = {
            name: known
            for name, known in self._known.items()
            if name in wanted and entries[name].sequence == known.sequence
        }
        for result in store.query(ids=wanted - self._known.keys()):
            scores = tuple(record.validation_score for record in result.history)
            ended = _ended(result, planned[result.id], headline)
            self._known[result.id] = _Known(entries[result.id].sequence, ended, scores)

    def _running(
        self, trial: PlannedTrial, room: Path, entries: Mapping[str, Entry], forecast: _Forecast
    ) -> RunningTrial:
        curve = read_curve(room)
        beside = [
            known
            for name, known in self._known.items()
            if entries[name].cell_id == trial.cell_id and name != trial.trial_id and known.curve
        ]
        beside.sort(key=lambda known: -known.sequence)
        expected = (forecast.seconds or {}).get(trial.trial_id)
        spent = time.time() - curve.head.started if curve else 0.0
        return RunningTrial(
            name=_name_of(trial),
            started=curve.head.started if curve else None,
            setting=curve.head.setting if curve else {},
            planned_epochs=curve.head.epochs if curve else None,
            epochs=curve.epochs if curve else (),
            earlier=tuple(known.curve for known in beside[:EARLIER]),
            seconds_left=None if expected is None else max(0.0, expected - spent),
        )

    def _look_ahead(self, state: Glance, plan: PlanSummary) -> _Forecast:
        """Made again where results are new; seldom where that takes long, as where a funnel judges."""
        key = (state.documents.get("spec"), tuple((entry.id, entry.sequence) for entry in state.entries.values()))
        if key != self._forecast_of and self._pace.is_due:
            with self._pace.measured():
                self._forecast = _forecast(self._folder, state, plan)
                self._forecast_of = key
        return self._forecast

    def _report(self, state: Glance | None) -> ReportState:
        if not (self._folder / REPORT).is_file():
            return "none"
        return "current" if state is None or is_report_current(self._folder, state) else "behind"


@lru_cache(maxsize=2)
def _plan_of(text: str) -> PlanSummary:
    return PlanSummary.model_validate_json(text)


@lru_cache(maxsize=2)
def _whole_plan_of(spec: str) -> Plan:
    """The plan with everything that estimates and the funnel ask for, made again from the stored spec."""
    return make_plan(parse_stored_spec(spec))


def _forecast(folder: Path, state: Glance, plan: PlanSummary) -> _Forecast:
    """Without the stored spec, as where a plugin is gone, only what the run itself has written down of its funnel."""
    try:
        whole = _whole_plan_of(state.documents.get("spec", ""))
        missing, left_out = left_to_do(whole, folder, state.entries)
    except (SuiteError, OSError):
        funnel = plan.funnel.datasets if plan.funnel else ()
        return _Forecast(frozenset(name for one in funnel for name in one.left_out))
    estimate = Estimate()
    for trial in whole.trials:
        entry = state.entries.get(trial.id)
        if entry is not None and entry.status == "done" and entry.seconds is not None:
            estimate.add(trial, entry.seconds)
    expected = {trial.id: estimate.seconds((trial,)) for trial in missing}
    known = {name: seconds for name, seconds in expected.items() if seconds is not None}
    return _Forecast(frozenset(left_out), known if len(known) == len(expected) else None)


def _count(
    planned: Mapping[str, PlannedTrial],
    entries: Mapping[str, Entry],
    working: Mapping[str, Path],
    left_out: frozenset[str],
) -> Counts:
    found = dict.fromkeys(("done", "unsuccessful", "skipped", "running", "missing", "left_out"), 0)
    for name in planned:
        entry = entries.get(name)
        if name in working:
            found["running"] += 1
        elif entry is not None:
            found["unsuccessful" if entry.status in UNSUCCESSFUL else entry.status] += 1
        else:
            found["left_out" if name in left_out else "missing"] += 1
    to_come = [
        trial for name, trial in planned.items() if name not in left_out and (name in working or name not in entries)
    ]
    scored = {
        one.cell_id for name, one in entries.items() if name in planned and (one.phase, one.status) == ("final", "done")
    }
    return Counts(**found, cells_to_come=len(cells_to_come(to_come, scored)))


def _seconds_left(
    planned: Iterable[str],
    entries: Mapping[str, Entry],
    running: tuple[RunningTrial, ...],
    forecast: _Forecast,
) -> float | None:
    """Of what runs and what is missing, shared among the workers; None where nothing comparable is done."""
    if not running or forecast.seconds is None:
        return None
    at_work = {trial.name.id for trial in running}
    waiting = [name for name in planned if name not in entries and name not in at_work and name in forecast.seconds]
    seconds = sum(forecast.seconds[name] for name in waiting) + sum(trial.seconds_left or 0.0 for trial in running)
    return seconds / len(running)


def _name_of(trial: PlannedTrial) -> TrialName:
    what = KINDS.get(trial.phase, f"seed {trial.seed}")
    labels = "" if trial.train_examples == ALL else f", {words_of(trial.train_examples)}"
    return TrialName(trial.trial_id, trial.model, trial.dataset, trial.strategy, f"{what}{labels}")


def _ended(result: Result, trial: PlannedTrial, headline: str) -> EndedTrial:
    score = result.scores.get("validation", {}).get(headline)
    return EndedTrial(
        name=_name_of(trial),
        status=result.status,
        score=score.value if score is not None else None,
        seconds=result.timings.total_seconds if result.timings else None,
        finished=result.finished_at,
        reason=result.reason,
        error="\n".join((result.error or "").strip().splitlines()[-ERROR_LINES:]),
        setting=dict(result.trial.get("candidate") or {}),
    )


def _first_line(error: Exception) -> str:
    """Of a ``StoreError`` the sentence; pydantic's complaints go over many lines."""
    if isinstance(error, SuiteError):
        return str(error)
    return f"The plan was written by another version of the suite ({str(error).splitlines()[0]})."
