"""LEEP: how well the source head's class probabilities predict the labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from suite.metrics.transferability.estimator import Array, Examples, estimator

__all__ = ["expected_empirical_prediction", "leep"]


@estimator(
    "leep",
    label="LEEP",
    summary="Mean log probability of the labels given the source head's classes; up to 0, needs the source head.",
    needs_source_head=True,
)
def leep(examples: Examples) -> float:
    """The log expected empirical prediction, per example in nats; 0 is the best.

    Nguyen, Hassner, Seeger, Archambeau: LEEP: A New Measure to Evaluate Transferability of Learned
    Representations, ICML 2020, section 3, steps 1 to 3.
    """
    assert examples.source_probabilities is not None, "needs_source_head is checked before"  # noqa: S101
    return expected_empirical_prediction(examples.source_probabilities, examples.targets, examples.num_classes)


def expected_empirical_prediction(probabilities: Array, targets: NDArray[np.int64], classes: int) -> float:
    """``mean(log(sum over z of P(y|z) p(z|x)))``, with ``P(y|z)`` counted on the same examples.

    Args:
        probabilities: ``p(z|x)``: of source classes, or of clusters; shape ``(n, k)``.
        targets: Class indices ``(n,)``.
        classes: How many there are.
    """
    joint = np.eye(classes)[targets].T @ probabilities
    marginal = joint.sum(axis=0)
    conditional = np.divide(joint, marginal, out=np.zeros_like(joint), where=marginal > 0)
    predicted = (probabilities * conditional[targets]).sum(axis=1)
    return float(np.log(predicted).mean())
