"""``python -m benchmarks.scale.overhead``: how many trials that do nothing a run does in a second.

Plan, schedule, worker processes, claims, folders, store and the lines of the progress are those of every run; only
the trials are empty.  Writes ``benchmarks/scale/overhead.md``; a smaller number of trials may be given as an argument,
and nothing is then written.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.scale.idle import EXECUTOR, plan_of
from benchmarks.scale.pages import page_of
from suite.runner.environment import usable_cores
from suite.runner.progress import ELSEWHERE, LinesProgress
from suite.runner.run import run_plan
from suite.spec.trial import Trial
from suite.store.quick_read import glance
from suite.store.records.result import Result

__all__ = ["Measured", "main", "measured"]

PAGE = Path(__file__).with_name("overhead.md")
TRIALS = 10_000
CELLS = 40
RATE = 300.0


@dataclass(frozen=True)
class Measured:
    """What a run of empty trials took."""

    trials: int
    workers: int
    seconds: float
    """From the call to its return, the start of the workers included."""
    first_seconds: float
    """Until the first trial was stored."""
    again_seconds: float
    """The same call again, which has nothing to do."""

    @property
    def rate(self) -> float:
        """Trials in a second, of the whole run."""
        return self.trials / self.seconds


class _Watched(LinesProgress):
    """Lines, and when the first trial was told as done."""

    def __init__(self) -> None:
        super().__init__()
        self.first: float | None = None

    def finish(self, trial: Trial, result: Result | None, *, instead: str = ELSEWHERE) -> None:
        """Notes the time of the first."""
        self.first = self.first or time.perf_counter()
        super().finish(trial, result, instead=instead)


def measured(trials: int, workers: int) -> Measured:
    """Runs so many empty trials in local workers. The number is rounded to whole cells of equally many seeds."""
    plan = plan_of(models=4, strategies=CELLS // 4, seeds=max(1, trials // CELLS))
    count = len(plan.trials)
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "run"
        progress = _Watched()

        def run() -> float:
            began = time.perf_counter()
            outcome = run_plan(
                plan, out=out, cache_root=Path(scratch), executor=EXECUTOR, jobs=workers, progress=progress
            )
            assert outcome.counts == {"done": count}
            return time.perf_counter() - began

        with (Path(scratch) / "progress.txt").open("w") as log, contextlib.redirect_stderr(log):
            began = time.perf_counter()
            seconds = run()
            again = run()
        assert len(glance(out).entries) == count
        assert len((Path(scratch) / "progress.txt").read_text().splitlines()) == count
    return Measured(count, workers, seconds, (progress.first or began) - began, again)


def main() -> int:
    """Measures and says. Returns 1 where the target was missed."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS
    load = os.getloadavg()[0]
    found = measured(wanted, usable_cores())
    rest = found.trials / (found.seconds - found.first_seconds)
    rows = [
        ("trials, workers", f"{found.trials:,}, {found.workers}", "", ""),
        ("trials in a second, the whole run", f"{found.rate:.0f}", "at least 300", found.rate >= RATE),
        ("the same without the start of the workers", f"{rest:.0f}", "", ""),
        ("until the first trial was stored", f"{found.first_seconds:.1f} s", "", ""),
        ("the same run again, with nothing to do", f"{found.again_seconds:.2f} s", "", ""),
    ]
    table = [f"| {a} | {b} | {c} | {'' if d == '' else 'yes' if d else 'no'} |" for a, b, c, d in rows]
    print("\n".join(table))
    if wanted == TRIALS:
        PAGE.write_text(_page(table, load), encoding="utf-8")
    return 0 if found.rate >= RATE else 1


def _page(table: list[str], load: float) -> str:
    what = (
        "trials that do nothing, in local workers, with a store on the disk. Each is claimed, sent to its worker, "
        "given a folder and a log, stored in SQLite and told in a line, as in every run."
    )
    return page_of(
        "What a trial costs beside its fit",
        [f"Written by `python -m benchmarks.scale.overhead`: {what}"],
        table,
        load=load,
    )


if __name__ == "__main__":
    sys.exit(main())
