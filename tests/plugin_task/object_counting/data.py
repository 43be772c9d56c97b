"""Images of some white dots, with their number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from suite.data.assemble import Part, assemble
from suite.data.dataset import Dataset, Image, Split
from suite.data.targets import ArrayTargets
from suite.spec import Options, SplitsSpec

SIZE = 24


class DotsOptions(Options):
    """Options of ``dots``."""

    examples: Annotated[int, Field(ge=30)] = 120


@dataclass(frozen=True)
class Dots:
    """Draws image ``i``, the same one every time."""

    counts: NDArray[np.float32]

    def __call__(self, index: int) -> Image:
        random = np.random.default_rng(index)
        image = np.zeros((SIZE, SIZE, 3), np.uint8)
        for place in random.permutation((SIZE // 4) ** 2)[: int(self.counts[index])]:
            row, column = divmod(int(place), SIZE // 4)
            image[4 * row : 4 * row + 3, 4 * column : 4 * column + 3] = 255
        return image


@dataclass(frozen=True)
class Content:
    """The bytes of image ``i``."""

    read: Dots

    def __call__(self, index: int) -> bytes:
        return self.read(index).tobytes()


class DotsSource:
    """Between 1 and 12 dots on each image."""

    summary: ClassVar[str] = "images of some dots, with their number"
    Options: ClassVar[type[Options]] = DotsOptions

    @classmethod
    def label(cls, options: DotsOptions) -> str:
        """The data set's name for people."""
        return "dots"

    @classmethod
    def tasks(cls, options: DotsOptions) -> tuple[str, ...]:
        """What it is for."""
        return ("object_counting",)

    @classmethod
    def check(cls, options: DotsOptions) -> DotsOptions:
        """Everything is fine."""
        return options

    @classmethod
    def requirements(cls, options: DotsOptions) -> tuple[Any, ...]:
        """Nothing is fetched."""
        return ()

    @classmethod
    def load(cls, options: DotsOptions, *, splits: SplitsSpec, on_bad_example: Any = "error") -> Dataset:
        """The three splits, made from a seed."""
        counts = np.random.default_rng(0).integers(1, 13, options.examples).astype(np.float32)
        read = Dots(counts)
        ids = tuple(f"dots:{index}" for index in range(options.examples))
        split = Split(
            "train", ids, np.zeros(options.examples, np.int64), read, annotations=ArrayTargets(counts, "count")
        )
        return assemble(
            "dots", {"train": Part(split, Content(read))}, class_names=(), splits=splits, on_bad_example=on_bad_example,
            place="dots", origin="drawn", licence="CC0-1.0", answers="count",
        )  # fmt: skip
