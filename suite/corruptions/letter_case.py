"""Text whose capitals cannot be relied on."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

__all__ = ["LetterCase"]


class LetterCase:
    """Letters that change between capital and small."""

    summary: ClassVar[str] = "letters changed between capital and small; strength: their share"
    kind: ClassVar[Literal["image", "text"]] = "text"
    strengths: ClassVar[tuple[float, ...]] = (0.05, 0.1, 0.2, 0.35, 0.5)
    version: ClassVar[int] = 1

    @classmethod
    def apply(cls, example: str, strength: float, generator: np.random.Generator) -> str:
        """The text with as many characters as before: a letter whose other case is longer, such as ß, is left."""
        turned = generator.random(len(example)) < strength
        return "".join(_turned(letter) if hit else letter for letter, hit in zip(example, turned, strict=True))


def _turned(letter: str) -> str:
    other = letter.swapcase()
    return other if len(other) == 1 else letter
