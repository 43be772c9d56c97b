"""What ``suite show model`` tells: a backbone's stages, size, preprocessing and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from suite.errors import Requirement
from suite.models.backbone import AnyBackbone, TextBackbone
from suite.models.layer_graph import own_variables, weighted_layers
from suite.models.preprocessing import Preprocessing
from suite.registry import MODELS

__all__ = ["ModelDescription", "StageDescription", "describe_backbone", "describe_model"]


@dataclass(frozen=True)
class StageDescription:
    """One stage of a backbone."""

    name: str
    layers: int
    """Layers that own weights."""
    parameters: int
    paths: tuple[str, ...]
    """What ``"unfreeze": "re:..."`` is searched in."""


@dataclass(frozen=True)
class ModelDescription:
    """A backbone in words and numbers."""

    name: str
    family: str
    input_size: tuple[int, int] | None
    """Height and width in pixels; None for a model of texts."""
    sequence_length: int | None
    """Longest sequence in tokens; None for a model of images."""
    vocabulary_size: int | None
    """Tokens that the tokeniser knows; None for a model of images."""
    generates: str | None
    """``causal`` or ``seq2seq``; None where it writes no text."""
    feature_shape: tuple[int | None, ...]
    """Of one batch; None where a side is free."""
    preprocessing: str
    resizing: str | None
    """How images of any size are brought to ``input_size``; None for a model of texts."""
    pooling: str
    parameters: int
    """Without a head."""
    stages: tuple[StageDescription, ...]
    """From the input to the output."""
    weights: str
    licence: str | None
    pretrained_on: str | None
    sha256: str
    """Of the loaded weights; empty where they are random or not there yet."""
    requirements: tuple[Requirement, ...]
    """Files that the weights need, present or not."""


def describe_model(source_name: str, options: Any) -> ModelDescription:
    """Describes a model of a source.

    Weights that are not there are not fetched for it: the architecture is built with random ones, and
    ``weights`` says so.

    Args:
        source_name: Registered name of a model source.
        options: The validated options of that source.

    Raises:
        UnknownNameError, ModelError, WeightsError: As the sources do. ``DownloadError`` where even the
            architecture has to be fetched.
    """
    source = MODELS.get(source_name)
    requirements: tuple[Requirement, ...] = source.requirements(options)
    there = all(requirement.present for requirement in requirements)
    weights: Literal["pretrained", "random"] = "pretrained" if there else "random"
    return describe_backbone(source.build(options, weights=weights), requirements)


def describe_backbone(backbone: AnyBackbone, requirements: tuple[Requirement, ...] = ()) -> ModelDescription:
    """Describes a built backbone."""
    sizes = {
        item.path: sum(_count(variable) for variable in own_variables(item.layer))
        for item in weighted_layers(backbone.model)
    }
    text = backbone if isinstance(backbone, TextBackbone) else None
    reads = backbone.encoder if isinstance(backbone, TextBackbone) else backbone.model
    missing = [requirement for requirement in requirements if not requirement.present]
    return ModelDescription(
        name=backbone.name,
        family=backbone.family,
        input_size=backbone.input_size,
        sequence_length=text.sequence_length if text else None,
        vocabulary_size=text.tokenizer.vocabulary_size if text else None,
        generates=text.generates if text else None,
        feature_shape=tuple(reads.output_shape),
        preprocessing=_preparation(backbone),
        resizing=None if backbone.resizing is None else backbone.resizing.words,
        pooling=backbone.pooling,
        parameters=int(backbone.model.count_params()),
        stages=tuple(
            StageDescription(stage.name, len(stage.layers), sum(sizes[path] for path in stage.layers), stage.layers)
            for stage in backbone.stages
        ),
        weights="not here yet" if missing else backbone.weights.name,
        licence=backbone.weights.licence,
        pretrained_on=backbone.weights.pretrained_on,
        sha256=backbone.weights.sha256,
        requirements=requirements,
    )


def _count(variable: Any) -> int:
    total = 1
    for side in variable.shape:
        total *= int(side)
    return total


def _preparation(backbone: AnyBackbone) -> str:
    """The preprocessing's own words, or the name of the layer that does it; of texts the tokeniser's class."""
    if isinstance(backbone, TextBackbone):
        return type(backbone.tokenizer.layer).__name__
    preprocess = backbone.preprocess
    return str(preprocess) if isinstance(preprocess, Preprocessing) else str(getattr(preprocess, "name", "its own"))
