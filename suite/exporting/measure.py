"""An exported file on every example, and timed."""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suite.devices import peak_memory_bytes
from suite.exported import Measured
from suite.exporters.examples import ExampleArrays
from suite.exporters.exporter import Answer, Inputs
from suite.exporting.requests import MeasureRequest, Outcome
from suite.registry import EXPORTERS

__all__ = ["measure"]

BATCH_SIZE = 32
BUDGET_SECONDS = 1.0
"""Aimed at for latency, and again for throughput."""
FEWEST, MOST = 10, 300
"""Timed calls of one example."""


def measure(request: MeasureRequest) -> Outcome:
    """What the file answers goes to ``probabilities``, in the order of the examples; times are in the outcome."""
    exporter = EXPORTERS.get(request.format)
    examples = ExampleArrays.load(Path(request.examples))
    started = time.perf_counter()
    answer = exporter.load(Path(request.path), threads=request.threads)
    load_seconds = time.perf_counter() - started
    milliseconds = _latency_ms(answer, examples.typical(1))
    batch = examples.typical(BATCH_SIZE)
    throughput = _throughput(answer, batch)
    np.save(request.probabilities, _answers(answer, examples), allow_pickle=False)
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
            tokens=None if examples.lengths is None else next(iter(batch.values())).shape[1],
            runtime=f"{exporter.runtime} {version(exporter.runtime)}",
            device=request.device,
        ),
    )


def _answers(answer: Answer, examples: ExampleArrays) -> NDArray[np.float32]:
    """Probabilities in the order of the examples, batch by batch."""
    parts, places = [], []
    for positions, batch in examples.batches(BATCH_SIZE):
        parts.append(np.asarray(answer(batch), dtype=np.float32)[: len(positions)])
        places.append(positions)
    ordered: NDArray[np.float32] = np.concatenate(parts)[np.argsort(np.concatenate(places))]
    return ordered


def _latency_ms(answer: Answer, single: Inputs) -> list[float]:
    for _ in range(3):
        answer(single)
    one = max(_seconds(answer, single), 1e-6)
    count = int(np.clip(BUDGET_SECONDS / one, FEWEST, MOST))
    return [_seconds(answer, single) * 1000 for _ in range(count)]


def _throughput(answer: Answer, batch: Inputs) -> float:
    """Examples per second over about ``BUDGET_SECONDS``, at least two calls, after one that is not counted."""
    answer(batch)
    calls, started = 0, time.perf_counter()
    while calls < 2 or time.perf_counter() - started < BUDGET_SECONDS:
        answer(batch)
        calls += 1
    return calls * BATCH_SIZE / (time.perf_counter() - started)


def _seconds(answer: Answer, inputs: Inputs) -> float:
    started = time.perf_counter()
    answer(inputs)
    return time.perf_counter() - started
