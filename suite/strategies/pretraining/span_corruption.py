"""Span corruption: write what was taken out of a text (Raffel et al. 2020, section 3.1.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from suite.data.dataset import Content
from suite.data.packing import pack
from suite.data.spans import SpanCorruption, corrupt_spans
from suite.errors import ModelError
from suite.models.backbone import TextBackbone
from suite.models.hub_text import language_model
from suite.models.tokenizer import TokenIds, Tokenizer
from suite.spec.options import Options
from suite.store.records.result import EpochRecord
from suite.strategies.pretraining.language import Example, LanguageOptions, Rows, fit_rows, perplexity

__all__ = [
    "SpanCorruptionObjective",
    "SpanCorruptionOptions",
    "corruption_of",
    "span_corruption_model",
    "span_rows",
]

SENTINEL = "<extra_id_{}>"
"""How T5 writes the token that stands for a span."""
MOST_SENTINELS = 100


class SpanCorruptionOptions(LanguageOptions):
    """Recipe of a span corruption."""

    noise_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.15
    """Of the tokens."""
    mean_span: Annotated[float, Field(ge=1.0)] = 3.0
    """Tokens of a span, on average."""
    embedding_scale: Annotated[float, Field(gt=0.0)] = 1.0
    """What the first values of the token embedding are multiplied by. T5's begin fifty times as large as those of other
    models, and where training is short the chance in them outweighs what is learnt."""


class SpanCorruptionObjective:
    """Takes spans out of rows of text, others in every epoch, and trains an encoder-decoder to write them."""

    summary: ClassVar[str] = "write the spans that were taken out of a text, as T5 was pretrained"
    Options: ClassVar[type[Options]] = SpanCorruptionOptions
    content: ClassVar[Content] = "text"
    metric: ClassVar[str] = "perplexity"

    @classmethod
    def label(cls, options: SpanCorruptionOptions) -> str:
        """The objective and its length."""
        return f"span_corruption, {options.epochs} epochs"

    @classmethod
    def pretrain(
        cls,
        backbone: TextBackbone,
        options: SpanCorruptionOptions,
        *,
        train: Sequence[TokenIds],
        test: Sequence[TokenIds],
        on_epoch: Callable[[EpochRecord], None],
    ) -> float:
        """Trains ``backbone.model`` in place; scores come from its token embedding, there is no other head.

        Returns:
            Perplexity on ``test`` of the tokens that were taken out, given what is left and the tokens before;
            sentinels and ends do not count, and the same spans are taken out always.

        Raises:
            ModelError: Where the backbone is no encoder-decoder, or its tokeniser has no sentinels.
            DataError, SuiteError: Where the texts are too few.
        """
        corruption = corruption_of(backbone, options)
        model = span_corruption_model(backbone)
        for variable in backbone.model.token_embedding.trainable_variables:
            variable.assign(variable * options.embedding_scale)
        rows = [span_rows(backbone, options, corruption, texts) for texts in (train, test)]
        embedding = backbone.model.token_embedding
        fit_rows(model, rows[0], options, embedding=embedding, on_epoch=on_epoch)
        left_out = frozenset({*corruption.sentinels, corruption.end_id})
        return perplexity(model, rows[1], jit_compile=options.jit_compile, left_out=left_out)


def corruption_of(backbone: TextBackbone, options: SpanCorruptionOptions) -> SpanCorruption:
    """What is taken out of the rows. Raises ``ModelError`` where the tokeniser has no sentinels or no end."""
    tokenizer = backbone.tokenizer
    sentinels = _sentinels(tokenizer)
    if not sentinels or tokenizer.end_id is None:
        raise ModelError(
            f"'{backbone.name}': its tokeniser has no token {SENTINEL.format(0)} or none that ends a text; "
            "span_corruption needs both."
        )
    return SpanCorruption(options.sequence_length, sentinels, tokenizer.end_id, options.noise_share, options.mean_span)


def span_corruption_model(backbone: TextBackbone) -> Any:
    """The scores of all tokens at each place of the decoder, as ``keras_hub.models.T5Seq2SeqLM`` computes them.

    Returns:
        A ``keras.Model``: the inputs of the encoder-decoder to ``(batch, target length, vocabulary)``.

    Raises:
        ModelError: Where the backbone is no encoder-decoder.
    """
    import keras

    if backbone.generates != "seq2seq":
        raise ModelError(f"'{backbone.name}' has no encoder and decoder; span_corruption needs both, as T5 has.")
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in backbone.model.input}
    return keras.Model(inputs, language_model(backbone)(inputs))


def _sentinels(tokenizer: Tokenizer) -> tuple[int, ...]:
    """Ids of ``<extra_id_0>``, ``<extra_id_1>``, ... as far as the vocabulary has them."""
    known = tokenizer.layer.get_vocabulary()
    numbers = {token: number for number, token in enumerate(known)}
    names = [SENTINEL.format(number) for number in range(MOST_SENTINELS)]
    return tuple(numbers[name] for name in names if name in numbers)


def span_rows(
    backbone: TextBackbone, options: SpanCorruptionOptions, corruption: SpanCorruption, texts: Sequence[TokenIds]
) -> Rows:
    """Texts as rows, each with an end behind it, out of which spans are taken."""
    first = backbone.tokenizer.pad_id

    def make(row: NDArray[np.int32], generator: np.random.Generator) -> Example:
        source, target = corrupt_spans(row, corruption, generator)
        # T5's decoder begins with the padding token, which is a token like any other here.
        decoder = np.concatenate([np.array([first], np.int32), target[:-1]])
        inputs = {
            "encoder_token_ids": source,
            "encoder_padding_mask": np.ones_like(source),
            "decoder_token_ids": decoder,
            "decoder_padding_mask": np.ones_like(decoder),
        }
        return inputs, target

    rows = pack(texts, options.sequence_length, end=(corruption.end_id,))
    return Rows(rows, options.batch_size, options.seed, make)
