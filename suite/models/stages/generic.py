"""Stages of any other architecture: by its feature pyramid, else by resolution, else in even parts."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from suite.models.backbone import Stage
from suite.models.stages.graph import ancestors, assemble, by_feeds, weighted_layers

__all__ = ["stages"]

MOST_PARTS = 4
HALVED = 0.7
"""Unpadded convolutions take a row or two away; that is no new stage."""


def stages(model: Any) -> tuple[Stage, ...]:
    """The finest division that the model shows: KerasHub's pyramid levels, falling resolution, four parts."""
    levels = getattr(model, "pyramid_outputs", None) or {}
    tensors = {name: tensor for name, tensor in levels.items() if len(tensor.shape) == 4}
    if len(tensors) > 1:
        feeds = [(f"stage{number}", ancestors(tensors[name])) for number, name in enumerate(sorted(tensors), 1)]
        return by_feeds(model, feeds)
    found = _by_resolution(model)
    return found if len(found) > 1 else _in_parts(model)


def _by_resolution(model: Any) -> tuple[Stage, ...]:
    """A new stage wherever the height of the features falls to about half of the stage before."""
    assigned: dict[str, list[str]] = {"stage1": []}
    here: int | None = None
    tops = _by_top(model)
    for layer in model.layers:
        height = _height(layer)
        if height is not None and (here is None or height <= HALVED * here):
            here = height
            if any(assigned.values()):
                assigned[f"stage{len(assigned) + 1}"] = []
        list(assigned.values())[-1].extend(tops.get(layer.name, []))
    return assemble(assigned.items())


def _in_parts(model: Any) -> tuple[Stage, ...]:
    """The outermost layers that own weights, in at most four parts of about equal count."""
    tops = list(_by_top(model).values())
    parts = min(MOST_PARTS, len(tops))
    bounds = [round(part * len(tops) / parts) for part in range(parts + 1)] if parts else []
    return assemble(
        (f"part{number}", [path for top in tops[start:end] for path in top])
        for number, (start, end) in enumerate(pairwise(bounds), 1)
    )


def _by_top(model: Any) -> dict[str, list[str]]:
    """Paths of the layers with weights under the outermost layer that holds each."""
    tops: dict[str, list[str]] = {}
    for item in weighted_layers(model):
        tops.setdefault(item.top, []).append(item.path)
    return tops


def _height(layer: Any) -> int | None:
    """Height of a layer's features where it gives images, channels last."""
    try:
        shape = layer.output.shape
    except (AttributeError, ValueError):
        return None
    return shape[1] if len(shape) == 4 else None
