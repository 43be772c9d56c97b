"""Stages of NASNet: stem, then the three runs of normal cells, each with the reduction in front of it."""

from __future__ import annotations

import re
from typing import Any

from suite.errors import ModelError
from suite.models.backbone import Stage
from suite.models.stages.graph import ancestors, by_feeds

__all__ = ["stages"]

REDUCTION = re.compile(r"reduction_concat_reduce_(\d+)")


def stages(model: Any) -> tuple[Stage, ...]:
    """By what each layer feeds into; a cell also adjusts the cell before the last, which belongs to it."""
    cells = sorted(int(match[1]) for layer in model.layers if (match := REDUCTION.fullmatch(layer.name)))
    if len(cells) != 2:
        raise ModelError(f"'{model.name}' is not a NASNet of keras.applications: expected two reductions.")
    ends = {
        "stem": "reduction_concat_stem_2",
        "stage1": f"normal_concat_{cells[0] - 1}",
        "stage2": f"normal_concat_{cells[1]}",
    }
    feeds = [(name, ancestors(model.get_layer(layer).output)) for name, layer in ends.items()]
    return by_feeds(model, [*feeds, ("stage3", ancestors(model.outputs[0]))])
