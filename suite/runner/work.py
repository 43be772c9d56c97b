"""The loop of a run: trials go to workers, what comes back goes to the store."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from suite.errors import DataError, SpecError, StoreError, SuiteError, did_you_mean
from suite.lint.subjects import read_kept
from suite.registry import METRICS
from suite.runner.claims import Claims
from suite.runner.estimate import Estimate
from suite.runner.funnel import Funnel
from suite.runner.hyperparameters import drawn
from suite.runner.progress import Progress
from suite.runner.request import Retries, Teacher, TrialEnd, TrialRequest
from suite.runner.saving import Unkept, completed, unsuccessful, why_not_kept
from suite.runner.schedule import Schedule, cut
from suite.runner.shared import shared_result
from suite.runner.teacher import learned_the_same, teacher_of
from suite.runner.workers import Finished, Standing, Workers
from suite.spec.plan import Plan
from suite.spec.search.settings import Spending
from suite.spec.trial import Trial
from suite.store.database import FULL
from suite.store.records.result import Result
from suite.store.state import Entry
from suite.store.store import MODEL, Store, Unsaved

if TYPE_CHECKING:
    from suite.runner.settings import SessionSettings

__all__ = ["WARM_MODELS", "Work", "direction_of", "headline_of"]

WARM_MODELS = 4
"""Models that a worker keeps ready where a funnel comes back to each: building one again takes seconds."""
POLL_SECONDS = 0.5
"""How often trials that another run has claimed are looked at again."""


@dataclass(kw_only=True)
class Work:
    """The loop of a session, with everything that is open while it runs."""

    plan: Plan
    settings: SessionSettings
    progress: Progress
    store: Store
    claims: Claims
    workers: Workers
    schedule: Schedule
    funnel: Funnel | None
    entries: dict[str, Entry]
    """What was stored when the run began."""
    spending: Spending
    """Time that search trials have taken, for the budget."""
    estimate: Estimate
    commit: tuple[str | None, bool | None]
    planned_fits: Mapping[str, int]
    """Trials of each cell of the plan, done or not."""
    missing: frozenset[str]
    """Ids of the trials that there were to do when the run began."""
    settled: set[str] = field(default_factory=set)
    """Those of them that are not to be run any more."""
    unkept: Unkept = field(default_factory=Unkept)
    """What ended and is not stored yet."""
    new: list[str] = field(default_factory=list)
    """Ids of the trials that were done here."""
    started: dict[str, str] = field(default_factory=dict)
    retries: Retries
    """Of trials that are lost with their workers."""
    standing: Standing | None = None
    """The workers as they were shown last."""

    def until_done(self) -> None:
        """Runs until every trial is stored, by this run or by another."""
        looked = time.monotonic()
        while not self.schedule.is_empty or self.workers.running or self.unkept:
            # Before another trial is started, so that what took longer is not lost while that one runs.
            if self.unkept.is_due(hurry=False):
                self.store_finished()
            self.fill()
            if self.unkept.is_due(hurry=bool(self.workers.idle)):
                self.store_finished()
                continue
            waiting = self.schedule.waiting
            if waiting and not self.workers.running:
                self.progress.wait(waiting)
            self.keep_finished(timeout_seconds=self.unkept.seconds_left(POLL_SECONDS))
            self.show_workers()
            if waiting and time.monotonic() - looked >= POLL_SECONDS:
                looked = time.monotonic()
                self.schedule.retry_waiting()

    def fill(self) -> None:
        """Gives every idle worker a trial, as long as there are any that may start."""
        for slot in self.workers.idle:
            self._fill(slot)

    def keep_finished(self, *, timeout_seconds: float) -> None:
        """Takes what ended from the workers, waiting for the first trial."""
        for finished in self.workers.wait(timeout_seconds):
            self._keep(finished)

    def store_finished(self) -> None:
        """Stores what ended, all at once, and tells. A trial that another run has stored meanwhile stays as it is."""
        kept = self.unkept.take()
        overtaken = self.claims.overtaken({trial.id: self._seen(trial) for trial, _ in kept})
        self.store.save_all([unsaved for trial, unsaved in kept if trial.id not in overtaken])
        self.claims.release(*(trial.id for trial, _ in kept))
        for trial, unsaved in kept:
            self._settle(trial)
            if trial.id in overtaken:
                self.progress.finish(trial, None)
                continue
            self.new.append(trial.id)
            self._tell(trial, unsaved.result)
        if kept:
            self._look_again()

    def break_off(self, error: BaseException) -> None:
        """Keeps what finished while a signal came, or before an error that is not the store's."""
        if isinstance(error, KeyboardInterrupt):
            self.keep_finished(timeout_seconds=0)
            self.store_finished()
            return
        with contextlib.suppress(SuiteError):
            self.store_finished()

    def show_workers(self) -> None:
        """Tells of workers that came or went."""
        standing = self.workers.standing
        if standing != self.standing:
            self.standing = standing
            self.progress.stand(standing)

    def _fill(self, slot: int) -> None:
        """Gives a worker its next trial, if there is one that no other run has."""
        while (trial := self.schedule.take(slot)) is not None:
            if self._leave_out(trial):
                continue
            claim = self.claims.claim(trial.id, seen=self._seen(trial))
            if claim == "taken":
                self.schedule.put_back(trial)
            elif claim == "finished":
                self._settle(trial)
                self.progress.finish(trial, None)
                self._look_again()
            elif self._start(slot, trial):
                return

    def _seen(self, trial: Trial) -> int | None:
        """The sequence of its result that was stored when the run began."""
        entry = self.entries.get(trial.id)
        return entry.sequence if entry else None

    def _leave_out(self, trial: Trial) -> bool:
        """Settles a trial that is not run after all; False where it is."""
        reason = self.funnel.left_out(trial) if self.funnel is not None else None
        if self.funnel is not None and reason is not None:
            self.progress.leave_out(trial, self.funnel.standing.dropped(trial), reason)
        elif cut(trial, self.spending):
            self.progress.finish(trial, None, instead="left out, the search budget is used up")
        else:
            return False
        self._settle(trial)
        return True

    def _look_again(self) -> None:
        """Lets the funnel decide with what has been stored."""
        if self.funnel is not None:
            self.funnel.refresh()

    def _start(self, slot: int, trial: Trial) -> bool:
        """Starts a trial; False where it ended at once: nothing to choose is left, a teacher stayed the same, or
        another seed has computed it.
        """
        teacher = self._teacher_of(trial) if trial.cell.teachers else None
        if self.settings.redo != "all" and learned_the_same(trial, self.store, teacher):
            self._confirm(trial)
            return False
        if self._share(trial):
            return False
        self.started[trial.id] = _now()
        searches = _searches_before(self.plan, trial)
        results = {result.id: result for result in self._search_results(trial)} if searches else {}
        tried = [results[search.id] for search in searches if search.id in results]
        done = tuple(result for result in tried if result.status == "done")
        headline = headline_of(self.plan)
        trial = drawn(trial, tried, headline)
        folder = self.claims.folder / trial.id
        shutil.rmtree(folder, ignore_errors=True)
        request = TrialRequest(
            trial=trial,
            labels=trial.cell.labels,
            folder=folder,
            cache_root=self.settings.cache_root,
            threads=self.workers.threads(slot),
            search_results=done,
            headline=headline,
            planned_fits=self.planned_fits[trial.cell.id],
            keep_model=trial.phase == "final" and self.plan.spec.keep_models == "best",
            devices=self.settings.devices,
            warm_models=1 if self.funnel is None else WARM_MODELS,
            plugins=self.plan.spec.plugins,
            label_budgets=self.plan.spec.train_examples,
            teacher=teacher,
        )
        if trial.phase == "final" and searches and not done:
            self._keep(Finished(slot, request, TrialEnd("skipped", reason=_nothing_to_choose(tried))))
            return False
        self.progress.begin(trial)
        self.workers.submit(slot, request)
        return True

    def _settle(self, trial: Trial) -> None:
        """Tells the schedule that a trial is stored, or left out."""
        self.settled.add(trial.id)
        self.schedule.settle(trial)

    def _share(self, trial: Trial) -> bool:
        """Keeps what another seed has computed, where no seed changes anything; False where there is nothing yet."""
        coming = self.missing - self.settled
        folder = self.claims.folder / trial.id
        checked = read_kept(self.settings.out)
        result = shared_result(
            trial,
            self.store,
            folder=folder,
            coming=coming,
            here=self.new,
            fingerprints=checked.fingerprints if checked is not None else None,
        )
        if result is None:
            return False
        self.unkept.add(trial, Unsaved(result, folder, self._selection(result)))
        return True

    def _teacher_of(self, trial: Trial) -> Teacher | None:
        return teacher_of(trial, self.store, headline=headline_of(self.plan), sign=direction_of(self.plan))

    def _confirm(self, trial: Trial) -> None:
        """Keeps a stored result that would come again."""
        self.store.confirm(trial.id)
        self.claims.release(trial.id)
        self._settle(trial)
        self.progress.finish(trial, None, instead="kept, its teachers changed nothing")

    def _search_results(self, trial: Trial) -> list[Result]:
        return self.store.query(ids=[search.id for search in self.plan.searches(trial.cell)])

    def _keep(self, finished: Finished) -> None:
        trial, end = finished.request.trial, finished.end
        if finished.lost is not None:
            if self._again(finished, finished.lost):
                return
            tries = self.retries.tries(trial.id)
            often = f", in the last of {tries} tries" if tries > 1 else ""
            end = replace(end, reason=f"{finished.lost}{often}")
            finished = replace(finished, end=end)
        if end.error_number in FULL or end.ends_run:
            self.store_finished()
        if end.error_number in FULL:
            raise StoreError(
                f"{self.settings.out}: the disk is full ({end.reason}). Every finished trial is kept; make room and "
                "run the same command again."
            )
        if end.ends_run:
            raise DataError(end.reason or "the data set cannot be used")
        started = self.started.get(trial.id, "")
        result = completed(finished.request, end.result or unsuccessful(finished, started_at=started), self.commit)
        complaint = why_not_kept(result)
        if complaint is not None:
            failed = replace(finished, end=TrialEnd("failed", reason=complaint))
            result = completed(finished.request, unsuccessful(failed, started_at=started), self.commit)
        self.unkept.add(trial, Unsaved(result, finished.request.folder, self._selection(result)))

    def _tell(self, trial: Trial, result: Result) -> None:
        """What is reckoned from a result, once it is stored."""
        seconds = result.timings.total_seconds if result.timings else None
        if trial.phase == "search":
            self.spending.add(trial.cell.id, seconds, done=result.status == "done")
        if result.status == "done" and seconds is not None and result.computed_by is None:
            self.estimate.add(trial, seconds)
        self.progress.finish(trial, result)

    def _again(self, finished: Finished, reason: str) -> bool:
        """Gives a trial that was lost back to the schedule; False where it was lost too often already."""
        trial = finished.request.trial
        self.schedule.forget(finished.slot)
        if not self.retries.allow(trial.id):
            return False
        self.schedule.again(trial)
        self.progress.again(trial, reason)
        return True

    def _selection(self, result: Result) -> float | None:
        """What decides which model of a cell is kept: the headline metric on validation, higher is better."""
        if MODEL not in result.artefacts:
            return None
        score = result.scores.get("validation", {}).get(headline_of(self.plan))
        if score is None or score.value is None:
            return None
        return direction_of(self.plan) * score.value


def _searches_before(plan: Plan, trial: Trial) -> tuple[Trial, ...]:
    """The search trials that a trial depends on: all of its cell for a final, those before it in a search in turn."""
    if trial.phase == "final":
        return plan.searches(trial.cell)
    if trial.cell.search is None or not trial.cell.search.in_turn:
        return ()
    return tuple(itertools.takewhile(lambda other: other.id != trial.id, plan.searches(trial.cell)))


def headline_of(plan: Plan) -> str:
    """The name of the metric that ranks. Raises ``SpecError`` where there is none of that name."""
    name = plan.headline
    if name not in METRICS:
        raise SpecError(f"headline: {did_you_mean(name, METRICS, what='metric')}")
    return name


def direction_of(plan: Plan) -> int:
    """1 where a higher headline score is better, else -1."""
    return 1 if METRICS.get(headline_of(plan)).higher_is_better else -1


def _nothing_to_choose(tried: list[Result]) -> str:
    first = f" ({tried[0].status}: {tried[0].reason})" if tried else ""
    return f"none of its {len(tried)} search trials is done, so there is no setting to take{first}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
