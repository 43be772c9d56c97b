"""Examples as arrays on disk: what an exported file is run on, with nothing of Keras."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.data.token_rows import padded_length

__all__ = ["RANGES_OF", "ExampleArrays", "required"]


RANGES_OF = 64
"""Training examples whose ranges are measured at once."""
MASK = "padding_mask"
Batch = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class ExampleArrays:
    """Images, or texts as tokens padded to the longest of them; mapped from disk."""

    arrays: dict[str, NDArray[Any]] = field(repr=False)
    """``images`` ``(n, height, width, 3)`` uint8, or by the names of a text model's inputs ``(n, tokens)`` int32."""

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def save(self, folder: Path) -> None:
        """Writes one ``.npy`` for each name; the folder is made."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in self.arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> ExampleArrays:
        """What ``save`` wrote."""
        files = sorted(folder.glob("*.npy"))
        return cls({file.stem: np.load(file, mmap_mode="r", allow_pickle=False) for file in files})

    @property
    def lengths(self) -> NDArray[np.int64] | None:
        """Tokens of each text, shape ``(n,)``; None for images."""
        mask = self.arrays.get(MASK)
        return None if mask is None else np.asarray(mask).sum(axis=1, dtype=np.int64)

    def batches(self, size: int) -> Iterator[tuple[NDArray[np.int64], Batch]]:
        """All examples once: their positions, and a batch of ``size`` rows, the last example repeated to fill it.

        Texts of about one length share a batch, padded as they were in training.
        """
        lengths = self.lengths
        order = np.arange(len(self)) if lengths is None else np.argsort(lengths, kind="stable")
        for start in range(0, len(order), size):
            positions = order[start : start + size]
            filled = np.concatenate([positions, np.repeat(positions[-1:], size - len(positions))])
            yield positions, self.take(filled)

    def typical(self, count: int) -> Batch:
        """The example of median length so many times, or the first images, repeated where they are too few."""
        lengths = self.lengths
        if lengths is None:
            return self.take(np.resize(np.arange(min(count, len(self))), count))
        median = np.argsort(lengths, kind="stable")[len(self) // 2]
        return self.take(np.full(count, median))

    def take(self, positions: NDArray[np.int64]) -> Batch:
        """Some examples as a file takes them: images float32; tokens int32 no longer than they need be."""
        lengths = self.lengths
        if lengths is None:
            return {name: np.asarray(array[positions], dtype=np.float32) for name, array in self.arrays.items()}
        most = next(iter(self.arrays.values())).shape[1]
        width = min(padded_length(max(int(lengths[positions].max(initial=1)), 1), most), most)
        return {name: np.ascontiguousarray(array[positions, :width]) for name, array in self.arrays.items()}


def required(calibration: ExampleArrays | None) -> ExampleArrays:
    """The examples that ranges are measured on. Raises ``ValueError`` where there are none."""
    if calibration is None:
        raise ValueError("precision int8 needs training examples to measure ranges on")
    return calibration
