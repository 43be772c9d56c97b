"""Linear probe: how often a linear classifier on the features is right about examples that it has not seen."""

from __future__ import annotations

import numpy as np

from suite.metrics.transferability.estimator import Array, Examples, estimator
from suite.metrics.transferability.spectrum import spectrum

__all__ = ["STRENGTHS", "linear_probe"]

STRENGTHS = np.geomspace(1.0, 1e-8, 25)
"""Penalties that are tried, relative to the largest squared singular value, the strongest first."""


@estimator(
    "linear_probe",
    label="linear probe",
    summary="Leave-one-out accuracy of a ridge classifier on the features; 0 to 1.",
    is_share=True,
)
def linear_probe(examples: Examples) -> float:
    """Leave-one-out accuracy of least squares on one-hot labels, with a penalty on the weights.

    Leaving out each example in turn needs no refit: its error is ``e_i / (1 - h_i)``, with the error ``e_i`` of the
    fit to all and the diagonal ``h_i`` of its hat matrix (Hastie, Tibshirani, Friedman: The Elements of
    Statistical Learning, second edition, section 7.10, equation 7.64).  The penalty with the smallest mean squared
    error of this kind is taken, the stronger one of equals; the accuracy itself chooses nothing.

    The strategy ``linear_probe`` fits a logistic regression with a penalty chosen on validation.  This is its
    cheap cousin: one decomposition, no iterations, no seed.
    """
    parts = spectrum(examples.centred)
    labels = examples.one_hot
    base = labels.mean(axis=0)
    left, projected = parts.left, parts.project(labels - base)
    best_error, best_accuracy = np.inf, 0.0
    for penalty in STRENGTHS * parts.squares[0]:
        kept = parts.squares / (parts.squares + penalty)
        predicted = _left_out(labels, base + left @ (kept[:, None] * projected), (left**2) @ kept + 1 / len(labels))
        error = float(((labels - predicted) ** 2).mean())
        if error < best_error:
            best_error = error
            best_accuracy = float((predicted.argmax(axis=1) == examples.targets).mean())
    return best_accuracy


def _left_out(labels: Array, fitted: Array, leverage: Array) -> Array:
    """What the fit without an example says of it, from the fit to all and the leverages ``(n,)``."""
    return np.asarray(labels - (labels - fitted) / (1 - leverage)[:, None])
