"""``python -m benchmarks.scale.soak``: 2,000 tiny real fits in one run, and what memory and files they leave behind.

Two of the zoo's models are adapted to 50 images, in one epoch, again and again.  Every two seconds the memory of the
parent and of each worker and their open files are read.  Writes ``benchmarks/scale/soak.md``; a smaller number of
trials may be given as an argument, and nothing is then written unless ``--write`` follows.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil

from benchmarks.scale.pages import page_of
from suite.runner.environment import usable_cores
from suite.runner.progress import ELSEWHERE, LinesProgress
from suite.runner.run import run_plan
from suite.spec.plan import Plan, make_plan
from suite.spec.spec import parse_spec
from suite.spec.trial import Trial
from suite.store.records.result import Result

__all__ = ["Soaked", "Watch", "main", "plan_of", "soaked"]

PAGE = Path(__file__).with_name("soak.md")
TRIALS = 2_000
SECONDS = 2.0
SETTLED = 0.1
"""So much of the trials is the beginning, in which everything is imported and built once."""
PARENT_MB, WORKER_MB = 50.0, 300.0
MORE_FILES = 5
"""A connection to the store that is opened late is no leak; one for every hundred trials would be more."""
MODELS = ("mobilenet_025", "vgg_tiny")
RATES = (0.001, 0.002)


@dataclass(frozen=True)
class Sample:
    """One look at a process."""

    done: int
    """Trials that were done by then, in all."""
    memory_mb: float
    """Resident set size."""
    files: int
    """Open file handles, sockets and pipes included."""


@dataclass
class Watch:
    """Looks at this process and at its workers from a thread of its own."""

    done: Callable[[], int]
    samples: dict[int, list[Sample]] = field(default_factory=dict)
    """By process number."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look_on(self) -> None:
        me = psutil.Process()
        while not self._stop.wait(SECONDS):
            # Short-lived helpers of Python's own are no workers.
            children = [child for child in me.children() if _is_worker(child)]
            for process in (me, *children):
                with contextlib.suppress(psutil.Error):
                    now = Sample(self.done(), process.memory_info().rss / 1e6, process.num_fds())
                    self.samples.setdefault(process.pid, []).append(now)


