"""``python -m benchmarks.scale.simulate``: 1,000,000 trials on 1,000 nodes that fail, with a clock that is simulated.

The schedule is the suite's own; a node runs one trial at a time.  What trials take, what it costs to make a model
ready, and when nodes fail is drawn, from a seed.  Writes ``benchmarks/scale/simulate.md``; a smaller number of trials
may be given as an argument, with as many for each node; nothing is then written.
"""

from __future__ import annotations

import heapq
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.scale.idle import plan_of
from benchmarks.scale.pages import page_of
from suite.runner.request import Retries
from suite.runner.schedule import Schedule
from suite.spec.trial import Trial

__all__ = ["Cluster", "Outcome", "main", "simulated"]

PAGE = Path(__file__).with_name("simulate.md")
TRIALS = 1_000_000
TRIALS_PER_NODE = 1_000
UTILISATION = 0.95


@dataclass(frozen=True)
class Cluster:
    """What is simulated."""

    nodes: int
    seconds: float = 60.0
    """Mean of a trial; log-normal, half of them between 0.5 and 1.3 times of it."""
    spread: float = 0.7
    ready_seconds: float = 10.0
    """What it takes to make a model ready on a node that has another."""
    failures_per_hour: float = 0.01
    """Share of the nodes that fail in an hour; with what runs there."""
    away_seconds: float = 600.0
    """How long a node is away then."""
    retries: int = 2
    """How often a trial whose node was lost is started again."""
    seed: int = 1


@dataclass
class Outcome:
    """What came of it."""

    nodes: int
    trials: int
    end_seconds: float = 0.0
    """When the last trial was done, by the simulated clock."""
    fitting_seconds: float = 0.0
    """Spent on trials that were done, without making models ready."""
    ready_seconds: float = 0.0
    lost_seconds: float = 0.0
    """Spent on trials whose node failed."""
    away_seconds: float = 0.0
    scheduler_seconds: float = 0.0
    """Real time, in the schedule's own code."""
    node_failures: int = 0
    given_up: int = 0
    """Trials whose retries were used up."""
    done: Counter[str] = field(default_factory=Counter)
    """How often each trial was done."""

    @property
    def utilisation(self) -> float:
        """Share of the node time, from the start to the last trial, in which trials ran that were done."""
        return (self.fitting_seconds + self.ready_seconds) / self.node_seconds

    @property
    def node_seconds(self) -> float:
        """All nodes, from the start to the last trial."""
        return self.nodes * self.end_seconds

    @property
    def lost(self) -> int:
        """Trials that neither were done nor failed for good."""
        return self.trials - len(self.done) - self.given_up

    @property
    def twice(self) -> int:
        """Trials that were done more than once."""
        return sum(count > 1 for count in self.done.values())


class _Simulation:
    """Events in the order of a simulated clock: ``(when, number, node, what)``."""

    def __init__(self, trials: Sequence[Trial], cluster: Cluster) -> None:
        self.cluster = cluster
        self.random = np.random.default_rng(cluster.seed)
        self.outcome = Outcome(cluster.nodes, len(trials))
        self.schedule = Schedule(trials)
        self.durations = self._durations(trials)
        self.running: dict[int, tuple[Trial, float, bool]] = {}
        """Of each node that works: its trial, since when, and whether it made the model ready first."""
        self.warm: dict[int, str] = {}
        self.idle: set[int] = set()
        self.retries = Retries(cluster.retries)
        self.epoch: Counter[int] = Counter()
        """How often each node has failed: what it would have ended before is void."""
        self.events: list[tuple[float, int, int, str, int]] = []
        self.number = 0

    def _durations(self, trials: Sequence[Trial]) -> dict[str, float]:
        cluster = self.cluster
        drawn = self.random.lognormal(-(cluster.spread**2) / 2, cluster.spread, len(trials)) * cluster.seconds
        return dict(zip((trial.id for trial in trials), drawn.tolist(), strict=True))

    def run(self) -> Outcome:
        """Until nothing is left to start and nothing runs."""
        for node in range(self.cluster.nodes):
            self._plan_failure(node, 0.0)
            self._start(node, 0.0)
        while not self.schedule.is_empty or self.running:
            now, _, node, what, epoch = heapq.heappop(self.events)
            if what == "fails":
                self._fail(node, now)
            elif what == "returns":
                self._plan_failure(node, now)
                self._start(node, now)
            elif epoch == self.epoch[node]:
                self._end(node, now)
        return self.outcome

    def _at(self, when: float, node: int, what: str) -> None:
        self.number += 1
        heapq.heappush(self.events, (when, self.number, node, what, self.epoch[node]))

    def _plan_failure(self, node: int, now: float) -> None:
        if self.cluster.failures_per_hour:
            self._at(now + self.random.exponential(3600 / self.cluster.failures_per_hour), node, "fails")

    def _start(self, node: int, now: float) -> None:
        began = time.perf_counter()
        trial = self.schedule.take(node)
        self.outcome.scheduler_seconds += time.perf_counter() - began
        if trial is None:
            self.idle.add(node)
            return
        self.idle.discard(node)
        model = trial.cell.labels[0]
        makes_ready = self.warm.get(node) != model
        self.warm[node] = model
        self.running[node] = (trial, now, makes_ready)
        self._at(now + self.durations[trial.id] + self.cluster.ready_seconds * makes_ready, node, "ends")

    def _end(self, node: int, now: float) -> None:
        trial, _, makes_ready = self.running.pop(node)
        began = time.perf_counter()
        self.schedule.settle(trial)
        self.outcome.scheduler_seconds += time.perf_counter() - began
        self.outcome.done[trial.id] += 1
        self.outcome.fitting_seconds += self.durations[trial.id]
        self.outcome.ready_seconds += self.cluster.ready_seconds * makes_ready
        self.outcome.end_seconds = now
        self._start(node, now)
        self._start_idle(now)

    def _fail(self, node: int, now: float) -> None:
        """The node is gone with its trial, which goes to another one unless its retries are used up."""
        self.epoch[node] += 1
        self.outcome.node_failures += 1
        self.outcome.away_seconds += self.cluster.away_seconds
        self.warm.pop(node, None)
        self.idle.discard(node)
        self.schedule.forget(node)
        if node in self.running:
            trial, since, _ = self.running.pop(node)
            self.outcome.lost_seconds += now - since
            if self.retries.allow(trial.id):
                self.schedule.again(trial)
            else:
                self.outcome.given_up += 1
                self.schedule.settle(trial)
        self._at(now + self.cluster.away_seconds, node, "returns")
        self._start_idle(now)

    def _start_idle(self, now: float) -> None:
        """What came back, or waited for what was done, is for those that had nothing to do."""
        if self.idle and not self.schedule.is_empty:
            for node in sorted(self.idle):
                self._start(node, now)


