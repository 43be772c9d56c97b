"""Images in files: decoded when they are asked for; of more than 8 bits a pixel by the levels of their data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from suite.data.dataset import Dataset, Image, Split
from suite.data.decoding import decode_image, deep_values
from suite.data.files import FileTree
from suite.errors import BadExampleError
from suite.store.records.reading import FULL, Levels

__all__ = ["FileImages", "ImageFiles", "with_levels"]

DEEP = ("16 bits, grey", "32 bits, grey", "numbers with a point, grey")
"""Modes of ``image_facts`` whose values have more than 8 bits when they are decoded."""
VALUES = 10_000
"""Of each image, that levels are measured on."""
CLIPPED = 0.001
"""The share of values at each end that may be cut off: a few hot pixels shall not cost the others their contrast."""


@dataclass(frozen=True)
class ImageFiles:
    """The bytes of the files of one split."""

    tree: FileTree
    names: tuple[str, ...]
    problems: Mapping[int, str] = field(default_factory=dict)
    """Why an example has no file, by its number."""

    def __call__(self, index: int) -> bytes:
        """The bytes of example ``index``. Raises ``BadExampleError`` where they cannot be read."""
        if index in self.problems:
            raise BadExampleError(self.problems[index])
        return self.tree.read(self.names[index])


@dataclass
class _Held:
    """Levels that are known once there is a training split, for all splits of a data set together."""

    levels: Levels = FULL


@dataclass(frozen=True)
class FileImages:
    """The images of one split."""

    content: ImageFiles
    held: _Held = field(default_factory=_Held)

    def __call__(self, index: int) -> Image:
        """Image ``index``. Raises ``BadExampleError`` where it cannot be decoded."""
        name = f"{self.content.tree.place}/{self.content.names[index]}"
        return decode_image(self.content(index), name=name, levels=self.held.levels)

    @classmethod
    def of_splits(cls, contents: Sequence[ImageFiles]) -> tuple[FileImages, ...]:
        """The images of the splits of one data set, which have their levels in common."""
        held = _Held()
        return tuple(cls(content, held) for content in contents)


def with_levels(dataset: Dataset, images: FileImages, content_of: Callable[[str], bytes]) -> Dataset:
    """The data set with the levels of its training split, where any image has more than 8 bits a pixel.

    Args:
        dataset: Whose splits read ``images``.
        images: Of any of its splits.
        content_of: The bytes of an example by its id.
    """
    if dataset.reading is None or not any(mode in DEEP for mode in dataset.reading.modes):
        return dataset
    images.held.levels = _levels_of(dataset.splits["train"], content_of)
    return replace(dataset, reading=dataset.reading.model_copy(update={"levels": images.held.levels}))


def _levels_of(train: Split, content_of: Callable[[str], bytes]) -> Levels:
    found = [values for one in train.ids if (values := deep_values(content_of(one), most=VALUES)) is not None]
    values = np.concatenate(found) if found else np.zeros(0)
    if not len(values):
        return FULL
    low, high = np.quantile(values, (CLIPPED, 1 - CLIPPED), method="nearest").tolist()
    if low == high:  # nothing but a few values differs
        low, high = float(values.min()), float(values.max())
    return (low, high) if low < high else FULL
