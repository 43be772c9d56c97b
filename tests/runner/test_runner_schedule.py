"""What is missing, in which order it runs and where; claims, estimates and progress. No worker is started."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from typing import Any

import pytest
from rich.console import Console
from runner_plans import plan_of

from suite.errors import SpecError, SuiteError
from suite.runner.claims import Claims, is_alive
from suite.runner.environment import environment, repository_state, visible_gpus, worker_settings
from suite.runner.estimate import Estimate
from suite.runner.progress import BarProgress, LinesProgress, QuietProgress, make_progress
from suite.runner.run import run_plan
from suite.runner.schedule import Schedule, missing_trials
from suite.store.database import claims as claims_table
from suite.store.records.result import Result
from suite.store.state import Entry
from suite.store.store import open_store


def entries_of(plan, **status: str):
    """Entries of all trials of a plan in order, ``done`` unless ``t<index>`` says otherwise."""
    return {
        trial.id: Entry(trial.id, trial.cell.id, trial.phase, status.get(f"t{index}", "done"), index)
        for index, trial in enumerate(plan.trials)
    }


def result_of(trial, status="done", **more: Any):
    """A stored result of a trial."""
    model, dataset, strategy = trial.cell.labels
    labels = {"model": model, "dataset": dataset, "strategy": strategy}
    common = {"phase": trial.phase, "seed": trial.seed, "trial": trial.as_json(), **labels}
    return Result(id=trial.id, cell_id=trial.cell.id, status=status, **common, **more)


@pytest.mark.parametrize(("redo", "expected"), [("none", [5]), ("failed", [1, 3, 5]), ("all", [0, 1, 2, 3, 4, 5])])
def test_redo_says_what_is_missing(redo, expected):
    """Failures and timeouts come again by default; divergences and skips would end the same way."""
    plan = plan_of("a", seeds=(1, 2, 3, 4, 5, 6))
    stored = entries_of(plan, t1="failed", t2="diverged", t3="timeout", t4="skipped")
    del stored[plan.trials[5].id]
    assert missing_trials(plan, stored, redo=redo) == tuple(plan.trials[index] for index in expected)


def test_a_final_that_knew_fewer_searches_is_missing():
    """A search trial that was done after the final may change the choice."""
    plan = plan_of("a", shrinkage=(0.1, 1.0))
    stored = entries_of(plan)
    assert missing_trials(plan, stored) == ()
    late = plan.trials[0].id
    stored[late] = Entry(late, plan.trials[0].cell.id, "search", "done", 9)
    assert missing_trials(plan, stored) == (plan.trials[2],)
    assert missing_trials(plan, stored, redo="none") == ()


def test_a_final_skipped_for_its_searches_comes_again_with_them():
    """Where the searches are tried again, so is the final that had nothing to choose from."""
    plan = plan_of("a", shrinkage=(0.1, 1.0))
    assert missing_trials(plan, entries_of(plan, t0="failed", t1="failed", t2="skipped")) == plan.trials
    assert missing_trials(plan, entries_of(plan, t0="diverged", t1="diverged", t2="skipped")) == ()


def test_finals_wait_for_every_search_of_their_cell():
    """With two workers the final starts when both searches are stored."""
    plan = plan_of("a", shrinkage=(0.1, 1.0))
    schedule = Schedule(plan.trials)
    first, second = schedule.take(0), schedule.take(1)
    assert (first, second) == plan.trials[:2]
    assert schedule.take(0) is None
    schedule.settle(first)
    assert schedule.take(0) is None
    schedule.settle(second)
    assert schedule.take(0) is plan.trials[2]


def test_a_cell_stays_on_one_worker_while_there_are_others():
    """Two workers take two cells, and each goes on with its own."""
    plan = plan_of("a", "b", seeds=(1, 2))
    schedule = Schedule(plan.trials)
    taken = [(slot, schedule.take(slot).cell.labels[0]) for slot in (0, 1, 0, 1)]
    assert taken == [(0, "a"), (1, "b"), (0, "a"), (1, "b")]
    assert schedule.is_empty


def test_an_idle_worker_helps_with_the_last_cell():
    """A worker without a cell of its own takes trials of another's."""
    plan = plan_of("a", seeds=(1, 2))
    schedule = Schedule(plan.trials)
    assert (schedule.take(0), schedule.take(1)) == plan.trials


def test_what_another_run_has_is_asked_for_again():
    """A trial that was put back is neither lost nor started before it is retried."""
    plan = plan_of("a")
    schedule = Schedule(plan.trials)
    schedule.put_back(schedule.take(0))
    assert schedule.take(0) is None
    assert not schedule.is_empty
    assert schedule.waiting == plan.trials
    schedule.retry_waiting()
    assert schedule.take(0) is plan.trials[0]


