"""Many short texts as rows of equal length, so that pretraining spends nothing on padding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from suite.errors import DataError

__all__ = ["pack"]


def pack(
    texts: Sequence[NDArray[np.int32]], length: int, *, start: Sequence[int] = (), end: Sequence[int] = ()
) -> NDArray[np.int32]:
    """Rows that are full of tokens: texts follow one another and are cut where a row is full.

    What is left over at the end and fills no row is dropped (Liu et al. 2019, section 4.2, "FULL-SENTENCES").

    Args:
        texts: Token ids of each text, without special tokens.
        length: Tokens of a row, special ones counted.
        start: Begins every row.
        end: Follows every text.

    Returns:
        Shape ``(rows, length)``, int32.

    Raises:
        DataError: Where the texts fill no row.
    """
    last = np.asarray(end, np.int32)
    stream = np.concatenate([part for text in texts for part in (text, last)]) if texts else last
    own = length - len(start)
    rows = len(stream) // own
    if rows < 1:
        raise DataError(f"expected texts of at least {own} tokens in all, got {len(stream)}.")
    first = np.broadcast_to(np.asarray(start, np.int32), (rows, len(start)))
    return np.concatenate([first, stream[: rows * own].reshape(rows, own)], axis=1).astype(np.int32)
