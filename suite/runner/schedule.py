"""Which trial runs next, and where.

Cells are taken in the order of the plan and stay on one worker, searches before finals, so that a compiled model
is reused; a worker goes on with the model that it has warm.  A worker without a cell of its own helps another.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from suite.runner.queues import Queue, WarmModels
from suite.spec.label_budget import spending_place
from suite.spec.plan import Plan, canonical_json
from suite.spec.search.settings import Spending
from suite.spec.trial import Cell, Trial
from suite.store.state import Entry

__all__ = ["Redo", "Schedule", "cut", "missing_trials", "spending_of", "without"]

Redo = Literal["none", "failed", "all"]
RETRIED = {"failed", "timeout"}
"""What is not cached. A divergence or a skip would come again: same seed, same weights, same data."""


def without(entries: Mapping[str, Entry], trial_ids: Container[str]) -> Mapping[str, Entry]:
    """What is stored but for some trials."""
    return {name: entry for name, entry in entries.items() if name not in trial_ids}


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
    searches = {cell.id: _Standing.of(plan.searches(cell), entries, missing) for cell in plan.cells}
    stale = {t.id for t in plan.trials if t.id in missing or _is_stale(t, entries, searches[t.cell.id])}
    lessons = _lessons(plan, entries, stale)
    return tuple(t for t in plan.trials if t.id in stale or _learned_otherwise(t, entries, lessons))


@dataclass(frozen=True)
class _Standing:
    """How trials stand that others are judged by, for all of those at once: a cell may have a million."""

    newest: int
    """The highest ``Entry.sequence`` of any,"""
    newest_done: int
    """and of those that are done; -1 where there is none."""
    missing: bool
    """Whether any is run,"""
    first_time: bool
    """or was never run before and is now."""

    @classmethod
    def of(cls, trials: Iterable[Trial], entries: Mapping[str, Entry], missing: Container[str]) -> _Standing:
        trials = tuple(trials)
        known = [entries[trial.id] for trial in trials if trial.id in entries]
        run = [trial.id for trial in trials if trial.id in missing]
        return cls(
            newest=max((entry.sequence for entry in known), default=-1),
            newest_done=max((entry.sequence for entry in known if entry.status == "done"), default=-1),
            missing=bool(run),
            first_time=any(name not in entries for name in run),
        )


def _is_stale(trial: Trial, entries: Mapping[str, Entry], searches: _Standing) -> bool:
    """Whether a stored final was chosen from fewer search trials than there are now."""
    entry = entries.get(trial.id)
    if trial.phase == "search" or entry is None:
        return False
    # Searches that were never run are new to it too, for instance since the budget had left no time for them.
    newer = searches.newest_done > entry.sequence or searches.first_time
    # Skipped because every search failed: that may change now.
    return newer or (entry.status == "skipped" and searches.missing)


def _lessons(plan: Plan, entries: Mapping[str, Entry], missing: Container[str]) -> dict[str, _Standing]:
    """How the trials of each cell stand that somebody learns from."""
    trials: dict[str, list[Trial]] = {teacher: [] for cell in plan.cells for teacher in cell.teachers}
    for trial in plan.trials:
        if trial.cell.id in trials:
            trials[trial.cell.id].append(trial)
    return {cell_id: _Standing.of(own, entries, missing) for cell_id, own in trials.items()}


def _learned_otherwise(trial: Trial, entries: Mapping[str, Entry], lessons: Mapping[str, _Standing]) -> bool:
    """Whether a stored student's teachers are run, or were run since: who teaches it, and what, may change."""
    entry = entries.get(trial.id)
    if not trial.cell.teachers or entry is None:
        return False
    taught = [lessons[teacher] for teacher in trial.cell.teachers]
    return any(one.missing or one.newest > entry.sequence for one in taught)


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


