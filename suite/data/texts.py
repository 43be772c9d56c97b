"""Texts of a split in one run of bytes, so that a million of them are not a million objects."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.data.assemble import Part
from suite.data.dataset import Split, Text
from suite.data.example_ids import IdCollector
from suite.data.large import ByteCollector
from suite.errors import BadExampleError

__all__ = ["TextCollector", "TextStore", "encoded_text"]

_LENGTH_BYTES = 8


def encoded_text(value: Any) -> bytes:
    """One text as UTF-8.

    Raises:
        BadExampleError: For bytes that are no UTF-8, half a surrogate pair, a NUL, and for what is no text at all;
            the message says what it is, and whoever reads the example says where.
    """
    if isinstance(value, str):
        try:
            encoded = value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise BadExampleError(f"expected text, got the lone surrogate {value[error.start]!a}.") from None
    elif isinstance(value, bytes):
        encoded = value
        try:
            value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadExampleError(f"expected text, got byte 0x{value[error.start]:02X}, which is no UTF-8.") from None
    else:
        raise BadExampleError(f"expected text, got {'nothing' if value is None else type(value).__name__}.")
    if b"\0" in encoded:
        raise BadExampleError("expected text, got a NUL byte, which no text holds.")
    return encoded


@dataclass(frozen=True)
class TextStore:
    """The texts of a split, readable at random by any thread and process."""

    data: bytes | mmap.mmap
    """Every text as UTF-8, one after another; mapped from disk where that is much."""
    ends: NDArray[np.int64]
    """Where each text ends in ``data``, shape ``(examples, texts per example)``."""
    problems: Mapping[int, str]
    """Why an example cannot be used, by its number."""

    def __call__(self, index: int) -> Text:
        """The texts of one example. Raises ``BadExampleError`` with the reason where it cannot be used."""
        return tuple(text.decode("utf-8") for text in self._texts(index))

    def content(self, index: int) -> bytes:
        """What is hashed of one example: each text behind its length. Raises ``BadExampleError`` likewise."""
        return b"".join(len(text).to_bytes(_LENGTH_BYTES, "big") + text for text in self._texts(index))

    def __getstate__(self) -> dict[str, Any]:
        """With the texts themselves: a map of a file is of this process alone."""
        return {**self.__dict__, "data": self.data[:]}

    def _texts(self, index: int) -> list[bytes]:
        if index in self.problems:
            raise BadExampleError(self.problems[index])
        start = int(self.ends[index - 1, -1]) if index else 0
        texts = []
        for end in self.ends[index].tolist():
            texts.append(self.data[start:end])
            start = end
        return texts


class TextCollector:
    """Takes examples one by one and gives the part of a data set that they are."""

    def __init__(self, *, texts_each: int) -> None:
        self._ids = IdCollector()
        self.targets = array("q")
        self.problems: dict[int, str] = {}
        self._texts_each = texts_each
        self._data = ByteCollector()
        self._ends = array("q")

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, identifier: str, texts: Sequence[bytes], target: int = 0) -> None:
        """One example: its texts as UTF-8, and the number of its class."""
        self._ids.add(identifier)
        self.targets.append(target)
        for text in texts:
            self._data += text
            self._ends.append(len(self._data))

    def add_many(
        self, name: str, number: int, texts: memoryview, ends: NDArray[np.int64], targets: NDArray[np.int64]
    ) -> None:
        """Examples of one text each.

        Args:
            name: In front of the number in each id.
            number: Of the first; the others follow.
            texts: UTF-8, one behind the other.
            ends: Where each text ends in ``texts``.
            targets: The number of the class of each.
        """
        self._ids.add_many(name, number, len(ends))
        self.targets.frombytes(targets.tobytes())
        self._ends.frombytes((ends + len(self._data)).tobytes())
        self._data += texts

    def refuse(self, identifier: str, reason: str) -> None:
        """One example that cannot be used; it is there under its number and raises ``reason`` when it is read."""
        self.problems[len(self)] = reason
        self.add(identifier, [b""] * self._texts_each)

    def part(self, name: str, *, classes: NDArray[np.int64] | None = None) -> Part:
        """The split called ``name``.

        Args:
            name: Of the split.
            classes: The final number of each class by the number that was given with the examples; the same when
                left out.
        """
        targets = np.array(self.targets, dtype=np.int64)
        ends = np.array(self._ends, dtype=np.int64).reshape(-1, self._texts_each)
        store = TextStore(self._data.whole(), ends, dict(self.problems))
        return Part(
            Split(name, self._ids.ids(), targets if classes is None else classes[targets], store), store.content
        )
