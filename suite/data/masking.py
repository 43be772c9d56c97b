"""Masked language modelling: which tokens are hidden, and behind what (Devlin et al. 2019, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["IGNORED", "Masking", "mask"]

IGNORED = -1
"""The target of a position that counts for nothing."""


@dataclass(frozen=True)
class Masking:
    """How tokens are hidden."""

    mask_id: int
    ordinary: NDArray[np.int32]
    """Ids that stand for text; no other is ever hidden, or put in a token's place by chance."""
    share: float = 0.15
    """Of the tokens of a row that stand for text."""
    masked: float = 0.8
    """Of the hidden tokens, those that become ``mask_id``."""
    replaced: float = 0.1
    """Of the hidden tokens, those that become another by chance; the others stay as they are."""

    def most(self, length: int) -> int:
        """Hidden tokens of a row of this length, at most."""
        return max(1, round(self.share * length))


def mask(
    row: NDArray[np.int32], masking: Masking, generator: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Hides some tokens of a row.

    Returns:
        The row with tokens hidden, shape ``(length,)``; the positions of those, in order, filled up with 0; and what
        stood there, filled up with ``IGNORED``, both of shape ``(masking.most(length),)``.
    """
    most = masking.most(len(row))
    candidates = np.flatnonzero(np.isin(row, masking.ordinary))
    count = min(most, max(1, round(masking.share * len(candidates)))) if len(candidates) else 0
    chosen = np.sort(generator.permutation(candidates)[:count])
    fate = generator.random(count)
    chance = masking.ordinary[generator.integers(len(masking.ordinary), size=count)]
    corrupted = row.copy()
    kept = np.where(fate < masking.masked + masking.replaced, chance, row[chosen])
    corrupted[chosen] = np.where(fate < masking.masked, masking.mask_id, kept)
    positions = np.zeros(most, np.int32)
    targets = np.full(most, IGNORED, np.int32)
    positions[:count], targets[:count] = chosen, row[chosen]
    return corrupted, positions, targets
