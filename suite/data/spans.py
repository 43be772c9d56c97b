"""Span corruption (Raffel et al. 2020, section 3.1.4): runs of tokens are taken out and are what is to be written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SpanCorruption", "corrupt_spans"]


@dataclass(frozen=True)
class SpanCorruption:
    """How much is taken out of a row of a given length; the lengths that follow are the same for every row."""

    length: int
    """Tokens of a row."""
    sentinels: Sequence[int]
    """Ids that stand for the first, second, ... span."""
    end_id: int
    share: float = 0.15
    """Of the tokens of a row."""
    mean_span: float = 3.0
    """Tokens of a span, on average."""

    @property
    def noise(self) -> int:
        """Tokens that are taken out of a row."""
        return min(self.length - 1, max(1, round(self.share * self.length)))

    @property
    def spans(self) -> int:
        """Spans of a row: no more than there are sentinels, or tokens to take out or to leave."""
        wanted = max(1, round(self.noise / self.mean_span))
        return min(wanted, self.noise, self.length - self.noise, len(self.sentinels))

    @property
    def source_length(self) -> int:
        """Tokens that the encoder reads: what is left, a sentinel for each span, the end."""
        return self.length - self.noise + self.spans + 1

    @property
    def target_length(self) -> int:
        """Tokens that the decoder writes: a sentinel and the tokens of each span, the end."""
        return self.noise + self.spans + 1


def corrupt_spans(
    row: NDArray[np.int32], corruption: SpanCorruption, generator: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Takes spans out of a row; every way to divide it is as likely as any other.

    The row begins with tokens that stay and ends with a span, as in the authors' code
    (``t5.data.preprocessors.random_spans_noise_mask``).

    Returns:
        What is left with a sentinel in each span's place, shape ``(source_length,)``; and each sentinel with the tokens
        that it stands for, shape ``(target_length,)``. Both end with ``end_id``.
    """
    left = _divide(corruption.length - corruption.noise, corruption.spans, generator)
    taken = _divide(corruption.noise, corruption.spans, generator)
    source: list[NDArray[np.int32]] = []
    target: list[NDArray[np.int32]] = []
    place = 0
    for sentinel, stays, goes in zip(corruption.sentinels, left.tolist(), taken.tolist(), strict=False):
        mark = np.array([sentinel], np.int32)
        source += [row[place : place + stays], mark]
        target += [mark, row[place + stays : place + stays + goes]]
        place += stays + goes
    end = np.array([corruption.end_id], np.int32)
    return np.concatenate([*source, end]), np.concatenate([*target, end])


def _divide(total: int, parts: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """``total`` as a sum of ``parts`` numbers of at least 1."""
    cuts = np.sort(generator.permutation(total - 1)[: parts - 1]) + 1
    return np.diff(np.concatenate([[0], cuts, [total]]))
