"""Grain, as a sensor gives in too little light."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Noise"]


class Noise:
    """Normally distributed noise in every pixel and channel."""

    summary: ClassVar[str] = "normally distributed noise; strength: its deviation as a share of white"
    kind: ClassVar[Literal["image", "text"]] = "image"
    strengths: ClassVar[tuple[float, ...]] = (0.03, 0.065, 0.105, 0.15, 0.22)
    version: ClassVar[int] = 1

    @classmethod
    def apply(cls, example: NDArray[np.uint8], strength: float, generator: np.random.Generator) -> NDArray[np.uint8]:
        """The picture with noise, clipped to 0 to 255."""
        noise = generator.standard_normal(example.shape, dtype=np.float32) * (255 * strength)
        noisy: NDArray[np.uint8] = np.clip(np.rint(example + noise), 0, 255).astype(np.uint8)
        return noisy
