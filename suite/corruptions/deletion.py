"""Text with holes."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

__all__ = ["Deletion"]


class Deletion:
    """Characters left out, spaces excepted."""

    summary: ClassVar[str] = "characters left out; strength: their share"
    kind: ClassVar[Literal["image", "text"]] = "text"
    strengths: ClassVar[tuple[float, ...]] = (0.02, 0.05, 0.1, 0.15, 0.2)
    version: ClassVar[int] = 1

    @classmethod
    def apply(cls, example: str, strength: float, generator: np.random.Generator) -> str:
        """The shorter text; one of which nothing would be left is left as it is."""
        kept = generator.random(len(example)) >= strength
        left = "".join(letter for letter, keep in zip(example, kept, strict=True) if keep or letter.isspace())
        return left if left.strip() else example
