"""The script for SLURM with everything real but SLURM: two programs stand for it, and both machines are this one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
from ray_cluster import MEMORY_BYTES, TESTS, RayCluster, why_not

from suite.store.store import open_store

pytestmark = pytest.mark.skipif(sys.platform != "linux" or why_not() is not None, reason=str(why_not()))
SCRIPT = TESTS.parent / "docs" / "cluster" / "slurm.sh"
PROGRAMS = {
    "scontrol": "printf 'localhost\\nlocalhost\\n'",
    # SLURM would start the command on the machines that its options name.
    "srun": 'while [[ "$1" == --* ]]; do shift; done\nexec "$@"',
    # It looks for no address where loopback is all that there is.
    "getent": "echo '127.0.0.1 STREAM localhost'",
    "suite": f'exec {sys.executable} -m suite "$@"',
}
SPEC = {
    "name": "tiny",
    "task": "image_classification",
    "models": [{"source": "zoo", "name": "vgg_tiny"}],
    "datasets": [{"source": "sklearn", "name": "digits"}],
    # Long enough for the second machine to join: its Ray starts when that of the first is there.
    "strategies": [{"strategy": "fine_tune", "unfreeze": "all"}],
    "training": {"epochs": 3},
    "seeds": [1, 2],
}


@pytest.fixture
def job(tmp_path):
    """A network with nothing but loopback, and how the script is started in it."""
    network = RayCluster(tmp_path)
    sessions = tempfile.mkdtemp(prefix="suite-ray-", dir="/tmp")  # sockets have names of at most 107 letters
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/bash\n{text}\n")
        (programs / name).chmod(0o755)
    path = os.pathsep.join((str(programs), str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = os.environ | {
        "PATH": path,
        "PYTHONPATH": str(TESTS.parent),
        "RAY_TMPDIR": sessions,
        "RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES": str(MEMORY_BYTES),
        "SLURM_JOB_NODELIST": "localhost,localhost",
        "SLURM_JOB_ID": "7",
        "SLURM_SUBMIT_DIR": str(tmp_path),
        "SLURM_CPUS_PER_TASK": "1",
        "SUITE_CACHE_DIR": str(tmp_path / "cache"),
        "USER": "somebody",
    }

    def start(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            network.inside("bash", str(SCRIPT), *words), cwd=tmp_path, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    yield start
    network.stop()
    shutil.rmtree(sessions, ignore_errors=True)


def _end(process: subprocess.Popen[str]) -> tuple[str, list[psutil.Process]]:
    """What the script printed, and what had not ended a minute later; SLURM would end that with the job."""
    try:
        printed, _ = process.communicate(timeout=150)
    finally:
        _, left = psutil.wait_procs([each for each in psutil.process_iter() if _is_of(each, process.pid)], timeout=60)
        for each in left:
            each.kill()
    return printed, left


def _is_of(process: psutil.Process, session: int) -> bool:
    try:
        return os.getsid(process.pid) == session
    except ProcessLookupError:
        return False


def test_the_script_for_slurm_runs_a_spec_on_all_machines(job, tmp_path):
    """Ray starts on both with the options that each takes, and ends; the token does not stay."""
    (tmp_path / "tiny.json").write_text(json.dumps(SPEC))
    process = job("tiny.json", "--out", "out")
    printed, left = _end(process)
    log = "".join(path.read_text() for path in tmp_path.glob("suite-7-ray.log"))
    assert process.returncode == 0, printed + log
    assert "cluster: 2 nodes, 2 trials at once" in printed, printed + log
    with open_store(tmp_path / "out", create=False) as store:
        assert [result.status for result in store.query()] == ["done", "done"]
    assert not left
    assert not list(tmp_path.glob(".ray-token*"))


def test_the_script_for_slurm_ends_as_its_run_ends(job, tmp_path):
    """With the exit code of a spec that is not there, whatever Ray does."""
    process = job("absent.json")
    printed, _ = _end(process)
    assert "absent.json: no such file" in printed
    assert process.returncode == 2
    assert not list(tmp_path.glob(".ray-token*"))
