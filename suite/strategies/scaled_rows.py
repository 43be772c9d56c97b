"""Standardised features that are never in memory as a whole, and logistic regression on them.

scikit-learn wants all of them as one matrix in double precision. Where that would be large, the same problem is solved
by the same method: L-BFGS with scikit-learn's stopping rules, the loss and its gradient added up over pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from suite.data.large import let_go

__all__ = ["LARGE_FEATURES", "ScaledRows", "mean_and_deviation", "solve_by_pieces"]

Array = NDArray[np.float64]

LARGE_FEATURES = 32_000_000
"""Numbers in the features of both splits from which they are read in pieces; in double precision 256 MB."""
PIECE = 100_000
"""Numbers in double precision at once: what fits into a processor's cache is done sooner."""
LET_GO_AFTER = 100
"""Pieces after which the pages that were read are given back."""


@dataclass(frozen=True)
class ScaledRows:
    """Features of one split or of several behind one another, standardised as they are read."""

    parts: tuple[NDArray[np.float32], ...] = field(repr=False)
    """Raw features ``(n, width)``, usually mapped from disk."""
    mean: Array
    deviation: Array

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def pieces(self) -> Iterator[Array]:
        """All rows, some thousands at a time."""
        for part in self.parts:
            for raw in _pieces(part):
                piece: Array = raw - self.mean
                piece /= self.deviation
                yield piece

    def logits(self, kernel: Array, bias: Array) -> Array:
        """``features @ kernel + bias``, shape ``(n, classes)``."""
        return np.concatenate([piece @ kernel + bias for piece in self.pieces()])


def mean_and_deviation(features: NDArray[np.float32]) -> tuple[Array, Array]:
    """Of each column, in double precision; two passes over the rows."""
    mean = sum(piece.sum(axis=0, dtype=np.float64) for piece in _pieces(features)) / len(features)
    squares = sum(np.square(piece - mean).sum(axis=0) for piece in _pieces(features))
    return mean, np.sqrt(squares / len(features))


def solve_by_pieces(
    rows: ScaledRows,
    targets: NDArray[np.int64],
    strength: float,
    *,
    num_classes: int,
    class_weights: Array,
    max_iterations: int,
    start: tuple[Array, Array] | None,
) -> tuple[Array, Array]:
    """Kernel ``(width, classes)`` and bias ``(classes,)`` that minimise mean loss + strength/2 |kernel|^2.

    The losses of examples are multiplied by the ``class_weights`` of their class, shape ``(classes,)``.  With two
    classes one logit is fitted against zero and penalised by strength/2 |w|^2; it is given as two with the same
    probabilities, -w/2 and w/2, whose kernel has half that square.
    """
    from scipy.optimize import minimize

    columns = 1 if num_classes == 2 else num_classes
    begin = np.zeros((len(rows.mean) + 1, columns))
    if start is not None:
        kernel, bias = start
        whole = np.concatenate([kernel, bias[None, :]])
        begin[:] = whole[:, 1:] - whole[:, :1] if columns == 1 else whole

    def loss(flat: Array) -> tuple[float, Array]:
        return _loss(rows, targets, flat.reshape(begin.shape), strength, class_weights)

    options = {"maxiter": max_iterations, "maxls": 50, "gtol": 1e-4, "ftol": 64 * np.finfo(float).eps}
    found = minimize(loss, begin.ravel(), method="L-BFGS-B", jac=True, options=options).x.reshape(begin.shape)
    if columns == 1:
        found = np.concatenate([-found, found], axis=1) / 2
    return found[:-1], found[-1]


def _loss(
    rows: ScaledRows, targets: NDArray[np.int64], weights: Array, strength: float, class_weights: Array
) -> tuple[float, Array]:
    """Mean cross-entropy and penalty, and their gradient; the last row of the weights is the bias."""
    total, gradient, done = 0.0, np.zeros_like(weights), 0
    for piece in rows.pieces():
        known = targets[done : done + len(piece)]
        done += len(piece)
        logits = piece @ weights[:-1] + weights[-1]
        losses, wrong = _against_zero(logits, known) if weights.shape[1] == 1 else _of_classes(logits, known)
        weighed = class_weights[known]
        total += float(losses @ weighed)
        wrong *= weighed[:, None]
        gradient[:-1] += piece.T @ wrong
        gradient[-1] += wrong.sum(axis=0)
    gradient /= len(rows)
    gradient[:-1] += strength * weights[:-1]
    return total / len(rows) + strength / 2 * float(np.square(weights[:-1]).sum()), gradient.ravel()


def _of_classes(logits: Array, targets: NDArray[np.int64]) -> tuple[Array, Array]:
    """Losses ``(n,)`` and how wrong each probability is, ``(n, classes)``."""
    each = np.arange(len(targets))
    logits -= logits.max(axis=1, keepdims=True)
    right = logits[each, targets]
    wrong = np.exp(logits)
    sums = wrong.sum(axis=1)
    wrong /= sums[:, None]
    wrong[each, targets] -= 1.0
    return np.log(sums) - right, wrong


def _against_zero(logits: Array, targets: NDArray[np.int64]) -> tuple[Array, Array]:
    """The same for one logit, of the second of two classes; ``(n, 1)``."""
    one = logits[:, 0]
    probability = np.exp(-np.logaddexp(0.0, -one))
    wrong: Array = probability - targets
    return np.logaddexp(0.0, one) - targets * one, wrong[:, None]


def _pieces(features: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    step = max(1, PIECE // features.shape[1])
    for count, start in enumerate(range(0, len(features), step), start=1):
        yield features[start : start + step]
        if count % LET_GO_AFTER == 0:
            let_go(features)
