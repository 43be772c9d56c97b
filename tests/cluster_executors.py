"""What tests let the workers of a cluster do: small, and sometimes fatal; every beginning is noted on the node."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from runner_executors import result_of, write_artefacts

from suite.cache import entry_path, write_entry
from suite.runner.request import TrialRequest
from suite.store.records.result import Result, Score


def execute(request: TrialRequest) -> Result:
    """Does what the model's ``name`` says, then makes up scores that depend on the trial alone."""
    import numpy as np

    started = time.perf_counter()
    note(request)
    name, _, argument = str(request.trial.cell.model.own()["name"]).partition(":")
    ACTIONS[name](argument, request)
    chance = np.random.default_rng(int(request.trial.id[:8], 16))
    value = float(chance.random())
    scores = {"validation": {"accuracy": Score(value=value)}, "test": {"accuracy": Score(value=value / 2)}}
    outputs = chance.random((20, 10))
    artefacts = write_artefacts(request, outputs / outputs.sum(axis=1, keepdims=True), np.arange(20) % 10)
    return result_of(request, scores, artefacts, time.perf_counter() - started)


def note(request: TrialRequest) -> None:
    """One line per beginning, in the cache folder, which each node has of its own."""
    request.cache_root.mkdir(parents=True, exist_ok=True)
    line = f"{request.trial.id} {os.getpid()} {os.environ['TF_NUM_INTRAOP_THREADS']} {request.folder}\n"
    with (request.cache_root / "calls.txt").open("a") as calls:
        calls.write(line)


def nothing(request: TrialRequest) -> Result:
    """A trial without any work, for measuring what a trial costs besides."""
    return result_of(request, {"validation": {"accuracy": Score(value=0.5)}}, {}, 0.0)


def _once(do: Callable[[], None], argument: str) -> None:
    """Does it where the file that the argument names is not there yet."""
    try:
        Path(argument).open("x").close()
    except FileExistsError:
        return
    do()


def _cached(argument: str, request: TrialRequest) -> None:
    """Needs an entry of the cache that takes a second to make."""
    path = entry_path(request.cache_root, "slow", {"name": argument}, ".txt")

    def write(file: object) -> None:
        with (request.cache_root / "made.txt").open("a") as made:
            made.write(f"{os.getpid()}\n")
        time.sleep(1)
        file.write(b"made")

    if not path.exists():
        write_entry(path, write, {"name": argument})
    assert path.read_bytes() == b"made"


def _await(argument: str, _: TrialRequest) -> None:
    """Until a file is there."""
    for _ in range(900):
        if Path(argument).exists():
            return
        time.sleep(0.1)
    raise TimeoutError(argument)


def _raise(argument: str, request: TrialRequest) -> None:
    raise ValueError(f"as asked: {argument}")


ACTIONS = {
    "fit": lambda *_: None,
    "sleep": lambda argument, _: time.sleep(float(argument)),
    "raise": _raise,
    "segfault": lambda *_: ctypes.string_at(0),
    "kill_once": lambda argument, _: _once(lambda: os.kill(os.getpid(), signal.SIGKILL), argument),
    "cached": _cached,
    "await": _await,
}