@dataclass(slots=True)
class _Work:
    """What is left of one cell."""

    index: int
    """Its place in the plan."""
    model: str
    trials: list[Trial]
    """The next one at the end."""
    unsettled: int = 0
    """Its trials that are not settled; students wait for their teachers'."""
    open_searches: int = 0
    running: int = 0
    """Search trials that were taken and are not settled."""
    finals: int = 0
    """The same of final trials."""
    waiting: int = 0
    """Trials that another run has claimed."""
    slot: int | None = None
    """The worker whose cell it is."""
    students: tuple[int, ...] = ()
    """Places of the cells that learn from it."""

    @property
    def is_open(self) -> bool:
        """Whether its own trials let the next one start: a final waits for all searches of its cell, a search trial
        that learns from those before it for them, and a seed that changes nothing for the one that computes it.
        """
        if not self.trials:
            return False
        trial = self.trials[-1]
        if trial.phase == "search":
            search = trial.cell.search
            return not (search is not None and search.in_turn and (self.running or self.waiting))
        if trial.phase in {"rank", "short"}:
            return True
        return not self.open_searches and not (trial.cell.is_deterministic and (self.finals or self.waiting))


class Schedule:
    """The missing trials of a run.

    What a call takes does not grow with the number of cells: those that may start lie in queues, one for each thing
    that makes a worker prefer them, and one that cannot start is queued again by what it waits for.
    """

    def __init__(
        self,
        trials: Iterable[Trial],
        *,
        waits: Callable[[Trial], bool] | None = None,
        is_left_out: Callable[[Trial], bool] = lambda _: False,
        warm_models: int = 1,
    ) -> None:
        """Plans the order.

        Args:
            trials: What is missing.
            waits: Whether the funnel holds a trial back for now; None where there is no funnel.
            is_left_out: Whether it has dropped a trial, which then makes no model ready.
            warm_models: How many models a worker keeps ready.
        """
        self._waits = waits
        self._is_left_out = is_left_out
        self._warm = WarmModels(warm_models)
        self._cells: list[_Work] = []
        self._places: dict[str, int] = {}
        """Of each cell in ``_cells``, by its id."""
        self._taken: dict[str, int] = {}
        """The worker of each trial that was taken and is not settled, by its id."""
        self._waiting: dict[int, dict[str, Trial]] = {}
        """Trials that another run has claimed, by the place of their cell."""
        self._owns: dict[int, list[int]] = {}
        """The cells of each worker, those that are through included."""
        self._held: set[int] = set()
        """Cells that the funnel held back when they were looked at last; it does not tell when it lets them go."""
        self._left = 0
        """Trials that nobody has taken."""
        self._own: dict[int, Queue[int]] = {}
        """Cells that may start, of each worker,"""
        self._owned: Queue[int] = Queue(lambda place: self._ready(place, owned=True))
        """of any worker,"""
        self._free: dict[str, Queue[int]] = {}
        """and of none, by model;"""
        self._cold: Queue[str] = Queue(lambda model: None if self._warm.anywhere(model) else self._first_of(model))
        """the models of the last that no worker has ready,"""
        self._hot: Queue[str] = Queue(lambda model: self._first_of(model) if self._warm.anywhere(model) else None)
        """and those that some has."""
        self._add(trials)

    def _add(self, trials: Iterable[Trial]) -> None:
        for trial in trials:
            place = self._places.setdefault(trial.cell.id, len(self._cells))
            if place == len(self._cells):
                self._cells.append(_Work(place, canonical_json(trial.cell.content["model"]), []))
            work = self._cells[place]
            work.trials.append(trial)
            work.unsettled += 1
            work.open_searches += trial.phase == "search"
            self._left += 1
        for work in self._cells:
            work.trials.reverse()
            for teacher in work.trials[-1].cell.teachers:
                if teacher in self._places:
                    taught = self._cells[self._places[teacher]]
                    taught.students = (*taught.students, work.index)
        for work in self._cells:
            self._offer(work)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to start or to wait for."""
        return not self._left and not self._waiting

    @property
    def waiting(self) -> tuple[Trial, ...]:
        """Trials that another run has claimed."""
        return tuple(trial for place in sorted(self._waiting) for trial in self._waiting[place].values())

    def take(self, slot: int) -> Trial | None:
        """The next trial for a worker, or None where nothing can start now."""
        held, self._held = self._held, set()
        for place in held:
            self._offer(self._cells[place])
        found = self._preferred(slot)
        if found is None:
            return None
        work = self._cells[found]
        if work.slot is None:
            work.slot = slot
            self._owns.setdefault(slot, []).append(found)
            self._offer(work)
        trial = work.trials.pop()
        self._left -= 1
        if not self._is_left_out(trial):
            for model in self._warm.use(slot, work.model):
                self._offer_model(model)
        self._taken[trial.id] = slot
        work.running += trial.phase == "search"
        work.finals += trial.phase == "final"
        return trial

    def _preferred(self, slot: int) -> int | None:
        """The place of the cell that a worker likes best; among equals the plan's order decides."""
        if slot in self._own and (own := self._own[slot].first()) is not None:
            return own
        warm = [first for model in self._warm.of(slot) if (first := self._first_of(model)) is not None]
        if warm:
            return min(warm)
        for models in (self._cold, self._hot):
            if (model := models.first()) is not None:
                return self._first_of(model)
        return self._owned.first()

    def put_back(self, trial: Trial) -> None:
        """Another run has it: asked again by ``retry_waiting``."""
        work = self._give_up(trial)
        self._waiting.setdefault(work.index, {})[trial.id] = trial
        work.waiting += 1

    def again(self, trial: Trial) -> None:
        """Its worker was lost: it comes next in its cell, for any worker."""
        work = self._give_up(trial)
        work.trials.append(trial)
        self._left += 1
        self._offer(work)

    def forget(self, slot: int) -> None:
        """A worker is gone, or starts anew: its cells are nobody's, and it has no model ready."""
        for model in self._warm.forget(slot):
            self._offer_model(model)
        self._own.pop(slot, None)
        for place in self._owns.pop(slot, ()):
            self._cells[place].slot = None
            self._offer(self._cells[place])

    def retry_waiting(self) -> None:
        """Makes every waiting trial startable again."""
        for place, waiting in self._waiting.items():
            work = self._cells[place]
            ordered = sorted(waiting.values(), key=lambda trial: trial.phase == "final")
            work.trials.extend(reversed(ordered))
            work.waiting = 0
            self._left += len(ordered)
            self._offer(work)
        self._waiting.clear()

    def settle(self, trial: Trial) -> None:
        """The trial is stored; the finals of its cell wait for one search less."""
        work = self._give_up(trial)
        work.unsettled -= 1
        work.open_searches -= trial.phase == "search"
        self._offer(work)
        if not work.unsettled:
            for place in work.students:
                self._offer(self._cells[place])

    def _give_up(self, trial: Trial) -> _Work:
        """Takes a trial from its worker. Returns what is left of its cell."""
        work = self._cells[self._places[trial.cell.id]]
        if self._taken.pop(trial.id, None) is not None:
            work.running -= trial.phase == "search"
            work.finals -= trial.phase == "final"
        return work

    def _offer(self, work: _Work) -> None:
        """Queues a cell that may be able to start."""
        if not work.trials:
            return
        if work.slot is None:
            queue = self._free.get(work.model)
            if queue is None:
                queue = self._free[work.model] = Queue(lambda place: self._ready(place, owned=False))
            queue.add(work.index, work.index)
            (self._hot if self._warm.anywhere(work.model) else self._cold).add(work.model, work.index)
        else:
            slot = work.slot
            if slot not in self._own:
                self._own[slot] = Queue(lambda place: self._ready(place, owned=True))
            self._own[slot].add(work.index, work.index)
            self._owned.add(work.index, work.index)

    def _offer_model(self, model: str) -> None:
        """Queues a model that became ready somewhere, or is no longer."""
        if (first := self._first_of(model)) is not None:
            (self._hot if self._warm.anywhere(model) else self._cold).add(model, first)

    def _first_of(self, model: str) -> int | None:
        queue = self._free.get(model)
        return queue.first() if queue is not None else None

    def _ready(self, place: int, *, owned: bool) -> int | None:
        """The cell's place where it may start and belongs to a worker, or to none; None otherwise."""
        work = self._cells[place]
        if (work.slot is not None) is not owned or not work.is_open:
            return None
        trial = work.trials[-1]
        if any(self._is_unsettled(teacher) for teacher in trial.cell.teachers):
            return None
        if self._waits is not None and self._waits(trial):
            self._held.add(place)
            return None
        return place

    def _is_unsettled(self, cell_id: str) -> bool:
        place = self._places.get(cell_id)
        return place is not None and self._cells[place].unsettled > 0
