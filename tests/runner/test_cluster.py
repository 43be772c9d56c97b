"""Runs on a real cluster of two nodes, whose workers, nodes and driver are killed."""

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
from ray_cluster import RayCluster, why_not
from runner_plans import plan_of

import suite
from suite.errors import MissingExtraError, SuiteError
from suite.runner.run import run_plan
from suite.runner.workers import ClusterChoice
from suite.store.records.result import Result
from suite.store.store import open_store

pytestmark = pytest.mark.skipif(sys.platform != "linux" or why_not() is not None, reason=str(why_not()))
CORE = {"resources": {"cpus": 1}}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two nodes with two cores each."""
    made = RayCluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.start("head")
        made.wait_for(1)
        made.start("other")
        made.wait_for(2)
        yield made
    finally:
        made.stop()


def told(process) -> tuple[dict[str, Any], str]:
    """What a driver printed, as JSON, and its progress."""
    printed, errors = process.communicate(timeout=150)
    assert process.returncode == 0, errors
    return json.loads(printed), errors


def refused(process) -> str:
    """The sentence with which a driver ended."""
    printed, errors = process.communicate(timeout=90)
    assert (process.returncode, printed) == (2, ""), errors
    assert len(errors.splitlines()) == 1, errors
    return errors


def results(out: Path) -> dict[str, Result]:
    """What is stored, by id."""
    with open_store(out, create=False) as store:
        return {result.id: result for result in store.query()}


def essence(found: dict[str, Result]) -> dict[str, Any]:
    """What must not depend on where trials ran, and on what befell their workers."""
    return {
        trial_id: (result.status, result.scores, sorted(set(result.artefacts) - {"log"}))
        for trial_id, result in found.items()
    }


def undisturbed(out: Path, *models: str, seeds: tuple[int, ...], **options: Any) -> dict[str, Result]:
    """The results of the same plan on this machine."""
    plan = plan_of(*models, seeds=seeds, **options)
    run_plan(plan, out=out, cache_root=out, progress="quiet", executor="cluster_executors:execute", jobs=2)
    return results(out)


@pytest.fixture(scope="module")
def ended(cluster, tmp_path_factory):
    """A run on both nodes in which trials fail and crash, and the worker of one is killed."""
    out = tmp_path_factory.mktemp("ended")
    models = ("fit", "raise:value", "segfault", f"kill_once:{out / 'killed'}", "cached:a")
    options = {"seeds": (1, 2), "retries": 1, **CORE}
    outcome, errors = told(cluster.drive(out / "there", *models, **options))
    return out, outcome, errors, essence(undisturbed(out / "here", *models, **options))


def test_a_run_on_a_cluster_equals_one_on_this_machine(ended):
    """Ids, statuses, scores and artefacts, though a worker was killed with kill -9 in the middle of a trial."""
    out, outcome, errors, here = ended
    assert (out / "killed").exists()
    assert "begun again: its worker on" in errors
    assert essence(results(out / "there")) == here
    assert outcome["counts"] == {"done": 6, "failed": 4}


def test_only_what_is_no_fault_of_a_trial_is_retried(ended, cluster):
    """An exception ends a trial at once; a crash could be anything, and ends it when the retries are used up."""
    found = results(ended[0] / "there").values()
    begun = Counter(call[0] for call in cluster.calls())
    assert {begun[result.id] for result in found if result.model in {"raise:value", "fit"}} == {1}
    assert {begun[result.id] for result in found if result.model == "segfault"} == {2}
    crash = next(result for result in found if result.model == "segfault")
    assert "in the last of 2 tries" in crash.reason
    assert "Segmentation fault" in crash.error


def test_artefacts_come_back_and_nothing_is_left(ended, cluster):
    """Predictions and the kept models are in the driver's store; nodes and store have no temporary files."""
    with open_store(ended[0] / "there", create=False) as store:
        fits = [result for result in store.query() if result.model == "fit"]
        assert all(store.artefact(result, "predictions/test").is_file() for result in fits)
        assert sum("model" in result.artefacts for result in fits) == 1
    assert not list((ended[0] / "there" / "store" / "tmp").iterdir())
    assert not [room for room in cluster.folder.glob("suite-trials-*") if list(room.glob("*/*"))]


