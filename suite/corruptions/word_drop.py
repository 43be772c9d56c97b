"""Text of which words are missing."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

import numpy as np

__all__ = ["WordDrop"]


class WordDrop:
    """Words left out, each with the space after it."""

    summary: ClassVar[str] = "words left out; strength: their share"
    kind: ClassVar[Literal["image", "text"]] = "text"
    strengths: ClassVar[tuple[float, ...]] = (0.05, 0.1, 0.2, 0.3, 0.4)
    version: ClassVar[int] = 1

    @classmethod
    def apply(cls, example: str, strength: float, generator: np.random.Generator) -> str:
        """The shorter text; one of which no word would be left is left as it is."""
        words = re.findall(r"\S+\s*", example)
        kept = generator.random(len(words)) >= strength
        left = "".join(word for word, keep in zip(words, kept, strict=True) if keep)
        return left if left.strip() else example
