"""A picture that was small once."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import PIL.Image
from numpy.typing import NDArray

__all__ = ["Pixelation"]


class Pixelation:
    """Squares of one colour, their side a share of the picture's shorter side."""

    summary: ClassVar[str] = "coarse pixels; strength: their side as a share of the shorter side"
    kind: ClassVar[Literal["image", "text"]] = "image"
    strengths: ClassVar[tuple[float, ...]] = (0.008, 0.012, 0.016, 0.021, 0.027)
    version: ClassVar[int] = 1

    @classmethod
    def apply(cls, example: NDArray[np.uint8], strength: float, generator: np.random.Generator) -> NDArray[np.uint8]:
        """The picture shrunk by averaging and blown up again; nothing in it is random."""
        height, width = example.shape[:2]
        side = max(1.0, strength * min(height, width))
        small = (max(1, round(width / side)), max(1, round(height / side)))
        picture = PIL.Image.fromarray(example).resize(small, PIL.Image.Resampling.BOX)
        return np.asarray(picture.resize((width, height), PIL.Image.Resampling.NEAREST), dtype=np.uint8)
