"""Which trial runs next, and where.

Cells are taken in the order of the plan and stay on one worker, searches before finals, so that a compiled model
is reused; a worker goes on with the model that it has warm.  A worker without a cell of its own helps another.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from suite.labels import spending_place
from suite.plan import Cell, Plan, Trial, canonical_json
from suite.search.budget import Spending
from suite.store import Entry

__all__ = ["Redo", "Schedule", "cut", "missing_trials", "spending_of"]

Redo = Literal["none", "failed", "all"]
RETRIED = {"failed", "timeout"}
"""What is not cached. A divergence or a skip would come again: same seed, same weights, same data."""


def missing_trials(plan: Plan, entries: Mapping[str, Entry], *, redo: Redo = "failed") -> tuple[Trial, ...]:
    """The trials that a run has to do, in the order of the plan.

    Args:
        plan: What is asked for.
        entries: What is stored, as ``Store.entries`` or ``glance`` returns it.
        redo: ``none`` runs only what was never run; ``failed`` also what failed or took too long, and finals whose
            search, or whose teachers, have a newer result than they knew; ``all`` everything.

    Search trials that the budget cuts are not missing: there is no time for them.
    """
    if redo == "all":
        return plan.trials
    spending = spending_of(plan, entries)
    if redo == "none":
        return tuple(t for t in plan.trials if t.id not in entries and not cut(t, spending))
    missing: dict[str, Trial] = {}
    for trial in plan.trials:
        entry = entries.get(trial.id)
        if (entry is None or entry.status in RETRIED) and not cut(trial, spending):
            missing[trial.id] = trial
    stale = {t.id for t in plan.trials if t.id in missing or _is_stale(t, plan, entries, missing)}
    return tuple(t for t in plan.trials if t.id in stale or _learned_otherwise(t, plan, entries, stale))


def _learned_otherwise(trial: Trial, plan: Plan, entries: Mapping[str, Entry], missing: Container[str]) -> bool:
    """Whether a stored student's teachers are run, or were run since: who teaches it, and what, may change."""
    entry = entries.get(trial.id)
    if not trial.cell.teachers or entry is None:
        return False
    lessons = [one for one in plan.trials if one.cell.id in trial.cell.teachers]
    known = [entries[one.id] for one in lessons if one.id in entries]
    return any(one.id in missing for one in lessons) or any(one.sequence > entry.sequence for one in known)


def spending_of(plan: Plan, entries: Mapping[str, Entry], *, but: Container[str] = ()) -> Spending:
    """What the stored search trials of a plan took, those in ``but`` left out."""
    budget = plan.spec.budget
    spending = Spending(budget.seconds_per_model if budget else None)
    if budget is None:
        return spending
    searches = [trial for trial in plan.trials if trial.phase == "search"]
    spending.expect((*_place(trial.cell), trial.cell.id) for trial in searches)
    for trial in searches:
        entry = entries.get(trial.id)
        if entry is not None and trial.id not in but:
            spending.add(trial.cell.id, entry.seconds, done=entry.status == "done")
    return spending


def cut(trial: Trial, spending: Spending) -> bool:
    """Whether the budget leaves no time for a trial; final trials are never cut."""
    if trial.phase != "search" or spending.seconds_per_model is None:
        return False
    return spending.cuts(*_place(trial.cell), trial.cell.id)


def _place(cell: Cell) -> tuple[str, str]:
    model, dataset, _ = cell.labels
    return model, spending_place(dataset, cell.train_examples)


def _is_stale(trial: Trial, plan: Plan, entries: Mapping[str, Entry], missing: Container[str]) -> bool:
    """Whether a stored final was chosen from fewer search trials than there are now."""
    entry = entries.get(trial.id)
    if trial.phase == "search" or entry is None:
        return False
    searches = plan.searches(trial.cell)
    known = [entries[search.id] for search in searches if search.id in entries]
    newer = any(search.status == "done" and search.sequence > entry.sequence for search in known)
    # Searches that were never run, for instance since the budget had left no time for them.
    further = any(search.id in missing and search.id not in entries for search in searches)
    # Skipped because every search failed: that may change now.
    return newer or further or (entry.status == "skipped" and any(search.id in missing for search in searches))


