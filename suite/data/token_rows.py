"""Tokens as the arrays that models take: examples of about one length together, so that padding costs little."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from suite.data.tokens import Tokens

__all__ = ["Arrays", "Layout", "TokenRows", "padded_length"]

Layout = Literal["encoder", "causal", "seq2seq"]
"""``encoder``: everything is read at once. ``causal``: each token is predicted from those before it. ``seq2seq``: the
second part is predicted by a decoder that sees the first through an encoder."""
Places = NDArray[np.int64]
Arrays = dict[str, NDArray[np.int32]]
"""Named arrays of shape ``(batch, length)``, int32."""
STEPS = ((64, 8), (256, 16), (1024, 64))
"""Up to so many tokens, lengths are rounded up to a multiple of so many: few shapes, little padding."""


@dataclass(frozen=True)
class TokenRows:
    """Examples as tokens; some of a split where a label budget chose them."""

    tokens: Tokens
    layout: Layout
    pad_id: int
    sequence_length: int
    """No array is longer."""
    with_segments: bool = False
    """Whether the model is told which of two texts a token belongs to."""
    chosen: NDArray[np.int64] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.tokens) if self.chosen is None else len(self.chosen)

    @property
    def positions(self) -> NDArray[np.int64]:
        """Places of the examples in ``tokens``, shape ``(n,)``."""
        return np.arange(len(self.tokens)) if self.chosen is None else self.chosen

    def some(self, chosen: NDArray[np.int64]) -> TokenRows:
        """The examples at these positions."""
        return replace(self, chosen=self.positions[chosen])

    def joined(self, other: TokenRows) -> TokenRows:
        """These and then others, cut by the same tokeniser."""
        chosen = np.concatenate([self.positions, len(self.tokens) + other.positions])
        return replace(self, tokens=self.tokens.joined(other.tokens), chosen=chosen)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each example, both parts together; shape ``(n,)``."""
        return self.tokens.lengths[self.positions]

    @property
    def characters(self) -> NDArray[np.int64]:
        """Characters of each example, the same for every model; shape ``(n,)``."""
        return self.tokens.characters[self.positions]

    @property
    def truncated(self) -> int:
        """How many texts were cut."""
        return int(self.tokens.cut[self.positions].sum())

    def take(self, positions: NDArray[np.int64]) -> Arrays:
        """The arrays of some examples, padded to the longest of them, rounded up to a step."""
        places = positions if self.chosen is None else self.chosen[positions]
        starts, ends = self.tokens.starts_of(places), np.asarray(self.tokens.ends[places])
        between = starts + self.tokens.second[places]
        if self.layout == "seq2seq":
            encoder_ids, encoder_mask = self._padded(starts, between)
            return {
                "encoder_token_ids": encoder_ids,
                "encoder_padding_mask": encoder_mask,
                **self._predicted(between, ends, np.ones(len(places), np.int64), prefix="decoder_"),
            }
        if self.layout == "causal":
            return self._predicted(starts, ends, between - starts)
        ids, mask = self._padded(starts, ends)
        arrays = {"token_ids": ids, "padding_mask": mask}
        if self.with_segments:
            behind = np.arange(ids.shape[1])[None, :] >= (between - starts)[:, None]
            arrays["segment_ids"] = (behind & (mask == 1)).astype(np.int32)
        return arrays

    def _predicted(self, starts: Places, ends: Places, first: NDArray[np.int64], *, prefix: str = "") -> Arrays:
        """Every token but the last as input, every token but the first as label; counted from ``first`` on."""
        ids, mask = self._padded(starts, ends - 1)
        labels, _ = self._padded(starts + 1, ends)
        counted = np.arange(1, ids.shape[1] + 1)[None, :] >= first[:, None]
        return {
            f"{prefix}token_ids": ids,
            f"{prefix}padding_mask": mask,
            "labels": labels,
            "counted": (counted & (mask == 1)).astype(np.int32),
        }

    def _padded(self, starts: Places, ends: Places) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The tokens between these places, row by row, and where there are any."""
        lengths = np.maximum(ends - starts, 0)
        width = padded_length(max(int(lengths.max(initial=0)), 1), self.sequence_length)
        place = np.arange(width)[None, :]
        there = place < lengths[:, None]
        ids = np.full(there.shape, self.pad_id, dtype=np.int32)
        ids[there] = self.tokens.ids[(starts[:, None] + place)[there]]
        return ids, there.astype(np.int32)

    def windows(self, size: int) -> Iterator[NDArray[np.int64]]:
        """All examples once, ``size`` at a time, those of about one length together."""
        order = np.argsort(self.lengths, kind="stable")
        for start in range(0, len(order), size):
            yield order[start : start + size]

    def typical(self, count: int) -> Arrays:
        """The example of median length, so many times: what a model is timed with."""
        median = np.argsort(self.lengths, kind="stable")[len(self) // 2]
        return self.take(np.full(count, median))


def padded_length(longest: int, most: int) -> int:
    """The length that a batch is padded to: ``longest`` rounded up, and at most ``most`` unless it is longer."""
    step = next((step for limit, step in STEPS if longest <= limit), 128)
    return max(longest, min(-(-longest // step) * step, most))
