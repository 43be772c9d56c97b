"""How long trials will take, judged by similar ones that are done."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

from suite.runner.schedule import Schedule
from suite.spec.trial import Trial

__all__ = ["Estimate", "wall_seconds"]


class Estimate:
    """Mean seconds of trials that are done, by what they have in common with one that is not."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, ...], tuple[float, int]] = {}

    @classmethod
    def of(cls, trials: Iterable[Trial], seconds: Mapping[str, float]) -> Estimate:
        """What the trials that are done tell, by their ids to the seconds that they took."""
        estimate = cls()
        for trial in trials:
            if trial.id in seconds:
                estimate.add(trial, seconds[trial.id])
        return estimate

    def add(self, trial: Trial, seconds: float) -> None:
        """A trial that is done and how long it took."""
        for key in _likeness(trial):
            total, count = self._sums.get(key, (0.0, 0))
            self._sums[key] = (total + seconds, count + 1)

    def seconds(self, trials: Iterable[Trial]) -> float | None:
        """Seconds for these trials one after another, 0 for none; None where nothing is known yet.

        Each is taken to last as long as the mean of the most similar ones: of its own cell and phase, else of its
        cell, of the same model, strategy and labels, of the same without labels, of the same strategy, of all.
        """
        total = 0.0
        for trial in trials:
            known = next((self._sums[key] for key in _likeness(trial) if key in self._sums), None)
            if known is None:
                return None
            total += known[0] / known[1]
        return total


def _likeness(trial: Trial) -> tuple[tuple[str, ...], ...]:
    """What a trial has in common with others, the closest first."""
    model, _, strategy = trial.cell.labels
    return (
        ("cell", trial.cell.id, trial.phase),
        ("cell", trial.cell.id),
        ("labels", *trial.cell.words),
        ("pair", model, strategy),
        ("strategy", strategy),
        (),
    )


# How long a run will take with many workers: the real schedule, with estimated seconds in place of trials.


def wall_seconds(trials: Iterable[Trial], estimate: Estimate, *, slots: int) -> float | None:
    """Seconds until the last of ``trials`` ends, so many at once; None where nothing comparable is done.

    Searches go before their finals, students after their teachers, as in a run; what a worker needs to start is left
    out, and so is what a funnel will drop.
    """
    trials = tuple(trials)
    if estimate.seconds(trials) is None:
        return None
    schedule = Schedule(trials)
    idle = list(range(slots))
    running: list[tuple[float, int, Trial]] = []
    now = 0.0
    while True:
        waiting = []
        for slot in idle:
            trial = schedule.take(slot)
            if trial is None:
                waiting.append(slot)
                # No other slot gets one either, before something ends.
                waiting += idle[idle.index(slot) + 1 :]
                break
            heapq.heappush(running, (now + (estimate.seconds([trial]) or 0.0), slot, trial))
        idle = waiting
        if not running:
            return now
        now, slot, trial = heapq.heappop(running)
        schedule.settle(trial)
        idle.append(slot)
