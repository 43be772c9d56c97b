"""One run at work: trials go to workers, results go to the store, until nothing is missing."""

from __future__ import annotations

import itertools
import shutil
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from suite.database import FULL
from suite.errors import DataError, SpecError, StoreError, did_you_mean
from suite.placement import DeviceSettings
from suite.plan import Plan, Trial
from suite.registry import METRICS, TASKS
from suite.results import Result
from suite.runner.claims import Claims
from suite.runner.environment import repository_state, worker_settings
from suite.runner.estimate import Estimate
from suite.runner.funnel import Funnel
from suite.runner.interrupts import terminable
from suite.runner.keeping import Unkept, completed, unsuccessful
from suite.runner.pool import Finished, WorkerPool
from suite.runner.process import WorkerSettings
from suite.runner.progress import Progress
from suite.runner.request import Teacher, TrialEnd, TrialRequest
from suite.runner.schedule import Redo, Schedule, cut, missing_trials, spending_of
from suite.runner.setting import drawn
from suite.runner.teacher import learned_the_same, teacher_of
from suite.search.budget import Spending
from suite.store import MODEL, Entry, Store, Unsaved, open_store

__all__ = ["Session", "SessionSettings", "headline_of"]

WARM_MODELS = 4
"""Models that a worker keeps ready where a funnel comes back to each: building one again takes seconds."""
POLL_SECONDS = 0.5
"""How often trials that another run has claimed are looked at again."""


@dataclass(frozen=True)
class SessionSettings:
    """How a plan is run; see ``suite.runner.run.run_plan``."""

    out: Path
    cache_root: Path
    redo: Redo
    jobs: int | None
    timeout_seconds: float | None
    base: Path
    command: str | None
    executor: str
    devices: DeviceSettings


class Session:
    """Runs what is missing of ``chosen``, a part of ``plan``."""

    def __init__(self, plan: Plan, chosen: Plan, settings: SessionSettings, progress: Progress) -> None:
        self.plan = plan
        self.chosen = chosen
        self.settings = settings
        self.progress = progress

    def run(self) -> tuple[str, ...]:
        """Returns the ids of the trials that were done here."""
        headline_of(self.plan)
        with open_store(self.settings.out) as store, Claims(store) as claims, terminable():
            store.clean(spare=claims.others)
            entries = store.entries()
            missing = missing_trials(self.chosen, entries, redo=self.settings.redo)
            funnel = None
            if self.plan.spec.funnel is not None:
                # What is asked for decides among itself: one model alone is not measured against those left aside.
                funnel = Funnel(self.chosen, store, again={t.id for t in missing})
                missing = tuple(trial for trial in missing if funnel.left_out(trial) is None)
            if not missing:
                self._describe(store)
                return ()
            return self._work(store, claims, missing, entries, funnel)

    def _describe(self, store: Store) -> None:
        """Keeps spec and plan beside the results, so that a report needs the store alone."""
        from suite.compare.planned import summarise_plan

        state = Funnel(self.plan, store).state if self.plan.spec.funnel is not None else None
        # The spec last: a finished run looks at it alone to see whether the plan is still the same.
        texts = {
            "plan": summarise_plan(self.plan, command=self.settings.command, funnel=state).model_dump_json(),
            "spec": self.plan.spec.model_dump_json(),
        }
        known = store.documents()
        for name, text in texts.items():
            if known.get(name) != text:
                store.save_document(name, text)

    def _work(
        self,
        store: Store,
        claims: Claims,
        missing: tuple[Trial, ...],
        entries: dict[str, Entry],
        funnel: Funnel | None,
    ) -> tuple[str, ...]:
        devices = self.settings.devices
        settings = worker_settings(self.settings.jobs, folder=claims.folder, devices=devices)[: len(missing)]
        pool = WorkerPool(settings, executor=self.settings.executor, timeout_seconds=self.settings.timeout_seconds)
        estimate = Estimate.of(self.plan.trials, store.durations())
        work = _Work(
            plan=self.plan,
            settings=self.settings,
            progress=self.progress,
            store=store,
            claims=claims,
            pool=pool,
            workers=settings,
            schedule=_schedule(missing, funnel),
            funnel=funnel,
            entries=entries,
            spending=spending_of(self.plan, entries, but={trial.id for trial in missing}),
            estimate=estimate,
            commit=repository_state(self.settings.base),
            planned_fits=Counter(trial.cell.id for trial in self.plan.trials),
        )
        self.progress.start(missing, workers=len(settings), estimate=estimate)
        # Importing the headline metric, and scikit-learn with it, while the first trial starts costs no time.
        if self.plan.spec.keep_models == "best":
            threading.Thread(target=_direction, args=(self.plan,), daemon=True).start()
        try:
            work.fill()
            # Slow to import, and the workers are busy starting.
            self._describe(store)
            work.until_done()
        except KeyboardInterrupt:
            # What finished while the signal came is kept.
            work.keep_finished(timeout_seconds=0)
            work.store_finished()
            raise
        finally:
            self.progress.stop()
            pool.close()
            if funnel is not None:
                self._describe(store)
        return tuple(work.new)


