"""How a run stands, as a page or a program is told."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from suite.compare.advice.readiness import no_answer_words
from suite.compare.number_format import plural
from suite.runner.progress import duration
from suite.store.records.result import EpochRecord, Status

__all__ = ["Counts", "EndedTrial", "LiveState", "Phase", "ReportState", "RunningTrial", "TrialName"]

Phase = Literal["waiting", "running", "stopped", "finished", "unreadable"]
ReportState = Literal["none", "current", "behind", "due", "being made"]
"""``due`` is behind the results, and will be made again."""


@dataclass(frozen=True)
class TrialName:
    """Which trial it is, in the words of the report."""

    id: str
    model: str
    dataset: str
    strategy: str
    what: str
    """``seed 1``, ``search``, ``first epochs``, ``features``; with the number of labels where it is not all."""


@dataclass(frozen=True)
class RunningTrial:
    """A trial that a worker has."""

    name: TrialName
    started: float | None
    """Seconds since 1970; None before its worker has said so."""
    setting: dict[str, Any]
    planned_epochs: int | None
    epochs: tuple[EpochRecord, ...]
    earlier: tuple[tuple[float, ...], ...]
    """Validation scores by epoch of fits of the same cell that are done."""
    seconds_left: float | None
    """By trials like it."""


@dataclass(frozen=True)
class EndedTrial:
    """A trial that is stored."""

    name: TrialName
    status: Status
    score: float | None
    """The headline metric on validation; a test score of one seed is not told before all are in the report."""
    seconds: float | None
    finished: str
    """ISO 8601, UTC."""
    reason: str | None
    error: str
    """The last lines of its traceback or log; empty where there are none."""
    setting: dict[str, Any]


@dataclass(frozen=True)
class Counts:
    """Trials of the plan by how they stand; each is counted once."""

    done: int = 0
    unsuccessful: int = 0
    """Failed, diverged or took too long."""
    skipped: int = 0
    running: int = 0
    missing: int = 0
    left_out: int = 0
    """By the funnel, or by the budget of the search."""
    cells_to_come: int = 0
    """Cells that have no score and are still to get one: while there are any, there is no answer."""

    @property
    def total(self) -> int:
        """What there is to do, or was."""
        return self.done + self.unsuccessful + self.skipped + self.running + self.missing


@dataclass(frozen=True)
class LiveState:
    """How a run stands."""

    name: str
    """Of the spec; of the folder before anything is known."""
    phase: Phase
    title: str | None = None
    command: str | None = None
    """What makes the results, or goes on with them."""
    headline: str = "accuracy"
    """Name of the metric that ranks."""
    problem: str | None = None
    """Why the store cannot be read."""
    counts: Counts = field(default_factory=Counts)
    skipped_cells: int = 0
    seconds_left: float | None = None
    running: tuple[RunningTrial, ...] = ()
    done: tuple[EndedTrial, ...] = ()
    """Newest first; only the newest of many."""
    unsuccessful: tuple[EndedTrial, ...] = ()
    """Newest first, skipped trials among them."""
    colours: dict[str, str] = field(default_factory=dict)
    """Model to ``#rrggbb``, as in the report."""
    report: ReportState = "none"
    report_problem: str | None = None

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        counts = self.counts
        ended = f"{counts.done} of {plural(counts.total, 'trial')} {'is' if counts.done == 1 else 'are'} done"
        if counts.cells_to_come:
            ended = no_answer_words(counts.done, counts.total)
        if self.phase == "unreadable":
            return "The results cannot be read."
        if self.phase == "waiting":
            return "Nothing is stored here yet."
        if self.phase == "running":
            if not counts.total:
                return "The run is starting."
            left = "" if self.seconds_left is None else f", about {duration(self.seconds_left)} left"
            return f"{ended}{left}."
        if self.phase == "stopped":
            return f"No run is going on. {ended}, {counts.missing} {'is' if counts.missing == 1 else 'are'} missing."
        everything = ended
        if counts.done == counts.total:
            everything = "The one trial is done" if counts.total == 1 else f"All {counts.total} trials are done"
        return f"The run is over. {everything}."

    def as_json(self) -> dict[str, Any]:
        """The state for a program."""
        plain = asdict(self)
        for trial, kept in zip(plain["running"], self.running, strict=True):
            trial["epochs"] = [record.model_dump(mode="json") for record in kept.epochs]
        return {**plain, "sentence": self.sentence}
