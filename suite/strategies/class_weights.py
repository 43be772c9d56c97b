"""Weights of classes: what a mistake costs in each while a model learns."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["ClassWeights", "weights_of"]

ClassWeights = Literal["balanced"]
"""``balanced``: the examples of every class weigh the same together, ``n / (classes * n_c)`` each (King and Zeng 2001,
Logistic Regression in Rare Events Data, Political Analysis 9, section 4.2)."""


def weights_of(targets: NDArray[np.int64], num_classes: int, kind: ClassWeights | None) -> NDArray[np.float64]:
    """The weight of each class, shape ``(num_classes,)``; their mean over the examples is 1.

    Args:
        targets: Class indices ``(n,)`` of what is learned from; every class is in them.
        num_classes: Of the task.
        kind: None weighs all examples alike.
    """
    if kind is None:
        return np.ones(num_classes)
    from sklearn.utils.class_weight import compute_class_weight

    return np.asarray(compute_class_weight(kind, classes=np.arange(num_classes), y=targets), dtype=np.float64)
