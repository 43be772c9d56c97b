"""Which weights of a backbone are pruned, and what a pruned model weighs."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from suite.models.layer_graph import own_variables, weighted_layers

__all__ = ["gzip_bytes", "prunable_variables", "zeros_in"]

KERNELS = {"kernel", "pointwise_kernel"}
RGB = 3


def prunable_variables(model: Any, *, embeddings: bool) -> tuple[Any, ...]:
    """The weights of a backbone that magnitude pruning may set to zero, from the input to the output.

    Kernels of dense and convolutional layers that are trained. Left dense, as by Zhu and Gupta (2017, section 4.1),
    are depthwise kernels and the convolution that reads the image: they hold few weights, and each matters.

    Args:
        model: The backbone's Keras model, after ``apply_trainable``.
        embeddings: Whether tables of token embeddings are pruned too.
    """
    found = {}
    for item in weighted_layers(model):
        for variable in own_variables(item.layer):
            if variable.trainable and _is_prunable(item.layer, variable, embeddings=embeddings):
                found[id(variable)] = variable
    return tuple(found.values())


def _is_prunable(layer: Any, variable: Any, *, embeddings: bool) -> bool:
    import keras

    if isinstance(layer, keras.layers.Embedding):
        return embeddings and variable.name == "embeddings"
    if len(variable.shape) < 2 or variable.name not in KERNELS:
        return False
    if isinstance(layer, keras.layers.DepthwiseConv1D | keras.layers.DepthwiseConv2D):
        return False
    reads_the_image = isinstance(layer, keras.layers.Conv2D) and variable.shape[-2] == RGB
    return not reads_the_image


def zeros_in(variables: Iterable[Any]) -> int:
    """How many weights are exactly zero."""
    return sum(variable.numpy().size - int(np.count_nonzero(variable.numpy())) for variable in variables)


def gzip_bytes(variables: Iterable[Any]) -> int:
    """Bytes of the weights, one variable after another, as ``gzip`` packs them at its usual level."""
    packer = zlib.compressobj(level=6, wbits=31)
    return sum(len(packer.compress(variable.numpy().tobytes())) for variable in variables) + len(packer.flush())
