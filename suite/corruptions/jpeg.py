"""A picture that was compressed too much."""

from __future__ import annotations

import io
from typing import ClassVar, Literal

import numpy as np
import PIL.Image
from numpy.typing import NDArray

__all__ = ["Jpeg"]


class Jpeg:
    """JPEG at a low quality, and back."""

    summary: ClassVar[str] = "JPEG compression; strength: the quality that is lost, of 100"
    kind: ClassVar[Literal["image", "text"]] = "image"
    strengths: ClassVar[tuple[float, ...]] = (86, 89, 91, 94, 96)
    version: ClassVar[int] = 1

    @classmethod
    def apply(cls, example: NDArray[np.uint8], strength: float, generator: np.random.Generator) -> NDArray[np.uint8]:
        """The picture after one compression; nothing in it is random."""
        buffer = io.BytesIO()
        PIL.Image.fromarray(example).save(buffer, format="JPEG", quality=round(100 - strength))
        with PIL.Image.open(buffer, formats=("JPEG",)) as picture:
            return np.asarray(picture.convert("RGB"), dtype=np.uint8)
