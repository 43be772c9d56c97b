"""How far a classifier's probabilities can be believed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suite.metrics.classification import normalised
from suite.metrics.metric import MissingScore, metric
from suite.store.records.result import Predictions

__all__ = ["BINS", "ReliabilityBins", "bin_of", "brier", "expected_calibration_error", "log_loss", "reliability_bins"]

BINS = 15
SMALLEST_PROBABILITY = float(np.finfo(np.float64).eps)
"""A probability of 0 for the true class would cost infinitely much; scikit-learn clips at the same place."""


@dataclass(frozen=True)
class ReliabilityBins:
    """Predictions sorted into equal-width bins by the probability of the predicted class."""

    edges: NDArray[np.float64]
    """Shape ``(bins + 1,)``, from 0 to 1."""
    confidence: NDArray[np.float64]
    """Mean probability of the predicted class in each bin, shape ``(bins,)``; NaN where it is empty."""
    accuracy: NDArray[np.float64]
    """Share of right predictions in each bin; NaN where it is empty."""
    count: NDArray[np.int64]

    @property
    def expected_calibration_error(self) -> float:
        """Mean gap between confidence and accuracy, weighted by the bins' counts; NaN without examples."""
        filled = self.count > 0
        if not filled.any():
            return float("nan")
        gaps = np.abs(self.confidence[filled] - self.accuracy[filled])
        return float(np.average(gaps, weights=self.count[filled]))


def reliability_bins(predictions: Predictions, bins: int = BINS) -> ReliabilityBins:
    """Sorts predictions into ``bins`` bins ``(low, high]`` of equal width."""
    probabilities = normalised(predictions)
    confidence = probabilities.max(axis=1)
    correct = predictions.labels == predictions.targets
    edges = np.linspace(0.0, 1.0, bins + 1)
    which = _bin_of(confidence, edges)
    count = np.bincount(which, minlength=bins)
    empty = np.full(bins, np.nan)
    return ReliabilityBins(
        edges=edges,
        confidence=np.divide(np.bincount(which, confidence, bins), count, out=empty.copy(), where=count > 0),
        accuracy=np.divide(np.bincount(which, correct, bins), count, out=empty.copy(), where=count > 0),
        count=count.astype(np.int64),
    )


def bin_of(predictions: Predictions, edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """The bin of each prediction, shape ``(n,)``; ``edges`` are those of ``reliability_bins``."""
    return _bin_of(normalised(predictions).max(axis=1), edges)


def _bin_of(confidence: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray(np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, len(edges) - 2))


def _gaps(predictions: Predictions) -> NDArray[np.float64]:
    """What each example adds to the calibration error, shape ``(n,)``; their mean is the error.

    That is its bin's gap, and how far its own confidence less right or wrong lies from it.  A gap has no sign, so that
    luck moves one near 0 less than the sum behind it, down to 0.6 of it: the deviation of a folded normal distribution
    (Leone, Nelson and Nottingham 1961, The Folded Normal Distribution, Technometrics 3).
    """
    confidence = normalised(predictions).max(axis=1)
    apart = confidence - (predictions.labels == predictions.targets)
    which = _bin_of(confidence, np.linspace(0.0, 1.0, BINS + 1))
    count = np.maximum(np.bincount(which, minlength=BINS), 1)
    gap = np.bincount(which, apart, BINS) / count
    rest = apart - gap[which]
    error = np.sqrt(np.bincount(which, rest**2, BINS) / np.maximum(count - 1, 1) / count)
    sure = np.divide(gap, error, out=np.full(BINS, np.inf), where=error > 0) ** 2
    # A gap that is seen is larger than the true one by its own error, on average.
    moves = np.sign(gap) * _folded_deviation(np.sqrt(np.maximum(sure - 1, 0.0)))
    return np.asarray(np.abs(gap)[which] + moves[which] * rest)


def _folded_deviation(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """The standard deviation of the size of a normal number with this mean and a deviation of 1."""
    from scipy.special import erf

    known = np.minimum(mean, 10.0)  # beyond, a sign never changes
    folded = math.sqrt(2 / math.pi) * np.exp(-(known**2) / 2) + known * erf(known / math.sqrt(2))
    return np.asarray(np.sqrt(np.maximum(known**2 + 1 - folded**2, 0.0)))


def _negative_log_likelihood(predictions: Predictions) -> NDArray[np.float64]:
    probabilities = normalised(predictions)
    of_truth = probabilities[np.arange(len(probabilities)), predictions.targets]
    clipped = np.clip(of_truth, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return np.asarray(-np.log(clipped))


def _squared_distance(predictions: Predictions) -> NDArray[np.float64]:
    probabilities = normalised(predictions)
    truth = np.eye(probabilities.shape[1])[predictions.targets]
    return np.asarray(((probabilities - truth) ** 2).sum(axis=1))


@metric(
    "log_loss",
    higher_is_better=False,
    summary="Mean negative logarithm of the probability of the true class, in nats; from 0 (best).",
    per_example=_negative_log_likelihood,
)
def log_loss(predictions: Predictions) -> float:
    """Mean negative logarithm of the probability of the true class, in nats; a probability of 0 counts as 2e-16."""
    return float(_negative_log_likelihood(predictions).mean())


@metric(
    "brier",
    label="Brier score",
    higher_is_better=False,
    summary="Mean squared distance of the probabilities from the truth, summed over classes; 0 (best) to 2.",
    per_example=_squared_distance,
    bounds=(0.0, 2.0),
)
def brier(predictions: Predictions) -> float:
    """Mean squared distance of the probabilities from the truth, summed over classes (Brier 1950)."""
    return float(_squared_distance(predictions).mean())


@metric(
    "expected_calibration_error",
    label="calibration error",
    higher_is_better=False,
    summary="Mean gap between confidence and accuracy over 15 equal-width bins; 0 (best) to 1.",
    influences=_gaps,
    bounds=(0.0, 1.0),
)
def expected_calibration_error(predictions: Predictions) -> float:
    """Mean gap between confidence and accuracy over 15 equal-width bins.

    Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017, equation 3.
    """
    if predictions.probabilities.shape[1] < 2:
        raise MissingScore("calibration needs at least 2 classes; there is 1.")
    return reliability_bins(predictions).expected_calibration_error
