"""What a running trial tells before it ends: a line of JSON for each epoch, read by ``suite serve``.

The file lies beside the trial's own folder, never in it, so that it cannot become an artefact.  It goes with the
trial's claim, or with the folder of a run that was killed.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.store.records.result import EpochRecord, Record

__all__ = ["CurveHead", "CurveWriter", "RunningCurve", "curve_path", "read_curve"]


class CurveHead(Record):
    """The first line: how the trial began."""

    started: float
    """Seconds since 1970."""
    epochs: int
    """The most that it may take; a fit without epochs has none in spite of it."""
    setting: dict[str, Any]
    """The options that its search sets; empty for other trials."""


@dataclass(frozen=True)
class RunningCurve:
    """What a trial has told so far."""

    head: CurveHead
    epochs: tuple[EpochRecord, ...]


def curve_path(folder: Path) -> Path:
    """The file of the trial that writes its artefacts into ``folder``."""
    return folder.with_name(f"{folder.name}.epochs")


class CurveWriter:
    """Writes the curve of one trial. A disk that takes no line costs the line, not the trial."""

    def __init__(self, folder: Path) -> None:
        self._path = curve_path(folder)

    def begin(self, *, epochs: int, setting: dict[str, Any]) -> None:
        """Starts the file anew: a fit that ran out of memory begins again."""
        head = CurveHead(started=time.time(), epochs=epochs, setting=setting)
        with contextlib.suppress(OSError):
            self._path.write_text(f"{head.model_dump_json()}\n", encoding="utf-8")

    def add(self, record: EpochRecord) -> None:
        """One epoch, in one write, so that a reader sees the whole line or none."""
        line = f"{record.model_dump_json()}\n".encode()
        with contextlib.suppress(OSError), self._path.open("ab", buffering=0) as file:
            file.write(line)


def read_curve(folder: Path) -> RunningCurve | None:
    """What the trial that writes into ``folder`` has told; None where it has told nothing yet.

    A line that is not whole, or of another version of the suite, ends the curve.
    """
    try:
        first, *lines = curve_path(folder).read_text(encoding="utf-8").splitlines()
        head = CurveHead.model_validate_json(first)
    except (OSError, ValueError):
        return None
    epochs: list[EpochRecord] = []
    with contextlib.suppress(ValueError):
        for line in lines:
            epochs.append(EpochRecord.model_validate_json(line))  # noqa: PERF401 - what came before a bad line is kept
    return RunningCurve(head, tuple(epochs))
