"""An exported file on every example, and timed."""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suite.devices import peak_memory_bytes
from suite.export.formats.examples import ExampleArrays
from suite.export.formats.exporter import Answer, Inputs
from suite.export.requests import MeasureRequest, Outcome
from suite.metrics.latency import CallTimer
from suite.registry import EXPORTERS
from suite.store.records.export_card import Measured

__all__ = ["measure"]

BATCH_SIZE = 32
THROUGHPUT_SECONDS = 1.0
"""Aimed at."""
BLOCK_SECONDS = 0.3
"""Aimed at for each block of latencies."""


def measure(request: MeasureRequest) -> Outcome:
    """What the file answers goes to ``probabilities``, in the order of the examples; times are in the outcome."""
    exporter = EXPORTERS.get(request.format)
    examples = ExampleArrays.load(Path(request.examples))
    started = time.perf_counter()
    answer = exporter.load(Path(request.path), threads=request.threads)
    load_seconds = time.perf_counter() - started
    single, batch = examples.typical(1), examples.typical(BATCH_SIZE)
    timer = CallTimer(lambda: answer(single), BLOCK_SECONDS, warmup=3)
    timer.block()
    throughput = _throughput(answer, batch)
    timer.block()
    np.save(request.probabilities, _answers(answer, examples), allow_pickle=False)
    timing = timer.timing()
    return Outcome(
        seconds=time.perf_counter() - started,
        measured=Measured(
            load_seconds=load_seconds,
            latency_ms_p50=timing.p50,
            latency_ms_p95=timing.p95,
            latency_ms_blocks=timing.blocks,
            reference_ms_blocks=timing.reference,
            disturbed=timing.disturbed,
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


def _throughput(answer: Answer, batch: Inputs) -> float:
    """Examples per second over about ``THROUGHPUT_SECONDS``, at least two calls, after one that is not counted."""
    answer(batch)
    calls, started = 0, time.perf_counter()
    while calls < 2 or time.perf_counter() - started < THROUGHPUT_SECONDS:
        answer(batch)
        calls += 1
    return calls * BATCH_SIZE / (time.perf_counter() - started)
