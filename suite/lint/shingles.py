"""Nearly the same texts: MinHash signatures of shingles, three words each.

Broder (1997), On the Resemblance and Containment of Documents, Compression and Complexity of Sequences: the share of
numbers in which two signatures agree estimates how many of all shingles of two texts both have (Jaccard).  Candidates
are found by bands of a signature that agree as a whole (Leskovec, Rajaraman and Ullman 2020, Mining of Massive
Datasets, section 3.4): with ``BANDS`` of ``ROWS`` numbers a pair at ``SMALLEST_LIKENESS`` is missed once in 20 million
times.  50,000 texts of 100 words take some seconds.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["LENGTH", "SMALLEST_LIKENESS", "WORDS", "alike_pairs", "signature_of"]

WORDS = 3
"""Of a shingle."""
FEWEST = 5
"""Shingles of a text that has a signature: of shorter ones a changed word changes most."""
BANDS, ROWS = 32, 4
LENGTH = BANDS * ROWS
SMALLEST_LIKENESS = 0.8
"""Share of a signature that agrees: of a text of 100 words four may be others, each of them in three shingles."""
MOST_IN_BUCKET = 200
"""Texts of one bucket that are compared: of a thousand that are all alike each is found by some."""
Signatures = NDArray[np.uint32]

_GENERATOR = np.random.default_rng(1997)
_FACTORS = _GENERATOR.integers(1, 2**63, LENGTH, dtype=np.uint64) | np.uint64(1)
_TERMS = _GENERATOR.integers(0, 2**63, LENGTH, dtype=np.uint64)


def signature_of(text: str) -> Signatures:
    """The signature of a text that was normalised, shape ``(LENGTH,)``; zeros of one that is too short for one."""
    words = text.split()
    if len(words) < WORDS + FEWEST - 1:
        return np.zeros(LENGTH, dtype=np.uint32)
    of_words = np.array([zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in words], dtype=np.uint64)
    shingles = of_words[: len(words) - WORDS + 1].copy()
    for place in range(1, WORDS):
        shingles = shingles * np.uint64(0x9E3779B97F4A7C15) + of_words[place : len(words) - WORDS + 1 + place]
    shingles = np.unique(shingles ^ (shingles >> np.uint64(29)))
    # Multiply-shift hashing (Dietzfelbinger et al. 1997): the upper half of an odd multiple.
    mixed = (shingles[None, :] * _FACTORS[:, None] + _TERMS[:, None]) >> np.uint64(32)
    least: Signatures = mixed.min(axis=1).astype(np.uint32)
    least[0] |= np.uint32(1)  # never all zeros
    return least


def alike_pairs(first: Signatures, second: Signatures) -> NDArray[np.int64]:
    """For each text of ``first`` with a near copy in ``second``: its index and that of the most alike one.

    Args:
        first: Shape ``(n, LENGTH)``.
        second: Shape ``(m, LENGTH)``.

    Returns:
        Shape ``(k, 2)``.
    """
    best: dict[int, tuple[float, int]] = {}
    for row, column in _candidates(first, second):
        likeness = (first[row] == second[column]).mean(axis=1)
        for index in np.flatnonzero(likeness >= SMALLEST_LIKENESS).tolist():
            found = (float(likeness[index]), -int(column[index]))
            best[int(row[index])] = max(found, best.get(int(row[index]), found))
    return np.array([(row, -found[1]) for row, found in sorted(best.items())], np.int64).reshape(-1, 2)


def _candidates(first: Signatures, second: Signatures) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Index arrays of pairs with a band in common, band by band."""
    rows, columns = np.flatnonzero(first.any(axis=1)), np.flatnonzero(second.any(axis=1))
    if not len(rows) or not len(columns):
        return
    for band in range(BANDS):
        part = slice(band * ROWS, (band + 1) * ROWS)
        own, theirs = (_keys(each[at][:, part]) for each, at in ((first, rows), (second, columns)))
        order = np.argsort(theirs, kind="stable")
        begin = np.searchsorted(theirs[order], own, side="left")
        count = np.minimum(np.searchsorted(theirs[order], own, side="right") - begin, MOST_IN_BUCKET)
        here = np.repeat(np.arange(len(rows)), count)
        within = np.arange(len(here)) - np.repeat(np.cumsum(count) - count, count)
        if len(here):
            yield rows[here], columns[order[np.repeat(begin, count) + within]]


def _keys(bands: Sequence[Signatures] | Signatures) -> NDArray[np.void]:
    """Each band as one value."""
    return np.ascontiguousarray(bands).view(np.dtype((np.void, ROWS * 4))).ravel()
