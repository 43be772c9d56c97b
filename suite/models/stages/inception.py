"""Stages of InceptionV3 and InceptionResNetV2: stem, then the modules at each of three resolutions."""

from __future__ import annotations

from typing import Any

from suite.errors import ModelError
from suite.models.backbone import Stage
from suite.models.stages.graph import ancestors, by_feeds

__all__ = ["stages"]

BOUNDARIES = {
    "mixed10": (("mixed0-2", "mixed2"), ("mixed3-7", "mixed7"), ("mixed8-10", "mixed10")),
    "block8_10_conv": (("block35", "block35_10_ac"), ("block17", "block17_20_ac"), ("block8", "conv_7b_ac")),
}
"""A layer that tells the two apart, to the stages and the layer that each ends with."""
FIRST_MODULE = {"mixed10": "mixed0", "block8_10_conv": "mixed_5b"}


def stages(model: Any) -> tuple[Stage, ...]:
    """By what each layer feeds into, since Keras numbers the convolutions of all models in one row."""
    names = {layer.name for layer in model.layers}
    kind = next((name for name in BOUNDARIES if name in names), None)
    if kind is None:
        raise ModelError(f"'{model.name}' is not an Inception network of keras.applications.")
    branches = model.get_layer(FIRST_MODULE[kind]).input
    stem = frozenset.intersection(*(frozenset(ancestors(branch)) for branch in branches))
    ends = ((name, ancestors(model.get_layer(layer).output)) for name, layer in BOUNDARIES[kind])
    return by_feeds(model, (("stem", stem), *ends))