def simulated(trials: Sequence[Trial], cluster: Cluster) -> Outcome:
    """Runs all trials on a simulated cluster. The same arguments give the same outcome, its real time aside."""
    return _Simulation(trials, cluster).run()


def main() -> int:
    """Simulates and says. Returns 1 where a target was missed."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS
    load = os.getloadavg()[0]
    # 20 models, adapted in many ways, with five seeds each.
    plan = plan_of(models=20, strategies=max(1, wanted // 100), seeds=5)
    cluster = Cluster(nodes=max(1, len(plan.trials) // TRIALS_PER_NODE))
    began = time.perf_counter()
    found = simulated(plan.trials, cluster)
    seconds = time.perf_counter() - began
    rows = _rows(found, seconds)
    table = [f"| {a} | {b} | {c} | {'' if d is None else 'yes' if d else 'no'} |" for a, b, c, d in rows]
    print("\n".join(table))
    if wanted == TRIALS:
        PAGE.write_text(_page(table, cluster, load), encoding="utf-8")
    return 0 if all(row[3] in {None, True} for row in rows) else 1


def _rows(found: Outcome, seconds: float) -> list[tuple[str, str, str, bool | None]]:
    def share(part: float) -> str:
        return f"{part / found.node_seconds:.2%}"

    spare = found.node_seconds - found.fitting_seconds - found.ready_seconds - found.lost_seconds - found.away_seconds
    microseconds = found.scheduler_seconds / found.trials * 1e6
    return [
        ("nodes, trials", f"{found.nodes:,}, {found.trials:,}", "", None),
        ("simulated time", f"{found.end_seconds / 3600:.1f} h", "", None),
        ("nodes that failed", f"{found.node_failures:,}", "1 % in an hour", None),
        (
            "utilisation",
            share(found.fitting_seconds + found.ready_seconds),
            "over 95 %",
            found.utilisation > UTILISATION,
        ),
        ("of it making models ready", share(found.ready_seconds), "", None),
        ("work lost with a node", share(found.lost_seconds), "", None),
        ("nodes away", share(found.away_seconds), "", None),
        ("nodes idle, mostly at the end", share(spare), "", None),
        ("trials done", f"{len(found.done):,}", "", None),
        ("trials failed, their node lost three times", f"{found.given_up:,}", "", None),
        ("trials lost", f"{found.lost:,}", "0", found.lost == 0),
        ("trials done twice", f"{found.twice:,}", "0", found.twice == 0),
        ("time of the schedule for a trial", f"{microseconds:.0f} µs", "", None),
        ("real time of the simulation", f"{seconds:.0f} s", "", None),
    ]


def _page(table: list[str], cluster: Cluster, load: float) -> str:
    how = (
        "Written by `python -m benchmarks.scale.simulate`: the suite's own schedule gives out the trials, a node runs "
        f"one at a time, and the clock is simulated. A trial takes {cluster.seconds:.0f} s on average (log-normal, "
        f"sigma {cluster.spread}), and {cluster.ready_seconds:.0f} s more where its node had another model ready. "
        f"{cluster.failures_per_hour:.0%} of the nodes fail in an hour, with the trial that runs there, and come back "
        f"after {cluster.away_seconds / 60:.0f} minutes with nothing ready. A lost trial is started again, "
        f"{cluster.retries} times at most."
    )
    share = (
        "Utilisation is the share of all node time, from the start to the end of the last trial, in which trials ran "
        "that were done; nodes that are away or idle and work that was lost count against it."
    )
    return page_of("A thousand nodes, simulated", [how, share], table, load=load)


if __name__ == "__main__":
    sys.exit(main())
