"""What a model is given of a batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from suite.data.batches import BatchTargets, Inputs, ModelInput, in_batches
from suite.training.replicas import Replicas

__all__ = ["Predictor", "as_tensors", "model_input"]


def model_input(model: Any, inputs: Any) -> Any:
    """Images as float32; of the named arrays of texts those that the model has inputs for."""
    if not isinstance(inputs, dict):
        return keras.ops.cast(inputs, "float32")
    wanted = model.input if isinstance(model.input, dict) else inputs
    return {name: inputs[name] for name in wanted}


def as_tensors(batch: ModelInput | BatchTargets) -> Any:
    """A batch of NumPy arrays, or their targets, as tensors."""
    return tf.nest.map_structure(tf.constant, batch)


# Calling a model on many examples.


@dataclass
class Predictor:
    """Calls a model batch by batch through one compiled function.

    ``Model.predict`` runs a MobileNetV2 at 96 items per second where a plain function runs 176.  Made in the scope of
    a strategy, as the model must have been, it shares every batch out over its devices.
    """

    model: Any = field(repr=False)
    batch_size: int = 64
    """Examples on one device at once."""
    jit_compile: bool = False
    _call: Any = field(init=False, repr=False)
    _shared_call: Any = field(init=False, repr=False)
    _replicas: Replicas = field(init=False, repr=False)

    def __post_init__(self) -> None:
        model = self.model

        def call(inputs: Any) -> Any:
            return model(model_input(model, inputs), training=False)

        self._call = tf.function(call, autograph=False, reduce_retracing=True, jit_compile=self.jit_compile)
        self._replicas = replicas = Replicas()

        def shared_call(inputs: Any) -> Any:
            outputs = replicas.run(lambda share, _: self._call(share), inputs)
            return replicas.joined(outputs, tf.shape(tf.nest.flatten(inputs)[0])[0])

        several = replicas.count > 1
        self._shared_call = tf.function(shared_call, autograph=False, reduce_retracing=True) if several else self._call

    def __call__(self, inputs: Inputs) -> NDArray[np.float32]:
        """Outputs for examples, in their order; shape ``(n, outputs)``, float32.

        Args:
            inputs: Images ``(n, height, width, 3)``, or texts as tokens, which are taken by length.
        """
        size = self.batch_size * self._replicas.count
        return in_batches(lambda batch: self._shared_call(as_tensors(batch)).numpy(), inputs, size)

    def single(self, inputs: Any) -> Any:
        """The compiled function itself on one device, for timing: tensors of one batch in, a tensor out."""
        return self._call(inputs)
