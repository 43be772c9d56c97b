"""SentencePiece with a unigram model (Kudo 2018; Kudo and Richardson 2018), as T5 reads texts."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

__all__ = ["SentencePiece"]

_RESERVED = ("<pad>", "</s>", "<unk>")
"""Ids 0 to 2, as in T5."""


class SentencePiece:
    """Pieces with their probabilities; a space is part of a piece."""

    summary: ClassVar[str] = "pieces with their probabilities, as T5 reads them"
    files: ClassVar[tuple[str, ...]] = ("spiece.model",)

    @classmethod
    def train(cls, texts: Iterable[str], folder: Path, *, size: int, special_tokens: Sequence[str]) -> None:
        """Writes ``spiece.model``: ``<pad>``, ``</s>``, ``<unk>``, the special tokens, then the pieces.

        Args:
            texts: What is counted.
            folder: Gets the file.
            size: Tokens at most, special ones counted; few texts give fewer.
            special_tokens: Further ones, such as the sentinels of T5; no text is ever cut into one.
        """
        import sentencepiece

        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            model_type="unigram",
            vocab_size=size,
            hard_vocab_limit=False,
            num_threads=1,  # sums of floats depend on how they are divided
            pad_id=0,
            pad_piece=_RESERVED[0],
            eos_id=1,
            eos_piece=_RESERVED[1],
            unk_id=2,
            unk_piece=_RESERVED[2],
            bos_id=-1,
            control_symbols=[token for token in special_tokens if token not in _RESERVED],
            minloglevel=2,
        )
        (folder / cls.files[0]).write_bytes(model.getvalue())
