"""One run at work: trials go to workers, results go to the store, until nothing is missing."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from suite.compare.planned import summarise_plan
from suite.errors import SuiteError
from suite.runner.claims import Claims
from suite.runner.cluster.connect import connected
from suite.runner.cluster.pool import ClusterPool
from suite.runner.environment import repository_state, worker_settings
from suite.runner.estimate import Estimate
from suite.runner.funnel import Funnel
from suite.runner.pool import WorkerPool
from suite.runner.process import WorkerSettings, terminable
from suite.runner.progress import Progress
from suite.runner.request import Retries
from suite.runner.schedule import Schedule, missing_trials, spending_of, without
from suite.runner.settings import SessionSettings
from suite.runner.slices import slices_of
from suite.runner.work import WARM_MODELS, Work, direction_of, headline_of
from suite.runner.workers import Workers
from suite.spec.plan import Plan
from suite.spec.trial import Trial
from suite.store.records.slices import SLICES, read_slices, slices_text
from suite.store.state import Entry
from suite.store.store import Store, open_store

if TYPE_CHECKING:
    from suite.runner.cluster.connect import Cluster

__all__ = ["Session", "headline_of"]


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
        with (
            self._connected() as cluster,
            open_store(self.settings.out) as store,
            Claims(store) as claims,
            terminable(),
        ):
            store.clean(spare=claims.others)
            entries = store.entries()
            missing = missing_trials(self.chosen, without(entries, self.settings.again), redo=self.settings.redo)
            funnel = None
            if self.plan.spec.funnel is not None:
                # What is asked for decides among itself: one model alone is not measured against those left aside.
                funnel = Funnel(self.chosen, store, again={t.id for t in missing})
                missing = tuple(trial for trial in missing if funnel.left_out(trial) is None)
            if not missing:
                self._describe(store)
                return ()
            workers = self._workers(claims.folder, len(missing), cluster)
            return self._work(store, claims, missing, entries, funnel, workers)

    def _describe(self, store: Store) -> None:
        """Keeps spec and plan beside the results, so that a report needs the store alone."""
        state = Funnel(self.plan, store).state if self.plan.spec.funnel is not None else None
        # The spec last: a finished run looks at it alone to see whether the plan is still the same.
        texts = {
            "plan": summarise_plan(self.plan, command=self.settings.command, funnel=state).model_dump_json(),
            "spec": self.plan.spec.model_dump_json(),
        }
        known = store.documents()
        slices = slices_of(self.plan, read_slices(known.get(SLICES)))
        if slices or SLICES in known:
            texts = {SLICES: slices_text(slices), **texts}
        for name, text in texts.items():
            if known.get(name) != text:
                store.save_document(name, text)

    def _connected(self) -> contextlib.AbstractContextManager[Cluster | None]:
        """Before anything is written: what a cluster, or this machine, cannot give is told at once."""
        if self.settings.cluster is None:
            self._on_this_machine(self.settings.out)
            return contextlib.nullcontext()

        return connected(
            self.settings.cluster,
            resources=self.plan.spec.resources,
            jobs=self.settings.jobs,
            devices=self.settings.devices,
        )

    def _on_this_machine(self, folder: Path) -> tuple[WorkerSettings, ...]:
        """The workers of this machine, whose logs go into ``folder``."""
        return worker_settings(
            self.settings.jobs, folder=folder, devices=self.settings.devices, resources=self.plan.spec.resources
        )

    def _workers(self, folder: Path, most: int, cluster: Cluster | None) -> Workers:
        timeout_seconds = self.settings.timeout_seconds
        if cluster is None:
            settings = self._on_this_machine(folder)[:most]
            return WorkerPool(settings, executor=self.settings.executor, timeout_seconds=timeout_seconds)

        return ClusterPool(
            cluster,
            executor=self.settings.executor,
            most=most,
            timeout_seconds=timeout_seconds,
            plugins=self.plan.spec.plugins,
        )

    def _work(  # noqa: PLR0917 - what is open, in the order in which it was opened
        self,
        store: Store,
        claims: Claims,
        missing: tuple[Trial, ...],
        entries: dict[str, Entry],
        funnel: Funnel | None,
        workers: Workers,
    ) -> tuple[str, ...]:
        estimate = Estimate.of(self.plan.trials, store.durations())
        work = Work(
            plan=self.plan,
            settings=self.settings,
            progress=self.progress,
            store=store,
            claims=claims,
            workers=workers,
            schedule=_schedule(missing, funnel),
            funnel=funnel,
            entries=entries,
            spending=spending_of(self.plan, entries, but={trial.id for trial in missing}),
            estimate=estimate,
            retries=Retries(self.plan.spec.retries),
            commit=repository_state(self.settings.base),
            planned_fits=Counter(trial.cell.id for trial in self.plan.trials),
            missing=frozenset(trial.id for trial in missing),
        )
        self.progress.start(missing, workers=workers.standing.slots, estimate=estimate)
        # Importing the headline metric, and scikit-learn with it, while the first trial starts costs no time.
        if self.plan.spec.keep_models == "best":
            threading.Thread(target=direction_of, args=(self.plan,), daemon=True).start()
        try:
            work.fill()
            # Slow to import, and the workers are busy starting.
            self._describe(store)
            work.until_done()
        except (KeyboardInterrupt, SuiteError) as error:
            work.break_off(error)
            raise
        finally:
            self.progress.stop()
            workers.close()
            if funnel is not None:
                self._describe(store)
        return tuple(work.new)


def _schedule(missing: tuple[Trial, ...], funnel: Funnel | None) -> Schedule:
    if funnel is None:
        return Schedule(missing)
    return Schedule(missing, waits=funnel.waits, is_left_out=funnel.is_left_out, warm_models=WARM_MODELS)
