"""Something in front of the lens."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Occlusion"]

GREY = 127


class Occlusion:
    """A grey rectangle of the picture's own proportions, somewhere in it (Zeiler and Fergus 2014, section 4.2)."""

    summary: ClassVar[str] = "a grey patch somewhere; strength: the share of the area that it covers"
    kind: ClassVar[Literal["image", "text"]] = "image"
    strengths: ClassVar[tuple[float, ...]] = (0.12, 0.2, 0.29, 0.37, 0.46)
    version: ClassVar[int] = 1

    @classmethod
    def apply(cls, example: NDArray[np.uint8], strength: float, generator: np.random.Generator) -> NDArray[np.uint8]:
        """The picture with the patch, which lies wholly inside."""
        height, width = example.shape[:2]
        tall, wide = (max(1, min(side, round(side * strength**0.5))) for side in (height, width))
        top = int(generator.integers(0, height - tall + 1))
        left = int(generator.integers(0, width - wide + 1))
        covered = example.copy()
        covered[top : top + tall, left : left + wide] = GREY
        return covered
