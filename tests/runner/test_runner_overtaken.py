"""A run that was silent for so long that another one took its trials over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from runner_plans import plan_of

from suite.runner.progress import QuietProgress
from suite.runner.run import run_plan
from suite.spec.trial import Trial
from suite.store.records.result import Result
from suite.store.store import open_store


class OvertakenProgress(QuietProgress):
    """Lets another run store a trial as soon as it has begun here."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.told: list[Result | None] = []

    def begin(self, trial: Trial) -> None:
        model, dataset, strategy = trial.cell.labels
        labels = {"model": model, "dataset": dataset, "strategy": strategy}
        common = {"phase": trial.phase, "seed": trial.seed, "trial": trial.as_json(), **labels}
        with open_store(self.out) as store:
            store.save(Result(id=trial.id, cell_id=trial.cell.id, status="done", finished_at="theirs", **common))

    def finish(self, trial: Trial, result: Result | None, **more: Any) -> None:
        self.told.append(result)


@pytest.mark.parametrize("redo", ["failed", "all"])
def test_what_another_run_has_stored_is_not_replaced(tmp_path, redo):
    """A machine that was cut off comes back with a result that nobody waits for any more."""
    plan = plan_of("a")
    progress = OvertakenProgress(tmp_path)
    options = {"out": tmp_path, "cache_root": tmp_path, "executor": "runner_executors:execute"}
    if redo == "all":
        run_plan(plan, progress="quiet", **options)
    outcome = run_plan(plan, progress=progress, redo=redo, **options)
    with open_store(tmp_path) as store:
        assert [one.finished_at for one in store.query()] == ["theirs"]
    assert progress.told == [None]
    assert not outcome.new
