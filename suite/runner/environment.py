"""Where a trial runs: versions, commit, processor, devices. Nothing here imports TensorFlow."""

from __future__ import annotations

import functools
import importlib.metadata
import math
import os
import platform
import shutil
import subprocess
from pathlib import Path

from suite.devices import Machine, look_at_machine
from suite.errors import SuiteError
from suite.runner.process import WorkerSettings
from suite.spec.placement import USUAL_DEVICES, DeviceSettings, share_gpus
from suite.spec.trial_resources import Capacity, ResourcesSpec, Share, share_of
from suite.store.records.result import Environment
from suite.version import __version__

__all__ = [
    "environment",
    "repository_state",
    "trials_at_once",
    "usable_cores",
    "visible_gpus",
    "worker_settings",
    "worker_variables",
]

PACKAGES = (
    "tensorflow",
    "keras",
    "keras-hub",
    "tensorflow-datasets",
    "numpy",
    "scipy",
    "scikit-learn",
    "pillow",
    "safetensors",
)
"""What can change a score."""
_GIT_SECONDS = 10.0


def environment(
    *,
    device: str | None = None,
    threads: int | None = None,
    commit: str | None = None,
    dirty: bool | None = None,
    replicas: int = 1,
    precision: str = "float32",
    deterministic: bool | None = None,
    jit_compile: bool = False,
    jit_reason: str = "",
) -> Environment:
    """The environment of a trial in this process.

    Args:
        device: What the trial ran on, for instance ``CPU (2 threads)``; the first visible GPU, else the CPU, where
            it is left out.
        threads: Threads of the worker; what its environment says where it is left out.
        commit: Commit of the spec's repository; the parent fills it in where it is left out.
        dirty: Whether that repository had changes that were not committed.
        replicas: How many devices every batch was shared out over.
        precision: What the layers computed in.
        deterministic: Whether every operation was; None where that is not known.
        jit_compile: Whether XLA compiled the model.
        jit_reason: What was measured for and against XLA.
    """
    threads = threads or int(os.environ.get("TF_NUM_INTRAOP_THREADS", "0")) or usable_cores()
    return Environment(
        suite=__version__,
        python=platform.python_version(),
        packages=dict(_package_versions()),
        platform=platform.platform(),
        processor=_machine().processor,
        device=device or _device(threads),
        cpu_count=os.cpu_count() or 1,
        threads=threads,
        commit=commit,
        dirty=dirty,
        replicas=replicas,
        precision=precision,
        deterministic=deterministic,
        jit_compile=jit_compile,
        jit_reason=jit_reason,
    )


@functools.cache
def _package_versions() -> tuple[tuple[str, str], ...]:
    found = []
    for package in PACKAGES:
        try:
            found.append((package, importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return tuple(found)


def _device(threads: int) -> str:
    visible = visible_gpus()
    if not visible:
        return f"CPU ({threads} threads)" if threads != 1 else "CPU (1 thread)"
    known = dict(enumerate(_machine().gpus))
    return known.get(int(visible[0]), visible[0]) if visible[0].isdecimal() else visible[0]


@functools.cache
def _machine() -> Machine:
    return look_at_machine()


def repository_state(folder: Path) -> tuple[str | None, bool | None]:
    """Commit of the git repository that holds ``folder`` and whether it has changes; None where there is none."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None, None
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return commit, None if changes is None else bool(changes)


def _git(folder: Path, *arguments: str) -> str | None:
    program = shutil.which("git")
    if program is None or not folder.is_dir():
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - fixed questions to git
            [program, *arguments], cwd=folder, capture_output=True, text=True, timeout=_GIT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def visible_gpus() -> tuple[str, ...]:
    """The GPUs that workers may be given, as ``CUDA_VISIBLE_DEVICES`` names them; none of TensorFlow is imported."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return tuple(str(index) for index in range(len(_machine().gpus)))
    named = tuple(part.strip() for part in chosen.split(",") if part.strip())
    # CUDA itself stops reading at -1.
    return named[: named.index("-1")] if "-1" in named else named


def worker_settings(
    jobs: int | None,
    *,
    folder: Path,
    gpus: tuple[str, ...] | None = None,
    devices: DeviceSettings = USUAL_DEVICES,
    resources: ResourcesSpec | None = None,
) -> tuple[WorkerSettings, ...]:
    """One worker per GPU, or one on a CPU, unless ``jobs`` says how many; GPUs and cores are shared out.

    Args:
        jobs: Number of workers; the most where ``resources`` are given.
        folder: Where their logs go.
        gpus: What to share out; ``visible_gpus()`` where it is left out.
        devices: How a worker uses its devices, see ``suite.spec.placement.share_gpus``, also for what it raises.
        resources: What each gets; as many workers as that leaves room for.

    Raises:
        SuiteError: Where there is no room for one.
    """
    gpus = visible_gpus() if gpus is None else gpus
    threads = None
    if resources is not None:
        share = _share_of_machine(gpus, resources, jobs)
        gpus = gpus[: math.ceil(share.count * share.gpus)]
        jobs, threads = share.count, share.threads
    shares = share_gpus(gpus, jobs, devices)
    threads = threads or max(1, usable_cores() // len(shares))
    hidden = "-1" if resources is not None and resources.gpus == 0 else None
    return tuple(
        WorkerSettings(
            log=folder / f"worker-{index}.log",
            threads=threads,
            environment=worker_variables(threads, ",".join(share) or hidden),
        )
        for index, share in enumerate(shares)
    )


def _share_of_machine(gpus: tuple[str, ...], resources: ResourcesSpec, jobs: int | None) -> Share:
    capacity = Capacity(usable_cores(), len(gpus), look_at_machine().memory_bytes)
    share = share_of(capacity, resources, jobs)
    if not share.count:
        raise SuiteError(
            f"resources: a trial asks for {resources.in_words}, and this machine has {capacity.in_words}. Ask for "
            "less, or run on a cluster with --cluster."
        )
    return share


def trials_at_once(resources: ResourcesSpec | None, jobs: int | None) -> int:
    """How many trials a node of a cluster takes at once that is like this machine.

    Raises:
        SuiteError: Where there is no room for one.
    """
    return _share_of_machine(visible_gpus(), resources or ResourcesSpec(), jobs).count


def worker_variables(threads: int, gpus: str | None) -> dict[str, str]:
    """The environment variables that a worker is started with.

    Args:
        threads: That it may compute with.
        gpus: What ``CUDA_VISIBLE_DEVICES`` says; left alone where it is None.
    """
    number = str(threads)
    variables = {
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "1"),
        "TF_FORCE_GPU_ALLOW_GROWTH": os.environ.get("TF_FORCE_GPU_ALLOW_GROWTH", "true"),
        "TF_NUM_INTRAOP_THREADS": number,
        "TF_NUM_INTEROP_THREADS": number,
        "OMP_NUM_THREADS": number,
        "OPENBLAS_NUM_THREADS": number,
        "MKL_NUM_THREADS": number,
    }
    if gpus is not None:
        variables["CUDA_VISIBLE_DEVICES"] = gpus
    return variables
