"""Splits whose images are corrupted as they are read.

An image is corrupted before it is resized for a model, so that every model is given the same corrupted image whatever
its input size and crop.  Images whose shorter side has more than 224 pixels are brought to that first: the strength
of noise, blur and compression means the same there for a photograph of any size (ImageNet-C was made at 224 pixels
too).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from suite.data.corruptions.corruption import corrupt
from suite.data.dataset import Image, Split
from suite.data.decoding import resize_image
from suite.spec.robustness import version_of

__all__ = ["WORKING_SIDE", "corrupted", "to_working_size"]

WORKING_SIDE = 224
"""Pixels of the shorter side at which large images are corrupted."""


@dataclass(frozen=True)
class _Corrupted:
    """Reads example ``i`` corrupted."""

    read: Callable[[int], Any]
    ids: Sequence[str]
    corruption: str
    severity: int

    def __call__(self, index: int) -> Any:
        example = self.read(index)
        if isinstance(example, tuple):
            # Of two texts each is corrupted by itself, and not by the same strokes.
            return tuple(
                corrupt(self.corruption, text, severity=self.severity, example_id=f"{self.ids[index]}{place or ''}")
                for place, text in enumerate(example)
            )
        image = to_working_size(example)
        return corrupt(self.corruption, image, severity=self.severity, example_id=self.ids[index])


def corrupted(split: Split, corruption: str, severity: int) -> Split:
    """The same examples in the same order, corrupted; a cache keeps them apart by the name of the split.

    Args:
        split: Of images or texts.
        corruption: A registered corruption of those.
        severity: 1 to 5.
    """
    name = f"{split.name}, {corruption} {severity}, version {version_of(corruption)}"
    return replace(split, name=name, read=_Corrupted(split.read, split.ids, corruption, severity))


def to_working_size(image: Image) -> Image:
    """The image with a shorter side of at most ``WORKING_SIDE``, its proportions kept."""
    height, width = image.shape[:2]
    factor = WORKING_SIDE / min(height, width)
    if factor >= 1:
        return image
    return resize_image(image, (round(height * factor), round(width * factor)))
