"""Batch-norm statistics of a fit that was too short for their momentum."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from suite.data.batches import Batches
from suite.training.predictor import model_input

__all__ = ["refresh_batch_norm"]

NEGLIGIBLE = 1e-3
"""Share of the initial statistics that may be left in a moving average."""
REFRESH_STEPS = 200
REFRESH_MOMENTUM = 0.95
"""After ``REFRESH_STEPS`` batches 0.004 % of what was there before is left."""


def refresh_batch_norm(model: Any, batches: Batches, *, trained_steps: int) -> bool:
    """Measures the batch-norm statistics anew where training was too short for their momentum.

    MobileNetV2 averages over 1,000 steps: after 4,000 its statistics still hold 2 % of their initial variance of
    1, which is far more than the true variance of many channels, and the network is right in training mode and
    at chance in inference mode.  Here the final weights see ``REFRESH_STEPS`` batches at a faster momentum (Wu and
    Johnson 2021, "Rethinking Batch in BatchNorm", section 3).

    Returns:
        Whether it was needed; the model is untouched otherwise.
    """
    layers = [
        layer
        for layer in model._flatten_layers()  # noqa: SLF001 - Keras has no public walk over nested layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    if all(layer.momentum**trained_steps < NEGLIGIBLE for layer in layers):
        return False
    kept = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = REFRESH_MOMENTUM
    forward = tf.function(lambda images: model(model_input(model, images), training=True), autograph=False)
    seen = 0
    while seen < REFRESH_STEPS:
        for images, _ in batches.dataset(epoch=0):
            forward(images)
            seen += 1
            if seen == REFRESH_STEPS:
                break
    for layer, momentum in zip(layers, kept, strict=True):
        layer.momentum = momentum
    return True