@dataclass(kw_only=True)
class _Work:
    """The loop of a session, with everything that is open while it runs."""

    plan: Plan
    settings: SessionSettings
    progress: Progress
    store: Store
    claims: Claims
    pool: WorkerPool
    workers: tuple[WorkerSettings, ...]
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
    unkept: Unkept = field(default_factory=Unkept)
    """What ended and is not stored yet."""
    new: list[str] = field(default_factory=list)
    """Ids of the trials that were done here."""
    started: dict[str, str] = field(default_factory=dict)

    def until_done(self) -> None:
        """Runs until every trial is stored, by this run or by another."""
        looked = time.monotonic()
        while not self.schedule.is_empty or self.pool.running or self.unkept:
            # Before another trial is started, so that what took longer is not lost while that one runs.
            if self.unkept.is_due(hurry=False):
                self.store_finished()
            self.fill()
            if self.unkept.is_due(hurry=bool(self.pool.idle)):
                self.store_finished()
                continue
            waiting = self.schedule.waiting
            if waiting and not self.pool.running:
                self.progress.wait(waiting)
            self.keep_finished(timeout_seconds=self.unkept.seconds_left(POLL_SECONDS))
            if waiting and time.monotonic() - looked >= POLL_SECONDS:
                looked = time.monotonic()
                self.schedule.retry_waiting()

    def fill(self) -> None:
        """Gives every idle worker a trial, as long as there are any that may start."""
        for slot in self.pool.idle:
            self._fill(slot)

    def keep_finished(self, *, timeout_seconds: float) -> None:
        """Takes what ended from the workers, waiting for the first trial."""
        for finished in self.pool.wait(timeout_seconds):
            self._keep(finished)

    def store_finished(self) -> None:
        """Stores what ended, all at once, and tells."""
        kept = self.unkept.take()
        self.store.save_all([unsaved for _, unsaved in kept])
        self.claims.release(*(trial.id for trial, _ in kept))
        for trial, unsaved in kept:
            self.schedule.settle(trial)
            self.new.append(trial.id)
            self._tell(trial, unsaved.result)
        if kept:
            self._look_again()

    def _fill(self, slot: int) -> None:
        """Gives a worker its next trial, if there is one that no other run has."""
        while (trial := self.schedule.take(slot)) is not None:
            if self._leave_out(trial):
                continue
            entry = self.entries.get(trial.id)
            claim = self.claims.claim(trial.id, seen=entry.sequence if entry else None)
            if claim == "taken":
                self.schedule.put_back(trial)
            elif claim == "finished":
                self.schedule.settle(trial)
                self.progress.finish(trial, None)
                self._look_again()
            elif self._start(slot, trial):
                return

    def _leave_out(self, trial: Trial) -> bool:
        """Settles a trial that is not run after all; False where it is."""
        reason = self.funnel.left_out(trial) if self.funnel is not None else None
        if self.funnel is not None and reason is not None:
            self.progress.leave_out(trial, self.funnel.standing.dropped(trial), reason)
        elif cut(trial, self.spending):
            self.progress.finish(trial, None, instead="left out, the search budget is used up")
        else:
            return False
        self.schedule.settle(trial)
        return True

    def _look_again(self) -> None:
        """Lets the funnel decide with what has been stored."""
        if self.funnel is not None:
            self.funnel.refresh()

    def _start(self, slot: int, trial: Trial) -> bool:
        """Starts a trial; False where it ended at once: nothing to choose is left, or a teacher stayed the same."""
        teacher = self._teacher_of(trial) if trial.cell.teachers else None
        if self.settings.redo != "all" and learned_the_same(trial, self.store, teacher):
            self._confirm(trial)
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
            threads=self.workers[slot].threads,
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
        self.pool.submit(slot, request)
        return True

    def _teacher_of(self, trial: Trial) -> Teacher | None:
        return teacher_of(trial, self.store, headline=headline_of(self.plan), sign=_direction(self.plan))

    def _confirm(self, trial: Trial) -> None:
        """Keeps a stored result that would come again."""
        self.store.confirm(trial.id)
        self.claims.release(trial.id)
        self.schedule.settle(trial)
        self.progress.finish(trial, None, instead="kept, its teachers changed nothing")

    def _search_results(self, trial: Trial) -> list[Result]:
        return self.store.query(ids=[search.id for search in self.plan.searches(trial.cell)])

    def _keep(self, finished: Finished) -> None:
        trial, end = finished.request.trial, finished.end
        if end.error_number in FULL or end.ends_run:
            self.store_finished()
        if end.error_number in FULL:
            raise StoreError(
                f"{self.settings.out}: the disk is full ({end.reason}). Every finished trial is kept; make room and "
                "run the same command again."
            )
        if end.ends_run:
            raise DataError(end.reason or "the data set cannot be used")
        result = end.result or unsuccessful(finished, started_at=self.started.get(trial.id, ""))
        result = completed(finished.request, result, self.commit)
        self.unkept.add(trial, Unsaved(result, finished.request.folder, self._selection(result)))

    def _tell(self, trial: Trial, result: Result) -> None:
        """What is reckoned from a result, once it is stored."""
        seconds = result.timings.total_seconds if result.timings else None
        if trial.phase == "search":
            self.spending.add(trial.cell.id, seconds, done=result.status == "done")
        if result.status == "done" and seconds is not None:
            self.estimate.add(trial, seconds)
        self.progress.finish(trial, result)

    def _selection(self, result: Result) -> float | None:
        """What decides which model of a cell is kept: the headline metric on validation, higher is better."""
        if MODEL not in result.artefacts:
            return None
        score = result.scores.get("validation", {}).get(headline_of(self.plan))
        if score is None or score.value is None:
            return None
        return _direction(self.plan) * score.value


