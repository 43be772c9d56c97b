"""The token ids of a split, cut once per tokeniser and kept on disk: see ``suite.cache``.

Texts have different lengths, so the ids of all of them lie one behind the other and an example is a piece of that
run.  Each piece has a place where its second part begins: the second of two texts, the reference behind what it goes
on from, the decoder's side of an encoder-decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from suite.cache import entry_path, store_error, touch, write_entry
from suite.data.dataset import Dataset, Split, Text
from suite.data.example_ids import ids_digest
from suite.data.large import new_array
from suite.errors import StoreError

__all__ = ["Piece", "Tokens", "tokenised"]

TOKENS_VERSION = 1
"""Counts up when the same texts would be cut otherwise."""
AT_ONCE = 1_000
"""Texts in memory at once while they are cut."""

Ids = NDArray[np.int32]


@dataclass(frozen=True)
class Piece:
    """One example as tokens."""

    ids: Ids = field(repr=False)
    """Special tokens included, shape ``(tokens,)``."""
    second: int
    """Where the second part begins; the length where there is none."""
    cut: bool
    """Whether tokens were left out, since the model takes no longer sequence."""
    answer_bytes: int = 0
    """UTF-8 bytes of the part of a reference that was kept; 0 where there is none."""


Cutter = Callable[[Sequence[Text]], Sequence[Piece]]


PER_PIECE = ("ends", "second", "cut", "characters", "answer_bytes")
"""Fields of ``Tokens`` with one entry for each piece."""


@dataclass(frozen=True)
class Tokens:
    """The pieces of a split."""

    ids: Ids = field(repr=False)
    """Of all examples, one behind the other; usually mapped from disk."""
    ends: NDArray[np.int64] = field(repr=False)
    """Where each piece ends in ``ids``, shape ``(n,)``."""
    second: NDArray[np.int64] = field(repr=False)
    """Where the second part begins inside each piece, shape ``(n,)``."""
    cut: NDArray[np.bool_] = field(repr=False)
    """Which texts were cut, shape ``(n,)``."""
    characters: NDArray[np.int64] = field(repr=False)
    """Length of each text in characters, the same for every tokeniser; shape ``(n,)``."""
    answer_bytes: NDArray[np.int64] = field(repr=False)
    """See ``Piece``; shape ``(n,)``."""

    def __len__(self) -> int:
        return len(self.ends)

    def starts_of(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where these pieces begin in ``ids``, shape as ``places``, counted from 0 on."""
        return np.where(places > 0, self.ends[places - 1], 0)

    def joined(self, other: Tokens) -> Tokens:
        """These pieces and then others; a copy, in a file where it is large."""
        ids = new_array((len(self.ids) + len(other.ids),), np.int32)
        ids[: len(self.ids)], ids[len(self.ids) :] = self.ids, other.ids
        both = {name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in PER_PIECE}
        both["ends"][len(self) :] += len(self.ids)
        return Tokens(ids, **both)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each piece, shape ``(n,)``."""
        return np.diff(self.ends, prepend=0)


def tokenised(
    split: Split, dataset: Dataset, cutter: Cutter, *, identity: Mapping[str, Any], root: Path | None = None
) -> Tokens:
    """The tokens of a split, cut once and from then on mapped from disk.

    Args:
        split: Of texts; ``read`` gives a ``Text``.
        dataset: Its fingerprint is part of the entry's identity.
        cutter: Makes pieces of texts.
        identity: Everything that the cutter's answer depends on, as JSON.
        root: The cache folder; see ``cache_root``.

    Raises:
        BadExampleError: For the first text that cannot be read; nothing is kept then.
        StoreError: When the disk is full or the folder cannot be written.
    """
    whole = {
        "fingerprint": dataset.fingerprint,
        "split": split.name,
        "ids": ids_digest(split.ids),
        "version": TOKENS_VERSION,
        **identity,
    }
    path = entry_path(root, "tokens", whole, ".npy")
    kept = _open(path, len(split))
    if kept is None:
        description = {"dataset": dataset.name, "examples": len(split), **whole}
        write_entry(path, lambda file: _write(file, split, cutter), description)
        kept = _open(path, len(split))
    if kept is None:
        raise StoreError(f"{path}: was just written and cannot be read back; is the disk sound, or was it removed?")
    touch(path)
    return kept


COLUMNS = 5
"""Integers kept of each piece before the ids: end, second, cut, characters, bytes of the answer."""


def _write(file: BinaryIO, split: Split, cutter: Cutter) -> None:
    """One row of 64-bit integers per piece, then how many there are, then the ids, all as 32-bit words."""
    # Plain writes: a full disk is an error then. What an array's header says of its length is written last, when it is
    # known; NumPy leaves room for any number there.
    head_bytes = _write_header(file, 0)
    row_bytes = COLUMNS * 8
    ids_at = head_bytes + len(split) * row_bytes
    end = done = 0
    for texts in _chunks(split):
        pieces = cutter(texts)
        rows = []
        for text, piece in zip(texts, pieces, strict=True):
            end += len(piece.ids)
            rows.append((end, piece.second, int(piece.cut), sum(map(len, text)), piece.answer_bytes))
        file.seek(head_bytes + done * row_bytes)
        file.write(np.array(rows, dtype="<i8").tobytes())
        run = np.concatenate([piece.ids for piece in pieces]).astype("<i4")
        file.seek(ids_at + (end - len(run)) * 4)
        file.write(run.tobytes())
        done += len(rows)
    file.seek(0)
    if _write_header(file, len(split) * COLUMNS * 2 + end) != head_bytes:
        raise StoreError("the header of an array has no room for its length; please report this with NumPy's version.")
    file.seek(0, 2)


def _write_header(file: BinaryIO, words: int) -> int:
    """Bytes of the header of an array of so many 32-bit words."""
    np.lib.format.write_array_header_1_0(file, {"descr": "<i4", "fortran_order": False, "shape": (words,)})
    return file.tell()


def _chunks(split: Split) -> Iterator[list[Text]]:
    for start in range(0, len(split), AT_ONCE):
        yield [split.read(index) for index in range(start, min(start + AT_ONCE, len(split)))]


def _open(path: Path, count: int) -> Tokens | None:
    """The kept tokens, or None when there are none or the file is not whole."""
    try:
        words = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise store_error(path.parent, error) from None
    except (OSError, ValueError, EOFError):
        return None
    head = count * COLUMNS * 2
    if words.dtype != np.dtype("<i4") or words.ndim != 1 or len(words) < head:
        return None
    # Plain arrays that are still mapped: each look at a piece of a ``numpy.memmap`` costs microseconds more.
    table = np.asarray(words[:head].view("<i8").reshape(-1, COLUMNS))
    ids = np.asarray(words[head:])
    if len(ids) != (int(table[-1, 0]) if count else 0):
        return None
    return Tokens(ids, table[:, 0], table[:, 1], table[:, 2].astype(np.bool_), table[:, 3], table[:, 4])
