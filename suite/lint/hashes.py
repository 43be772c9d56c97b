"""Marks of examples by which copies are known: exactly, and approximately.

Exact: a hash of the decoded pixels, or of the normalised text.  Approximate, for images: the perceptual hash
of Zauner (2010, "Implementation and Benchmarking of Perceptual Image Hash Functions", section 3.2), 256 bits: the
16 x 16 lowest frequencies of the cosine transform of a 32 x 32 grey thumbnail, each above or below their median.
For texts: signatures of their shingles (``suite.lint.shingles``).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from suite.lint.shingles import LENGTH, alike_pairs, signature_of

__all__ = [
    "BITS",
    "MOST_BITS_APART",
    "SMALLEST_LIKENESS",
    "Marks",
    "equal_pairs",
    "mark",
    "near_pairs",
    "normalised",
    "stack",
]

SIDE = 32
"""Of the thumbnail, pixels."""
LOW = 16
"""Frequencies kept in each direction."""
BITS = LOW * LOW
MOST_BITS_APART = 24
"""Of 256. Photographs that were halved, doubled or saved as JPEG of quality 20 stay within 16 bits; the nearest of
350 unrelated ones are 58 apart, of 1,150 handwritten digits 25 (``docs/report.md`` has the figures)."""
SMALLEST_LIKENESS = 0.95
"""Correlation of the thumbnails of two copies: a hash alone takes images of one simple shape for copies."""
FLATTEST = 4.0
"""Standard deviation of a thumbnail, of 255; below it an image is plain and has no shape to go by."""
ROWS_AT_ONCE = 512
COLUMNS_AT_ONCE = 4096

Words = NDArray[np.uint64]
_NO_SIGNATURE = np.zeros(LENGTH, np.uint32)


@dataclass(frozen=True)
class Marks:
    """Marks of examples, in their order."""

    exact: NDArray[np.bytes_]
    """16 bytes each, shape ``(n,)``."""
    hashes: Words
    """Perceptual hashes, bit-packed, shape ``(n, 4)``; 0 where ``plain``."""
    thumbnails: NDArray[np.uint8]
    """Grey, shape ``(n, 1024)``; black for texts."""
    plain: NDArray[np.bool_]
    """Without a perceptual hash: flat images, and texts."""
    sizes: NDArray[np.int64]
    """Height and width of each image, shape ``(n, 2)``; 0 for texts."""
    signatures: NDArray[np.uint32]
    """Of the shingles of each text, shape ``(n, LENGTH)``; 0 for images and texts of a few words."""


def normalised(text: str) -> str:
    """The text without what a copy may differ in: Unicode form (NFKC), case, punctuation and white space."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    kept = (" " if unicodedata.category(letter)[0] in "PZC" else letter for letter in folded)
    return " ".join("".join(kept).split())


def mark(examples: Iterable[Any]) -> Marks:
    """Marks of images (uint8, ``(height, width, 3)``) or of texts, one after another: none is kept."""
    each = [_mark_one(example) for example in examples]
    exact = np.array([one[0] for one in each], dtype="S16")
    sizes = np.array([one[2] for one in each], np.int64).reshape(-1, 2)
    thumbnails = np.stack([one[1] for one in each]) if each else np.zeros((0, SIDE * SIDE), np.uint8)
    plain = thumbnails.std(axis=1) < FLATTEST
    hashes = _perceptual(thumbnails)
    hashes[plain] = 0
    signatures = np.stack([one[3] for one in each]) if each else np.zeros((0, LENGTH), np.uint32)
    return Marks(exact, hashes, thumbnails, plain, sizes, signatures)


def stack(parts: Sequence[Marks]) -> Marks:
    """The marks of several runs of examples as one; of no run, none."""
    if not parts:
        return mark(())
    return Marks(*(np.concatenate(arrays) for arrays in zip(*(vars(part).values() for part in parts), strict=True)))


