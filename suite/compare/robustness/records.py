"""What is known of a cell beyond its test set: the types. ``robust``, ``confidence`` and ``crossing`` make them.

Accuracies and what is lost of them are fractions; intervals are 95 % intervals over examples, fitted models given.
"""

from __future__ import annotations

from suite.store.records.result import Record

__all__ = [
    "AwareScore",
    "CalibrationSummary",
    "ConditionScore",
    "CorruptionLeader",
    "CorruptionScore",
    "CrossCell",
    "Estimate",
    "RobustnessFacts",
    "RobustnessSummary",
    "SelectiveSummary",
]


class Estimate(Record):
    """A number with its interval."""

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None
    """Why the value or its interval is missing, where one is."""


class ConditionScore(Record):
    """One corruption of one severity; means over seeds."""

    corruption: str
    severity: int
    accuracy: Estimate
    lost: Estimate
    """Accuracy on the test set as it is minus this."""


class CorruptionScore(Record):
    """One corruption, the mean over its severities."""

    corruption: str
    accuracy: Estimate
    lost: Estimate
    corruption_error: float | None = None
    """Errors made, summed over severities, as a multiple of the reference's (CE)."""
    relative_error: float | None = None
    """Errors added, summed over severities, as a multiple of the reference's (relative CE); None where that the
    reference loses anything is not certain."""


class RobustnessSummary(Record):
    """A cell on the corrupted test set."""

    seeds: int
    """How many seeds the means cover."""
    clean: float
    """Accuracy on the test set as it is."""
    accuracy: Estimate
    """Mean over corruptions and severities."""
    lost: Estimate
    corruptions: tuple[CorruptionScore, ...]
    conditions: tuple[ConditionScore, ...]
    mean_corruption_error: float | None = None
    """Mean of ``corruption_error`` over corruptions (mCE; Hendrycks and Dietterich 2019, section 4.2)."""
    relative_mean_error: float | None = None
    """Mean of ``relative_error`` (relative mCE) over the corruptions that have one."""
    relative_over: int = 0
    """How many corruptions that mean covers."""
    reason: str | None = None
    """Why one of these two is missing, where one is."""


class CorruptionLeader(Record):
    """Who does best under one corruption, over its severities."""

    corruption: str
    """Empty for the mean over all."""
    most_right: str
    """Cell id of the one that is right most often."""
    as_right: tuple[str, ...]
    """The others that may be the best at it, by the verdict of ``suite.compare.statistics.best``."""
    least_lost: str
    """Cell id of the one that loses least of its accuracy."""
    as_little: tuple[str, ...]
    """The others that may be the best at it, by the verdict of ``suite.compare.statistics.best``."""


class RobustnessFacts(Record):
    """What corrupted examples say of one data set's cells."""

    dataset: str
    severities: tuple[int, ...]
    reference: str
    """Cell id of the one whose errors count as 1: the first of the spec that was tested under all corruptions."""
    leaders: tuple[CorruptionLeader, ...]
    """The mean over all first, then by corruption; empty where predictions were not kept."""


class CalibrationSummary(Record):
    """Temperature scaling, fitted on validation: means over the seeds that have one."""

    seeds: int
    of: int
    temperature: float | None
    before: dict[str, float]
    """Metric to its mean on the home test set, as the models are."""
    after: dict[str, float]
    """The same with each seed's temperature."""
    reason: str | None = None
    """Why seeds have none, where some have none."""


class SelectiveSummary(Record):
    """What is gained by answering only the surest examples; means over seeds."""

    coverages: tuple[float, ...]
    risks: tuple[float, ...]
    """Share of wrong answers among the surest ones, at each coverage."""
    area: float
    """Area under the curve (AURC)."""


class AwareScore(Record):
    """Whether a cell is less sure of examples that belong to none of its classes."""

    name: str
    """Label of the out-of-class data set."""
    examples: int
    shared: tuple[str, ...]
    left_out: int
    auroc: Estimate
    """The chance that a test example is given more confidence than one of these; 0.5 is guessing."""
    passing: float | None
    """The share of these that pass the threshold which 95 % of the test examples pass (FPR at 95 % TPR)."""
    mean_confidence: float
    home_confidence: float | None
    """Mean confidence on the home test set."""


class CrossCell(Record):
    """A cell of one data set, tested on another: means over seeds, on the shared classes only."""

    dataset: str
    """Where it was tested."""
    classes: tuple[str, ...]
    examples: int | None
    score: Estimate
    """The headline there."""
    at_home: float | None
    """The headline on its own test set, on the same classes."""
    drop: float | None
    """How much worse than at home, turned so that positive means worse."""
