"""What a model is given of a batch."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from suite.data.batches import BatchTargets, ModelInput

__all__ = ["as_tensors", "model_input"]


def model_input(model: Any, inputs: Any) -> Any:
    """Images as float32; of the named arrays of texts those that the model has inputs for."""
    if not isinstance(inputs, dict):
        return keras.ops.cast(inputs, "float32")
    wanted = model.input if isinstance(model.input, dict) else inputs
    return {name: inputs[name] for name in wanted}


def as_tensors(batch: ModelInput | BatchTargets) -> Any:
    """A batch of NumPy arrays, or their targets, as tensors."""
    return tf.nest.map_structure(tf.constant, batch)
