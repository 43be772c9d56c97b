"""What is asked of a process that prepares examples, writes a file or runs one, and what it answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from suite.store.records.export_card import Measured, Precision, TensorRecord
from suite.store.records.resizing import Resizing
from suite.store.records.result import Record

__all__ = ["REQUEST", "CompressRequest", "MeasureRequest", "Outcome", "PrepareRequest", "WriteRequest", "run"]


class PrepareRequest(Record):
    """Write the examples of a trial as arrays, and a text model's tokeniser."""

    action: Literal["prepare"] = "prepare"
    trial: dict[str, Any]
    """What identifies it, with its data set and model as the spec had them."""
    seed: int
    input_size: tuple[int, int] | None
    resizing: Resizing
    """Of images."""
    fingerprint: str
    example_ids: str | None
    """``.npz`` with the predictions whose examples are meant; None where none were kept."""
    folder: str
    """Gets ``test``, and where the data are at hand ``calibration``."""
    answer: str


class WriteRequest(Record):
    """Turn a kept model into a file."""

    action: Literal["write"] = "write"
    format: str
    model: str
    """The ``.keras`` file."""
    path: str
    """What is written."""
    labels: tuple[str, ...]
    resizing: Resizing | None = None
    """How images become its input; None for texts."""
    trial: dict[str, Any]
    preset: str | None = None
    """Where a folder goes that KerasHub loads the backbone from; None for none."""
    answer: str


class CompressRequest(Record):
    """Turn a file into one of another precision."""

    action: Literal["compress"] = "compress"
    format: str
    precision: Precision
    full: str
    path: str
    calibration: str | None
    """Folder of examples."""
    answer: str


class MeasureRequest(Record):
    """Run a file on examples and time it."""

    action: Literal["measure"] = "measure"
    format: str
    path: str
    examples: str
    """Folder of examples."""
    probabilities: str
    """Where what the file answers goes, ``.npy``."""
    threads: int
    device: str
    answer: str


Request = PrepareRequest | WriteRequest | CompressRequest | MeasureRequest
REQUEST: TypeAdapter[Any] = TypeAdapter(Annotated[Request, Field(discriminator="action")])


class Outcome(Record):
    """What came of a request."""

    seconds: float
    inputs: tuple[TensorRecord, ...] = ()
    output: TensorRecord | None = None
    measured: Measured | None = None
    on: Literal["test", "noise"] = "test"
    """What was prepared."""
    tokenizer: str | None = None
    """How far the tokeniser that was written cuts texts as the model's own does."""
    calibration_examples: int | None = None
    """Training examples that ranges were measured on."""
    notes: tuple[str, ...] = ()
    skipped: str | None = None
    """One line, where the library cannot do it."""
    problem: str | None = None
    """One line, where it failed."""


def run(request: Request, *, log: Path) -> Outcome:
    """The request in a process of its own; one that dies is a problem, with the end of what it printed."""
    asked = log.with_suffix(".json")
    asked.write_text(request.model_dump_json(), encoding="utf-8")
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"}
    with log.open("w", encoding="utf-8") as printed:
        done = subprocess.run(  # noqa: S603 - this program, on a request that was just written
            [sys.executable, "-W", "ignore", "-m", "suite.export.process", str(asked)],
            stdout=printed,
            stderr=subprocess.STDOUT,
            env={**os.environ, **quiet},
            check=False,
        )
    answer = Path(request.answer)
    if answer.is_file():
        return Outcome.model_validate_json(answer.read_text(encoding="utf-8"))
    last = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    said = f": {last[-1][:300]}" if last else ""
    return Outcome(seconds=0.0, problem=f"the process ended with {done.returncode}{said}")