def _schedule(missing: tuple[Trial, ...], funnel: Funnel | None) -> Schedule:
    if funnel is None:
        return Schedule(missing)
    return Schedule(missing, waits=funnel.waits, is_left_out=funnel.is_left_out, warm_models=WARM_MODELS)


def _searches_before(plan: Plan, trial: Trial) -> tuple[Trial, ...]:
    """The search trials that a trial depends on: all of its cell for a final, those before it in a search in turn."""
    if trial.phase == "final":
        return plan.searches(trial.cell)
    if trial.cell.search is None or not trial.cell.search.in_turn:
        return ()
    return tuple(itertools.takewhile(lambda other: other.id != trial.id, plan.searches(trial.cell)))


def headline_of(plan: Plan) -> str:
    """The name of the metric that ranks. Raises ``SpecError`` where there is none of that name."""
    name = plan.spec.headline or str(TASKS.get(plan.spec.task).headline)
    if name not in METRICS:
        raise SpecError(f"headline: {did_you_mean(name, METRICS, what='metric')}")
    return name


def _direction(plan: Plan) -> int:
    """1 where a higher headline score is better, else -1."""
    return 1 if METRICS.get(headline_of(plan)).higher_is_better else -1


def _nothing_to_choose(tried: list[Result]) -> str:
    first = f" ({tried[0].status}: {tried[0].reason})" if tried else ""
    return f"none of its {len(tried)} search trials is done, so there is no setting to take{first}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
