"""Runs with real worker processes, which fit, crash, hang and are killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest
from runner_plans import plan_of

from suite.errors import DataError, StoreError, SuiteError
from suite.runner.environment import worker_settings
from suite.runner.pool import Renewal, WorkerPool
from suite.runner.request import TrialRequest
from suite.runner.run import run_plan
from suite.runner.saving import GROUP_SECONDS
from suite.store.address import SUITE_STORE, address_of, keep_link
from suite.store.quick_read import glance
from suite.store.records.result import Predictions
from suite.store.store import open_store

TESTS = Path(__file__).resolve().parents[1]
HOW_THEY_END = {
    "fit": ("done", None),
    "noise": ("done", None),
    "raise:value": ("failed", "ValueError: as asked: value"),
    "raise:model": ("failed", "as asked: model"),
    "raise:diverged": ("diverged", "as asked: diverged"),
    "raise:skipped": ("skipped", "as asked: skipped"),
    "sys_exit": ("failed", r"sys\.exit\(3\)"),
    "allocate": ("failed", "out of memory"),
    "segfault": ("failed", "SIGSEGV"),
    "exit:0": ("failed", "exit code 0"),
    "exit:7": ("failed", "exit code 7"),
    "kill": ("failed", "SIGKILL.*memory"),
    "sleep:60": ("timeout", "took longer than 4 seconds"),
}


def run(plan, out, **options: Any):
    """A run in this process with the executor of the tests."""
    options = {"progress": "quiet", "executor": "runner_executors:execute", **options}
    return run_plan(plan, out=out, cache_root=out, **options)


def calls(out):
    """Trial id, phase and process of every trial that was begun, in order."""
    path = out / "calls.txt"
    return [tuple(line.split()) for line in path.read_text().splitlines()] if path.exists() else []


def parent(out, *models: str, **options: Any):
    """A run in a process of its own."""
    command = [sys.executable, str(TESTS / "runner_parent.py"), str(out), json.dumps({"models": models, **options})]
    environment = {**os.environ, "PYTHONPATH": f"{TESTS.parent}"}
    if (address := address_of(out)) is not None:
        keep_link(out)
        environment[SUITE_STORE] = address.url
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )


def wait_until(condition, *, seconds=60):
    """Waits for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def are_gone(processes):
    """Whether none of these processes runs any more."""
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in processes)


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """One run in which trials end in every way there is."""
    out = tmp_path_factory.mktemp("ended")
    outcome = run(plan_of(*HOW_THEY_END), out, jobs=2, timeout_seconds=4)
    with open_store(out, create=False) as store:
        yield out, outcome, {result.model: result for result in store.query()}, store


@pytest.mark.parametrize("name", HOW_THEY_END)
def test_a_trial_ends_with_a_status_and_a_reason(ended, name):
    """Whatever happens in a worker ends its trial only."""
    status, reason = HOW_THEY_END[name]
    found = ended[2][name]
    assert found.status == status
    assert reason is None if found.reason is None else re.search(reason, found.reason)


def test_the_outcome_counts_and_names_what_failed(ended):
    """Counts by status; failures in the order of the plan, a skip is none."""
    _, outcome, _, _ = ended
    assert outcome.counts == {"done": 2, "failed": 8, "diverged": 1, "skipped": 1, "timeout": 1}
    assert len(outcome.new) == len(HOW_THEY_END)
    unsuccessful = [name for name, (status, _) in HOW_THEY_END.items() if status not in {"done", "skipped"}]
    assert [result.model for result in outcome.failed] == unsuccessful


def test_a_failure_keeps_its_traceback_and_a_crash_the_end_of_its_log(ended):
    """So that the cause can be found; what the user can mend and a skip need no traceback."""
    results = ended[2]
    assert "ValueError: as asked: value" in results["raise:value"].error
    assert "Fatal Python error: Segmentation fault" in results["segfault"].error
    assert results["raise:model"].error is results["raise:skipped"].error is None


def test_everything_a_trial_prints_is_in_its_log(ended):
    """From Python, from C++ and from child processes; the environment was set before."""
    _, _, results, store = ended
    lines = store.artefact(results["noise"], "log").read_text().splitlines()
    assert min(lines) == "noise from C++"
    assert "noise from a child process" in lines
    assert "noise from Python tensorflow" in " ".join(lines)
    assert "log" not in results["fit"].artefacts


