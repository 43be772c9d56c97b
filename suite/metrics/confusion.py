"""Confusion matrices and what follows from them, for one set of predictions or thousands of resamples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suite.store.records.result import Predictions

__all__ = [
    "ClassTable",
    "class_table",
    "confusion_matrix",
    "f1_per_class",
    "mean_over_classes",
    "precision_per_class",
    "recall_per_class",
]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ClassTable:
    """Scores of each class; every array has shape ``(classes,)``, NaN where a class gives no value."""

    precision: Array
    """NaN where the class was never predicted."""
    recall: Array
    """NaN where it has no example."""
    f1: Array
    """NaN where it has neither."""
    support: NDArray[np.int64]
    """Examples of the class."""


def confusion_matrix(predictions: Predictions) -> NDArray[np.int64]:
    """Counts, shape ``(classes, classes)``: row is the true class, column the predicted one."""
    # scikit-learn's function spends 5 ms on checking arrays that are known to be sound; a test compares the two.
    classes = predictions.probabilities.shape[1]
    cells = predictions.targets * classes + predictions.labels
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes).astype(np.int64)


def class_table(counts: NDArray[np.int64]) -> ClassTable:
    """Precision, recall, F1 and support per class of one confusion matrix, shape ``(classes, classes)``."""
    stacked = counts[None].astype(np.float64)
    return ClassTable(
        precision=precision_per_class(stacked)[0],
        recall=recall_per_class(stacked)[0],
        f1=f1_per_class(stacked)[0],
        support=counts.sum(axis=1).astype(np.int64),
    )


def precision_per_class(counts: Array) -> Array:
    """Right predictions of a class over all predictions of it.

    Args:
        counts: Confusion matrices, shape ``(resamples, classes, classes)``.

    Returns:
        Shape ``(resamples, classes)``; NaN where a class was never predicted.
    """
    return _ratio(_diagonal(counts), counts.sum(axis=1))


def recall_per_class(counts: Array) -> Array:
    """Like ``precision_per_class``: found examples of a class over all of them; NaN without examples."""
    return _ratio(_diagonal(counts), counts.sum(axis=2))


def f1_per_class(counts: Array) -> Array:
    """Like ``precision_per_class``: F1; NaN for a class with neither examples nor predictions."""
    return _ratio(2 * _diagonal(counts), counts.sum(axis=1) + counts.sum(axis=2))


def mean_over_classes(per_class: Array, *, absent: float | None = None, support: Array | None = None) -> Array:
    """The mean over classes of each resample.

    Args:
        per_class: Shape ``(resamples, classes)``, NaN where a class gives no value.
        absent: What such a class counts; it is left out of the mean when None.
        support: Weight of each class, same shape; all equal when None.

    Returns:
        Shape ``(resamples,)``.
    """
    weights = np.ones_like(per_class) if support is None else support
    if absent is None:
        weights = np.where(np.isnan(per_class), 0.0, weights)
    values = np.nan_to_num(per_class, nan=absent or 0.0)
    return _ratio((values * weights).sum(axis=1), weights.sum(axis=1))


def _diagonal(counts: Array) -> Array:
    return np.diagonal(counts, axis1=1, axis2=2)


def _ratio(above: Array, below: Array) -> Array:
    return np.asarray(np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0))
