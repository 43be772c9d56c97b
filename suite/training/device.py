"""Settings of a process that must precede its first operation."""

from __future__ import annotations

import contextlib

import keras
import tensorflow as tf

__all__ = ["prepare_device"]


def prepare_device(*, threads: int) -> None:
    """Settings that must precede the first operation of a process: threads, graph rewriting, determinism.

    Grappler's rewriting costs 4 s for the training step of a MobileNetV2 and was not measured to make
    its steps faster on a CPU.
    """
    # In a notebook TensorFlow may be running already; it keeps the threads that it has then.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
