"""A picture exposed for too long, or not long enough."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Brightness"]


class Brightness:
    """Half of the pictures become brighter, the others darker; what leaves the range is lost."""

    summary: ClassVar[str] = "brighter or darker, by the toss of a coin; strength: the shift as a share of white"
    kind: ClassVar[Literal["image", "text"]] = "image"
    strengths: ClassVar[tuple[float, ...]] = (0.45, 0.53, 0.6, 0.7, 0.78)
    version: ClassVar[int] = 1

    @classmethod
    def apply(cls, example: NDArray[np.uint8], strength: float, generator: np.random.Generator) -> NDArray[np.uint8]:
        """The shifted picture, clipped to 0 to 255."""
        shift = round(255 * strength) * (1 if generator.random() < 0.5 else -1)
        shifted: NDArray[np.uint8] = np.clip(example.astype(np.int16) + shift, 0, 255).astype(np.uint8)
        return shifted
