"""Ids of examples: millions of ``reviews.csv:12`` are kept as names and numbers, not as millions of objects."""

from __future__ import annotations

import hashlib
import itertools
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import overload

import numpy as np
from numpy.typing import NDArray

__all__ = ["IdCollector", "NumberedIds", "id_array", "ids_digest", "some_ids"]

AT_ONCE = 10_000
"""Ids that are strings at the same time."""
_MOST_DIGITS = 18
"""What a 64-bit integer holds in any case."""


class NumberedIds(Sequence[str]):
    """Ids of the form ``name:number``, made when they are asked for; equal to a tuple of the same ids.

    Args:
        names: What stands in front of the numbers.
        codes: Which of the names each id has, shape ``(n,)``.
        numbers: Shape ``(n,)``; -1 where the name is the whole id.
    """

    def __init__(self, names: Sequence[str], codes: NDArray[np.int32], numbers: NDArray[np.int64]) -> None:
        self.names = tuple(names)
        self.codes = codes
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return NumberedIds(self.names, self.codes[index], self.numbers[index])
        return self._text(int(self.codes[index]), int(self.numbers[index]))

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), AT_ONCE):
            codes, numbers = (part[start : start + AT_ONCE].tolist() for part in (self.codes, self.numbers))
            yield from map(self._text, codes, numbers)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(map(str.__eq__, self, other))

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def digest(self) -> str:
        """See ``ids_digest``."""
        return _digest(self)

    def take(self, positions: NDArray[np.int64]) -> NumberedIds:
        """The ids at these positions, in their order."""
        return NumberedIds(self.names, self.codes[positions], self.numbers[positions])

    def _text(self, code: int, number: int) -> str:
        return self.names[code] if number < 0 else f"{self.names[code]}:{number}"


class IdCollector:
    """Takes ids one by one; those that end in a number are kept as numbers."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._code_of_each = array("i")
        self._numbers = array("q")

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, identifier: str) -> None:
        """One more id."""
        name, colon, digits = identifier.rpartition(":")
        number = -1
        # "7" and "007" are two ids: only what is written again in the same way is kept as a number.
        if colon and len(digits) <= _MOST_DIGITS and digits.isascii() and digits.isdigit():
            number = int(digits) if digits == "0" or digits[0] != "0" else -1
        if number < 0:
            name = identifier
        self._code_of_each.append(self._codes.setdefault(name, len(self._codes)))
        self._numbers.append(number)

    def add_many(self, name: str, first: int, count: int) -> None:
        """Ids of one name with the numbers from ``first`` on."""
        code = self._codes.setdefault(name, len(self._codes))
        self._code_of_each.frombytes(np.full(count, code, np.int32).tobytes())
        self._numbers.frombytes(np.arange(first, first + count, dtype=np.int64).tobytes())

    def ids(self) -> NumberedIds:
        """All of them, in the order in which they came."""
        return NumberedIds(
            tuple(self._codes), np.array(self._code_of_each, np.int32), np.array(self._numbers, np.int64)
        )


def some_ids(ids: Sequence[str], positions: NDArray[np.int64]) -> Sequence[str]:
    """The ids at these positions, in their order, kept as ``ids`` are."""
    if isinstance(ids, NumberedIds):
        return ids.take(positions)
    return tuple(ids[position] for position in positions.tolist())


def ids_digest(ids: Sequence[str]) -> str:
    """SHA-256 (hex) over the ids in their order, a NUL between them."""
    return ids.digest if isinstance(ids, NumberedIds) else _digest(ids)


def id_array(ids: Sequence[str]) -> NDArray[np.str_]:
    """The ids as an array of shape ``(n,)``."""
    if not isinstance(ids, NumberedIds):
        return np.array(ids, dtype=np.str_)
    longest = max(map(len, ids), default=1)
    return np.fromiter(ids, dtype=np.dtype(("U", longest)), count=len(ids))


def _digest(ids: Iterable[str]) -> str:
    total = hashlib.sha256()
    rest = iter(ids)
    separator = ""
    while some := list(itertools.islice(rest, AT_ONCE)):
        total.update((separator + "\0".join(some)).encode("utf-8", "surrogateescape"))
        separator = "\0"
    return total.hexdigest()
