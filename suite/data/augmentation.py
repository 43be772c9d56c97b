"""Augmentations of uint8 image batches, one function each; chosen by name in a spec.

Each takes images of shape ``(batch, height, width, 3)``, uint8, and a NumPy generator, and returns a new
array of the same shape and type.  All randomness comes from the generator, so that a seed and an epoch
give the same images on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["AUGMENTATIONS", "augment"]

Images = NDArray[np.uint8]


def flip(images: Images, generator: np.random.Generator) -> Images:
    """Mirrors half of the images left to right."""
    mirrored = generator.random(len(images)) < 0.5
    return np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)


def shift(images: Images, generator: np.random.Generator) -> Images:
    """Moves each image by up to an eighth of its side in both directions, edges reflected."""
    count, height, width, _ = images.shape
    reach_y, reach_x = max(1, height // 8), max(1, width // 8)
    padded = np.pad(images, ((0, 0), (reach_y, reach_y), (reach_x, reach_x), (0, 0)), mode="reflect")
    rows = generator.integers(0, 2 * reach_y + 1, count)[:, None] + np.arange(height)
    columns = generator.integers(0, 2 * reach_x + 1, count)[:, None] + np.arange(width)
    shifted: Images = padded[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return shifted


def brightness(images: Images, generator: np.random.Generator) -> Images:
    """Scales each image's values by 0.7 to 1.3."""
    factors = generator.uniform(0.7, 1.3, (len(images), 1, 1, 1)).astype(np.float32)
    scaled: Images = np.clip(images * factors, 0, 255).astype(np.uint8)
    return scaled


def contrast(images: Images, generator: np.random.Generator) -> Images:
    """Moves each image's values towards or away from its mean by a factor of 0.7 to 1.3."""
    factors = generator.uniform(0.7, 1.3, (len(images), 1, 1, 1)).astype(np.float32)
    means = images.mean(axis=(1, 2, 3), keepdims=True, dtype=np.float32)
    spread: Images = np.clip((images - means) * factors + means, 0, 255).astype(np.uint8)
    return spread


def erase(images: Images, generator: np.random.Generator) -> Images:
    """Covers a square of a quarter of the side in half of the images with their mean colour."""
    erased = images.copy()
    count, height, width, _ = images.shape
    side_y, side_x = max(1, height // 4), max(1, width // 4)
    tops, lefts = generator.integers(0, height - side_y + 1, count), generator.integers(0, width - side_x + 1, count)
    for index in np.flatnonzero(generator.random(count) < 0.5):
        top, left = tops[index], lefts[index]
        erased[index, top : top + side_y, left : left + side_x] = images[index].mean(axis=(0, 1))
    return erased


AUGMENTATIONS: dict[str, Callable[[Images, np.random.Generator], Images]] = {
    "brightness": brightness,
    "contrast": contrast,
    "erase": erase,
    "flip": flip,
    "shift": shift,
}


def augment(images: Images, names: Sequence[str], generator: np.random.Generator) -> Images:
    """Applies the named augmentations in the given order."""
    for name in names:
        images = AUGMENTATIONS[name](images, generator)
    return images
