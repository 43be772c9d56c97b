"""What a stage is, for every architecture that the sources give.

A stage is a run of layers that is frozen or trained together. Stages go from the input to the output and
cover every layer that owns weights exactly once. Their names are those of the architecture's paper or of
its Keras code, and a last ``1x1`` convolution or normalisation belongs to the last stage, so that the "last
stage" of two architectures is the same kind of thing: everything at the lowest resolution.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from suite.errors import ModelError, did_you_mean
from suite.models.backbone import Stage
from suite.models.layer_graph import WeightedLayer, ancestors, assemble, by_feeds, by_name, weighted_layers

__all__ = ["block_groups", "families", "stages_of"]

NAMED: dict[str, tuple[tuple[str, str | None], ...]] = {
    # Stages of ConvNeXt: stem, then four stages, each with the downsampling in front of it
    "convnext": (
        (r".*_stem/", "stem"),
        *((rf".*downsampling_block_{number}/", f"stage{number + 2}") for number in range(3)),
        *((rf".*_stage_{number}_", f"stage{number + 1}") for number in range(4)),
        (r"layer_normalization", None),
    ),
    # Stages of DenseNet: stem, then each dense block with the transition after it, conv2 to conv5
    "densenet": (
        (r"conv1_", "stem"),
        (r"(?:conv|pool)(\d+)_", r"conv\1"),
        *((rf"(?:stack|transition){number}_", f"conv{number + 1}") for number in range(1, 8)),  # KerasHub's names
        (r"bn$", None),
    ),
    # Stages of EfficientNet, both versions: stem, then block1 to block7, the top convolution in the last
    "efficientnet": (
        (r"normalization|rescaling|stem_", "stem"),
        (r"block(\d+)[a-z]", r"block\1"),
        (r"top_", None),
    ),
    # Stages of HGNetV2: stem, then its stages
    "hgnet": (
        (r"embedder/", "stem"),
        *((rf"encoder/encoder_stage_{number}/", f"stage{number + 1}") for number in range(8)),
    ),
    # Stages of the Mix Transformer (SegFormer's backbone): its levels, patch embedding included
    "mit": (
        *((rf"(?:patch_and_embed|hierarchical_encoder)_{number}[_/]", f"stage{number + 1}") for number in range(8)),
        (r"layer_normalization", None),
    ),
    # Stages of ResNet, both versions, with the names of the paper: stem, conv2 to conv5
    "resnet": (
        (r"conv1", "stem"),
        (r"conv(\d+)_block", r"conv\1"),
        *((rf"stack{number}_", f"conv{number + 2}") for number in range(8)),  # KerasHub counts from 0
        (r"post_bn", None),
    ),
    # Stages of Swin Transformer: patch embedding, then its stages
    "swin": (
        (r"patch_embedding|absolute_pos", "embedding"),
        *((rf"stage_{number}/", f"stage{number + 1}") for number in range(8)),
        (r"norm", None),
    ),
    # Stages of VGG: the blocks between two poolings
    "vgg": ((r"block(\d+)_", r"block\1"),),
    # Stages of Xception: stem and the three flows of the paper
    "xception": (
        (r"block1_", "stem"),
        (r"block[2-4]_", "entry_flow"),
        (r"block([5-9]|1[0-2])_", "middle_flow"),
        (r"block\d+_", "exit_flow"),
        (r"conv2d|batch_normalization", None),  # Keras numbers the shortcut of a block, which follows its last layer
    ),
}
"""Families whose layers are named by stage: a pattern of paths and the stage; None stays with the stage before."""


def families() -> tuple[str, ...]:
    """The architecture families that have stages."""
    return tuple(sorted({*NAMED, *OTHERS}))


def stages_of(model: Any, family: str) -> tuple[Stage, ...]:
    """The stages of a built backbone.

    Args:
        model: A ``keras.Model`` without head.
        family: One of ``families``; ``generic`` goes by resolution alone.

    Returns:
        Stages from the input to the output; every layer that owns weights is in exactly one.

    Raises:
        ModelError: For an unknown family, a model that is not of it, or one without weights.
    """
    if family not in families():
        raise ModelError(did_you_mean(family, families(), what="architecture family"))
    stages = by_name(model, NAMED[family]) if family in NAMED else OTHERS[family](model)
    _check_coverage(model, stages)
    return stages


def _check_coverage(model: Any, stages: tuple[Stage, ...]) -> None:
    """A layer in no stage would never be trained, one in two could be frozen and trained at once."""
    expected = sorted(item.path for item in weighted_layers(model))
    if not expected:
        raise ModelError(f"'{model.name}' has no layer with weights, so there is nothing to adapt.")
    if sorted(path for stage in stages for path in stage.layers) != expected:
        raise ModelError(f"the stages of '{model.name}' do not cover its layers exactly once.")


# Stages of any other architecture: by its feature pyramid, else by resolution, else in even parts.

MOST_PARTS = 4
HALVED = 0.7
"""Unpadded convolutions take a row or two away; that is no new stage."""


def _generic(model: Any) -> tuple[Stage, ...]:
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


# Stages of InceptionV3 and InceptionResNetV2: stem, then the modules at each of three resolutions.

BOUNDARIES = {
    "mixed10": (("mixed0-2", "mixed2"), ("mixed3-7", "mixed7"), ("mixed8-10", "mixed10")),
    "block8_10_conv": (("block35", "block35_10_ac"), ("block17", "block17_20_ac"), ("block8", "conv_7b_ac")),
}
"""A layer that tells the two apart, to the stages and the layer that each ends with."""
FIRST_MODULE = {"mixed10": "mixed0", "block8_10_conv": "mixed_5b"}


def _inception(model: Any) -> tuple[Stage, ...]:
    """By what each layer feeds into, since Keras numbers the convolutions of all models in one row."""
    names = {layer.name for layer in model.layers}
    kind = next((name for name in BOUNDARIES if name in names), None)
    if kind is None:
        raise ModelError(f"'{model.name}' is not an Inception network of keras.applications.")
    branches = model.get_layer(FIRST_MODULE[kind]).input
    stem = frozenset.intersection(*(frozenset(ancestors(branch)) for branch in branches))
    ends = ((name, ancestors(model.get_layer(layer).output)) for name, layer in BOUNDARIES[kind])
    return by_feeds(model, (("stem", stem), *ends))


# Stages of MobileNet, all versions: stem, then a stage from each block that halves the resolution.

MOBILENET_BLOCK = re.compile(
    r"(?:.*?/)?(?:conv_(?:dw|pw)_(?P<first>\d+)|block_(?P<second>\d+)_|expanded_conv(?:_(?P<third>\d+))?_[a-z])"
)


def _mobilenet(model: Any) -> tuple[Stage, ...]:
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
    match = MOBILENET_BLOCK.match(path)
    return next((number for number in match.groups() if number), "expanded") if match else None


# Stages of NASNet: stem, then the three runs of normal cells, each with the reduction in front of it.

REDUCTION = re.compile(r"reduction_concat_reduce_(\d+)")


def _nasnet(model: Any) -> tuple[Stage, ...]:
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


# Stages of text transformers: the embedding, then blocks in groups; those of an encoder before a decoder's.

TEXT_BLOCK = re.compile(r"(?P<kind>.*(?:layer|block|encoder|decoder))_(?P<number>\d+)(?:/.*)?$")
"""``transformer_layer_3``, ``transformer_decoder_layer_3``, ``decoder_block_3``, ``group_0_inner_layer_3``."""


def _transformer(model: Any) -> tuple[Stage, ...]:
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
    matches = {item.path: match for item in layers if (match := TEXT_BLOCK.match(item.top))}
    keys = sorted({_block_numbers(match) for match in matches.values()})
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
            assigned[groups[keys.index(_block_numbers(matches[item.path]))]].append(item.path)
        else:
            assigned[first if "embedding" in item.top else last].append(item.path)
    return list(assigned.items())


def _block_numbers(match: re.Match[str]) -> tuple[int, ...]:
    """All numbers in a block's name: ALBERT counts groups and the layers inside them."""
    return tuple(int(number) for number in re.findall(r"_(\d+)", f"{match['kind']}_{match['number']}"))


# Stages of vision transformers (ViT, DeiT, DINO): patch embedding, then the encoder blocks, in groups when many.

VIT_BLOCK = re.compile(r"(?:.*/)?(?:transformer_block|encoder_block|layers|layer|blocks|block)_(\d+)(?:/|$)")
MOST_GROUPS = 4
"""Convolutional networks have about as many stages, so that "the last stage" is about as large a part."""


def _vit(model: Any) -> tuple[Stage, ...]:
    """Embedding and groups of blocks; what comes after the last block belongs to the last group."""
    layers = weighted_layers(model)
    numbers = {item.path: int(match[1]) for item in layers if (match := VIT_BLOCK.match(item.path))}
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


OTHERS: dict[str, Callable[[Any], tuple[Stage, ...]]] = {
    "generic": _generic,
    "inception": _inception,
    "mobilenet": _mobilenet,
    "nasnet": _nasnet,
    "transformer": _transformer,
    "vit": _vit,
}
"""Families whose stages follow from more than the names of their layers."""
