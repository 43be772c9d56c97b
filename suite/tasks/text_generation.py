"""Text generation: a text that goes on from another, or plain language modelling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import numpy as np

from suite.data.batches import Examples
from suite.data.dataset import Dataset, Split, Text
from suite.data.example_ids import id_array
from suite.data.token_rows import Layout, TokenRows
from suite.data.tokens import Piece, tokenised
from suite.models.backbone import TextBackbone
from suite.models.hub_text import language_model
from suite.models.tokenizer import TokenIds
from suite.spec.generation import GenerationSpec
from suite.spec.trial import Cell
from suite.store.records.generations import Generations
from suite.tasks.adapted import Adapted
from suite.tasks.task import Task
from suite.tasks.writing import Writer, framed

__all__ = ["TextGeneration"]


class TextGeneration(Task):
    """Texts written by a language model, and how likely it finds the references."""

    summary: ClassVar[str] = "a text that goes on from another, or plain language modelling"
    headline: ClassVar[str] = "bits_per_byte"
    examples: ClassVar[Literal["image", "text"]] = "text"
    answers: ClassVar[str] = "text"
    generates: ClassVar[bool] = True
    exports: ClassVar[bool] = False
    beside: ClassVar[tuple[str, ...]] = ("chrf", "rouge_l", "perplexity")

    @classmethod
    def label(cls, options: Any) -> str:
        """The task's name for people."""
        return "text generation"

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
        """A split as tokens of source and reference, cut once and mapped from disk."""
        settings = _settings(cell)
        tokenizer = backbone.tokenizer
        layout: Layout = "seq2seq" if backbone.generates == "seq2seq" else "causal"
        identity = {
            "tokenizer": tokenizer.identity,
            "packing": vars(tokenizer.packing),
            "around": [list(ids) for ids in framed(backbone)],
            "sequence_length": backbone.sequence_length,
            "layout": layout,
            "prefix": settings.prefix,
            "separator": settings.separator if layout == "causal" else "",
        }
        tokens = tokenised(split, dataset, _Framer(backbone, settings), identity=identity, root=root)
        rows = TokenRows(
            tokens, "seq2seq" if layout == "seq2seq" else "causal", tokenizer.pad_id, backbone.sequence_length
        )
        return Examples(rows, split.targets, split.ids, texts=split.read)

    @classmethod
    def assemble(cls, backbone: TextBackbone, *, num_classes: int = 0, dropout: float = 0.0) -> Adapted:
        """KerasHub's language model around the backbone; ``dropout`` is the backbone's own and ignored here."""
        from suite.training.objective import TokenCrossEntropy

        writer = language_model(backbone)
        return Adapted(
            backbone=backbone,
            logits=writer,
            features=None,
            head=None,
            objective=TokenCrossEntropy(scores=_scores_model(writer)),
            writer=writer,
        )

    @classmethod
    def predict(
        cls,
        adapted: Adapted,
        predictor: Callable[[Any], Any],
        examples: Examples,
        *,
        class_names: tuple[str, ...] = (),
        cell: Cell | None = None,
    ) -> Generations:
        """What the model writes for every example, and the likelihood of the references.

        Nothing is written where no example has a source: that is plain language modelling.
        """
        rows = cast("TokenRows", examples.inputs)
        sums = predictor(adapted.objective.scores)(rows).astype(np.float64)
        texts = [examples.texts(index) for index in range(len(examples))]
        sources = tuple(text[0] for text in texts)
        written: tuple[str, ...] | None = None
        if any(sources):
            written = Writer(adapted, _settings(cell)).write(rows)
        return Generations(
            example_ids=id_array(examples.ids),
            sources=sources,
            references=tuple(text[1] for text in texts),
            texts=written,
            nats=sums[:, 0],
            tokens=sums[:, 2].astype(np.int64),
            reference_bytes=rows.tokens.answer_bytes[rows.positions],
        )


def _settings(cell: Cell | None) -> GenerationSpec:
    return GenerationSpec() if cell is None or cell.generation is None else cell.generation


@dataclass(frozen=True)
class _Framer:
    """Source and reference with the special tokens that belong to the model."""

    backbone: TextBackbone
    settings: GenerationSpec

    def __call__(self, texts: Sequence[Text]) -> list[Piece]:
        """One piece per text; its second part is what the model has to predict."""
        encode = self.backbone.tokenizer.encode
        between = self.settings.separator if self.backbone.generates == "causal" else ""
        sources = encode([f"{self.settings.prefix}{text[0]}" if text[0] else "" for text in texts])
        separator = encode([between])[0] if between else np.zeros(0, np.int32)
        references = encode([text[1] for text in texts])
        return [
            self._framed(text, source, separator if text[0] else separator[:0], reference)
            for text, source, reference in zip(texts, sources, references, strict=True)
        ]

    def _framed(self, text: Text, source: TokenIds, separator: TokenIds, reference: TokenIds) -> Piece:
        start, end = (np.array(ids, np.int32) for ids in framed(self.backbone))
        packing = self.backbone.tokenizer.packing
        longest = self.backbone.sequence_length
        if self.backbone.generates == "seq2seq":
            around = [np.array(ids, np.int32) for ids in (packing.start, packing.end)]
            room = longest - len(around[0]) - len(around[1])
            kept = max(longest - len(start) - len(end), 1)
            first = np.concatenate([around[0], source[:room], around[1]])
            cut = len(source) > room
            second_at = len(first)
            head = np.concatenate([first, start])
        else:
            room_for_both = longest - len(start) - len(separator) - len(end)
            kept = room_for_both if not len(source) else max(room_for_both - min(len(source), longest // 2), 1)
            room = max(room_for_both - min(len(reference), kept), 0)
            head = np.concatenate([start, source[:room], separator])
            cut = len(source) > room
            second_at = len(head)
        answer = reference[:kept]
        whole = len(answer) == len(reference)
        ids = np.concatenate([head, answer, end if whole else end[:0]]).astype(np.int32)
        read = text[1] if whole else self.backbone.tokenizer.decode(answer.tolist())
        return Piece(ids, max(second_at, 0 if len(start) else 1), cut or not whole, len(read.encode("utf-8")))


def _scores_model(writer: Any) -> Any:
    """``keras.Model``: the writer's arrays, ``labels`` and ``counted`` to nats, tokens predicted and counted tokens."""
    import keras

    from suite.training.objective import at_least_single, token_sums

    extra = {name: keras.Input((None,), dtype="int32", name=name) for name in ("labels", "counted")}
    given = {name: keras.Input((None,), dtype="int32", name=name) for name in writer.input}
    logits = at_least_single(writer(given))
    sums = token_sums(logits, extra["labels"], extra["counted"])
    return keras.Model({**given, **extra}, keras.ops.stack(sums, axis=-1), name="scores")
