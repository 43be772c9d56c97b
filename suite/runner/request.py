"""What goes to a worker and what comes back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from suite.spec.label_budget import Budget
from suite.spec.placement import USUAL_DEVICES, DeviceSettings
from suite.spec.trial import Trial
from suite.store.records.result import Result, Status

__all__ = ["Retries", "Teacher", "TrialEnd", "TrialRequest"]


@dataclass(frozen=True)
class TrialRequest:
    """One trial, with everything that its worker needs to know."""

    trial: Trial
    labels: tuple[str, str, str]
    """Model, data set and strategy as reports name them."""
    folder: Path
    """Where the trial writes its artefacts; on the file system of the store."""
    cache_root: Path
    """Where decoded images and features are kept."""
    threads: int
    search_results: tuple[Result, ...] = ()
    """For a final trial: the search trials of its cell that are done, in the order of the candidates. For a trial of
    a search that goes in turn: those before it."""
    headline: str = "accuracy"
    """Name of the metric that the search goes by, on validation."""
    planned_fits: int = 1
    """How many fits of the cell are planned; what a measurement of XLA may cost depends on it."""
    keep_model: bool = False
    """Write the adapted model; only the best of a cell is kept in the end."""
    devices: DeviceSettings = USUAL_DEVICES
    """How the devices of the worker are used."""
    warm_models: int = 1
    """How many models a worker keeps ready."""
    plugins: tuple[str, ...] = ()
    """Python files that register further variants."""
    label_budgets: tuple[Budget, ...] = ()
    """All label budgets of the spec: features are computed once for the largest."""
    teacher: Teacher | None = None
    """Of a student; None for every other, and where no teacher's trial of this seed is done."""


@dataclass(frozen=True)
class Teacher:
    """The trial that a student learns from."""

    trial_id: str
    model: str
    strategy: str
    validation_score: float | None
    answers: Path
    """``.npz``: what it says of the training examples."""


@dataclass(frozen=True)
class TrialEnd:
    """How a trial ended."""

    status: Status
    result: Result | None = None
    """Only where the status is ``done``."""
    reason: str | None = None
    """One sentence, wherever the status is another."""
    error: str | None = None
    """The traceback, or the last lines of the log."""
    ends_run: bool = False
    """The data set cannot be used, so no further trial can do better; the user has to mend it."""
    error_number: int | None = field(default=None)
    """The operating system's number of an error, which tells a full disk."""
    unexpected: bool = False
    """Whether a library raised it: who knows what it left in the process, so the worker is not used again."""
    memory_bytes: int | None = None
    """Of its worker, when it had ended; None where that did not tell."""


# How often a trial is begun again whose worker or machine was lost.


class Retries:
    """Counts what was lost of each trial, which is no fault of its own, until it was lost too often.

    Args:
        most: How often a trial is begun again.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._lost: Counter[str] = Counter()

    def allow(self, trial_id: str) -> bool:
        """Counts that a trial was lost once more. Returns whether it is begun again."""
        self._lost[trial_id] += 1
        return self._lost[trial_id] <= self.most

    def tries(self, trial_id: str) -> int:
        """How often a trial was begun and lost."""
        return self._lost[trial_id]
