"""Byte-pair encoding over bytes (Sennrich et al. 2016; Radford et al. 2019): no text is unknown to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

__all__ = ["ByteLevelBPE"]


class ByteLevelBPE:
    """The 256 bytes and the pairs that were merged, in the order in which they were."""

    summary: ClassVar[str] = "bytes and merged pairs of them, as GPT-2 and RoBERTa read them"
    files: ClassVar[tuple[str, ...]] = ("vocabulary.json", "merges.txt")

    @classmethod
    def train(cls, texts: Iterable[str], folder: Path, *, size: int, special_tokens: Sequence[str]) -> None:
        """Writes ``vocabulary.json`` (token to id, the special tokens first) and ``merges.txt`` (a pair a line).

        Args:
            texts: What is counted.
            folder: Gets the files.
            size: Tokens at most, special ones and the 256 bytes counted; few texts give fewer.
            special_tokens: Those of the model.
        """
        from tokenizers import ByteLevelBPETokenizer

        tokenizer = ByteLevelBPETokenizer()
        tokenizer.train_from_iterator(
            texts, vocab_size=size, min_frequency=2, special_tokens=list(special_tokens), show_progress=False
        )
        model = json.loads(tokenizer.to_str())["model"]
        numbers = dict(sorted(model["vocab"].items(), key=lambda item: item[1]))
        merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
        (folder / cls.files[0]).write_text(f"{json.dumps(numbers, ensure_ascii=False)}\n", encoding="utf-8")
        (folder / cls.files[1]).write_text("".join(f"{pair}\n" for pair in merges), encoding="utf-8")
