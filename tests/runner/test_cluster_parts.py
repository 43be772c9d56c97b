"""What a cluster needs besides a cluster: shares, parcels, words, estimates."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from click.testing import CliRunner
from runner_plans import plan_of

from suite.cache import entries, entry_path, write_entry
from suite.cli.main import cli
from suite.errors import SpecError, StoreError, SuiteError
from suite.runner.cluster.artefacts import Parcel, Place, pack, unpack
from suite.runner.cluster.connect import Cluster, _why
from suite.runner.cluster.nodes import Node, difference
from suite.runner.cluster.versions import versions
from suite.runner.dry_run import look_ahead
from suite.runner.environment import usable_cores, worker_settings
from suite.runner.estimate import Estimate, wall_seconds
from suite.runner.progress import LinesProgress
from suite.runner.run import run_plan
from suite.runner.schedule import Schedule
from suite.runner.workers import Standing
from suite.spec.placement import DeviceSettings
from suite.spec.trial import Trial
from suite.spec.trial_resources import Capacity, ResourcesSpec, Share, share_of

GB = 1_000_000_000
MISMATCH = """RuntimeError: Version mismatch: The cluster was started with:
    Ray: 2.50.0
    Python: 3.12.1
This process on node 10.0.0.1 was started with:
    Ray: 2.60.0
    Python: 3.11.7
