"""``python -m benchmarks.scale.ray``: what a trial costs besides its own work when it runs on a Ray cluster.

Trials that do nothing go through plan, claims, Ray, files and store, on a cluster of one node with a worker for each
core, in a network of its own that has only loopback.  Writes ``benchmarks/scale/ray.md``.  Another number of trials
may be given as an argument; nothing is then written.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.scale.pages import page_of
from suite.runner.progress import ELSEWHERE, QuietProgress
from suite.runner.run import run_plan
from suite.runner.workers import ClusterChoice
from suite.spec.trial import Trial
from suite.store.records.result import Result

__all__ = ["main"]

PAGE = Path(__file__).with_name("ray.md")
ROOT = Path(__file__).resolve().parents[2]
TRIALS = 5_000
MODELS = 20
TARGET = 100.0
INSIDE = "--inside"


def main() -> int:
    """Measures and says. Returns 1 where the target was missed."""
    if INSIDE in sys.argv:
        _drive(*sys.argv[2:])
        return 0
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS
    load = os.getloadavg()[0]
    told = _measured(wanted)
    rows = [
        (
            f"trials in a second, {told['count']:,} trials",
            f"{told['rate']:.0f}",
            f"at least {TARGET:.0f}",
            told["rate"],
        ),
        ("until the first trial ended, connecting and starting workers included", f"{told['first']:.1f} s", "", None),
        ("the whole run", f"{told['seconds']:.1f} s", "", None),
    ]
    table = [f"| {a} | {b} | {c} | {'' if d is None else 'yes' if d >= TARGET else 'no'} |" for a, b, c, d in rows]
    print("\n".join(table))
    if wanted == TRIALS:
        PAGE.write_text(_page(table, load), encoding="utf-8")
    return 0 if told["rate"] >= TARGET else 1


def _measured(wanted: int) -> dict[str, float]:
    sys.path.insert(0, str(ROOT / "tests"))
    from ray_cluster import RayCluster

    with tempfile.TemporaryDirectory() as scratch:
        cluster = RayCluster(Path(scratch))
        try:
            cluster.start("head", cpus=os.cpu_count() or 1)
            cluster.wait_for(1)
            words = [sys.executable, "-m", "benchmarks.scale.ray", INSIDE, cluster.address, scratch, str(wanted)]
            ended = subprocess.run(
                cluster.inside(*words), env=cluster.environment(), cwd=ROOT, check=True, stdout=subprocess.PIPE
            )
        finally:
            cluster.stop()
    told: dict[str, float] = json.loads(ended.stdout)
    return told


class _Clock(QuietProgress):
    """When trials ended."""

    def __init__(self) -> None:
        self.ended: list[float] = []

    def finish(self, trial: Trial, result: Result | None, *, instead: str = ELSEWHERE) -> None:
        """Notes the time."""
        self.ended.append(time.perf_counter())


def _drive(address: str, scratch: str, wanted: str) -> None:
    """The run itself, in the network of the cluster."""
    from runner_plans import plan_of

    models = [f"fit:{number}" for number in range(MODELS)]
    plan = plan_of(*models, seeds=tuple(range(int(wanted) // MODELS)), keep_models="none", resources={"cpus": 1})
    clock, began = _Clock(), time.perf_counter()
    outcome = run_plan(
        plan,
        out=Path(scratch) / "out",
        cache_root=Path(scratch),
        progress=clock,
        executor="cluster_executors:nothing",
        cluster=ClusterChoice(address),
    )
    assert outcome.counts == {"done": len(plan.trials)}, outcome
    rate = (len(clock.ended) - 1) / (clock.ended[-1] - clock.ended[0])
    first = clock.ended[0] - began
    print(json.dumps({"count": len(plan.trials), "rate": rate, "first": first, "seconds": outcome.seconds}))


def _page(table: list[str], load: float) -> str:
    told = (
        "Written by `python -m benchmarks.scale.ray`: trials that do nothing, on one node with a worker for each core; "
        "claims, files and store included."
    )
    return page_of("Trials on a Ray cluster", [told], table, load=load)


if __name__ == "__main__":
    sys.exit(main())
