"""Settings of a process that must precede its first operation, and the devices that its fits are shared out over."""

from __future__ import annotations

import contextlib
import functools
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from suite.spec.placement import Deterministic, Distribution, Precision, determinism_for, precision_for

__all__ = ["Placement", "place", "prepare_device", "set_precision"]


def prepare_device(
    *,
    threads: int,
    logical_cpus: int = 1,
    gpu_memory_mb: int | None = None,
    deterministic: Deterministic = "auto",
) -> bool:
    """Settings that must precede the first operation of a process: threads, devices, graph rewriting, determinism.

    Grappler's rewriting costs 4 s for the training step of a MobileNetV2 and was not measured to make its steps faster
    on a CPU, so it is off there.  On a GPU it stays on: that is how models are trained and served there.

    Args:
        threads: Of the CPU.
        logical_cpus: Devices that the CPU is shown as; several are for trying out what is meant for several GPUs.
        gpu_memory_mb: Of each GPU, the most that is taken at once; where it is left out, memory is taken as needed.
        deterministic: Whether operations are; see ``suite.spec.placement.Deterministic``.

    Returns:
        Whether operations are deterministic now.
    """
    gpus = tf.config.list_physical_devices("GPU")
    # In a notebook TensorFlow may be running already; it keeps the threads that it has then.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": not gpus})
    if logical_cpus > 1:
        parts = [tf.config.LogicalDeviceConfiguration() for _ in range(logical_cpus)]
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
    for gpu in gpus:
        if gpu_memory_mb is None:
            tf.config.experimental.set_memory_growth(gpu, True)
        else:
            limit = tf.config.LogicalDeviceConfiguration(memory_limit=gpu_memory_mb)
            tf.config.set_logical_device_configuration(gpu, [limit])
    keras.utils.set_random_seed(0)
    decided = determinism_for(deterministic, gpus=len(gpus))
    if decided:
        tf.config.experimental.enable_op_determinism()
    return decided


@dataclass(frozen=True)
class Placement:
    """What a fit of this process is shared out over."""

    devices: tuple[str, ...]
    """As TensorFlow names them; one where nothing is shared out."""

    @property
    def replicas(self) -> int:
        """How many copies of a model are trained together."""
        return len(self.devices)

    def scope(self) -> AbstractContextManager[Any]:
        """Models, trainers and predictors that are made inside share their batches out over the devices."""
        if self.replicas == 1:
            return contextlib.nullcontext()
        return _strategy(self.devices).scope()  # type: ignore[no-any-return]  # TensorFlow is untyped


def place(distribution: Distribution) -> Placement:
    """The devices of this process that a fit is shared out over: its GPUs; without one, the devices of its CPU.

    They are all of them unless ``distribution`` is ``none``.
    """
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    names = tuple(f"{kind}:{index}" for index in range(len(tf.config.list_logical_devices(kind))))
    return Placement(names[:1] if distribution == "none" else names)


@functools.cache
def _strategy(devices: tuple[str, ...]) -> Any:
    """The one strategy of these devices: with a second object in a process TensorFlow's collectives abort."""
    return tf.distribute.MirroredStrategy(list(devices))


def set_precision(precision: Precision) -> Precision:
    """Sets the precision of the layers that are built from now on. Returns it, ``auto`` resolved by the device."""
    if precision == "auto":
        gpus = tf.config.list_physical_devices("GPU")
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        precision = precision_for([detail.get("compute_capability") for detail in details])
    keras.config.set_dtype_policy(precision)
    return precision
