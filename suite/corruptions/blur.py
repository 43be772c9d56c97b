"""A picture out of focus."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Blur"]


class Blur:
    """A Gaussian blur whose width is a share of the picture's shorter side."""

    summary: ClassVar[str] = "Gaussian blur; strength: its deviation as a share of the shorter side"
    kind: ClassVar[Literal["image", "text"]] = "image"
    strengths: ClassVar[tuple[float, ...]] = (0.005, 0.0075, 0.0105, 0.015, 0.021)
    version: ClassVar[int] = 1

    @classmethod
    def apply(cls, example: NDArray[np.uint8], strength: float, generator: np.random.Generator) -> NDArray[np.uint8]:
        """The blurred picture; nothing in it is random."""
        from scipy.ndimage import gaussian_filter

        sigma = strength * min(example.shape[:2])
        blurred = gaussian_filter(example.astype(np.float32), sigma=(sigma, sigma, 0), mode="nearest")
        rounded: NDArray[np.uint8] = np.clip(np.rint(blurred), 0, 255).astype(np.uint8)
        return rounded