def equal_pairs(first: Marks, second: Marks) -> NDArray[np.int64]:
    """For each example of ``first`` that is in ``second`` too: its index and that of one copy, shape ``(k, 2)``."""
    order = np.argsort(second.exact, kind="stable")
    place = np.searchsorted(second.exact, first.exact, sorter=order)
    inside = np.flatnonzero(place < len(order))
    found = inside[second.exact[order[place[inside]]] == first.exact[inside]]
    return np.stack([found, order[place[found]]], axis=1).astype(np.int64)


def near_pairs(first: Marks, second: Marks) -> NDArray[np.int64]:
    """For each example of ``first`` with a near copy in ``second``: its index and that of the most alike one.

    Plain images have none.  All pairs are compared, 64 bits at a time and in blocks that fit the processor's
    cache: 40,000 against 10,000 images take seconds.

    Texts are those whose signatures agree; no text has a perceptual hash and no image a signature.

    Returns:
        Shape ``(k, 2)``.
    """
    if first.signatures.any():
        return alike_pairs(first.signatures, second.signatures)
    best: dict[int, tuple[float, int]] = {}
    for row, column in _close(first, second):
        likeness = _likeness(first.thumbnails[row], second.thumbnails[column])
        for index in np.flatnonzero(likeness >= SMALLEST_LIKENESS).tolist():
            found = (float(likeness[index]), -int(column[index]))
            best[int(row[index])] = max(found, best.get(int(row[index]), found))
    return np.array([(row, -found[1]) for row, found in sorted(best.items())], np.int64).reshape(-1, 2)


def _close(first: Marks, second: Marks) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Index arrays of pairs whose hashes are close: of each block the nearest one to each row.

    One per row and block, since a split of a thousand pages that are all alike has a million close pairs.
    """
    rows, columns = np.flatnonzero(~first.plain), np.flatnonzero(~second.plain)
    for top in range(0, len(rows), ROWS_AT_ONCE):
        here = rows[top : top + ROWS_AT_ONCE]
        for left in range(0, len(columns), COLUMNS_AT_ONCE):
            there = columns[left : left + COLUMNS_AT_ONCE]
            apart = np.zeros((len(here), len(there)), np.uint8)  # 256 would wrap to 0; the likeness refuses it
            for word in range(BITS // 64):
                apart += np.bitwise_count(first.hashes[here, None, word] ^ second.hashes[None, there, word])
            nearest = apart.argmin(axis=1)
            close = np.flatnonzero(apart[np.arange(len(here)), nearest] <= MOST_BITS_APART)
            if len(close):
                yield here[close], there[nearest[close]]


def _likeness(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Correlation of thumbnails, row by row."""
    a, b = _centred(first), _centred(second)
    likeness: NDArray[np.float32] = np.einsum("ij,ij->i", a, b)
    return likeness


def _centred(thumbnails: NDArray[np.uint8]) -> NDArray[np.float32]:
    values = thumbnails.astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    scaled: NDArray[np.float32] = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6)
    return scaled


def _mark_one(example: Any) -> tuple[bytes, NDArray[np.uint8], tuple[int, int], NDArray[np.uint32]]:
    """Digest, thumbnail, size and signature."""
    if isinstance(example, str):
        text = normalised(example)
        digest = _digest(text.encode("utf-8", "surrogatepass"))
        return digest, np.zeros(SIDE * SIDE, np.uint8), (0, 0), signature_of(text)
    content = repr(example.shape).encode() + np.ascontiguousarray(example).tobytes()
    return _digest(content), _thumbnail(example), (int(example.shape[0]), int(example.shape[1])), _NO_SIGNATURE


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def _thumbnail(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey = PIL.Image.fromarray(image).convert("L").resize((SIDE, SIDE), PIL.Image.Resampling.BILINEAR)
    return np.asarray(grey, dtype=np.uint8).reshape(-1)


def _perceptual(thumbnails: NDArray[np.uint8]) -> Words:
    from scipy import fft

    grey = thumbnails.reshape(-1, SIDE, SIDE).astype(np.float32)
    low = fft.dctn(grey, axes=(1, 2))[:, :LOW, :LOW].reshape(-1, BITS)
    above = low > np.median(low[:, 1:], axis=1, keepdims=True)
    return np.ascontiguousarray(np.packbits(above, axis=1)).view(np.uint64)
