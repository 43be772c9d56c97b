"""An image out of focus."""

from __future__ import annotations

import io
from typing import ClassVar, Literal

import numpy as np
import PIL.Image
from numpy.typing import NDArray

__all__ = ["Blur", "Brightness", "Contrast", "Jpeg", "Noise", "Occlusion", "Pixelation"]


class Blur:
    """A Gaussian blur whose width is a share of the image's shorter side."""

    summary: ClassVar[str] = "Gaussian blur; strength: its deviation as a share of the shorter side"
    kind: ClassVar[Literal["image", "text"]] = "image"
    strengths: ClassVar[tuple[float, ...]] = (0.005, 0.0075, 0.0105, 0.015, 0.021)
    version: ClassVar[int] = 1

    @classmethod
    def apply(cls, example: NDArray[np.uint8], strength: float, generator: np.random.Generator) -> NDArray[np.uint8]:
        """The blurred image; nothing in it is random."""
        from scipy.ndimage import gaussian_filter

        sigma = strength * min(example.shape[:2])
        blurred = gaussian_filter(example.astype(np.float32), sigma=(sigma, sigma, 0), mode="nearest")
        rounded: NDArray[np.uint8] = np.clip(np.rint(blurred), 0, 255).astype(np.uint8)
        return rounded


# An image exposed for too long, or not long enough.


class Brightness:
    """Half of the images become brighter, the others darker; what leaves the range is lost."""

    summary: ClassVar[str] = "brighter or darker, by the toss of a coin; strength: the shift as a share of white"
    kind: ClassVar[Literal["image", "text"]] = "image"
    strengths: ClassVar[tuple[float, ...]] = (0.45, 0.53, 0.6, 0.7, 0.78)
    version: ClassVar[int] = 1

    @classmethod
    def apply(cls, example: NDArray[np.uint8], strength: float, generator: np.random.Generator) -> NDArray[np.uint8]:
        """The shifted image, clipped to 0 to 255."""
        shift = round(255 * strength) * (1 if generator.random() < 0.5 else -1)
        shifted: NDArray[np.uint8] = np.clip(example.astype(np.int16) + shift, 0, 255).astype(np.uint8)
        return shifted


# An image in haze.


class Contrast:
    """Less contrast: every pixel moves towards the mean of the image."""

    summary: ClassVar[str] = "less contrast; strength: the share of it that is lost"
    kind: ClassVar[Literal["image", "text"]] = "image"
    strengths: ClassVar[tuple[float, ...]] = (0.68, 0.75, 0.82, 0.87, 0.91)
    version: ClassVar[int] = 1

    @classmethod
    def apply(cls, example: NDArray[np.uint8], strength: float, generator: np.random.Generator) -> NDArray[np.uint8]:
        """The paler image; nothing in it is random."""
        mean = example.mean(axis=(0, 1), dtype=np.float64)
        paler: NDArray[np.uint8] = np.rint(mean + (example - mean) * (1 - strength)).astype(np.uint8)
        return paler


# An image that was compressed too much.


class Jpeg:
    """JPEG at a low quality, and back."""

    summary: ClassVar[str] = "JPEG compression; strength: the quality that is lost, of 100"
    kind: ClassVar[Literal["image", "text"]] = "image"
    strengths: ClassVar[tuple[float, ...]] = (86, 89, 91, 94, 96)
    version: ClassVar[int] = 1

    @classmethod
    def apply(cls, example: NDArray[np.uint8], strength: float, generator: np.random.Generator) -> NDArray[np.uint8]:
        """The image after one compression; nothing in it is random."""
        buffer = io.BytesIO()
        PIL.Image.fromarray(example).save(buffer, format="JPEG", quality=round(100 - strength))
        with PIL.Image.open(buffer, formats=("JPEG",)) as image:
            return np.asarray(image.convert("RGB"), dtype=np.uint8)


# Grain, as a sensor gives in too little light.


class Noise:
    """Normally distributed noise in every pixel and channel."""

    summary: ClassVar[str] = "normally distributed noise; strength: its deviation as a share of white"
    kind: ClassVar[Literal["image", "text"]] = "image"
    strengths: ClassVar[tuple[float, ...]] = (0.03, 0.065, 0.105, 0.15, 0.22)
    version: ClassVar[int] = 1

    @classmethod
    def apply(cls, example: NDArray[np.uint8], strength: float, generator: np.random.Generator) -> NDArray[np.uint8]:
        """The image with noise, clipped to 0 to 255."""
        noise = generator.standard_normal(example.shape, dtype=np.float32) * (255 * strength)
        noisy: NDArray[np.uint8] = np.clip(np.rint(example + noise), 0, 255).astype(np.uint8)
        return noisy


# Something in front of the lens.

GREY = 127


class Occlusion:
    """A grey rectangle of the image's own proportions, somewhere in it (Zeiler and Fergus 2014, section 4.2)."""

    summary: ClassVar[str] = "a grey patch somewhere; strength: the share of the area that it covers"
    kind: ClassVar[Literal["image", "text"]] = "image"
    strengths: ClassVar[tuple[float, ...]] = (0.12, 0.2, 0.29, 0.37, 0.46)
    version: ClassVar[int] = 1

    @classmethod
    def apply(cls, example: NDArray[np.uint8], strength: float, generator: np.random.Generator) -> NDArray[np.uint8]:
        """The image with the patch, which lies wholly inside."""
        height, width = example.shape[:2]
        tall, wide = (max(1, min(side, round(side * strength**0.5))) for side in (height, width))
        top = int(generator.integers(0, height - tall + 1))
        left = int(generator.integers(0, width - wide + 1))
        covered = example.copy()
        covered[top : top + tall, left : left + wide] = GREY
        return covered


# An image that was small once.


class Pixelation:
    """Squares of one colour, their side a share of the image's shorter side."""

    summary: ClassVar[str] = "coarse pixels; strength: their side as a share of the shorter side"
    kind: ClassVar[Literal["image", "text"]] = "image"
    strengths: ClassVar[tuple[float, ...]] = (0.008, 0.012, 0.016, 0.021, 0.027)
    version: ClassVar[int] = 1

    @classmethod
    def apply(cls, example: NDArray[np.uint8], strength: float, generator: np.random.Generator) -> NDArray[np.uint8]:
        """The image shrunk by averaging and blown up again; nothing in it is random."""
        height, width = example.shape[:2]
        side = max(1.0, strength * min(height, width))
        small = (max(1, round(width / side)), max(1, round(height / side)))
        image = PIL.Image.fromarray(example).resize(small, PIL.Image.Resampling.BOX)
        return np.asarray(image.resize((width, height), PIL.Image.Resampling.NEAREST), dtype=np.uint8)
