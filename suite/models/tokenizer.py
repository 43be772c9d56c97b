"""Texts to token ids and back, as the weights of a model know them."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from suite.errors import ModelError

__all__ = ["Packing", "TokenIds", "Tokenizer", "tokenizer_of"]

Frame = Literal["cls_sep", "sentence", "end", "start", "bare"]
"""``cls_sep``: ``[CLS] a [SEP] b [SEP]``; ``sentence``: ``<s> a </s></s> b </s>``; ``end``: ``a </s> b </s>``;
``start``: ``<s> a``; ``bare``: the text alone."""

TokenIds = NDArray[np.int32]
"""Token ids of one text, shape ``(tokens,)``."""
FEWEST_IN_GRAPH = 256
"""Texts at once from which a graph is worth its second of tracing."""
NOT_CUTTING = ("name", "trainable", "dtype", "config_file", "vocabulary", "merges", "proto", "sequence_length")
"""Options of a tokeniser that change no token, and its vocabulary, which is hashed by itself."""


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
        # A graph cuts word pieces 20 times as fast as KerasHub's Python; of plain ASCII both make the same for certain.
        plain = [at for at, text in enumerate(texts) if text.isascii() and text.isprintable()]
        if len(plain) < FEWEST_IN_GRAPH or not self._in_word_pieces:
            return [np.asarray(ids, np.int32).reshape(-1) for ids in self.layer.tokenize(list(texts))] if texts else []
        found = dict(zip(plain, self._encode_in_graph([texts[at] for at in plain]), strict=True))
        others = [at for at in range(len(texts)) if at not in found]
        if others:
            cut = self.layer.tokenize([texts[at] for at in others])
            found.update((at, np.asarray(ids, np.int32).reshape(-1)) for at, ids in zip(others, cut, strict=True))
        return [found[at] for at in range(len(texts))]

    @property
    def _in_word_pieces(self) -> bool:
        from keras_hub.tokenizers import WordPieceTokenizer

        return isinstance(self.layer, WordPieceTokenizer)

    @cached_property
    def _graph(self) -> Any:
        import tensorflow as tf

        return tf.function(self.layer.tokenize, input_signature=[tf.TensorSpec((None,), tf.string)], autograph=False)

    def _encode_in_graph(self, texts: Sequence[str]) -> list[TokenIds]:
        import tensorflow as tf

        made = self._graph(tf.constant(texts))
        ids, ends = made.flat_values.numpy().astype(np.int32), made.row_splits.numpy().tolist()
        return [ids[start:end] for start, end in itertools.pairwise(ends)]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some ids, special tokens left out."""
        special = self.special_ids
        kept = [int(one) for one in ids if int(one) not in special]
        if not kept:
            return ""
        text = self.layer.detokenize(kept)
        return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)

    @property
    def special_ids(self) -> frozenset[int]:
        """Ids that stand for no text: padding, start, end, mask, and what else the model's class reserves."""
        own = {one for one in (self.start_id, self.end_id, self.mask_id) if one is not None}
        named = {self.layer.special_token_ids[number] for number in range(len(self.layer.special_token_ids))}
        if self.layer_pad_id is not None:
            own.add(self.layer_pad_id)
        return frozenset(own | {int(one) for one in named if one is not None})

    @property
    def layer_pad_id(self) -> int | None:
        """The padding token's id; None where the vocabulary has none, so that ``pad_id`` is an ordinary token."""
        return self.pad_id if getattr(self.layer, "pad_token", None) is not None else None


def tokenizer_of(layer: Any, frame: Frame, *, segments: bool = False) -> Tokenizer:
    """A tokeniser around a layer of KerasHub.

    Args:
        layer: A ``keras_hub.tokenizers.Tokenizer`` with its vocabulary.
        frame: The special tokens around texts; of ``suite.models.text_families.TextFamily``.
        segments: Whether the model has an input for segments.

    Returns:
        The tokeniser. Without a padding token, ``pad_id`` is the id that KerasHub pads with, or 0.
    """
    start, end = _identifier(layer, "start_token_id"), _identifier(layer, "end_token_id")
    pad = _identifier(layer, "pad_token_id")
    return Tokenizer(
        layer=layer,
        identity=_identity(layer),
        vocabulary_size=int(layer.vocabulary_size()),
        pad_id=0 if pad is None else pad,
        packing=_packing(frame, start, end, segments=segments),
        start_id=start,
        end_id=end,
        mask_id=_identifier(layer, "mask_token_id"),
    )


def _packing(frame: Frame, start: int | None, end: int | None, *, segments: bool) -> Packing:
    first = () if start is None else (start,)
    last = () if end is None else (end,)
    if frame == "cls_sep":
        return Packing(start=first, between=last, end=last, segments=segments)
    if frame == "sentence":
        return Packing(start=first, between=last * 2, end=last)
    # Two texts for a decoder stand one behind the other as the documents of its pretraining did, an end between them.
    return Packing(
        start=first if frame == "start" else (),
        between=last,
        end=last if frame == "end" else (),
    )


def _identifier(layer: Any, name: str) -> int | None:
    value = getattr(layer, name, None)
    return None if value is None else int(value)


def _identity(layer: Any) -> str:
    """SHA-256, hex, over class, options and vocabulary. Raises ``ModelError`` where they are no JSON.

    Features are kept under it: what an object looks like as text may change with its address.
    """
    try:
        return _digest(layer)
    except (TypeError, ValueError) as error:
        name = type(layer).__name__
        raise ModelError(f"tokenizer {name}: expected options and vocabulary that are JSON: {error}.") from None


def _digest(layer: Any) -> str:
    options = {name: value for name, value in layer.get_config().items() if name not in NOT_CUTTING}
    digest = hashlib.sha256(json.dumps([type(layer).__name__, options], sort_keys=True).encode())
    proto = getattr(layer, "proto", None)
    if proto is not None:
        digest.update(proto if isinstance(proto, bytes) else str(proto).encode())
        return digest.hexdigest()
    vocabulary = getattr(layer, "vocabulary", None)
    if isinstance(vocabulary, dict):
        vocabulary = sorted(vocabulary.items(), key=lambda item: item[1])
    parts = [list(layer.get_vocabulary()) if vocabulary is None else list(vocabulary), getattr(layer, "merges", None)]
    digest.update(json.dumps(parts, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
