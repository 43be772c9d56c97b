"""What came of a run, for the command line and for Python users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.results import Result

if TYPE_CHECKING:
    from suite.compare.comparison import Comparison

__all__ = ["REPORT", "Outcome", "mistakes_of"]

REPORT = "report.html"


def mistakes_of(counts: Mapping[str, int], failed: Sequence[Result]) -> tuple[str, ...]:
    """Why every trial failed, each reason once, where the user can mend it; empty where some are done, or none can."""
    mendable = all(one.status == "failed" and one.error is None and one.reason for one in failed)
    if counts.get("done") or not mendable:
        return ()
    return tuple(dict.fromkeys(one.reason for one in failed if one.reason))


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    name: str
    """Of the spec."""
    out: Path
    counts: dict[str, int]
    """Status to number of trials, of all that were asked for."""
    new: tuple[str, ...]
    """Ids of the trials that this run did; empty where there was nothing to do."""
    failed: tuple[Result, ...]
    """Trials asked for that failed, diverged or took too long."""
    seconds: float
    """Wall time of this run."""
    comparison: Comparison

    @property
    def report(self) -> Path:
        """The page."""
        return self.out / REPORT

    @property
    def mistakes(self) -> tuple[str, ...]:
        """What the user has to mend, each once, where nothing could be compared for that reason alone; else empty."""
        nobody = tuple(one.nobody for one in self.comparison.funnel if one.nobody)
        if nobody and len(nobody) == len(self.comparison.funnel):
            return nobody
        return mistakes_of(self.counts, self.failed)

    @property
    def sentence(self) -> str:
        """What was done, in one line."""
        counted = ", ".join(f"{number} {status}" for status, number in sorted(self.counts.items())) or "no trial"
        if not self.new:
            return f"{self.name}: nothing to do ({counted})."
        trials = "trial" if len(self.new) == 1 else "trials"
        return f"{self.name}: ran {len(self.new)} {trials} in {self.seconds:.0f} s ({counted})."

    def as_json(self) -> dict[str, Any]:
        """The outcome for a program: what was done, and the whole comparison."""
        return {
            "name": self.name,
            "out": str(self.out),
            "report": str(self.report),
            "counts": dict(sorted(self.counts.items())),
            "new": list(self.new),
            "failed": [{"id": one.id, "status": one.status, "reason": one.reason} for one in self.failed],
            "seconds": self.seconds,
            "comparison": self.comparison.model_dump(mode="json"),
        }