def test_nodes_share_the_trials_and_build_a_cache_entry_once_each(ended, cluster):
    """Every worker has the threads that it asked for; of the workers of a node one makes what all of them need."""
    caches = [cluster.cache(name) for name in ("head", "other")]
    assert all((cache / "calls.txt").is_file() for cache in caches)
    assert {call[2] for call in cluster.calls()} == {"1"}
    made = [(cache / "made.txt").read_text().splitlines() for cache in caches if (cache / "made.txt").exists()]
    assert made
    assert {len(lines) for lines in made} == {1}


def test_progress_shows_nodes_running_trials_and_throughput(ended):
    """On stderr; standard output has nothing but the result."""
    errors = ended[2].splitlines()
    assert errors[0] == "cluster: 2 nodes, 4 trials at once"
    assert any(re.search(r"2 nodes, [1-4] running, .*trials/", line) for line in errors), errors


def test_more_than_the_cluster_has_is_refused_before_anything_waits(cluster, tmp_path):
    """With what a trial asks for, and what the largest node has."""
    said = refused(cluster.drive(tmp_path / "out", "fit", resources={"cpus": 3, "gpus": 0.5}))
    assert "a trial asks for 3 cpus, 0.5 gpus, and no node of the cluster has that" in said
    assert "has 2 cpus, 0 gpus" in said
    assert not (tmp_path / "out").exists()


def test_a_node_with_another_version_is_named(cluster, tmp_path):
    """With both versions, before anything runs."""
    strange = tmp_path / "keras-0.1.dist-info"
    strange.mkdir()
    (strange / "METADATA").write_text("Metadata-Version: 2.1\nName: keras\nVersion: 0.1\n")
    cluster.start("strange", path=tmp_path)
    cluster.wait_for(3)
    said = refused(cluster.drive(tmp_path / "out", "fit"))
    cluster.stop_node("strange")
    assert ") has keras 0.1, and this machine has keras 3." in said
    assert not (tmp_path / "out").exists()


def test_a_trial_that_failed_says_where_it_ran(cluster, tmp_path):
    """The packages and threads of its node, whether it could still tell them or its worker crashed."""
    strange = tmp_path / "scipy-0.1.dist-info"
    strange.mkdir()
    (strange / "METADATA").write_text("Metadata-Version: 2.1\nName: scipy\nVersion: 0.1\n")
    cluster.start("strange", path=tmp_path, cpus=3)
    cluster.wait_for(3)
    options = {"resources": {"cpus": 3}, "retries": 0, "timeout_seconds": 5}
    told(cluster.drive(tmp_path / "out", "raise:value", "segfault", "sleep:30", **options))
    cluster.stop_node("strange")
    found = results(tmp_path / "out").values()
    assert sorted(result.status for result in found) == ["failed", "failed", "timeout"]
    assert {(each.environment.packages["scipy"], each.environment.threads) for each in found} == {("0.1", 3)}


