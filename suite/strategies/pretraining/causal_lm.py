"""Causal language modelling: say which token comes next (Radford et al. 2018, equation 1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from suite.data.dataset import Content
from suite.data.packing import pack
from suite.errors import ModelError
from suite.models.backbone import TextBackbone
from suite.models.tokenizer import TokenIds
from suite.spec.options import Options
from suite.store.records.result import EpochRecord
from suite.strategies.pretraining.language import Example, LanguageOptions, Rows, fit_rows, perplexity

__all__ = ["CausalLM", "causal_lm_model", "causal_rows"]


class CausalLM:
    """Trains a decoder to say the next token from those before it."""

    summary: ClassVar[str] = "say which token comes next, as GPT-2 was pretrained"
    Options: ClassVar[type[Options]] = LanguageOptions
    content: ClassVar[Content] = "text"
    metric: ClassVar[str] = "perplexity"

    @classmethod
    def label(cls, options: LanguageOptions) -> str:
        """The objective and its length."""
        return f"causal_lm, {options.epochs} epochs"

    @classmethod
    def pretrain(
        cls,
        backbone: TextBackbone,
        options: LanguageOptions,
        *,
        train: Sequence[TokenIds],
        test: Sequence[TokenIds],
        on_epoch: Callable[[EpochRecord], None],
    ) -> float:
        """Trains ``backbone.model`` in place; scores come from its token embedding, there is no other head.

        Returns:
            Perplexity of the next token on ``test``, in rows of ``sequence_length``, ends of texts included.

        Raises:
            ModelError: Where the backbone is no decoder.
            DataError, SuiteError: Where the texts are too few.
        """
        model = causal_lm_model(backbone)
        rows = [causal_rows(backbone, options, texts) for texts in (train, test)]
        embedding = backbone.model.token_embedding
        fit_rows(model, rows[0], options, embedding=embedding, on_epoch=on_epoch)
        return perplexity(model, rows[1], jit_compile=options.jit_compile)


def causal_lm_model(backbone: TextBackbone) -> Any:
    """A ``keras.Model``: the inputs of the decoder to the scores of the next token, ``(batch, length, vocabulary)``.

    Raises:
        ModelError: Where the backbone is no decoder.
    """
    import keras

    if backbone.generates != "causal":
        raise ModelError(
            f"'{backbone.name}' does not write from left to right; causal_lm needs a decoder such as GPT-2."
        )
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in backbone.encoder.input}
    return keras.Model(inputs, backbone.model.token_embedding(backbone.encoder(inputs), reverse=True))


def causal_rows(backbone: TextBackbone, options: LanguageOptions, texts: Sequence[TokenIds]) -> Rows:
    """Texts as rows, each with an end behind it, in which every token but the first is to be said."""
    tokenizer = backbone.tokenizer
    end = () if tokenizer.end_id is None else (tokenizer.end_id,)

    def make(row: NDArray[np.int32], _: np.random.Generator) -> Example:
        return {"token_ids": row[:-1], "padding_mask": np.ones_like(row[:-1])}, row[1:]

    # One token more than the model reads: the last is only ever a target.
    return Rows(pack(texts, options.sequence_length + 1, end=end), options.batch_size, options.seed, make)