@dataclass
class _Work:
    """What is left of one cell."""

    model: str
    trials: deque[Trial]
    open_searches: set[str]
    slot: int | None = None
    waiting: dict[str, Trial] = field(default_factory=dict)
    """Trials that another run has claimed."""
    running: set[str] = field(default_factory=set)
    """Search trials that were taken and are not settled."""

    def ready(self, waits: Callable[[Trial], bool]) -> bool:
        """Whether its next trial may start.

        A final waits for all searches of its cell, and a search trial that learns from those before it for them.
        Whatever ``waits`` is true of waits for others.
        """
        if not self.trials or waits(self.trials[0]):
            return False
        if self.trials[0].phase in {"rank", "short"}:
            return True
        search = self.trials[0].cell.search
        if self.trials[0].phase == "search":
            return not (search is not None and search.in_turn and (self.running or self.waiting))
        return not self.open_searches


class Schedule:
    """The missing trials of a run."""

    def __init__(
        self,
        trials: Iterable[Trial],
        *,
        waits: Callable[[Trial], bool] = lambda _: False,
        is_left_out: Callable[[Trial], bool] = lambda _: False,
        warm_models: int = 1,
    ) -> None:
        """Plans the order.

        Args:
            trials: What is missing.
            waits: Whether the funnel holds a trial back for now.
            is_left_out: Whether it has dropped a trial, which then makes no model ready.
            warm_models: How many models a worker keeps ready.
        """
        self._waits = waits
        self._is_left_out = is_left_out
        self._warm_models = warm_models
        self._cells: dict[str, _Work] = {}
        self._unsettled: Counter[str] = Counter()
        """Trials of each cell that are not settled; students wait for their teachers'."""
        self._warm: dict[int, list[str]] = {}
        """The models that each worker has ready, the last used at the end."""
        for trial in trials:
            work = self._cells.get(trial.cell.id)
            if work is None:
                model = canonical_json(trial.cell.content["model"])
                work = self._cells[trial.cell.id] = _Work(model, deque(), set())
            work.trials.append(trial)
            self._unsettled[trial.cell.id] += 1
            if trial.phase == "search":
                work.open_searches.add(trial.id)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to start or to wait for."""
        return not any(work.trials or work.waiting for work in self._cells.values())

    @property
    def waiting(self) -> tuple[Trial, ...]:
        """Trials that another run has claimed."""
        return tuple(trial for work in self._cells.values() for trial in work.waiting.values())

    def take(self, slot: int) -> Trial | None:
        """The next trial for a worker, or None where nothing can start now."""
        ready = [work for work in self._cells.values() if work.ready(self._must_wait)]
        if not ready:
            return None
        work = min(ready, key=lambda work: self._preference(work, slot))
        if work.slot is None:
            work.slot = slot
        trial = work.trials.popleft()
        if not self._is_left_out(trial):
            kept = [model for model in self._warm.get(slot, ()) if model != work.model]
            self._warm[slot] = [*kept, work.model][-self._warm_models :]
        if trial.phase == "search":
            work.running.add(trial.id)
        return trial

    def _must_wait(self, trial: Trial) -> bool:
        return any(self._unsettled[teacher] for teacher in trial.cell.teachers) or self._waits(trial)

    def _preference(self, work: _Work, slot: int) -> int:
        """Lower is better; among equals the plan's order decides."""
        if work.slot == slot:
            return 0
        if work.slot is None and work.model in self._warm.get(slot, ()):
            return 1
        elsewhere = any(work.model in models for other, models in self._warm.items() if other != slot)
        if work.slot is None:
            return 3 if elsewhere else 2
        return 4

    def put_back(self, trial: Trial) -> None:
        """Another run has it: asked again by ``retry_waiting``."""
        work = self._cells[trial.cell.id]
        work.waiting[trial.id] = trial
        work.running.discard(trial.id)

    def retry_waiting(self) -> None:
        """Makes every waiting trial startable again."""
        for work in self._cells.values():
            ordered = sorted(work.waiting.values(), key=lambda trial: trial.phase == "final")
            work.trials.extendleft(reversed(ordered))
            work.waiting.clear()

    def settle(self, trial: Trial) -> None:
        """The trial is stored; the finals of its cell wait for one search less."""
        work = self._cells[trial.cell.id]
        self._unsettled[trial.cell.id] -= 1
        work.open_searches.discard(trial.id)
        work.running.discard(trial.id)
