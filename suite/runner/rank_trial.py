"""A ``rank`` trial: what a backbone costs, and what its frozen features say of the labels. Nothing is trained."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.data.batches import Examples
from suite.registry import TRANSFERABILITY
from suite.spec.funnel.rules import over_limits
from suite.store.records.result import Profile, Score
from suite.strategies.workshop import Workshop

__all__ = ["Ranking", "rank_features"]


@dataclass(frozen=True)
class Ranking:
    """What came of it."""

    estimates: Mapping[str, Score]
    """Estimator to its value, or to the reason why there is none."""
    features_seconds: float
    """What computing the features cost, also where they were read from disk."""
    estimate_seconds: float
    notes: tuple[str, ...]


def rank_features(
    workshop: Workshop,
    train: Examples,
    *,
    num_classes: int,
    fingerprint: str,
    profile: Profile,
    asked: Mapping[str, Any],
) -> Ranking:
    """Judges a backbone by its features of the training examples; validation and test are not looked at.

    Args:
        workshop: Of the backbone.
        train: The training split, decoded at its input size.
        num_classes: Of the data set.
        fingerprint: Of the data set.
        profile: Of the backbone with a head; where it breaks a limit, no features are computed.
        asked: ``estimators`` and ``limits``, as ``Cell.ranking`` has them.
    """
    broken = over_limits(profile, asked["limits"])
    if broken is not None:
        missing = Score(value=None, reason="features were not computed, since the model is over a limit.")
        return Ranking(dict.fromkeys(asked["estimators"], missing), 0.0, 0.0, (f"{broken}.",))
    features = workshop.features(train, num_classes=num_classes, fingerprint=fingerprint)
    started = time.perf_counter()
    source = _source_probabilities(workshop, train)
    estimates = {
        name: TRANSFERABILITY.get(name).score(features.values, train.targets, source_probabilities=source)
        for name in asked["estimators"]
    }
    return Ranking(estimates, features.seconds, time.perf_counter() - started, ())


def _source_probabilities(workshop: Workshop, train: Examples) -> NDArray[np.float32] | None:
    """What the head that the backbone was pretrained with says of the examples; None where it came without one."""
    head = workshop.backbone.source_head
    if head is None:
        return None
    return workshop.predictor(head)(train.inputs)
