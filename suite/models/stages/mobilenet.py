"""Stages of MobileNet, all versions: stem, then a stage from each block that halves the resolution."""

from __future__ import annotations

import re
from typing import Any

from suite.models.backbone import Stage
from suite.models.stages.graph import assemble, weighted_layers

__all__ = ["stages"]

BLOCK = re.compile(
    r"(?:.*?/)?(?:conv_(?:dw|pw)_(?P<first>\d+)|block_(?P<second>\d+)_|expanded_conv(?:_(?P<third>\d+))?_[a-z])"
)


def stages(model: Any) -> tuple[Stage, ...]:
    """What comes before the first block is the stem, what comes after the last belongs to the last stage."""
    layers = weighted_layers(model)
    blocks = {item.path: _block(item.path) for item in layers}
    halving = {blocks[item.path] for item in layers if max(getattr(item.layer, "strides", (1,))) > 1}
    assigned: dict[str, list[str]] = {"stem": []}
    name = "stem"
    current: str | None = None
    for item in layers:
        block = blocks[item.path]
        if block not in (None, current):
            if name == "stem" or block in halving:
                name = f"stage{len(assigned)}"
            current = block
        assigned.setdefault(name, []).append(item.path)
    return assemble(assigned.items())


def _block(path: str) -> str | None:
    """What names the block of a layer; None outside the blocks."""
    match = BLOCK.match(path)
    return next((number for number in match.groups() if number), "expanded") if match else None
