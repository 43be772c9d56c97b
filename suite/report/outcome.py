"""What came of a run, for the command line and for Python users."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.store.records.result import Result

if TYPE_CHECKING:
    from suite.compare.comparison import Comparison
    from suite.store.records.export_card import ExportCard

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
    exported: tuple[ExportCard, ...] = ()
    """Files that this run made, failed and skipped ones too."""

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
        files = Counter(card.status for card in self.exported)
        made = (
            f" Files: {', '.join(f'{number} {status}' for status, number in sorted(files.items()))}." if files else ""
        )
        if not self.new:
            return f"{self.name}: {'no trial to run' if files else 'nothing to do'} ({counted}).{made}"
        trials = "trial" if len(self.new) == 1 else "trials"
        return f"{self.name}: ran {len(self.new)} {trials} in {self.seconds:.0f} s ({counted}).{made}"

    @property
    def failed_files(self) -> tuple[ExportCard, ...]:
        """Exported files that are not what was measured in Keras, or could not be written."""
        return tuple(card for card in self.exported if card.status == "failed")

    def as_json(self) -> dict[str, Any]:
        """The outcome for a program: what was done, and the whole comparison without the resampled scores."""
        return {
            "name": self.name,
            "out": str(self.out),
            "report": str(self.report),
            "counts": dict(sorted(self.counts.items())),
            "new": list(self.new),
            "failed": [{"id": one.id, "status": one.status, "reason": one.reason} for one in self.failed],
            "seconds": self.seconds,
            "exported": [card.model_dump(mode="json") for card in self.exported],
            "comparison": self.comparison.model_dump(mode="json", exclude={"cells": {"__all__": {"evidence"}}}),
        }