def test_artefacts_are_in_place_and_nothing_temporary_is_left(ended):
    """Predictions can be read, the best model is there, the temporary folder is empty."""
    out, _, results, store = ended
    predictions = Predictions.load(store.artefact(results["fit"], "predictions/test"))
    assert predictions.probabilities.shape == (897, 10)
    assert store.artefact(results["fit"], "model").is_file()
    assert not list((out / "store" / "tmp").iterdir())
    assert results["fit"].environment.commit is None or len(results["fit"].environment.commit) == 40


def test_spec_and_plan_are_stored_for_the_report(ended):
    """A report needs nothing but the store."""
    documents = ended[3].documents()
    assert json.loads(documents["spec"])["name"] == "runner"
    assert len(json.loads(documents["plan"])["trials"]) == len(HOW_THEY_END)


def test_nothing_reaches_the_terminal(tmp_path, capfd):
    """Neither from the trials nor from the workers; progress is on stderr."""
    run(plan_of("noise", "exit:1"), tmp_path, progress="lines")
    printed = capfd.readouterr()
    assert not printed.out
    assert len(printed.err.splitlines()) == 2
    assert "noise from" not in printed.err


def test_running_again_does_nothing_and_scores_do_not_change(out):
    """The second run starts no worker; redoing everything gives the same scores to the last digit."""
    plan = plan_of("fit", seeds=(1, 2), shrinkage=(0.1, 10.0))
    first = run(plan, out)
    assert len(first.new) == 4
    with open_store(out, create=False) as store:
        before = {result.id: result.scores for result in store.query()}
    assert run(plan, out).nothing_to_do
    assert len(calls(out)) == 4
    again = run(plan, out, redo="all")
    with open_store(out, create=False) as store:
        assert {result.id: result.scores for result in store.query()} == before
        assert len([result for result in store.query() if "model" in result.artefacts]) == 1
    assert len(again.new) == 4


def test_finals_take_the_best_search_result_and_one_worker_keeps_a_cell(tmp_path):
    """Searches first, in the same warm process; what failed among them is left out."""
    plan = plan_of("fit", shrinkage=(1.0, 2.0, 1e6), actions=("fit", "raise:model", "fit"))
    outcome = run(plan, tmp_path, redo="none")
    begun = calls(tmp_path)
    assert [phase for _, phase, _ in begun] == ["search"] * 3 + ["final"]
    assert len({pid for _, _, pid in begun}) == 1
    assert outcome.counts == {"done": 3, "failed": 1}


def test_a_final_is_skipped_when_its_search_failed_and_comes_again(out, tmp_path):
    """With the reason of the search; once the search works, both are done by the same command."""
    mended = tmp_path / "mended"
    plan = plan_of("fit", shrinkage=(1.0, 2.0), actions=(f"fail_until:{mended}", f"fail_until:{mended}"))
    first = run(plan, out)
    assert first.counts == {"failed": 2, "skipped": 1}
    with open_store(out, create=False) as store:
        assert "none of its 2 search trials is done" in store.load(plan.trials[2].id).reason
    mended.touch()
    assert run(plan, out).counts == {"done": 3}


def test_only_runs_what_was_asked_for(tmp_path):
    """The rest of the plan stays missing, and the store still describes all of it."""
    plan = plan_of("fit", "noise")
    assert run(plan, tmp_path, only=("model=noise",)).counts == {"done": 1}
    assert len(json.loads(glance(tmp_path).documents["plan"])["trials"]) == 2
    assert run(plan, tmp_path).counts == {"done": 2}


def test_a_full_disk_ends_the_run_and_loses_nothing(tmp_path):
    """What was finished stays; the trial that met the full disk is missing, not failed."""
    plan = plan_of("fit", "limit_files:50")
    with pytest.raises(StoreError, match=r"disk is full.*make room"):
        run(plan, tmp_path)
    assert [entry.status for entry in glance(tmp_path).entries.values()] == ["done"]


def test_a_parent_without_a_main_guard_works_and_holds_no_tensorflow(tmp_path):
    """A user's script is not run again in the workers, and planning to storing needs no TensorFlow."""
    process = parent(tmp_path, "fit", "noise")
    printed, errors = process.communicate(timeout=90)
    assert process.returncode == 0, errors
    told = json.loads(printed)
    assert told["counts"] == {"done": 2}
    assert not {"tensorflow", "keras"} & set(told["imported"])


