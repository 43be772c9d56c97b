"""What every data source gives: named splits of examples that keep their ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from suite.errors import SealedSplitError

__all__ = ["Dataset", "Image", "SkippedExample", "Split", "SplitName"]

SplitName = Literal["train", "validation", "test"]
Image = NDArray[np.uint8]
"""One picture, RGB: shape ``(height, width, 3)``, uint8, 0 to 255."""


@dataclass(frozen=True)
class SkippedExample:
    """One example that could not be decoded and was left out (``on_bad_example: skip``)."""

    id: str
    reason: str


@dataclass(frozen=True)
class Split:
    """Examples of one split, in a fixed order, readable one by one."""

    name: str
    ids: tuple[str, ...]
    """One stable id per example, unique in the data set."""
    targets: NDArray[np.int64]
    """Class index per example, shape ``(len(ids),)``."""
    read: Callable[[int], Image] = field(repr=False)
    """Decodes example ``i``. Raises ``BadExampleError`` naming the file if it cannot be."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Dataset:
    """A data set with its splits, its words and where it came from."""

    name: str
    """Name for people and file names; the seed of made splits is part of it."""
    class_names: tuple[str, ...]
    splits: Mapping[str, Split]
    fingerprint: str
    """SHA-256 (hex) over ids, targets and content; equal exactly when the data is."""
    licence: str | None = None
    """Licence, or None where the source does not say."""
    origin: str = ""
    """Where the data came from: a path, a URL, or a description of its construction."""
    skipped: tuple[SkippedExample, ...] = ()
    made_splits: tuple[str, ...] = ()
    """The splits that the source did not have and that were made from a seed."""

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    def sealed(self) -> Dataset:
        """The same data set with a test split that raises ``SealedSplitError`` when it is looked up."""
        return Dataset(
            name=self.name,
            class_names=self.class_names,
            splits=_SealedSplits(self.splits),
            fingerprint=self.fingerprint,
            licence=self.licence,
            origin=self.origin,
            skipped=self.skipped,
            made_splits=self.made_splits,
        )


class _SealedSplits(dict[str, Split]):
    """Splits without the test split: strategies and searches never see it."""

    def __init__(self, splits: Mapping[str, Split]) -> None:
        super().__init__({name: split for name, split in splits.items() if name != "test"})

    def __missing__(self, name: str) -> Split:
        if name == "test":
            raise SealedSplitError(
                "the test split is sealed: strategies and searches see 'train' and 'validation' only."
            )
        raise KeyError(name)
