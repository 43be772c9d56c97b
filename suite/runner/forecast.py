"""How long a run will take with many workers: the real schedule, with estimated seconds in place of trials."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from suite.runner.estimate import Estimate
from suite.runner.schedule import Schedule
from suite.spec.trial import Trial

__all__ = ["wall_seconds"]


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
