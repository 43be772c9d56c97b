"""A backbone in a file: its class and arguments, and what belongs to it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from suite.models.backbone import Pooling, TextPooling
from suite.models.text_families import TEXT_FAMILIES
from suite.spec.options import Options

__all__ = ["Architecture", "TokenizerFiles"]


class TokenizerFiles(Options):
    """The tokeniser of a text model; its files lie beside ``config.json``."""

    kind: Literal["word_piece", "byte_level_bpe", "sentence_piece"]
    """``vocabulary.txt``, one token a line; ``vocabulary.json`` and ``merges.txt``; ``spiece.model``."""
    lowercase: bool = False
    """Word pieces: whether texts are lowercased, and accents taken away, as BERT's uncased models do."""

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files."""
        return {
            "word_piece": ("vocabulary.txt",),
            "byte_level_bpe": ("vocabulary.json", "merges.txt"),
            "sentence_piece": ("spiece.model",),
        }[self.kind]


class Architecture(Options):
    """A backbone as a class and its arguments; enough to build it with random weights."""

    builder: Literal["keras_hub", "applications"]
    """``keras_hub``: a class of ``keras_hub.models``; ``applications``: a constructor of ``keras.applications``."""
    constructor: str
    config: dict[str, Any]
    """Keyword arguments of the constructor."""
    input_size: tuple[Annotated[int, Field(ge=8, le=2048)], Annotated[int, Field(ge=8, le=2048)]] | None = None
    """Height and width in pixels; None for a model of texts."""
    sequence_length: Annotated[int, Field(ge=8, le=8192)] | None = None
    """Longest sequence in tokens, special tokens counted; None for a model of images."""
    tokenizer: TokenizerFiles | None = None
    """None for a model of images."""
    pooling: Pooling | TextPooling
    """Of images ``average``, ``token`` or ``none``; of texts ``mean``, ``cls`` or ``last``."""
    family: str
    """A family of ``suite/models/stages.py``."""

    @property
    def reads_text(self) -> bool:
        """Whether it reads texts rather than images."""
        return self.builder == "keras_hub" and self.constructor in TEXT_FAMILIES

    @model_serializer(mode="wrap")
    def _without_the_other_kind(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What belongs to images is not written for a model of texts, nor the reverse."""
        return {name: value for name, value in handler(self).items() if value is not None}

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        needed = {"sequence_length", "tokenizer"} if self.reads_text else {"input_size"}
        what = "texts" if self.reads_text else "images"
        for name in ("input_size", "sequence_length", "tokenizer"):
            if (getattr(self, name) is not None) != (name in needed):
                word = "is missing" if name in needed else "does not belong here"
                raise ValueError(f"{name} {word}: {self.constructor} reads {what}.")
        if (self.pooling in ("mean", "cls", "last")) != self.reads_text:
            raise ValueError(f"pooling '{self.pooling}' does not fit: {self.constructor} reads {what}.")
        return self
