"""``python -m benchmarks.scale.plan``: plans of 1,000,000 trials, and what a run asks of a plan before it starts.

Two specs: few cells with a large grid and many seeds, and 20,000 cells of 50 seeds.  Each is planned in a process of
its own.  Writes ``benchmarks/scale/plan.md``; a smaller number of trials may be given as an argument, and nothing is
then written.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.measure import answer, in_fresh_process
from benchmarks.scale.pages import page_of
from suite.compare.planned import summarise_plan
from suite.runner.estimate import Estimate
from suite.runner.progress import LinesProgress
from suite.runner.schedule import Schedule, missing_trials
from suite.spec.plan import Plan, make_plan
from suite.spec.spec import parse_spec
from suite.store.state import Entry

__all__ = ["main", "planned"]

PAGE = Path(__file__).with_name("plan.md")
TRIALS = 1_000_000
SECONDS, MEMORY_MB = 60.0, 2_000.0
MODELS = ("vgg_tiny", "mobilenet_025", "resnet_tiny", "vit_tiny")
SHAPES = ("grid", "cells")
T = TypeVar("T")


def spec_of(shape: str, trials: int) -> str:
    """A spec of about so many trials: a large grid in two cells, or many cells."""
    spec: dict[str, Any] = {
        "name": "million",
        "task": "image_classification",
        "datasets": [{"source": "sklearn", "name": "digits"}],
    }
    if shape == "grid":
        steps = max(1, round((trials / 20) ** 0.5))
        space = {
            "learning_rate": [round(0.1 * (step + 1) / steps, 6) for step in range(steps)],
            "dropout": [round(0.9 * (step + 1) / steps, 6) for step in range(steps)],
            "label_smoothing": [round(0.02 * (step + 1), 6) for step in range(10)],
        }
        search = {"sampler": "grid", "space": space}
        strategies: list[dict[str, Any]] = [{"strategy": "fine_tune", "search": search}]
        return json.dumps(spec | {"models": _models(2), "strategies": strategies, "seeds": list(range(500))})
    strategies = [
        {"strategy": "fine_tune", "learning_rate": round(1e-3 * (1 + number / 100), 8), "label": f"rate {number}"}
        for number in range(max(1, trials // 200))
    ]
    return json.dumps(spec | {"models": _models(4), "strategies": strategies, "seeds": list(range(50))})


def _models(count: int) -> list[dict[str, str]]:
    return [{"source": "zoo", "name": name} for name in MODELS[:count]]


def planned(shape: str, trials: int) -> dict[str, float]:
    """Seconds of each step with a plan, and the most memory of this process in MB after planning and in the end."""
    found: dict[str, float] = {}

    def timed(name: str, work: Callable[[], T]) -> T:
        began = time.perf_counter()
        made = work()
        found[name] = time.perf_counter() - began
        return made

    def memory_mb() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6

    text = spec_of(shape, trials)
    plan = timed("plan", lambda: make_plan(parse_spec(text)))
    ids = timed("ids", lambda: {trial.id for trial in plan.trials})
    found |= {"trials": len(plan.trials), "cells": len(plan.cells), "planning MB": memory_mb()}
    assert len(ids) == len(plan.trials)
    missing = timed("missing", lambda: missing_trials(plan, {}))
    timed("schedule", lambda: Schedule(missing))
    timed("progress", lambda: LinesProgress().start(missing, workers=2, estimate=Estimate()))
    entries = _all_but_one(plan)
    left = timed("all but one stored", lambda: missing_trials(plan, entries))
    assert len(left) == 1
    timed("estimate", lambda: Estimate.of(plan.trials, dict.fromkeys(entries, 1.0)))
    entries.clear()
    timed("summary", lambda: summarise_plan(plan).model_dump_json())
    return found | {"MB": memory_mb()}


def _all_but_one(plan: Plan) -> dict[str, Entry]:
    return {
        trial.id: Entry(trial.id, trial.cell.id, trial.phase, "done", number, 1.0)
        for number, trial in enumerate(plan.trials[:-1])
    }


def main() -> int:
    """Measures and says. Returns 1 where a target was missed."""
    if sys.argv[1:2] == ["--one"]:
        answer(lambda: planned(sys.argv[2], int(sys.argv[3])))
        return 0
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS
    load = os.getloadavg()[0]
    both = [in_fresh_process("benchmarks.scale.plan", "--one", shape, str(wanted)) for shape in SHAPES]
    rows = _rows(both)
    table = [f"| {' | '.join(row)} |" for row in rows]
    print("\n".join(table))
    if wanted == TRIALS:
        PAGE.write_text(_page(table, load), encoding="utf-8")
    return 0 if all(row[-1] in {"", "yes"} for row in rows) else 1


def _rows(both: list[dict[str, float]]) -> list[tuple[str, ...]]:
    def row(what: str, cells: list[str], target: str = "", met: bool | None = None) -> tuple[str, ...]:
        return (what, *cells, target, "" if met is None else "yes" if met else "no")

    def seconds(*names: str) -> list[str]:
        return [f"{sum(found[name] for name in names):.1f} s" for found in both]

    fast = all(found["plan"] + found["ids"] < SECONDS for found in both)
    small = all(found["planning MB"] < MEMORY_MB for found in both)
    return [
        row("trials, cells", [f"{found['trials']:,.0f}, {found['cells']:,.0f}" for found in both]),
        row("planned, every trial with its id", seconds("plan", "ids"), "under 60 s", fast),
        row("most memory until then", [f"{found['planning MB']:,.0f} MB" for found in both], "under 2 GB", small),
        row("what is missing, nothing being stored", seconds("missing")),
        row("the same, all but one being stored", seconds("all but one stored")),
        row("schedule", seconds("schedule")),
        row("start of the progress", seconds("progress")),
        row("estimate from all that are done", seconds("estimate")),
        row("what is kept of the plan for reports, as JSON", seconds("summary")),
        row("most memory in the end", [f"{found['MB']:,.0f} MB" for found in both]),
    ]


def _page(table: list[str], load: float) -> str:
    columns = ("what", "a grid in few cells", "many cells", "target", "met")
    how = ["Written by `python -m benchmarks.scale.plan`."]
    return page_of("A plan of a million trials", how, table, load=load, columns=columns)


if __name__ == "__main__":
    sys.exit(main())
