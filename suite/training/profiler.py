"""What a model costs: parameters, multiply-accumulates, bytes, latency, throughput, memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from suite.devices import peak_memory_bytes, reset_peak_memory
from suite.metrics.latency import CallTimer
from suite.store.records.result import Profile
from suite.training.macs import count_macs

__all__ = [
    "ModelProfiler",
    "count_macs",
    "count_parameters",
    "device_name",
    "measure_throughput",
    "peak_memory_bytes",
    "profile_model",
    "reset_peak_memory",
    "weights_bytes",
]

THROUGHPUT_SECONDS = 0.3
"""Aimed at; a slow model takes longer, but not more than a few seconds."""
BLOCK_SECONDS = 0.02
"""Aimed at for one block of latencies: every trial of a graph times some."""
BATCH_SIZE = 32
LONGEST_BATCH_SECONDS = 1.5

Predict = Callable[[Any], Any]
"""A batch of tensors to anything: a ``tf.function``, not ``Model.predict``."""
Sample = Callable[[int], Any]
"""So many examples as NumPy arrays, as the model takes them: raw images, or named arrays of tokens."""


def profile_model(model: Any, *, sample: Sample, predict: Predict) -> Profile:
    """Measures an adapted model on the device it runs on, at once; see ``ModelProfiler`` for blocks that lie apart."""
    profiler = ModelProfiler(model, sample=sample, predict=predict)
    profiler.begin()
    return profiler.profile()


class ModelProfiler:
    """What one graph costs. What is counted, and throughput, is found once; latency is timed anew in every trial."""

    def __init__(self, model: Any, *, sample: Sample, predict: Predict) -> None:
        """Measures nothing yet.

        Args:
            model: Backbone and head.
            sample: What it is timed with; see ``Sample``.
            predict: What is timed; see ``Predict``.
        """
        self._model = model
        self._sample = sample
        self._predict = predict
        self._single = _tensors(sample(1))
        self._counted: Profile | None = None
        self._timer = self._new_timer()

    def begin(self) -> None:
        """Begins a measurement of latency with its first block."""
        self._timer = self._new_timer()
        self._timer.block()

    def block(self) -> None:
        """Times one more block of it; they are worth more where other work lies between them."""
        self._timer.block()

    def profile(self) -> Profile:
        """The profile with the latencies since ``begin``, at least ``suite.metrics.latency.BLOCKS`` blocks.

        Multiply-accumulates are missing where TensorFlow cannot trace the model.
        """
        if self._counted is None:
            self._counted = self._count()
        timing = self._timer.timing()
        return self._counted.model_copy(
            update={
                "latency_ms_p50": timing.p50,
                "latency_ms_p95": timing.p95,
                "latency_ms_blocks": timing.blocks,
                "reference_ms_blocks": timing.reference,
                "disturbed": timing.disturbed,
                "peak_memory_bytes": peak_memory_bytes(),
            }
        )

    def _new_timer(self) -> CallTimer:
        return CallTimer(lambda: _finish(self._predict(self._single)), BLOCK_SECONDS)

    def _count(self) -> Profile:
        """Everything but latency."""
        total, trainable = count_parameters(self._model)
        batch_size = _batch_size(_seconds_of_one(self._predict, self._single))
        batch = _tensors(self._sample(batch_size))
        return Profile(
            parameters=total,
            trainable_parameters=trainable,
            macs=count_macs(self._model, self._single),
            size_bytes=weights_bytes(self._model),
            latency_ms_p50=None,
            latency_ms_p95=None,
            throughput_per_second=measure_throughput(
                self._predict, batch, count=batch_size, seconds=THROUGHPUT_SECONDS
            ),
            throughput_batch_size=batch_size,
            peak_memory_bytes=None,
            device=device_name(),
        )


def count_parameters(model: Any) -> tuple[int, int]:
    """All parameters of a model, batch-norm statistics included, and those that are trained."""
    return _elements(model.weights), _elements(model.trainable_weights)


def weights_bytes(model: Any) -> int:
    """Bytes of all weights of a model."""
    return sum(int(np.prod(variable.shape)) * np.dtype(variable.dtype).itemsize for variable in model.weights)


def measure_throughput(predict: Predict, batch: Any, *, count: int, seconds: float) -> float:
    """Examples per second over about ``seconds``, at least two calls, after one call that is not counted."""
    _finish(predict(batch))
    calls = 0
    started = time.perf_counter()
    while calls < 2 or time.perf_counter() - started < seconds:
        _finish(predict(batch))
        calls += 1
    return float(calls * count / (time.perf_counter() - started))


def device_name() -> str:
    """The device that models run on: the first GPU's own name, else ``CPU (2 threads)``."""
    for gpu in tf.config.list_physical_devices("GPU"):
        return str(tf.config.experimental.get_device_details(gpu).get("device_name", "GPU"))
    threads = tf.config.threading.get_intra_op_parallelism_threads() or _usable_processors()
    return f"CPU ({threads} thread{'s' if threads != 1 else ''})"


def _usable_processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _batch_size(single_seconds: float) -> int:
    """``BATCH_SIZE``, halved until a batch takes bearably long on a slow device."""
    size = BATCH_SIZE
    while size > 1 and size * single_seconds > LONGEST_BATCH_SECONDS:
        size //= 2
    return size


def _tensors(batch: Any) -> Any:
    return tf.nest.map_structure(tf.constant, batch)


def _seconds_of_one(predict: Predict, example: Any) -> float:
    """Seconds of one call after two that trace and warm up; never 0."""
    for _ in range(2):
        _finish(predict(example))
    started = time.perf_counter()
    _finish(predict(example))
    return max(time.perf_counter() - started, 1e-6)


def _finish(result: Any) -> None:
    """Waits for a device that computes in the background."""
    for tensor in tf.nest.flatten(result):
        np.asarray(tensor)


def _elements(variables: Any) -> int:
    return sum(int(np.prod(variable.shape)) for variable in variables)
