"""The funnel of a run at work: looks into the store and says how it stands."""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

from suite.errors import StoreError
from suite.runner.funnel_state import Standing, standing_of
from suite.runner.schedule import cut, spending_of
from suite.spec.funnel.record import FunnelState
from suite.spec.plan import Plan
from suite.spec.trial import Trial
from suite.store.quick_read import glance
from suite.store.records.outputs import Outputs, load_outputs
from suite.store.records.result import Result
from suite.store.state import Entry
from suite.store.store import Store, open_store

__all__ = ["Funnel", "funnel_of"]


class Funnel:
    """Reads results as they come; those that are to be made again do not count until they are."""

    def __init__(self, plan: Plan, store: Store | None, *, again: Container[str] = ()) -> None:
        """``store`` may be None where nothing is stored yet; ``again`` names the trials that will be run anew."""
        self.plan = plan
        self._store = store
        self._planned = {trial.id for trial in plan.trials}
        self._stale: dict[str, int] = {}
        self._stale = {name: entry.sequence for name, entry in self._entries().items() if name in again}
        self._known: dict[str, int] = {}
        self._results: dict[str, Result] = {}
        self.standing = self.refresh()

    def refresh(self) -> Standing:
        """How the funnel stands with what is stored now."""
        entries = self._entries()
        new = [name for name, entry in entries.items() if self._known.get(name) != entry.sequence]
        if new and self._store is not None:
            self._results |= {result.id: result for result in self._store.query(ids=new)}
        self._known |= {name: entries[name].sequence for name in new}
        spending = spending_of(self.plan, entries)
        self.standing = standing_of(
            self.plan,
            self._results,
            headline=self.plan.headline,
            load_predictions=self._load_predictions,
            is_cut=lambda trial: cut(trial, spending),
        )
        return self.standing

    def waits(self, trial: Trial) -> bool:
        """Whether a trial may not start yet."""
        return self.standing.waits(trial)

    def left_out(self, trial: Trial) -> str | None:
        """Why a trial is not run."""
        return self.standing.left_out(trial)

    def is_left_out(self, trial: Trial) -> bool:
        """Whether a trial is not run."""
        return self.left_out(trial) is not None

    @property
    def state(self) -> FunnelState:
        """What is kept of it."""
        return self.standing.state

    def _entries(self) -> Mapping[str, Entry]:
        if self._store is None:
            return {}
        return {
            name: entry
            for name, entry in self._store.entries().items()
            if name in self._planned and self._stale.get(name) != entry.sequence
        }

    def _load_predictions(self, result: Result, name: str) -> Outputs | None:
        path = self._store.artefact(result, f"predictions/{name}") if self._store is not None else None
        if path is None or not path.is_file():
            return None
        try:
            return load_outputs(path)
        except StoreError:
            return None  # damaged: nobody is dropped by what cannot be read


@contextlib.contextmanager
def funnel_of(plan: Plan, out: Path, *, again: Container[str] = ()) -> Iterator[Funnel | None]:
    """The funnel of a plan with the results in ``out``, read only; None where the spec has no funnel."""
    if plan.spec.funnel is None:
        yield None
    elif not glance(out).entries:
        yield Funnel(plan, None)
    else:
        with open_store(out, create=False) as store:
            yield Funnel(plan, store, again=again)
