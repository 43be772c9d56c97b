"""Stages of text transformers: the embedding, then blocks in groups; those of an encoder before a decoder's."""

from __future__ import annotations

import re
from typing import Any

from suite.errors import ModelError
from suite.models.backbone import Stage
from suite.models.stages.graph import WeightedLayer, assemble, weighted_layers
from suite.models.stages.vit import block_groups

__all__ = ["stages"]

BLOCK = re.compile(r"(?P<kind>.*(?:layer|block|encoder|decoder))_(?P<number>\d+)(?:/.*)?$")
"""``transformer_layer_3``, ``transformer_decoder_layer_3``, ``decoder_block_3``, ``group_0_inner_layer_3``."""


def stages(model: Any) -> tuple[Stage, ...]:
    """Embedding, groups of blocks; norms and projections after the last block belong to its group."""
    layers = weighted_layers(model)
    has_two = any(item.name.startswith("decoder_token") for item in model.inputs)
    sides: dict[str, list[WeightedLayer]] = {"encoder": [], "decoder": []}
    for item in layers:
        sides["decoder" if has_two and "decoder" in item.top else "encoder"].append(item)
    first = "encoder" if has_two else "block"
    found = _one_side(model, sides["encoder"], first, embedding=True)
    if sides["decoder"]:
        found += _one_side(model, sides["decoder"], "decoder", embedding=False)
    return assemble(found)


def _one_side(model: Any, layers: list[WeightedLayer], word: str, *, embedding: bool) -> list[tuple[str, list[str]]]:
    """Pairs of stage and paths. What comes before a decoder's first block belongs to its first group."""
    matches = {item.path: match for item in layers if (match := BLOCK.match(item.top))}
    keys = sorted({_order(match) for match in matches.values()})
    if not keys:
        raise ModelError(f"'{model.name}' has no transformer blocks that are counted, so it has no stages.")
    groups = block_groups(list(range(len(keys))), word)
    assigned: dict[str, list[str]] = {
        **({"embedding": []} if embedding else {}),
        **{name: [] for name in groups.values()},
    }
    first, last = next(iter(assigned)), list(assigned)[-1]
    for item in layers:
        if item.path in matches:
            assigned[groups[keys.index(_order(matches[item.path]))]].append(item.path)
        else:
            assigned[first if "embedding" in item.top else last].append(item.path)
    return list(assigned.items())


def _order(match: re.Match[str]) -> tuple[int, ...]:
    """All numbers in a block's name: ALBERT counts groups and the layers inside them."""
    return tuple(int(number) for number in re.findall(r"_(\d+)", f"{match['kind']}_{match['number']}"))
