"""Text that was typed in a hurry."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

__all__ = ["Typos"]

ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def _neighbours() -> dict[str, str]:
    """Each letter with those beside it in its row and in the rows above and below."""
    place = {letter: (row, column) for row, letters in enumerate(ROWS) for column, letter in enumerate(letters)}
    near: dict[str, str] = {}
    for letter, (row, column) in place.items():
        near[letter] = "".join(
            other
            for other, (other_row, other_column) in place.items()
            if other != letter and abs(other_row - row) <= 1 and abs(other_column - column) <= 1
        )
    return near


NEIGHBOURS = _neighbours()


class Typos:
    """Letters replaced by a neighbour on the keyboard."""

    summary: ClassVar[str] = "letters replaced by a neighbour on an English keyboard; strength: their share"
    kind: ClassVar[Literal["image", "text"]] = "text"
    strengths: ClassVar[tuple[float, ...]] = (0.02, 0.05, 0.1, 0.15, 0.2)
    version: ClassVar[int] = 1

    @classmethod
    def apply(cls, example: str, strength: float, generator: np.random.Generator) -> str:
        """The text with as many characters as before; capitals stay capitals."""
        struck = generator.random(len(example)) < strength
        return "".join(
            _struck(letter, generator) if hit and letter.lower() in NEIGHBOURS else letter
            for letter, hit in zip(example, struck, strict=True)
        )


def _struck(letter: str, generator: np.random.Generator) -> str:
    near = NEIGHBOURS[letter.lower()]
    other = near[int(generator.integers(len(near)))]
    return other.upper() if letter.isupper() else other
