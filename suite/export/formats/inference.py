"""A model as it is when it predicts, whatever a library calls it with."""

from __future__ import annotations

import inspect
from typing import Any

__all__ = ["for_inference"]


def for_inference(model: Any) -> Any:
    """The model, sharing every weight, held in inference where a layer in it would switch the others to training.

    Keras 3.15 asks a model that is called as ``model(inputs)``, also to export it, for no mode.  A layer whose ``call``
    has the default ``training=True`` (``Resizing``, ``CenterCrop``, random augmentation) then sets it for every layer
    after it: batch norms normalise by the batch, and dropout drops.  ``predict`` says ``training=False`` itself.
    """
    if not any(_trains_by_default(layer) for layer in model._flatten_layers()):  # noqa: SLF001 - Keras has no public walk over nested layers
        return model
    import keras

    # The structure and the names of the inputs are those of the model: a fixed argument is all that is added.
    held = keras.Model(model.input, model(model.input, training=False), name=model.name)
    held(_zeros(held), training=False)
    return held


def _trains_by_default(layer: Any) -> bool:
    found = inspect.signature(layer.call).parameters.get("training")
    return found is not None and found.default is True


def _zeros(model: Any) -> Any:
    """One example of zeros: Keras exports some formats only of a model that was called."""
    import numpy as np

    arrays = {one.name: np.zeros([size or 1 for size in one.shape], one.dtype) for one in model.inputs}
    return arrays if isinstance(model.input, dict) else next(iter(arrays.values()))
