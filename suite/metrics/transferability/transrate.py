"""TransRate: how many bits fewer the features take once the class is known."""

from __future__ import annotations

import math

import numpy as np

from suite.metrics.transferability.estimator import Array, Examples, estimator

__all__ = ["transrate"]

DISTORTION = 1e-4
"""Epsilon of the paper, for centred features whose squares sum to 1 over all examples."""


@estimator(
    "transrate",
    label="TransRate",
    summary="Coding rate of all features less the mean rate of one class; in nats, higher is better.",
)
def transrate(examples: Examples) -> float:
    """``R(Z, e) - R(Z, e | Y)``, an estimate of the mutual information of features and labels.

    Huang, Huang, Rong, Yang, Wei: Frustratingly Easy Transferability Estimation, ICML 2022, section 3 and its
    listing: ``R(Z, e) = 1/2 log det(1 + Z'Z / (n e))``, for centred features and ``e = 1e-4``; given the labels,
    the mean of ``R`` over the classes, whose features stay centred by the mean of all.  Every class has the same
    weight, as in the listing; with classes of equal size that is the weight by examples.

    The distortion is a length, and features of different models have different scales: they are scaled to
    ``tr(Z'Z) = 1`` first, the listing's numbers for such features.  Unscaled, or scaled by example, the width of
    the features decides: a thousand features of noise then score several hundred times what ten good ones do.
    """
    centred = examples.centred
    scaled = centred / math.sqrt((centred**2).sum())
    within = [_rate(scaled[examples.targets == index]) for index in range(examples.num_classes)]
    return _rate(scaled) - float(np.mean(within))


def _rate(features: Array) -> float:
    """The coding rate of some rows, in nats; from the smaller Gram matrix, which has the same determinant."""
    count, width = features.shape
    gram = features @ features.T if count <= width else features.T @ features
    _, logarithm = np.linalg.slogdet(np.eye(len(gram)) + gram / (count * DISTORTION))
    return 0.5 * float(logarithm)