"""
WHO = "fit on digits, once, seed 1"
NODE = Node("4f2a81c0d7", "gpu-3", "10.0.0.3", Capacity(16, 2, 64 * GB))


@pytest.mark.parametrize(
    ("machine", "resources", "jobs", "share"),
    [
        (Capacity(16, 0, 64 * GB), {}, None, Share(1, 16, 16, 0, 0)),
        (Capacity(16, 4, 64 * GB), {}, None, Share(4, 4, 4, 1, 0)),
        (Capacity(16, 4, 64 * GB), {}, 8, Share(8, 2, 2, 0.5, 0)),
        (Capacity(16, 4, 64 * GB), {"cpus": 2, "gpus": 0.5, "memory_gb": 8.0}, None, Share(8, 2, 2, 0.5, 8 * GB)),
        (Capacity(16, 4, 64 * GB), {"cpus": 2, "gpus": 0.5, "memory_gb": 8.0}, 3, Share(3, 2, 2, 0.5, 8 * GB)),
        (Capacity(16, 4, 64 * GB), {"gpus": 0.0, "memory_gb": 20.0}, None, Share(3, 5, 5, 0, 20 * GB)),
        (Capacity(16, 3, 64 * GB), {"gpus": 2.0}, None, Share(1, 16, 16, 2, 0)),
        (Capacity(2, 0, 8 * GB), {}, 4, Share(4, 1, 0.5, 0, 0)),
        (Capacity(2, 0, 8 * GB), {"cpus": 3}, None, Share(0, 3, 3, 0, 0)),
        (Capacity(0, 0, 8 * GB), {}, None, Share(0, 1, 0, 0, 0)),
    ],
)
def test_a_machine_is_shared_out_by_what_a_trial_asks_for(machine, resources, jobs, share):
    """As many as fit, at most ``jobs``; all shares together are there."""
    found = share_of(machine, ResourcesSpec(**resources), jobs)
    assert found == share
    assert found.count * found.cpus <= machine.cpus or not found.count


@pytest.mark.parametrize(
    ("resources", "complaint"),
    [
        ({"cpus": 0}, "resources.cpus: expected greater than or equal to 1"),
        ({"gpus": 1.5}, "gpus: 1.5 cannot be had; expected a part of one, or a whole number"),
        ({"memory": 8}, "resources.memory: unknown key 'memory'. Did you mean 'memory_gb'?"),
    ],
)
def test_resources_that_cannot_be_are_refused(resources, complaint):
    """With the place and what was expected."""
    with pytest.raises(SpecError) as told:
        plan_of("fit", resources=resources)
    assert complaint in str(told.value)


def test_resources_and_retries_are_part_of_no_trials_identity():
    """A run that was begun on one machine goes on on many."""
    plain, other = plan_of("fit"), plan_of("fit", resources={"cpus": 1}, retries=5)
    assert [trial.id for trial in plain.trials] == [trial.id for trial in other.trials]
    assert "resources" not in other.spec.model_dump()


def test_resources_mean_the_same_on_this_machine(tmp_path):
    """Workers as many as fit, with so many threads each; more than there is is refused."""
    found = worker_settings(None, folder=tmp_path, gpus=(), resources=ResourcesSpec(cpus=1))
    assert [settings.threads for settings in found] == [1] * usable_cores()
    hidden = worker_settings(None, folder=tmp_path, gpus=("0", "1"), resources=ResourcesSpec(cpus=1, gpus=0.0))
    assert {settings.environment["CUDA_VISIBLE_DEVICES"] for settings in hidden} == {"-1"}
    with pytest.raises(SuiteError, match="a trial asks for 4000 cpus, and this machine has"):
        worker_settings(None, folder=tmp_path, gpus=(), resources=ResourcesSpec(cpus=4000))


def test_a_fit_over_several_gpus_gets_all_of_its_node():
    """As on one machine; where resources say how many, so many."""
    mirrored = DeviceSettings("mirrored")
    assert Cluster(None, {}, None, None, None, mirrored).share(NODE) == Share(1, 16, 16, 2, 0)
    assert Cluster(None, {}, ResourcesSpec(gpus=1.0), None, None, mirrored).share(NODE).gpus == 1
    assert Cluster(None, {}, None, None, None, DeviceSettings()).share(NODE).count == 2


def test_files_come_back_as_they_were(tmp_path):
    """Through a parcel and through a place that is shared; links are left out, nothing stays in the place."""
    made = tmp_path / "made"
    (made / "predictions").mkdir(parents=True)
    (made / "predictions" / "test.npz").write_bytes(b"answers")
    (made / "log.txt").write_text("said")
    (made / "passwd").symlink_to("/etc/passwd")
    unpack(pack(made), tmp_path / "one")
    place = Place((tmp_path / "place").as_uri())
    place.check()
    place.fetch(place.put(made, "key"), "key", tmp_path / "other")
    for folder in (tmp_path / "one", tmp_path / "other"):
        found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert found == {"predictions/test.npz": b"answers", "log.txt": b"said"}
    assert not list((tmp_path / "place").iterdir())


@pytest.mark.parametrize("name", ["../out.txt", "a/../../out.txt", "/tmp/out.txt", "C:\\out.txt", "C:/out.txt", ""])
def test_nothing_is_written_outside_of_the_folder(tmp_path, name):
    """Whatever a node sends."""
    with pytest.raises(ValueError, match="no path in the folder"):
        unpack(Parcel(((name, b""),)), tmp_path / "inside")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_place_that_cannot_be_used_is_refused(tmp_path):
    """Before any trial runs, without what the address keeps secret."""
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError, match=r"--artifacts .*file/place: cannot be written and read"):
        Place(str(tmp_path / "file" / "place")).check()
    with pytest.raises(StoreError, match="names no bucket"):
        Place("s3://").check()


def test_a_trial_that_was_lost_is_taken_again_by_any_worker():
    """As the first of its cell; finals still wait for a search that was lost."""
    plan = plan_of("fit", shrinkage=(1.0, 2.0))
    schedule = Schedule(plan.trials)
    lost, other = schedule.take(0), schedule.take(0)
    schedule.settle(other)
    assert schedule.take(0) is None
    schedule.again(lost)
    assert schedule.take(1) is lost
    schedule.settle(lost)
    assert schedule.take(1).phase == "final"
    assert schedule.is_empty


def test_lines_tell_of_nodes_and_trials_that_are_begun_again(capsys):
    """Each change once."""
    trial = plan_of("fit").trials[0]
    progress = LinesProgress()
    progress.start((trial,), workers=0, estimate=Estimate())
    progress.stand(Standing(4, 2))
    progress.begin(trial)
    progress.again(trial, "its machine was lost")
    progress.stand(Standing(2, 1, ("gpu-3 was lost",)))
    progress.begin(trial)
    progress.finish(trial, None)
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["cluster: 2 nodes, 4 trials at once", f"{WHO}: begun again: its machine was lost"]
    assert lines[2:4] == ["gpu-3 was lost", "cluster: 1 node, 2 trials at once"]
    assert lines[4].startswith(f"[1/1] {WHO}: done by another run; 1 node, 0 running, ")


def _estimate(trials: tuple[Trial, ...], seconds: float) -> Estimate:
    return Estimate.of(trials, {trial.id: seconds for trial in trials})


def test_the_time_on_many_workers_is_that_of_the_real_schedule():
    """Searches before finals: with more workers than searches, no more is gained."""
    plan = plan_of("fit", shrinkage=(1.0, 2.0), seeds=(1, 2))
    estimate = _estimate(plan.trials, 10.0)
    assert [wall_seconds(plan.trials, estimate, slots=slots) for slots in (1, 2, 8)] == [40.0, 20.0, 20.0]
    assert wall_seconds(plan.trials, Estimate(), slots=1) is None
    assert wall_seconds((), Estimate(), slots=3) == 0


def test_plan_tells_the_time_on_a_cluster(tmp_path):
    """Beside that of one trial after another; as JSON too."""
    first = plan_of("fit", seeds=(1,))
    run_plan(first, out=tmp_path / "out", cache_root=tmp_path, progress="quiet", executor="runner_executors:execute")
    document = json.loads(first.spec.model_dump_json()) | {"seeds": [1, 2, 3, 4, 5], "resources": {"cpus": 1}}
    spec = tmp_path / "runner.json"
    spec.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))
    arguments = ["plan", str(spec), "--out", str(tmp_path / "out"), "--cluster", "2"]
    printed = CliRunner().invoke(cli, arguments, catch_exceptions=False).output
    each = f"{usable_cores()} trials at once each" if usable_cores() > 1 else "1 trial at once each"
    assert f"on 2 nodes like this machine with {each}." in printed
    outlook = look_ahead(spec, out=tmp_path / "out", nodes=2)
    assert 0 < outlook.on_nodes.seconds < outlook.seconds_left


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--artifacts", "there"), "--artifacts there: belongs to a database"),
        (("--cluster", "nowhere"), "--cluster 'nowhere': expected auto, local, or HOST:PORT"),
        (("--store", "postgresql+psycopg://h/d", "--artifacts", "s3://b/x"), "a store keeps no files at a URL"),
        (("--cluster", "127.0.0.1:9", "--artifacts", "s3://"), "s3://: names no bucket"),
    ],
)
def test_what_contradicts_itself_is_refused_on_the_command_line(tmp_path, arguments, said):
    """In one sentence."""
    pytest.importorskip("ray")
    document = json.loads(plan_of("fit").spec.model_dump_json())
    spec = tmp_path / "runner.json"
    spec.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))
    ended = CliRunner().invoke(cli, ["run", str(spec), "--out", str(tmp_path / "out"), *arguments])
    assert ended.exit_code == 2 or isinstance(ended.exception, SuiteError)
    assert said in (ended.output + str(ended.exception))


def test_an_entry_of_the_cache_is_made_by_one_and_awaited_by_others(tmp_path):
    """What came meanwhile is not made again; a damaged file is, and no lock is left."""
    path = entry_path(tmp_path, "slow", {"name": "a"}, ".txt")
    made: list[int] = []

    def make(number: int) -> None:
        def write(file: Any) -> None:
            made.append(number)
            time.sleep(0.3)
            file.write(b"made")

        write_entry(path, write, {"number": number})

    threads = [threading.Thread(target=make, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    make(9)
    assert made[1:] == [9]
    assert [entry.path for entry in entries(tmp_path)] == [path]
    assert sorted(found.name for found in path.parent.iterdir()) == [path.name, f"{path.name}.json"]


def test_a_node_with_other_versions_is_told_with_both():
    """What is missing there too."""
    here = versions()
    assert difference(NODE, here) is None
    told = difference(NODE, here | {"tensorflow": "2.0.0"})
    assert (
        told
        == f"gpu-3 (10.0.0.3, node 4f2a81c0) has tensorflow 2.0.0, and this machine has tensorflow {here['tensorflow']}"
    )
    assert "has no suite, and this machine has suite" in difference(NODE, here | {"suite": None})


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("W gcs_client.cc: Unauthenticated: RPC error: InvalidAuthToken: ...", "RAY_AUTH_TOKEN_PATH"),
        (
            MISMATCH,
            "the cluster has Ray 2.50.0, Python 3.12.1, and this machine has Ray 2.60.0, Python 3.11.7",
        ),
        ("Traceback\nConnectionError: no raylet", "otherwise (ConnectionError: no raylet)"),
        ("", "otherwise"),
    ],
)
def test_what_ray_says_is_told_in_a_sentence(printed, said):
    """How to mend it, where that is known."""
    assert said in _why(printed, "otherwise")
