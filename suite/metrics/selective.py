"""What is gained by answering only where the model is sure, and whether it is unsure where it should be.

R. El-Yaniv, Y. Wiener: On the Foundations of Noise-free Selective Classification, JMLR 11, 2010.  Y. Geifman,
R. El-Yaniv: Selective Classification for Deep Neural Networks, NeurIPS 2017.  D. Hendrycks, K. Gimpel: A Baseline for
Detecting Misclassified and Out-of-Distribution Examples in Neural Networks, ICLR 2017.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suite.metrics.intervals import group_moves
from suite.store.records.result import Predictions

__all__ = ["COVERAGES", "Placements", "RiskCoverage", "false_positive_rate", "placements", "risk_coverage"]

Array = NDArray[np.float64]
COVERAGES = tuple(step / 20 for step in range(1, 21))
"""Shares of the examples at which the curve is told."""


@dataclass(frozen=True)
class RiskCoverage:
    """The share of wrong answers among the surest ones."""

    risks: Array
    """At each of ``COVERAGES``: wrong among the surest ``ceil(coverage x n)`` examples."""
    area: float
    """Mean of the risks at 1, 2, ..., n answers (AURC): 0 is best, and ``risks[-1]`` what confidence without any
    knowledge gives."""


def risk_coverage(predictions: Predictions) -> RiskCoverage | None:
    """The risk-coverage curve by the largest probability; None without examples.

    Examples of equal confidence are answered in no order: each counts as the mean of theirs.
    """
    wrong = (predictions.labels != predictions.targets).astype(np.float64)
    if len(wrong) == 0:
        return None
    confidence = predictions.probabilities.max(axis=1)
    _, group, sizes = np.unique(-confidence, return_inverse=True, return_counts=True)
    shared = (np.bincount(group, wrong) / sizes)[np.sort(group)]
    risks = np.cumsum(shared) / np.arange(1, len(wrong) + 1)
    at = [math.ceil(round(coverage * len(wrong), 9)) - 1 for coverage in COVERAGES]
    return RiskCoverage(risks=risks[at], area=float(risks.mean()))


@dataclass(frozen=True)
class Placements:
    """For each example, the share of the other kind that it is on the right side of; ties count half."""

    known: Array
    """Shape ``(n,)``: of the unknown examples, the share with less confidence than this known one."""
    unknown: Array
    """Shape ``(m,)``: of the known examples, the share with more confidence than this unknown one."""

    @property
    def auroc(self) -> float:
        """The chance that a known example is given more confidence than an unknown one."""
        return float(self.known.mean())

    def standard_error(self, groups: NDArray[np.int64] | None = None) -> float | None:
        """Of ``auroc``, over examples of both kinds; None with fewer than 2 of either.

        E. DeLong, D. DeLong, D. Clarke-Pearson (1988), Biometrics 44, equation 4 (for one curve); where known examples
        belong together their part by groups, as N. Obuchowski (1997), Nonparametric Analysis of Clustered ROC Curve
        Data, Biometrics 53, of examples of one kind.

        Args:
            groups: Of the known examples, shape ``(n,)``.
        """
        known = self.known
        if groups is not None:
            known = self.auroc + group_moves(known[:, None] - self.auroc, groups)[:, 0]
        if min(len(known), len(self.unknown)) < 2:
            return None
        return math.sqrt(known.var(ddof=1) / len(known) + self.unknown.var(ddof=1) / len(self.unknown))


def placements(known: Array, unknown: Array) -> Placements:
    """Confidences of examples of known classes, shape ``(n,)``, and of unknown ones, ``(m,)``, both above 0."""
    return Placements(known=_share_below(known, unknown), unknown=1 - _share_below(unknown, known))


def false_positive_rate(known: Array, unknown: Array, *, at: float = 0.95) -> float:
    """The share of unknown examples that pass the threshold which ``at`` of the known ones pass."""
    passing = math.ceil(round(at * len(known), 9))
    threshold = np.sort(known)[len(known) - passing]
    return float((unknown >= threshold).mean())


def _share_below(ours: Array, theirs: Array) -> Array:
    ordered = np.sort(theirs)
    below = np.searchsorted(ordered, ours, side="left")
    up_to = np.searchsorted(ordered, ours, side="right")
    return np.asarray((below + up_to) / (2 * len(ordered)))
