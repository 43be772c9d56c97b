"""NCE: what is left to know of the labels once the source head's predicted class is known."""

from __future__ import annotations

import numpy as np

from suite.metrics.transferability.estimator import Examples, estimator

__all__ = ["nce"]


@estimator(
    "nce",
    label="NCE",
    summary="Negative entropy of the labels given the source head's predicted class; up to 0, needs the source head.",
    needs_source_head=True,
)
def nce(examples: Examples) -> float:
    """``-H(Y|Z)`` in nats: ``sum of P(y, z) log(P(y, z) / P(z))`` over pairs that occur; 0 is the best.

    Tran, Nguyen, Hassner: Transferability and Hardness of Supervised Classification Tasks, ICCV 2019, the
    conditional entropy of the target labels given the source labels.  The examples have no source labels here:
    ``z`` is the most probable class of the source head, as where the LEEP paper compares the two.
    """
    assert examples.source_probabilities is not None, "needs_source_head is checked before"  # noqa: S101
    source = examples.source_probabilities.argmax(axis=1)
    joint = np.zeros((examples.num_classes, examples.source_probabilities.shape[1]))
    np.add.at(joint, (examples.targets, source), 1.0 / len(source))
    conditional = joint / np.maximum(joint.sum(axis=0), 1.0 / len(source))
    there = joint > 0
    return float((joint[there] * np.log(conditional[there])).sum())
