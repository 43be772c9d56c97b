"""Writing or measuring one file, in a process of its own: ``python -m suite.exporters.process REQUEST``.

Converters crash, print and keep memory; one runtime must not share threads with another.  The request and the answer
are JSON files; what a library prints goes wherever the parent sends this process's output.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter

from suite.devices import peak_memory_bytes
from suite.errors import SuiteError
from suite.exporters.exporter import Answer, Measured, TensorRecord
from suite.registry import EXPORTERS
from suite.results import Record

__all__ = ["MeasureRequest", "Outcome", "WriteRequest", "main"]

BATCH_SIZE = 32
BUDGET_SECONDS = 1.0
"""Aimed at for latency, and again for throughput."""
FEWEST, MOST = 10, 300
"""Timed calls of one example."""


class WriteRequest(Record):
    """Turn a kept model into a file."""

    action: Literal["write"] = "write"
    format: str
    model: str
    """The ``.keras`` file."""
    path: str
    """What is written."""
    labels: tuple[str, ...]
    answer: str
    """Where the outcome goes."""


class MeasureRequest(Record):
    """Run a file on examples and time it."""

    action: Literal["measure"] = "measure"
    format: str
    path: str
    pictures: str
    """``.npy`` of uint8 pictures, ``(n, height, width, 3)``."""
    probabilities: str
    """Where what the file answers goes, ``.npy``."""
    threads: int
    device: str
    answer: str


REQUEST: TypeAdapter[Any] = TypeAdapter(Annotated[WriteRequest | MeasureRequest, Field(discriminator="action")])


class Outcome(Record):
    """What came of a request."""

    seconds: float
    input: TensorRecord | None = None
    output: TensorRecord | None = None
    measured: Measured | None = None
    problem: str | None = None
    """One line, where it could not be done."""


def main() -> None:
    """Does what the request says; the outcome says so also where it failed."""
    request: WriteRequest | MeasureRequest = REQUEST.validate_json(Path(sys.argv[1]).read_bytes())
    started = time.perf_counter()
    try:
        outcome = _write(request) if isinstance(request, WriteRequest) else _measure(request)
    except Exception as error:  # noqa: BLE001 - converters raise almost anything, and the reason is kept
        import traceback

        traceback.print_exc()
        said = " ".join(str(error).split())[:600]
        problem = said if isinstance(error, SuiteError) else f"{type(error).__name__}: {said}"
        outcome = Outcome(seconds=time.perf_counter() - started, problem=problem)
    Path(request.answer).write_text(outcome.model_dump_json(), encoding="utf-8")


def _write(request: WriteRequest) -> Outcome:
    import keras

    model = keras.saving.load_model(request.model, compile=False)
    # Keras exports some formats only of a model that was called since it was loaded.
    model(np.zeros([size or 1 for size in model.input_shape], np.float32), training=False)
    started = time.perf_counter()
    EXPORTERS.get(request.format).write(model, Path(request.path), labels=request.labels)
    seconds = time.perf_counter() - started
    return Outcome(
        seconds=seconds,
        input=_tensor(model.inputs[0], "RGB pictures as they are, 0 to 255; the model's own preprocessing is inside"),
        output=_tensor(model.outputs[0], "a probability for each class, in the order of the labels"),
    )


def _tensor(tensor: Any, meaning: str) -> TensorRecord:
    shape = tuple(None if size is None else int(size) for size in tensor.shape)
    return TensorRecord(name=tensor.name, shape=shape, dtype=str(tensor.dtype), meaning=meaning)


def _measure(request: MeasureRequest) -> Outcome:
    exporter = EXPORTERS.get(request.format)
    pictures: NDArray[np.uint8] = np.load(request.pictures, mmap_mode="r", allow_pickle=False)
    started = time.perf_counter()
    answer = exporter.load(Path(request.path), threads=request.threads)
    load_seconds = time.perf_counter() - started
    single = np.ascontiguousarray(pictures[:1].astype(np.float32))
    milliseconds = _latency_ms(answer, single)
    batch = np.resize(pictures[:BATCH_SIZE], (BATCH_SIZE, *pictures.shape[1:])).astype(np.float32)
    throughput = _throughput(answer, batch)
    np.save(request.probabilities, np.concatenate(list(_answers(answer, pictures))))
    return Outcome(
        seconds=time.perf_counter() - started,
        measured=Measured(
            load_seconds=load_seconds,
            latency_ms_p50=float(np.percentile(milliseconds, 50)),
            latency_ms_p95=float(np.percentile(milliseconds, 95)),
            throughput_per_second=throughput,
            throughput_batch_size=BATCH_SIZE,
            peak_memory_bytes=peak_memory_bytes(),
            threads=request.threads,
            runtime=f"{exporter.runtime} {version(exporter.runtime)}",
            device=request.device,
        ),
    )


def _answers(answer: Answer, pictures: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
    """Probabilities batch by batch; the last batch is filled up, so that one shape serves all."""
    for start in range(0, len(pictures), BATCH_SIZE):
        batch = pictures[start : start + BATCH_SIZE].astype(np.float32)
        filled = np.concatenate([batch, np.repeat(batch[-1:], BATCH_SIZE - len(batch), axis=0)])
        yield np.asarray(answer(filled), dtype=np.float32)[: len(batch)]


def _latency_ms(answer: Answer, single: NDArray[np.float32]) -> list[float]:
    for _ in range(3):
        answer(single)
    one = max(_seconds(answer, single), 1e-6)
    count = int(np.clip(BUDGET_SECONDS / one, FEWEST, MOST))
    return [_seconds(answer, single) * 1000 for _ in range(count)]


def _throughput(answer: Answer, batch: NDArray[np.float32]) -> float:
    """Pictures per second over about ``BUDGET_SECONDS``, at least two calls, after one that is not counted."""
    answer(batch)
    calls, started = 0, time.perf_counter()
    while calls < 2 or time.perf_counter() - started < BUDGET_SECONDS:
        answer(batch)
        calls += 1
    return calls * len(batch) / (time.perf_counter() - started)


def _seconds(answer: Answer, pictures: NDArray[np.float32]) -> float:
    started = time.perf_counter()
    answer(pictures)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
