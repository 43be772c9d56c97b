"""The inside of a worker process: one trial after another, each with its own log."""

from __future__ import annotations

import contextlib
import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import cast

import psutil
import pydantic

from suite.errors import DataError, SuiteError, TrialFailure
from suite.runner.process import point_output_at
from suite.runner.request import TrialEnd, TrialRequest
from suite.store.records.result import Result, Status
from suite.store.records.validation import first_complaint

__all__ = ["LOG", "log_tail", "run_request"]

LOG = "log.txt"
TRACEBACK_CHARACTERS = 20_000
LOG_TAIL_LINES = 60
LOG_TAIL_BYTES = 20_000


def run_request(executor: str, request: TrialRequest, worker_log: Path) -> TrialEnd:
    """Runs one trial with its output in ``log.txt`` of its folder.

    Args:
        executor: ``module:function`` that takes the request and returns a ``Result``.
        request: The trial.
        worker_log: Where output goes between trials.
    """
    request.folder.mkdir(parents=True, exist_ok=True)
    point_output_at(request.folder / LOG)
    try:
        module, _, function = executor.partition(":")
        execute = cast("Callable[[TrialRequest], Result]", getattr(importlib.import_module(module), function))
        return TrialEnd("done", result=execute(request), memory_bytes=_memory_bytes())
    except BaseException as error:  # noqa: BLE001 - whatever a trial raises ends this trial only
        return _failure(error)
    finally:
        point_output_at(worker_log)
        _remove_empty(request.folder)


def _memory_bytes() -> int | None:
    with contextlib.suppress(psutil.Error):
        return int(psutil.Process().memory_info().rss)
    return None


def _remove_empty(folder: Path) -> None:
    """A log that says nothing, and a folder without files; here, where it holds up no other trial."""
    with contextlib.suppress(OSError):
        if (folder / LOG).stat().st_size == 0:
            (folder / LOG).unlink()
            folder.rmdir()


def log_tail(log: Path) -> str | None:
    """The last lines of a log; None where there are none."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - LOG_TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return None
    lines = text.splitlines()[-LOG_TAIL_LINES:]
    return "\n".join(lines) or None


def _failure(error: BaseException) -> TrialEnd:
    text = traceback.format_exc()
    with contextlib.suppress(OSError, ValueError):  # the log may be what does not fit, the text what is no text
        print(text, file=sys.stderr)
    status = cast("Status", error.status) if isinstance(error, TrialFailure) else "failed"
    number = error.errno if isinstance(error, OSError) else None
    return TrialEnd(
        status,
        reason=_reason(error),
        # A skip and what the user can mend are told in a sentence; nobody needs to see where it was raised.
        error=None if isinstance(error, SuiteError) or status == "skipped" else text[-TRACEBACK_CHARACTERS:],
        error_number=number,
        ends_run=isinstance(error, DataError),
        unexpected=_is_foreign(error) or (error.__cause__ is not None and _is_foreign(error.__cause__)),
    )


def _is_foreign(error: BaseException) -> bool:
    """Whether it is no sentence of the suite's own: Keras, for one, leaves a name scope open when it fails in it."""
    return not isinstance(error, SuiteError | TrialFailure)


def _reason(error: BaseException) -> str:
    message = str(error).strip()
    if isinstance(error, TrialFailure | SuiteError) and message:
        return message
    if isinstance(error, MemoryError):
        return "out of memory"
    if isinstance(error, pydantic.ValidationError):
        return f"its result is none that can be kept: {first_complaint(error)}"
    if isinstance(error, SystemExit):
        return f"the trial called sys.exit({error.code!r})"
    first = message.splitlines()[0] if message else ""
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
