"""LogME: how well a Bayesian linear model on the features explains the labels."""

from __future__ import annotations

import math

import numpy as np

from suite.metrics.metric import MissingScore
from suite.metrics.transferability.estimator import Array, Examples, estimator
from suite.metrics.transferability.spectrum import spectrum

__all__ = ["logme"]

POINTS_PER_DECADE = 4
"""Of the grid that finds the highest hill of the evidence before a search climbs it."""
MARGIN = 1e10
"""How far beyond the spectrum the ratio of the two precisions is searched."""
EXACT = 1e-12
"""Share of the labels' square below which what the features leave unexplained is rounding noise."""


@estimator(
    "logme",
    label="LogME",
    summary="Log evidence per example of a Bayesian linear model of the labels; any number, from the features alone.",
)
def logme(examples: Examples) -> float:
    """The logarithm of maximum evidence per example, mean over one-against-the-rest labels.

    You, Liu, Wang, Long: LogME: Practical Assessment of Pre-trained Models for Transfer Learning, ICML 2021,
    section 4, the log evidence ``L(alpha, beta)`` (equation 2) at its maximum, divided by ``n``.  Weights have the
    prior ``N(0, 1/alpha)`` and labels the noise ``N(0, 1/beta)``; features are taken as they are, not centred.

    The paper climbs with a fixed-point iteration.  Here the scale has a closed form given the ratio
    ``alpha / beta``, so that one variable is left, and the maximum over it is found on a grid and then refined:
    the same maximum, also where the iteration crawls or ends on a lower hill.

    Raises:
        MissingScore: Where the features reproduce a class exactly, with fewer directions than examples: the
            evidence then has no maximum.
    """
    parts = spectrum(examples.features)
    labels = examples.one_hot
    squared = parts.project(labels) ** 2
    total = (labels**2).sum(axis=0)
    unexplained = total - squared.sum(axis=0)
    exact = unexplained < EXACT * total
    if len(parts.squares) == len(labels):
        unexplained[:] = 0.0
    elif exact.any():
        raise MissingScore("the features reproduce the labels exactly, and the evidence grows without limit.")
    classes = zip(squared.T, unexplained, strict=True)
    return float(np.mean([_maximum(parts.squares, column, rest, len(labels)) for column, rest in classes]))


def _maximum(squares: Array, squared: Array, rest: float, examples: int) -> float:
    """The highest log evidence per example over the ratio of the precisions, on its logarithm."""
    from scipy.optimize import minimize_scalar

    def loss(logarithm: float) -> float:
        return -float(_evidence(np.array([logarithm]), squares, squared, rest, examples)[0])

    low, high = math.log10(squares[-1] / MARGIN), math.log10(squares[0] * MARGIN)
    grid = np.linspace(low, high, math.ceil((high - low) * POINTS_PER_DECADE)) * math.log(10)
    values = _evidence(grid, squares, squared, rest, examples)
    top = int(values.argmax())
    around = (grid[max(top - 1, 0)], grid[min(top + 1, len(grid) - 1)])
    refined = minimize_scalar(loss, bounds=around, method="bounded", options={"xatol": 1e-9})
    return max(float(values[top]), -float(refined.fun))


def _evidence(logarithms: Array, squares: Array, squared: Array, rest: float, examples: int) -> Array:
    """Log evidence per example for each ratio ``t = alpha / beta``, with the best ``beta`` for it.

    The labels are normal with covariance ``(1 + F F' / t) / beta``.  In the basis of ``F`` that is a sum over its
    singular values, and the best ``1 / beta`` is the mean of ``y' (1 + F F' / t)^-1 y``.

    Args:
        logarithms: Natural logarithms of ``t``, shape ``(m,)``.
        squares: Squared singular values of the features, shape ``(r,)``.
        squared: Squared coefficients of the labels along the left singular vectors, shape ``(r,)``.
        rest: Square of what is left of the labels outside of them.
        examples: ``n``.
    """
    ratio = np.exp(logarithms)[:, None]
    noise = (rest + (ratio / (squares + ratio)) @ squared) / examples
    volume = np.log1p(squares / ratio).sum(axis=1) / examples
    return np.asarray(-0.5 * (math.log(2 * math.pi) + np.log(noise) + 1 + volume))