def test_a_claim_of_a_living_run_stands_and_a_dead_one_falls(out):
    """What this process claimed is taken for others; what a process that ended claimed is free."""
    dead = subprocess.run(
        [sys.executable, "-c", "from suite.runner.claims import own_name; print(own_name())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    with open_store(out) as store, Claims(store) as one, Claims(store) as other:
        other.owner = "elsewhere-p1-1"
        assert one.claim("a", seen=None) == "claimed"
        assert other.claim("a", seen=None) == "taken"
        assert other.others() == {"a"}
        one.owner = dead
        assert one.claim("b", seen=None) == "claimed"
        assert other.claim("b", seen=None) == "claimed"


def test_a_silent_run_on_another_machine_is_dead(tmp_path):
    """Elsewhere only the heartbeat tells."""
    assert is_alive("elsewhere-p1-1", time.time())
    assert not is_alive("elsewhere-p1-1", time.time() - 1000)


def test_a_trial_that_another_run_finished_is_not_claimed(out):
    """It is told from a result that was there when the run began."""
    trial = plan_of("a").trials[0]
    with open_store(out) as store, Claims(store) as claims:
        store.save(result_of(trial))
        seen = store.entries()[trial.id].sequence
        assert claims.claim(trial.id, seen=None) == "finished"
        assert claims.claim(trial.id, seen=seen) == "claimed"
        claims.release(trial.id)
        with store.transaction() as connection:
            assert not connection.execute(claims_table.select()).all()


def test_folders_of_dead_runs_are_removed(out):
    """What a killed run left in the temporary folder goes when the next one begins."""
    with open_store(out) as store:
        with Claims(store) as claims:
            name = claims.owner
        left = store.folder / "tmp" / f"{name.rpartition('-p')[0]}-p999999999-1"
        left.mkdir()
        with Claims(store) as claims:
            assert claims.folder.is_dir()
            assert not left.exists()
        assert not list((store.folder / "tmp").iterdir())


def test_an_estimate_prefers_the_most_similar_trials():
    """Its own cell first, then anything; None while nothing is known."""
    first, second = plan_of("a", "b", seeds=(1, 2)).cells
    plan = plan_of("a", "b", seeds=(1, 2))
    estimate = Estimate()
    assert estimate.seconds(plan.trials) is None
    estimate.add(plan.trials[0], 10.0)
    assert estimate.seconds([plan.trials[2]]) == 10.0
    estimate.add(plan.trials[2], 2.0)
    assert estimate.seconds([plan.trials[1], plan.trials[3]]) == 12.0
    assert estimate.seconds([]) == 0
    assert first.id != second.id


def test_lines_name_the_trial_how_it_ended_and_the_time_left(capsys):
    """One line per finished trial on stderr, nothing on stdout."""
    plan = plan_of("a", seeds=(1, 2))
    estimate = Estimate()
    estimate.add(plan.trials[0], 120.0)
    progress = LinesProgress()
    progress.start(plan.trials, workers=1, estimate=estimate)
    progress.finish(plan.trials[0], result_of(plan.trials[0]))
    progress.finish(plan.trials[1], result_of(plan.trials[1], "failed", reason="as asked"))
    printed = capsys.readouterr()
    assert printed.err.splitlines() == [
        "[1/2] a on digits, once, seed 1: done; about 2 min left",
        "[2/2] a on digits, once, seed 2: failed: as asked",
    ]
    assert not printed.out


def test_the_bar_keeps_failures_on_the_screen():
    """On a terminal the bar goes away in the end, and what failed stays."""
    plan = plan_of("a[b]", seeds=(1, 2))
    screen = io.StringIO()
    bar = BarProgress(Console(file=screen, force_terminal=True, width=200))
    bar.start(plan.trials, workers=1, estimate=Estimate())
    bar.begin(plan.trials[0])
    bar.finish(plan.trials[0], result_of(plan.trials[0], "timeout", reason="too slow"))
    bar.stop()
    assert "a[b] on digits, once, seed 1: timeout: too slow" in screen.getvalue()


def test_progress_follows_the_terminal():
    """Lines where stderr is no terminal, nothing when quiet."""
    assert isinstance(make_progress("auto"), LinesProgress)
    assert isinstance(make_progress("quiet"), QuietProgress)


def test_workers_share_cores_and_gpus(tmp_path, monkeypatch):
    """One worker per GPU, else one; several share the cores."""
    one = worker_settings(None, folder=tmp_path, gpus=())
    assert [worker.environment.get("CUDA_VISIBLE_DEVICES") for worker in one] == [None]
    assert one[0].environment["KERAS_BACKEND"] == "tensorflow"
    per_gpu = worker_settings(None, folder=tmp_path, gpus=("0", "3"))
    assert [worker.environment["CUDA_VISIBLE_DEVICES"] for worker in per_gpu] == ["0", "3"]
    many = worker_settings(64, folder=tmp_path, gpus=())
    assert [worker.threads for worker in many] == [max(1, one[0].threads // 64)] * 64
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,-1,5")
    assert visible_gpus() == ("2",)


def test_the_environment_names_versions_and_device():
    """What can change a score is recorded, without TensorFlow being imported."""
    here = environment(threads=2)
    assert {"tensorflow", "keras", "numpy"} <= set(here.packages)
    assert here.threads == 2
    assert here.device
    assert environment(device="a GPU").device == "a GPU"


def test_the_commit_and_whether_files_changed(tmp_path):
    """Commit of the folder's repository; missing where there is none."""
    assert repository_state(tmp_path) == (None, None)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(tmp_path)]
    (tmp_path / "spec.json").write_text("{}")
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], check=True, capture_output=True)
    commit, dirty = repository_state(tmp_path)
    assert len(commit) == 40
    assert dirty is False
    (tmp_path / "spec.json").write_text("[]")
    assert repository_state(tmp_path) == (commit, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"jobs": 0}, "--jobs 0"), ({"timeout_seconds": -1.0}, "--timeout -1"), ({"only": ("model=b",)}, "model 'b'")],
)
def test_options_that_make_no_sense_write_nothing(tmp_path, options, message):
    """They are refused before the store is made."""
    with pytest.raises(SuiteError, match=message):
        run_plan(plan_of("a"), out=tmp_path / "out", cache_root=tmp_path, **options)
    assert not (tmp_path / "out").exists()


def test_an_unknown_headline_is_refused_before_anything_runs(tmp_path):
    """With the nearest metric's name."""
    with pytest.raises(SpecError, match="Did you mean 'accuracy'"):
        run_plan(plan_of("a", headline="acuracy"), out=tmp_path / "out", cache_root=tmp_path)
    assert not (tmp_path / "out").exists()
