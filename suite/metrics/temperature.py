"""Temperature scaling: one number that makes stated confidence fit the share of right answers.

Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017, section 4.2.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from suite.metrics.metric import MissingScore
from suite.store.records.result import Predictions

__all__ = ["CALIBRATION", "COLDEST", "HOTTEST", "at_temperature", "fit_temperature"]

CALIBRATION = ("expected_calibration_error", "log_loss", "brier")
"""The metrics that a temperature may change and that are told before and after; it changes no answer."""
COLDEST, HOTTEST = 0.05, 20.0
EDGE = 1.02
"""An optimum within this factor of a limit is the limit's, not the data's."""
SMALLEST = float(np.finfo(np.float32).tiny)
"""Probabilities are kept in single precision: one that is 0 there was at most this."""


def fit_temperature(validation: Predictions) -> float:
    """The temperature at which validation is most likely; the negative log-likelihood is convex in its inverse.

    Args:
        validation: Predictions on examples that the model was not fitted on.

    Returns:
        Between ``COLDEST`` and ``HOTTEST``; 1 leaves everything as it is.

    Raises:
        MissingScore: Without examples, with one class, and where no temperature between the limits is best: with every
            example named rightly the likelihood grows without end as the temperature falls.
    """
    from scipy.optimize import minimize_scalar

    if len(validation.targets) == 0 or validation.probabilities.shape[1] < 2:
        raise MissingScore("a temperature needs validation examples of at least 2 classes.")
    logits = _logits(validation)
    truth = logits[np.arange(len(logits)), validation.targets]

    def loss(inverse: float) -> float:
        return float((_log_sum_exp(logits * inverse) - truth * inverse).mean())

    found = minimize_scalar(loss, bounds=(1 / HOTTEST, 1 / COLDEST), method="bounded", options={"xatol": 1e-6})
    temperature = 1 / float(found.x)
    if temperature <= COLDEST * EDGE:
        raise MissingScore("on validation no temperature is best: colder is always better there, as if it never erred.")
    if temperature >= HOTTEST / EDGE:
        raise MissingScore("on validation no temperature is best: hotter is always better there, as if it guessed.")
    return temperature


def at_temperature(predictions: Predictions, temperature: float) -> Predictions:
    """The predictions with their logits divided by ``temperature``; the answers stay the same."""
    scaled = _logits(predictions) / temperature
    shifted = np.exp(scaled - _log_sum_exp(scaled)[:, None])
    return replace(predictions, probabilities=shifted.astype(np.float32))


def _logits(predictions: Predictions) -> NDArray[np.float64]:
    """Logarithms of the probabilities: the logits up to a constant per example, which changes nothing."""
    return np.asarray(np.log(np.maximum(predictions.probabilities.astype(np.float64), SMALLEST)))


def _log_sum_exp(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    most = logits.max(axis=1)
    return np.asarray(most + np.log(np.exp(logits - most[:, None]).sum(axis=1)))
