"""What a model costs: parameters, multiply-accumulates, bytes, latency, throughput, memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from suite.devices import peak_memory_bytes, reset_peak_memory
from suite.results import Profile
from suite.training.inputs import model_input

__all__ = [
    "count_macs",
    "count_parameters",
    "device_name",
    "measure_latency",
    "measure_throughput",
    "peak_memory_bytes",
    "profile_model",
    "reset_peak_memory",
    "weights_bytes",
]

BUDGET_SECONDS = 0.4
"""Aimed at for latency, and again for throughput; a slow model takes longer, but not more than a few seconds."""
FEWEST_REPEATS = 5
MOST_REPEATS = 200
BATCH_SIZE = 32
LONGEST_BATCH_SECONDS = 1.5

Predict = Callable[[Any], Any]
"""A batch of tensors to anything: a ``tf.function``, not ``Model.predict``."""
Sample = Callable[[int], Any]
"""So many examples as NumPy arrays, as the model takes them: raw pictures, or named arrays of tokens."""


def profile_model(model: Any, *, sample: Sample, predict: Predict) -> Profile:
    """Measures an adapted model on the device it runs on.

    Args:
        model: Backbone and head.
        sample: What it is timed with; see ``Sample``.
        predict: What is timed; see ``Predict``.

    Returns:
        The profile; multiply-accumulates are missing where TensorFlow cannot trace the model.
    """
    total, trainable = count_parameters(model)
    single = _tensors(sample(1))
    single_seconds = _seconds_of_one(predict, single)
    repeats = int(np.clip(BUDGET_SECONDS / single_seconds, FEWEST_REPEATS, MOST_REPEATS))
    p50, p95 = measure_latency(predict, single, warmup=1, repeats=repeats)
    batch_size = _batch_size(single_seconds)
    throughput = measure_throughput(predict, _tensors(sample(batch_size)), count=batch_size, seconds=BUDGET_SECONDS)
    return Profile(
        parameters=total,
        trainable_parameters=trainable,
        macs=count_macs(model, single),
        size_bytes=weights_bytes(model),
        latency_ms_p50=p50,
        latency_ms_p95=p95,
        throughput_per_second=throughput,
        throughput_batch_size=batch_size,
        peak_memory_bytes=peak_memory_bytes(),
        device=device_name(),
    )


def count_macs(model: Any, single: Any) -> int | None:
    """Multiply-accumulate operations for one example, by TensorFlow's profiler on the traced graph.

    Args:
        model: Any Keras model.
        single: One example, a tensor or named tensors.

    Returns:
        Half of the floating point operations; None where the graph holds none that the profiler knows.
    """
    function = tf.function(lambda inputs: model(model_input(model, inputs), training=False))
    signature = tf.nest.map_structure(lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), single)
    graph = function.get_concrete_function(signature).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    found = tf.compat.v1.profiler.profile(graph, options=options)
    operations = 0 if found is None else int(found.total_float_ops)
    return operations // 2 or None


def count_parameters(model: Any) -> tuple[int, int]:
    """All parameters of a model, batch-norm statistics included, and those that are trained."""
    return _elements(model.weights), _elements(model.trainable_weights)


def weights_bytes(model: Any) -> int:
    """Bytes of all weights of a model."""
    return sum(int(np.prod(variable.shape)) * np.dtype(variable.dtype).itemsize for variable in model.weights)


def measure_latency(predict: Predict, example: Any, *, warmup: int, repeats: int) -> tuple[float, float]:
    """Median and 95th percentile of the time for one call, in milliseconds, after ``warmup`` calls."""
    for _ in range(warmup):
        _finish(predict(example))
    milliseconds = [_seconds(predict, example) * 1000 for _ in range(repeats)]
    return float(np.percentile(milliseconds, 50)), float(np.percentile(milliseconds, 95))


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
    return max(_seconds(predict, example), 1e-6)


def _seconds(predict: Predict, example: Any) -> float:
    started = time.perf_counter()
    _finish(predict(example))
    return time.perf_counter() - started


def _finish(result: Any) -> None:
    """Waits for a device that computes in the background."""
    for tensor in tf.nest.flatten(result):
        np.asarray(tensor)


def _elements(variables: Any) -> int:
    return sum(int(np.prod(variable.shape)) for variable in variables)
