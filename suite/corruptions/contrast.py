"""A picture in haze."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Contrast"]


class Contrast:
    """Less contrast: every pixel moves towards the mean of the picture."""

    summary: ClassVar[str] = "less contrast; strength: the share of it that is lost"
    kind: ClassVar[Literal["image", "text"]] = "image"
    strengths: ClassVar[tuple[float, ...]] = (0.68, 0.75, 0.82, 0.87, 0.91)
    version: ClassVar[int] = 1

    @classmethod
    def apply(cls, example: NDArray[np.uint8], strength: float, generator: np.random.Generator) -> NDArray[np.uint8]:
        """The paler picture; nothing in it is random."""
        mean = example.mean(axis=(0, 1), dtype=np.float64)
        paler: NDArray[np.uint8] = np.rint(mean + (example - mean) * (1 - strength)).astype(np.uint8)
        return paler
