"""The data of ``specs/vision.json`` as arrays, for both sides of a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from suite.cache import cache_root
from suite.data.cache import decoded
from suite.data.dataset import Dataset

__all__ = ["HomeData"]

SPEC = Path(__file__).parents[1] / "specs" / "vision.json"


@dataclass(frozen=True)
class HomeData:
    """The spec's home data set exactly as it is listed there, splits included, decoded at any size."""

    @cached_property
    def dataset(self) -> Dataset:
        """The data set as a run of the spec loads it: the peer sees the same training examples."""
        from suite.runner.warm import load_dataset
        from suite.spec.spec import load_spec

        return load_dataset(load_spec(SPEC).datasets[0])

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.dataset.num_classes

    def images(self, split: str, size: tuple[int, int]) -> Any:
        """Images of a split, uint8, in memory."""
        return np.array(decoded(self.dataset.splits[split], self.dataset, size=size, root=cache_root()))

    @property
    def train_targets(self) -> Any:
        """Class indices."""
        return self.dataset.splits["train"].targets

    @property
    def validation_targets(self) -> Any:
        """Class indices."""
        return self.dataset.splits["validation"].targets

    @property
    def test_targets(self) -> Any:
        """Class indices."""
        return self.dataset.splits["test"].targets
