"""Text classification: one class per text, or per pair of texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from suite.data.batches import Examples
from suite.data.dataset import Dataset, Split, Text
from suite.data.token_rows import TokenRows
from suite.data.tokens import Piece, tokenised
from suite.errors import DataError
from suite.models.backbone import TextBackbone
from suite.models.text_encoder import encoder_only
from suite.models.tokenizer import TokenIds
from suite.spec.trial import Cell
from suite.store.records.result import Predictions
from suite.tasks.adapted import CLASS_METRICS, CLASS_PANELS, FEATURES, LOGITS, Adapted, class_predictions
from suite.tasks.task import Task

__all__ = ["TextClassification", "fitted_pair", "pool_tokens"]


class TextClassification(Task):
    """One class per text: a dense head on the pooled states of its tokens, cross-entropy, probabilities."""

    summary: ClassVar[str] = "one class per text or pair of texts"
    headline: ClassVar[str] = "accuracy"
    examples: ClassVar[Literal["image", "text"]] = "text"
    answers: ClassVar[str] = "class"
    classifies: ClassVar[bool] = True
    beside: ClassVar[tuple[str, ...]] = CLASS_METRICS
    panels: ClassVar[tuple[str, ...]] = CLASS_PANELS

    @classmethod
    def label(cls, options: Any) -> str:
        """The task's name for people."""
        return "text classification"

    @classmethod
    def narrow(cls, backbone: TextBackbone) -> TextBackbone:
        """What of a backbone classifies: of an encoder-decoder the encoder (Ni et al. 2022, Sentence-T5)."""
        return encoder_only(backbone)

    @classmethod
    def read(
        cls,
        backbone: TextBackbone,
        dataset: Dataset,
        split: Split,
        *,
        cell: Cell | None = None,
        root: Path | None = None,
    ) -> Examples:
        """A split as tokens, cut once and mapped from disk. Raises ``DataError`` for more than two texts."""
        tokenizer = backbone.tokenizer
        identity = {
            "tokenizer": tokenizer.identity,
            "packing": vars(tokenizer.packing),
            "sequence_length": backbone.sequence_length,
            "layout": "encoder",
        }
        tokens = tokenised(split, dataset, _Packer(backbone), identity=identity, root=root)
        rows = TokenRows(
            tokens,
            "encoder",
            tokenizer.pad_id,
            backbone.sequence_length,
            with_segments="segment_ids" in backbone.encoder.input,
        )
        return Examples(rows, split.targets, split.ids, texts=split.read)

    @classmethod
    def assemble(cls, backbone: TextBackbone, *, num_classes: int, dropout: float = 0.0) -> Adapted:
        """The encoder with a dense head on its pooled states."""
        import keras

        from suite.training.objective import CrossEntropy

        inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in backbone.encoder.input}
        features = pool_tokens(backbone.encoder(inputs), inputs["padding_mask"], backbone)
        head = keras.layers.Dense(num_classes, name="head", dtype=keras.config.dtype_policy().variable_dtype)
        logits = head(keras.layers.Dropout(dropout, name="dropout")(features) if dropout else features)
        return Adapted(
            backbone=backbone,
            logits=keras.Model(inputs, logits, name=LOGITS),
            features=keras.Model(inputs, features, name=FEATURES),
            head=head,
            objective=CrossEntropy(),
        )

    @classmethod
    def predict(
        cls,
        adapted: Adapted,
        predictor: Callable[[Any], Any],
        examples: Examples,
        *,
        class_names: tuple[str, ...],
        cell: Cell | None = None,
    ) -> Predictions:
        """Probabilities for every text; arguments as in ``ImageClassification.predict``."""
        return class_predictions(predictor(adapted.logits), examples, class_names=class_names)


@dataclass(frozen=True)
class _Packer:
    """One text, or two, with the special tokens that belong to the model."""

    backbone: TextBackbone

    def __call__(self, texts: Sequence[Text]) -> list[Piece]:
        widest = max(map(len, texts), default=1)
        if widest > 2:
            raise DataError(f"an example has {widest} texts; a text classifier reads one or two.")
        firsts = self.backbone.tokenizer.encode([text[0] for text in texts])
        seconds: Sequence[TokenIds | None] = [None] * len(texts)
        if widest > 1:
            found = self.backbone.tokenizer.encode([text[1] if len(text) > 1 else "" for text in texts])
            seconds = [second if len(text) > 1 else None for text, second in zip(texts, found, strict=True)]
        packing = self.backbone.tokenizer.packing
        frame = tuple(np.array(ids, np.int32) for ids in (packing.start, packing.between, packing.end))
        return [self._packed(first, second, frame) for first, second in zip(firsts, seconds, strict=True)]

    def _packed(self, first: TokenIds, second: TokenIds | None, frame: tuple[TokenIds, ...]) -> Piece:
        start, between, end = frame
        special = len(start) + len(end) + (0 if second is None else len(between))
        room = max(self.backbone.sequence_length - special, 1)
        if second is None:
            kept = first[:room]
            ids = np.concatenate([start, kept, end])
            cut, at = len(kept) < len(first), len(ids)
        else:
            ours, theirs = fitted_pair(len(first), len(second), room)
            head = np.concatenate([start, first[:ours], between])
            ids = np.concatenate([head, second[:theirs], end])
            cut, at = ours + theirs < len(first) + len(second), len(head)
        if not len(ids):
            # A decoder's text may be empty and has no special tokens around it; something must be there to be read.
            ids, at = np.array([self.backbone.tokenizer.pad_id], np.int32), 1
        return Piece(ids.astype(np.int32), at, cut)


def fitted_pair(first: int, second: int, room: int) -> tuple[int, int]:
    """How many tokens of two texts are kept: the longer one is cut, both to half where both are longer."""
    if first + second <= room:
        return first, second
    half = room // 2
    if first <= half:
        return first, room - first
    if second <= room - half:
        return room - second, second
    return half, room - half


def pool_tokens(states: Any, mask: Any, backbone: TextBackbone) -> Any:
    """A vector per text, ``(batch, width)``, from the states of its tokens ``(batch, length, width)``."""
    from keras import ops

    from suite.training.objective import at_least_single

    states = at_least_single(states)
    if backbone.pooling == "cls":
        return states[:, 0]
    weights = ops.cast(mask, states.dtype)
    if backbone.pooling == "last":
        # The last token is the one with which the count of tokens is complete.
        whole = ops.equal(ops.cumsum(weights, axis=1), ops.sum(weights, axis=1, keepdims=True))
        last = weights * ops.cast(whole, states.dtype)
        return ops.sum(states * last[:, :, None], axis=1)
    return ops.sum(states * weights[:, :, None], axis=1) / ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1.0)