def test_a_finished_run_says_so_without_importing_anything_large(tmp_path):
    """No database library, no worker pool: the same command answers at once."""
    run(plan_of("fit", keep_models="none"), tmp_path)
    told = json.loads(parent(tmp_path, "fit").communicate(timeout=60)[0])
    assert told == {"counts": {"done": 1}, "new": [], "imported": []}


def test_a_worker_that_died_between_two_trials_is_replaced(tmp_path):
    """The next trial does not pay for it, even when it comes before anybody noticed."""
    plan = plan_of("fit", seeds=(1, 2, 3))
    pool = WorkerPool(worker_settings(1, folder=tmp_path), executor="runner_executors:execute")
    for trial in plan.trials:
        folder = tmp_path / "store" / "tmp" / "owner" / trial.id
        folder.mkdir(parents=True)
        pool.submit(0, TrialRequest(trial, trial.cell.labels, folder, cache_root=tmp_path, threads=1))
        wait_until(lambda: [ended.end.status for ended in pool.wait(1)] == ["done"])
        os.kill(int(calls(tmp_path)[-1][2]), signal.SIGKILL)
        time.sleep(0.3 * trial.seed - 0.3)
    pool.close()
    assert len({process for _, _, process in calls(tmp_path)}) == len(plan.trials)


@pytest.mark.parametrize(
    ("action", "processes"), [("hoard:20", [1, 1, 1, 2, 2, 2]), ("fit", [1, 1, 1, 1, 1, 1])], ids=["grows", "stays"]
)
def test_a_worker_that_grows_is_replaced(tmp_path, action, processes):
    """After 30 MB more than after its first trial, and not before it has done three; one that does not grow stays."""
    renewal = Renewal(after_trials=3, grown_bytes=30_000_000, settled_trials=1)
    pool = WorkerPool(worker_settings(1, folder=tmp_path), executor="runner_executors:execute", renewal=renewal)
    for trial in plan_of(action, seeds=(1, 2, 3, 4, 5, 6)).trials:
        folder = tmp_path / "store" / "tmp" / "owner" / trial.id
        pool.submit(0, TrialRequest(trial, trial.cell.labels, folder, cache_root=tmp_path, threads=1))
        wait_until(lambda: [ended.end.status for ended in pool.wait(1)] == ["done"])
    pool.close()
    used = [pid for _, _, pid in calls(tmp_path)]
    assert [1 + list(dict.fromkeys(used)).index(pid) for pid in used] == processes


@pytest.mark.parametrize(
    ("action", "processes"),
    [("raise:value", 2), ("raise:model", 1), ("raise:skipped", 1)],
    ids=["foreign", "own", "skip"],
)
def test_a_worker_that_saw_a_foreign_error_is_replaced(tmp_path, action, processes):
    """Nobody knows what a library left in it; what the suite itself refuses leaves nothing."""
    plan = plan_of("fit", shrinkage=(1.0, 2.0), actions=(action, "fit"))
    pool = WorkerPool(worker_settings(1, folder=tmp_path), executor="runner_executors:execute")
    for trial in plan.trials[:2]:
        folder = tmp_path / "store" / "tmp" / "owner" / trial.id
        pool.submit(0, TrialRequest(trial, trial.cell.labels, folder, cache_root=tmp_path, threads=1))
        wait_until(lambda: pool.wait(1))
    pool.close()
    assert len({process for _, _, process in calls(tmp_path)}) == processes


def test_a_killed_run_loses_its_running_trial_only(out):
    """After kill -9 the workers end by themselves, and the same command does what is missing, once.

    The second trial takes longer than results are ever held together.
    """
    models = ("fit", f"sleep:{GROUP_SECONDS}", "sleep:30")
    process = parent(out, *models)
    wait_until(lambda: len(calls(out)) == 3)
    process.kill()
    process.communicate()
    wait_until(lambda: are_gone({int(pid) for _, _, pid in calls(out)}), seconds=10)
    assert [entry.status for entry in glance(out).entries.values()] == ["done", "done"]
    outcome = run(plan_of(*models, keep_models="none"), out, timeout_seconds=0.5)
    assert outcome.counts == {"done": 2, "timeout": 1}
    assert sorted(Counter(trial for trial, _, _ in calls(out)).values()) == [1, 1, 2]
    assert not list((out / "store" / "tmp").iterdir())