def test_models_are_ranked_on_a_cluster_as_on_this_machine(cluster, tmp_path):
    """The command, with a real model: the same estimates."""
    spec = {
        "name": "ranked",
        "task": "image_classification",
        "models": [{"source": "zoo", "name": "vgg_tiny"}],
        "datasets": [{"source": "sklearn", "name": "digits"}],
        "strategies": [{"strategy": "linear_probe"}],
    }
    path = tmp_path / "ranked.json"
    path.write_text(json.dumps(spec))
    words = ["-m", "suite", "rank", str(path), "--cluster", cluster.address, "--json", "--out", str(tmp_path / "there")]
    driver = subprocess.Popen(
        cluster.inside(sys.executable, *words), env=cluster.environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    ranked, errors = told(driver)
    assert errors.startswith("cluster: 1 node, ")
    here = suite.rank(path, out=tmp_path / "here", quiet=True).as_json()
    assert ranked["new"] == 1
    there, own = (
        {name: score["value"] for name, score in each["datasets"][0]["models"][0]["estimates"].items()}
        for each in (ranked, here)
    )
    known = {name: value for name, value in own.items() if value is not None}
    assert len(known) >= 5
    assert {name: value for name, value in there.items() if value is not None} == pytest.approx(known, rel=1e-3)


def test_the_same_command_goes_on_after_its_driver_was_killed(cluster, tmp_path):
    """The workers end with it; what was done stays, what ran is done again. Artefacts go through a folder's URL."""
    place = tmp_path / "place"
    options = {"seeds": (1, 2), "artefacts": place.as_uri(), "timeout_seconds": 3, **CORE}
    models = ("fit", "sleep:30")
    driver = cluster.drive(tmp_path / "out", *models, **options)
    known = len(cluster.calls())
    cluster.until(lambda: len(cluster.calls()) == known + 4, driver)
    workers = {int(call[1]) for call in cluster.calls()[known:]}
    cluster.until(lambda: (tmp_path / "out" / "store").is_dir() and len(results(tmp_path / "out")) == 2, driver)
    os.killpg(driver.pid, signal.SIGKILL)
    driver.communicate()
    cluster.until(lambda: not any(psutil.pid_exists(worker) for worker in workers))
    outcome, _ = told(cluster.drive(tmp_path / "out", *models, **options))
    assert outcome["counts"] == {"done": 2, "timeout": 2}
    assert len(outcome["new"]) == 2
    assert all(
        result.reason == "took longer than 3 seconds"
        for result in results(tmp_path / "out").values()
        if result.status == "timeout"
    )
    assert not [path for path in place.rglob("*") if path.is_file()]
    with open_store(tmp_path / "out", create=False) as store:
        done = next(result for result in store.query() if result.status == "done")
        assert store.artefact(done, "predictions/test").is_file()


def test_a_node_is_lost_and_another_joins_in_the_middle_of_a_run(cluster, tmp_path):
    """The store equals that of an undisturbed run; no trial is stored twice; the new node takes trials too.

    Every trial waits until the new node has begun one.
    """
    models, seeds = (f"await:{cluster.cache('third') / 'calls.txt'}", "fit"), tuple(range(1, 9))
    begun = cluster.cache("other") / "calls.txt"
    before = len(begun.read_text())
    driver = cluster.drive(tmp_path / "there", *models, seeds=seeds, **CORE)
    cluster.until(lambda: len(begun.read_text()) > before, driver)
    cluster.kill("other")
    cluster.start("third")
    outcome, errors = told(driver)
    assert "begun again: its" in errors
    assert " joined\n" in errors
    assert essence(results(tmp_path / "there")) == essence(undisturbed(tmp_path / "here", *models, seeds=seeds, **CORE))
    assert outcome["counts"] == {"done": 16}
    assert len(outcome["new"]) == len(set(outcome["new"])) == 16


def test_a_cluster_that_is_not_there_is_told_at_once(tmp_path):
    """Ray itself would wait for minutes."""
    began = time.monotonic()
    with pytest.raises(SuiteError, match=r"--cluster 127.0.0.1:9: cannot be reached .*'ray status' tells"):
        run_plan(plan_of("fit"), out=tmp_path / "out", cache_root=tmp_path, cluster=ClusterChoice("127.0.0.1:9"))
    assert time.monotonic() - began < 10
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("address", ["ray://head:10001", "head", "head:port", "head:70000"])
def test_what_is_no_address_is_refused(tmp_path, address):
    """With what an address looks like."""
    with pytest.raises(SuiteError, match="expected auto, local, or HOST:PORT"):
        run_plan(plan_of("fit"), out=tmp_path / "out", cache_root=tmp_path, cluster=ClusterChoice(address))


def test_without_ray_the_line_that_installs_it_is_printed(tmp_path, monkeypatch):
    """And nothing is written."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r'pip install "keras-suite\[ray\]"'):
        run_plan(plan_of("fit"), out=tmp_path / "out", cache_root=tmp_path, cluster=ClusterChoice("auto"))
    assert not (tmp_path / "out").exists()
