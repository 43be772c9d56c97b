"""Text with holes."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

import numpy as np

__all__ = ["Deletion", "LetterCase", "Typos", "WordDrop"]


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


# Text whose capitals cannot be relied on.


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


# Text that was typed in a hurry.

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


# Text of which words are missing.


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
