"""What chooses inside a fit - an epoch, the strength of a probe, a number of neighbours: the headline metric."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass

from suite.metrics.metric import Metric, MissingScore, metrics_named
from suite.store.records.outputs import Outputs

__all__ = ["BY_LOSS", "Judge", "Judgement"]

BY_LOSS = "loss"
"""What chose where the headline metric cannot be computed of what a fit knows of validation."""


@dataclass(frozen=True)
class Judgement:
    """How good one candidate is on validation."""

    score: float | None
    """The headline metric in its own unit; None where it cannot be computed."""
    loss: float
    """Mean cross-entropy in nats; of equals the lower one wins."""
    higher_is_better: bool = True
    """Of ``score``."""

    @property
    def rank(self) -> tuple[float, float]:
        """The larger, the better: the score first, then the loss."""
        if self.score is None:
            return -math.inf, -self.loss
        return (self.score if self.higher_is_better else -self.score), -self.loss

    @property
    def height(self) -> float:
        """One number, the higher the better: the score, or where there is none the loss."""
        return -self.loss if self.score is None else self.rank[0]


@dataclass(frozen=True)
class Judge:
    """Judges candidates of one fit by one metric."""

    metric: Metric
    class_names: tuple[str, ...] = ()
    """Of the data set; none where answers are texts."""

    @classmethod
    def by(cls, headline: str, class_names: tuple[str, ...] = ()) -> Judge:
        """The judge of a spec's headline. Raises ``UnknownNameError`` where there is no such metric."""
        return cls(metrics_named([headline])[0], class_names)

    def __call__(self, predictions: Outputs, loss: float) -> Judgement:
        """How good these predictions of validation are; no score without a finite ``loss``, their cross-entropy."""
        score = None
        if math.isfinite(loss):
            with contextlib.suppress(MissingScore):
                score = self.metric(predictions)
        return Judgement(score, loss, self.metric.higher_is_better)

    def chose(self, *scores: float | None) -> str:
        """What chose among candidates with these scores: the metric's name, or ``BY_LOSS`` where none has one."""
        return BY_LOSS if all(score is None for score in scores) else self.metric.name