def test_what_this_machine_cannot_give_is_refused_before_anything_is_written(tmp_path):
    """More cores for a trial than there are; the folder of the run stays as it was."""
    with pytest.raises(SuiteError, match="a trial asks for 4096 cpus"):
        run(plan_of("fit", resources={"cpus": 4096}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_was_told_as_done_survives_kill_9(tmp_path):
    """Trials so short that their results are stored together."""
    process = parent(tmp_path, "fit", seeds=list(range(1, 2001)))
    told = [process.stderr.readline() for _ in range(40)]
    process.kill()
    told += process.communicate()[1].splitlines()
    done = [line for line in told if ": done" in line]
    assert 40 <= len(done) < 2000
    assert len(glance(tmp_path).entries) >= len(done)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_cleanly(out, number):
    """Ctrl-C, which all processes get, and SIGTERM: 130, no traceback, workers gone, what was done is stored."""
    process = parent(out, "fit", "sleep:60")
    wait_until(lambda: len(calls(out)) == 2)
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.splitlines()[1:] == []
    assert are_gone({int(pid) for _, _, pid in calls(out)})
    assert [entry.status for entry in glance(out).entries.values()] == ["done"]
    assert not list((out / "store" / "tmp").iterdir())


def test_two_runs_at_once_do_each_trial_once(out):
    """Both end with everything done; no trial was begun twice."""
    models = [f"sleep:0.{number}" for number in range(1, 9)]
    one, other = (parent(out, *models) for _ in range(2))
    told = [json.loads(process.communicate(timeout=120)[0]) for process in (one, other)]
    assert [outcome["counts"] for outcome in told] == [{"done": 8}] * 2
    assert len(told[0]["new"]) + len(told[1]["new"]) == 8
    assert set(Counter(trial for trial, _, _ in calls(out)).values()) == {1}


def test_a_missing_folder_of_images_is_told_before_a_worker_starts(tmp_path):
    """Nothing is written, not even the folder of the run."""
    import suite

    document = {
        "name": "gone",
        "task": "image_classification",
        "models": [{"source": "applications", "name": "MobileNet", "weights": None, "input_size": 32}],
        "datasets": [{"source": "folder", "path": str(tmp_path / "gone")}],
        "strategies": [{"strategy": "knn"}],
    }
    spec = tmp_path / "gone.json"
    spec.write_text(json.dumps(document))
    with pytest.raises(DataError, match="gone"):
        suite.run(spec, out=tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()


def test_every_source_is_asked_for_its_own_data(tmp_path):
    """Two sources with equal options are two data sets: the second's missing folder is told too."""
    from runner_plans import Plain

    from suite.registry import DATASETS

    class Gone(Plain):
        @classmethod
        def verify(cls, options):
            raise DataError(f"{options.name}: gone")

    if "runner_test_gone" not in DATASETS:
        DATASETS.register("runner_test_gone")(Gone)
    further = [{"source": "runner_test_gone", "name": "digits"}]
    with pytest.raises(DataError, match="digits: gone"):
        run(plan_of("fit", evaluate_on=further), tmp_path)
    assert not (tmp_path / "out").exists()


def test_a_image_that_cannot_be_decoded_ends_the_run_and_names_the_file(tmp_path):
    """No trial of that data set could do better; with ``skip`` the same run goes on and counts it."""
    from PIL import Image

    import suite

    for label in "ab":
        (tmp_path / "images" / label).mkdir(parents=True)
        for index in range(12):
            Image.new("RGB", (32, 32), (index * 20, 0, 200 * (label == "a"))).save(
                tmp_path / "images" / label / f"{index}.png"
            )
    (tmp_path / "images" / "a" / "broken.png").write_bytes(b"no image")
    document = {
        "name": "broken",
        "task": "image_classification",
        "models": [{"source": "applications", "name": "MobileNet", "weights": None, "alpha": 0.25, "input_size": 32}],
        "datasets": [{"source": "folder", "path": str(tmp_path / "images")}],
        "strategies": [{"strategy": "knn", "neighbours": [1]}],
        "seeds": [1],
    }
    spec = tmp_path / "broken.json"
    spec.write_text(json.dumps(document))
    with pytest.raises(DataError, match=r"broken\.png"):
        suite.run(spec, out=tmp_path / "out", quiet=True)
    outcome = suite.run(spec, out=tmp_path / "out", quiet=True, overrides=("datasets.0.on_bad_example=skip",))
    assert outcome.counts == {"done": 1}
    assert [len(record.skipped) for record in outcome.comparison.data] == [1]
