"""What the metrics of one file and another ask of predictions before they compute anything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from suite.metrics.metric import MissingScore
from suite.store.records.result import Predictions

__all__ = ["normalised", "refuse_absent_classes"]


def normalised(predictions: Predictions) -> NDArray[np.float64]:
    """The probabilities in double precision, rows summing to 1 exactly; shape ``(n, classes)``.

    A softmax in single precision sums to 1 within 1e-6, which scikit-learn warns about.
    """
    probabilities = predictions.probabilities.astype(np.float64)
    return np.asarray(probabilities / probabilities.sum(axis=1, keepdims=True))


def refuse_absent_classes(predictions: Predictions, what: str) -> None:
    """Raises ``MissingScore`` naming up to three classes that have no example."""
    counts = np.bincount(predictions.targets, minlength=predictions.probabilities.shape[1])
    absent = [predictions.class_names[index] for index in np.flatnonzero(counts == 0)]
    if absent:
        named = ", ".join(f"'{name}'" for name in absent[:3]) + (", ..." if len(absent) > 3 else "")
        raise MissingScore(f"{what} needs an example of every class; there is none of {named}.")