def _is_worker(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return "spawn_main" in " ".join(process.cmdline())
    return False


@dataclass(frozen=True)
class Growth:
    """How a process went on after the beginning."""

    first_mb: float
    last_mb: float
    first_files: float
    last_files: float
    trials: int
    """That were done, by all workers, while it was looked at."""

    @classmethod
    def of(cls, samples: list[Sample], *, settled: int) -> Growth | None:
        """From the samples after ``settled`` trials were done; None where there are too few."""
        later = [sample for sample in samples if sample.done >= settled]
        if len(later) < 10:
            return None
        part = max(3, len(later) // 10)
        first, last = later[:part], later[-part:]
        return cls(
            first_mb=statistics.median(one.memory_mb for one in first),
            last_mb=statistics.median(one.memory_mb for one in last),
            first_files=statistics.median(one.files for one in first),
            last_files=statistics.median(one.files for one in last),
            trials=later[-1].done - later[0].done,
        )

    @property
    def mb(self) -> float:
        """How much memory it took on."""
        return self.last_mb - self.first_mb


@dataclass(frozen=True)
class Soaked:
    """What was seen of a run."""

    trials: int
    seconds: float
    parent: Growth | None
    workers: tuple[Growth, ...]
    """Of each worker that was looked at often enough."""
    started: int
    """Worker processes, those that replaced others included."""
    highest_worker_mb: float


class _Counting(LinesProgress):
    """Lines, and how many trials were told as done."""

    def __init__(self) -> None:
        super().__init__()
        self.done = 0

    def finish(self, trial: Trial, result: Result | None, *, instead: str = ELSEWHERE) -> None:
        """Counts."""
        self.done += 1
        super().finish(trial, result, instead=instead)


def plan_of(trials: int) -> Plan:
    """Tiny real fits: one epoch on 50 digits, scored on a tenth of the others."""
    cells = len(MODELS) * len(RATES)
    return make_plan(
        parse_spec(
            json.dumps(
                {
                    "name": "soak",
                    "task": "image_classification",
                    "models": [{"source": "zoo", "name": name} for name in MODELS],
                    "datasets": [{"source": "sklearn", "name": "digits", "splits": {"validation": 0.1, "test": 0.1}}],
                    "strategies": [
                        {"strategy": "fine_tune", "unfreeze": 1, "learning_rate": rate, "label": f"rate {rate}"}
                        for rate in RATES
                    ],
                    "train_examples": [5],
                    "training": {"epochs": 1, "batch_size": 32},
                    "seeds": list(range(1, max(1, trials // cells) + 1)),
                    "keep_models": "none",
                }
            )
        )
    )


def soaked(plan: Plan, workers: int) -> Soaked:
    """Runs a plan in local workers and watches."""
    progress = _Counting()
    count = len(plan.trials)
    with tempfile.TemporaryDirectory() as scratch, (Path(scratch) / "progress.txt").open("w") as log:
        began = time.perf_counter()
        with contextlib.redirect_stderr(log), Watch(lambda: progress.done) as watch:
            outcome = run_plan(
                plan, out=Path(scratch) / "run", cache_root=Path(scratch) / "cache", jobs=workers, progress=progress
            )
        seconds = time.perf_counter() - began
    assert outcome.counts == {"done": count}, outcome.counts
    own = watch.samples.pop(os.getpid())
    settled = int(count * SETTLED)
    growths = [Growth.of(samples, settled=settled) for samples in watch.samples.values()]
    return Soaked(
        trials=count,
        seconds=seconds,
        parent=Growth.of(own, settled=settled),
        workers=tuple(growth for growth in growths if growth is not None),
        started=len(watch.samples),
        highest_worker_mb=max(sample.memory_mb for samples in watch.samples.values() for sample in samples),
    )


def main() -> int:
    """Runs, watches and says. Returns 1 where a target was missed."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    wanted = numbers[0] if numbers else TRIALS
    load = os.getloadavg()[0]
    found = soaked(plan_of(wanted), usable_cores())
    rows = _rows(found)
    table = [f"| {a} | {b} | {c} | {'' if d is None else 'yes' if d else 'no'} |" for a, b, c, d in rows]
    print("\n".join(table))
    if wanted == TRIALS or "--write" in sys.argv:
        PAGE.write_text(_page(table, load, found), encoding="utf-8")
    return 0 if all(row[3] in {None, True} for row in rows) else 1


def _rows(found: Soaked) -> list[tuple[str, str, str, bool | None]]:
    rows: list[tuple[str, str, str, bool | None]] = [
        ("trials, time", f"{found.trials:,}, {found.seconds / 60:.1f} min", "", None),
        ("worker processes that were started", f"{found.started}", "", None),
        ("most memory of a worker", f"{found.highest_worker_mb:,.0f} MB", "", None),
    ]
    of_each = [("the parent", found.parent, PARENT_MB)]
    of_each += [(f"worker {number}", one, WORKER_MB) for number, one in enumerate(found.workers, start=1)]
    for who, growth, most in of_each:
        if growth is None:
            continue
        span = f"{growth.first_mb:,.0f} to {growth.last_mb:,.0f} MB: {growth.mb:+.0f} MB in {growth.trials:,} trials"
        rows.append((f"memory of {who}", span, f"under +{most:.0f} MB", growth.mb < most))
        files = f"{growth.first_files:.0f} to {growth.last_files:.0f}"
        rows.append(
            (
                f"open files of {who}",
                files,
                f"at most +{MORE_FILES}",
                growth.last_files - growth.first_files <= MORE_FILES,
            )
        )
    return rows


def _page(table: list[str], load: float, found: Soaked) -> str:
    what = (
        f"{found.trials:,} fits of {' and '.join(MODELS)} on 50 digits each, one epoch, in one run. Memory is the "
        f"resident set; what came before {SETTLED:.0%} of the trials were done, when everything is imported and built "
        "once, is left out. First and last are medians of a tenth of the samples."
    )
    return page_of(
        "Thousands of fits in one run", [f"Written by `python -m benchmarks.scale.soak`: {what}"], table, load=load
    )


if __name__ == "__main__":
    sys.exit(main())
