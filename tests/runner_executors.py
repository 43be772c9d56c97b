"""What tests let worker processes do instead of a real fit: small, real, and sometimes fatal."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import math
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from suite.errors import ModelError, TrialDiverged, TrialSkipped
from suite.runner.environment import environment
from suite.runner.request import TrialRequest
from suite.store.records.result import Predictions, Result, Score, Timings


def execute(request: TrialRequest) -> Result:
    """Does what the model's ``name`` says, then fits a nearest-centroid classifier on the digits."""
    started = time.perf_counter()
    with (request.folder.parents[3] / "calls.txt").open("a") as calls:
        calls.write(f"{request.trial.id} {request.trial.phase} {os.getpid()}\n")
    asked = str((request.trial.candidate or {}).get("action", request.trial.cell.model.own()["name"]))
    name, _, argument = asked.partition(":")
    ACTIONS[name](argument)
    return poisoned(fit(request, started), argument) if name == "poison" else fit(request, started)


def poisoned(result: Result, kind: str) -> Result:
    """The result as a careless plugin would have it: with something that cannot be read back."""
    strange = {"seconds": math.nan, "setting": math.nan, "object": np.int64(3), "half": "\ud800", "huge": 10**400}[kind]
    if kind == "seconds":
        return result.model_copy(update={"timings": result.timings.model_copy(update={"fit_seconds": strange})})
    return result.model_copy(update={"hyperparameters": {"strength": strange}})


def fit(request: TrialRequest, started: float) -> Result:
    """Ridge regression on some of the digits, chosen by the seed; scored on validation and, when final, on test."""
    images, targets = digits()
    order = np.random.default_rng(request.trial.seed).permutation(600)[:200]
    gram = images[order].T @ images[order] + np.eye(images.shape[1]) * best_shrinkage(request)
    weights = np.linalg.solve(gram, images[order].T @ np.eye(10)[targets[order]])
    scores = {}
    for name, rows in (("validation", slice(600, 900)), ("test", slice(900, 1797))):
        value = float(((images[rows] @ weights).argmax(axis=1) == targets[rows]).mean())
        scores[name] = {"accuracy": Score(value=value)}
    if request.trial.phase == "search":
        scores.pop("test")
    outputs = np.exp(images[900:] @ weights)
    artefacts = write_artefacts(request, outputs / outputs.sum(axis=1, keepdims=True), targets[900:])
    return result_of(request, scores, artefacts, time.perf_counter() - started)


@functools.cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's digits, read without the three seconds that importing scikit-learn takes."""
    package = Path(importlib.util.find_spec("sklearn").origin).parent
    table = np.loadtxt(package / "datasets" / "data" / "digits.csv.gz", delimiter=",")
    return table[:, :64] / 16, table[:, 64].astype(np.int64)


def best_shrinkage(request: TrialRequest) -> float:
    """The candidate's own setting, or that of the search trial that was best on validation."""
    if request.trial.candidate is not None:
        return _shrinkage(request.trial.candidate)
    ranked = sorted(request.search_results, key=lambda result: -(result.scores["validation"]["accuracy"].value or 0))
    return _shrinkage(ranked[0].hyperparameters) if ranked else 1.0


def _shrinkage(setting: dict[str, Any]) -> float:
    """Listed by the strategy as ``shrinkage``, or drawn by a search as ``penalty``."""
    return float(setting.get("shrinkage", setting.get("penalty", 1.0)))


def write_artefacts(request: TrialRequest, probabilities: np.ndarray, targets: np.ndarray) -> dict[str, str]:
    """Predictions, and a file in place of a model where one is to be kept."""
    if request.trial.phase == "search":
        return {}
    (request.folder / "predictions").mkdir()
    ids = np.array([f"digit-{index}" for index in range(len(targets))])
    classes = tuple(str(digit) for digit in range(10))
    Predictions(ids, targets.astype(np.int64), probabilities.astype(np.float32), classes).save(
        request.folder / "predictions" / "test.npz"
    )
    artefacts = {"predictions/test": "predictions/test.npz"}
    if request.keep_model:
        (request.folder / "model.keras").write_bytes(b"weights of " + request.trial.id.encode())
        artefacts["model"] = "model.keras"
    return artefacts


def result_of(
    request: TrialRequest, scores: dict[str, dict[str, Score]], artefacts: dict[str, str], seconds: float
) -> Result:
    """The result of a finished fit."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    timings = dict.fromkeys(Timings.model_fields, 0.0) | {"total_seconds": seconds, "examples_per_second": None}
    model, dataset, strategy = request.labels
    return Result(
        id=request.trial.id,
        cell_id=request.trial.cell.id,
        status="done",
        trial=request.trial.as_json(),
        phase=request.trial.phase,
        seed=request.trial.seed,
        model=model,
        dataset=dataset,
        strategy=strategy,
        hyperparameters=request.trial.candidate or {},
        scores=scores,
        timings=Timings(**timings),
        environment=environment(device="CPU", threads=request.threads),
        artefacts=artefacts,
        started_at=now,
        finished_at=now,
    )


def _crash(argument: str) -> None:
    ctypes.string_at(0)


def _raise(argument: str) -> None:
    raise {"diverged": TrialDiverged, "skipped": TrialSkipped, "model": ModelError}.get(argument, ValueError)(
        f"as asked: {argument}"
    )


def _noise(argument: str) -> None:
    print("noise from Python", os.environ["KERAS_BACKEND"], os.environ["TF_NUM_INTRAOP_THREADS"])
    os.write(2, b"noise from C++\n")
    os.system("echo noise from a child process")


def _allocate(argument: str) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
    bytearray(2**34)


def _fail_until(argument: str) -> None:
    """Fails until the file that the argument names exists."""
    if not Path(argument).exists():
        raise ValueError(f"{argument} does not exist yet")


def _half_a_character(argument: str) -> None:
    raise ValueError("no text: \ud800")


def _sleep(argument: str) -> None:
    """Is slow enough to be interrupted, or to be met by a second run."""
    time.sleep(float(argument))


def _limit_files(argument: str) -> None:
    """Every further write of this process ends as on a full disk."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (int(argument), resource.RLIM_INFINITY))


HOARD: list[bytearray] = []


def _hoard(argument: str) -> None:
    """Keeps so many MB more, as a library that leaks; the zeros are written, so that they are really there."""
    HOARD.append(bytearray(b"1") * (int(argument) * 1_000_000))


ACTIONS = {
    "hoard": _hoard,
    "fit": lambda _: None,
    "sleep": _sleep,
    "limit_files": _limit_files,
    "segfault": _crash,
    "exit": lambda argument: os._exit(int(argument)),
    "sys_exit": lambda _: sys.exit(3),
    "kill": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "raise": _raise,
    "noise": _noise,
    "allocate": _allocate,
    "fail_until": _fail_until,
    "half_a_character": _half_a_character,
    "poison": lambda _: None,
}
