"""Texts to token ids and back, as the weights of a model know them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Packing", "TokenIds", "Tokenizer"]

TokenIds = NDArray[np.int32]
"""Token ids of one text, shape ``(tokens,)``."""


@dataclass(frozen=True)
class Packing:
    """The special tokens around one text or between two, as the model was pretrained with them."""

    start: tuple[int, ...] = ()
    between: tuple[int, ...] = ()
    """Between two texts: one ``[SEP]`` of BERT, two of RoBERTa."""
    end: tuple[int, ...] = ()
    segments: bool = False
    """Whether the model is told which of the two texts a token belongs to."""


@dataclass(frozen=True)
class Tokenizer:
    """A tokeniser of KerasHub, called eagerly, outside any graph."""

    layer: Any = field(repr=False)
    """The ``keras_hub.tokenizers.Tokenizer``."""
    identity: str
    """Hash over its class, options and vocabulary; equal exactly when it cuts every text alike."""
    vocabulary_size: int
    pad_id: int
    """What fills short sequences; the mask hides it, so that a tokeniser without one may use any."""
    packing: Packing
    """For classification and masked modelling."""
    start_id: int | None = None
    """What a generated text starts from, where the model has such a token."""
    end_id: int | None = None
    """What ends a generated text."""
    mask_id: int | None = None
    """What masked modelling puts in a token's place."""

    def encode(self, texts: Sequence[str]) -> list[TokenIds]:
        """The ids of each text, without special tokens."""
        raise NotImplementedError

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some ids, special tokens left out."""
        raise NotImplementedError
