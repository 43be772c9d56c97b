"""Stages of vision transformers (ViT, DeiT, DINO): patch embedding, then the encoder blocks, in groups when many."""

from __future__ import annotations

import re
from typing import Any

from suite.errors import ModelError
from suite.models.backbone import Stage
from suite.models.stages.graph import assemble, weighted_layers

__all__ = ["block_groups", "stages"]

BLOCK = re.compile(r"(?:.*/)?(?:transformer_block|encoder_block|layers|layer|blocks|block)_(\d+)(?:/|$)")
MOST_GROUPS = 4
"""Convolutional networks have about as many stages, so that "the last stage" is about as large a part."""


def stages(model: Any) -> tuple[Stage, ...]:
    """Embedding and groups of blocks; what comes after the last block belongs to the last group."""
    layers = weighted_layers(model)
    numbers = {item.path: int(match[1]) for item in layers if (match := BLOCK.match(item.path))}
    if not numbers:
        raise ModelError(f"'{model.name}' has no encoder blocks, so it is not a vision transformer.")
    encoders = {item.top for item in layers if item.path in numbers}
    groups = block_groups(sorted(set(numbers.values())))
    assigned: dict[str, list[str]] = {"embedding": [], **{name: [] for name in groups.values()}}
    last = list(assigned)[-1]
    reached = False
    for item in layers:
        reached = reached or item.top in encoders
        name = groups[numbers[item.path]] if item.path in numbers else last if reached else "embedding"
        assigned[name].append(item.path)
    return assemble(assigned.items())


def block_groups(blocks: list[int], word: str = "encoder") -> dict[int, str]:
    """The stage's name for each block number; blocks are counted from 1 in names."""
    size, larger = divmod(len(blocks), min(MOST_GROUPS, len(blocks)))
    groups: dict[int, str] = {}
    start = 0
    while start < len(blocks):
        end = start + size + (1 if larger > 0 else 0)
        larger -= 1
        name = f"{word}{start + 1}" if end == start + 1 else f"{word}{start + 1}-{end}"
        groups.update(dict.fromkeys(blocks[start:end], name))
        start = end
    return groups
