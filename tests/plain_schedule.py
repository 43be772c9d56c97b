"""The order in which trials run, said as plainly as can be: what ``suite.runner.schedule.Schedule`` is measured by."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from suite.spec.plan import canonical_json
from suite.spec.trial import Trial

__all__ = ["PlainSchedule"]


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


class PlainSchedule:
    """The missing trials of a run, with every cell looked at whenever a worker asks."""

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

    def again(self, trial: Trial) -> None:
        """Its worker was lost: it comes next in its cell."""
        work = self._cells[trial.cell.id]
        work.running.discard(trial.id)
        work.trials.appendleft(trial)

    def forget(self, slot: int) -> None:
        """A worker is gone: its cells are nobody's, and it has no model ready."""
        self._warm.pop(slot, None)
        for work in self._cells.values():
            if work.slot == slot:
                work.slot = None
