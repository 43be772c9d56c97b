"""What every model source gives: a Keras model without head, and what belongs to its weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from suite.models.tokenizer import Tokenizer
from suite.store.records.resizing import STRETCH, Resizing

__all__ = ["AnyBackbone", "Backbone", "Pooling", "Stage", "TextBackbone", "TextPooling", "WeightsOrigin"]

Pooling = Literal["average", "token", "none"]
"""How features become a vector: mean over positions, the first token, or already a vector."""
TextPooling = Literal["mean", "cls", "last"]
"""How the states of tokens become one vector: their mean without padding, the first, or the last that is no padding."""


@dataclass(frozen=True)
class Stage:
    """A named run of layers that is frozen or trained together, from the input to the output."""

    name: str
    layers: tuple[str, ...]
    """Paths of the layers, as ``keras.Layer.path`` spells them inside the backbone, without its own name."""


@dataclass(frozen=True)
class WeightsOrigin:
    """Where the weights of a backbone came from."""

    name: str
    """``imagenet``, ``cifar10``, a file name, or ``random``."""
    location: str
    """URL, preset handle or file name they were read from; empty for random weights."""
    sha256: str
    """Hash of the loaded weights (names, shapes, values), hex; tells two sets of weights apart."""
    licence: str | None = None
    pretrained_on: str | None = None
    """Data the weights were trained on, in words."""


@dataclass(frozen=True)
class Backbone:
    """A pretrained network without its head, with the preprocessing that belongs to its weights."""

    name: str
    model: Any = field(repr=False)
    """``keras.Model``: preprocessed images ``(batch, height, width, 3)`` to features."""
    preprocess: Callable[[Any], Any] = field(repr=False)
    """Raw RGB 0-255 float32 tensor to what the weights expect; made of serialisable Keras ops and layers."""
    input_size: tuple[int, int]
    """Height and width in pixels."""
    pooling: Pooling
    stages: tuple[Stage, ...]
    """From the input to the output; never empty, every layer with weights is in exactly one."""
    weights: WeightsOrigin
    family: str
    """Architecture family, one of ``suite/models/stages.py``."""
    resizing: Resizing = STRETCH
    """How images of any size are brought to ``input_size``, as when the weights were evaluated."""
    source_head: Any | None = field(default=None, repr=False)
    """``keras.Model``: raw RGB ``(batch, height, width, 3)`` to the probabilities ``(batch, source classes)`` of the
    head that it was pretrained with, sharing its layers; None where it comes without one."""

    @property
    def is_pretrained(self) -> bool:
        """Whether the weights came from training rather than from an initialiser."""
        return self.weights.name != "random"


@dataclass(frozen=True)
class TextBackbone:
    """A pretrained network that reads tokens, with the tokeniser that belongs to its weights."""

    name: str
    model: Any = field(repr=False)
    """The ``keras_hub.models.Backbone`` itself, with its own inputs; it is what generates."""
    encoder: Any = field(repr=False)
    """``keras.Model``, sharing its layers with ``model``: a dict of int32 ``(batch, length)``, ``token_ids``,
    ``padding_mask`` (1 for a token, 0 for padding) and for some models ``segment_ids``, to the states of the tokens
    ``(batch, length, width)``. Of an encoder-decoder it is the encoder alone."""
    tokenizer: Tokenizer
    sequence_length: int
    """Longest sequence in tokens, special tokens counted; longer texts are cut."""
    pooling: TextPooling
    stages: tuple[Stage, ...]
    """Of ``model``, from the input to the output; never empty, every layer with weights is in exactly one."""
    weights: WeightsOrigin
    family: str
    """Architecture family, one of ``suite/models/stages.py``."""
    generates: Literal["causal", "seq2seq"] | None = None
    """How it writes text; None where it cannot."""
    input_size: None = None
    """Texts have no height and width."""
    resizing: None = None
    """Nor are they resized."""
    source_head: None = None
    """No estimator reads a text model's source head."""

    @property
    def is_pretrained(self) -> bool:
        """Whether the weights came from training rather than from an initialiser."""
        return self.weights.name != "random"


AnyBackbone = Backbone | TextBackbone
