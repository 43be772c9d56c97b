"""A headline that cannot be computed on the data is refused before anything is trained."""

from __future__ import annotations

import numpy as np

from suite.data.dataset import Dataset
from suite.errors import DataError
from suite.metrics.computable import computable_on, missing_on

__all__ = ["refuse_headline"]

JUDGED = ("validation", "test")
"""The splits on which the headline chooses and ranks."""


def refuse_headline(dataset: Dataset, headline: str, label: str) -> None:
    """Raises ``DataError`` where the headline cannot be computed on validation or test, with what can be."""
    for name in JUDGED:
        counts = np.bincount(dataset.splits[name].targets, minlength=dataset.num_classes)
        reason = missing_on(headline, counts, dataset.class_names)
        if reason is None:
            continue
        able = set(computable_on(counts, dataset.class_names))
        for other in JUDGED:
            own = np.bincount(dataset.splits[other].targets, minlength=dataset.num_classes)
            able &= set(computable_on(own, dataset.class_names))
        instead = f'Take one that can be, as "headline": {", ".join(sorted(able))}; or' if able else "Please"
        raise DataError(
            f"{label}: the headline '{headline}' cannot be computed on the {name} split: {reason} {instead} give every "
            "class examples in validation and test."
        )
