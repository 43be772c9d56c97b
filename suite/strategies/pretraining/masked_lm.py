"""Masked language modelling: say which token was hidden (Devlin et al. 2019, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from suite.data.dataset import Content
from suite.data.masking import Masking, mask
from suite.data.packing import pack
from suite.errors import ModelError
from suite.models.backbone import TextBackbone
from suite.models.tokenizer import TokenIds
from suite.spec.options import Options
from suite.store.records.result import EpochRecord
from suite.strategies.pretraining.language import Example, LanguageOptions, Rows, fit_rows, perplexity

__all__ = ["MaskedLM", "MaskedLMOptions", "masked_lm_model", "masked_rows", "masking_of"]


class MaskedLMOptions(LanguageOptions):
    """Recipe of a masked language modelling."""

    mask_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.15
    """Of the tokens; of these 80 % become the mask, 10 % another token, 10 % stay."""


class MaskedLM:
    """Hides tokens, others in every epoch (Liu et al. 2019, section 4.1), and trains a backbone to say which."""

    summary: ClassVar[str] = "say which tokens of a text were hidden, as BERT and RoBERTa were pretrained"
    Options: ClassVar[type[Options]] = MaskedLMOptions
    content: ClassVar[Content] = "text"
    metric: ClassVar[str] = "perplexity"

    @classmethod
    def label(cls, options: MaskedLMOptions) -> str:
        """The objective and its length."""
        return f"masked_lm, {options.epochs} epochs"

    @classmethod
    def pretrain(
        cls,
        backbone: TextBackbone,
        options: MaskedLMOptions,
        *,
        train: Sequence[TokenIds],
        test: Sequence[TokenIds],
        on_epoch: Callable[[EpochRecord], None],
    ) -> float:
        """Trains ``backbone.model`` in place; the head on top is dropped, the token embedding that it shares stays.

        Returns:
            Pseudo-perplexity on ``test``: of the hidden tokens, given the others, with the same tokens hidden always.

        Raises:
            ModelError: Where the tokeniser has no mask.
            DataError, SuiteError: Where the texts are too few.
        """
        masking = masking_of(backbone, options)
        model = masked_lm_model(backbone, masking.most(options.sequence_length))
        rows = [masked_rows(backbone, options, masking, texts) for texts in (train, test)]
        embedding = backbone.model.token_embedding
        fit_rows(model, rows[0], options, embedding=embedding, on_epoch=on_epoch)
        return perplexity(model, rows[1], jit_compile=options.jit_compile)


def masking_of(backbone: TextBackbone, options: MaskedLMOptions) -> Masking:
    """How the tokens of this model are hidden. Raises ``ModelError`` where its tokeniser has no mask."""
    tokenizer = backbone.tokenizer
    if tokenizer.mask_id is None:
        raise ModelError(f"'{backbone.name}': its tokeniser has no mask token; masked_lm needs one.")
    ordinary = np.setdiff1d(np.arange(tokenizer.vocabulary_size), sorted(tokenizer.special_ids))
    return Masking(tokenizer.mask_id, ordinary.astype(np.int32), options.mask_share)


def masked_lm_model(backbone: TextBackbone, places: int) -> Any:
    """The encoder with a head that shares its token embedding.

    Returns:
        A ``keras.Model``: the inputs of the encoder and ``mask_positions``, int32 ``(batch, places)``, to the scores of
        all tokens there, ``(batch, places, vocabulary)``.
    """
    import keras
    import keras_hub

    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in backbone.encoder.input}
    positions = keras.Input((places,), dtype="int32", name="mask_positions")
    head = keras_hub.layers.MaskedLMHead(
        token_embedding=backbone.model.token_embedding,
        intermediate_activation="gelu",
        kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        name="masked_lm_head",
    )
    scores = head(backbone.encoder(inputs), positions)
    return keras.Model({**inputs, "mask_positions": positions}, scores)


def masked_rows(backbone: TextBackbone, options: MaskedLMOptions, masking: Masking, texts: Sequence[TokenIds]) -> Rows:
    """Texts as rows, with the special tokens of the model, in which some tokens are hidden."""
    packing = backbone.tokenizer.packing
    names = tuple(backbone.encoder.input)

    def make(row: NDArray[np.int32], generator: np.random.Generator) -> Example:
        corrupted, positions, targets = mask(row, masking, generator)
        inputs = {"token_ids": corrupted, "padding_mask": np.ones_like(row), "segment_ids": np.zeros_like(row)}
        return {**{name: inputs[name] for name in names}, "mask_positions": positions}, targets

    rows = pack(texts, options.sequence_length, start=packing.start, end=packing.end)
    return Rows(rows, options.batch_size, options.seed, make)
