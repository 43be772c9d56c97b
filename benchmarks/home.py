"""The data of ``specs/vision.json`` as arrays, for both sides of a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from suite.data.cache import cache_root, decoded
from suite.data.dataset import Dataset

__all__ = ["HomeData"]


@dataclass(frozen=True)
class HomeData:
    """``digits_photo``, its splits decoded at any size."""

    @cached_property
    def dataset(self) -> Dataset:
        """The data set as the suite's source gives it."""
        from suite.data.sklearn import SklearnSource
        from suite.spec import SplitsSpec

        options = SklearnSource.Options.model_validate({"name": "digits_photo"})
        return SklearnSource.load(options, splits=SplitsSpec(), on_bad_example="error")

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.dataset.num_classes

    def images(self, split: str, size: tuple[int, int]) -> Any:
        """Pictures of a split, uint8, in memory."""
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
