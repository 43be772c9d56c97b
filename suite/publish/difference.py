"""What changed between two runs: the record behind ``suite diff`` and a site's page of a difference.

Differences of scores are turned so that positive means better, and their 95 % intervals and p-values count other test
examples and other seeds, as those of a comparison do.  A number that could not be had is ``null``, never 0.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from suite.compare.cell import MetricInfo
from suite.store.records.result import Record

__all__ = [
    "DIFFERENCE_VERSION",
    "CellDifference",
    "CellName",
    "CostChange",
    "CostName",
    "DataState",
    "DatasetChange",
    "RunDifference",
    "RunName",
    "SpecChange",
    "Trend",
    "TrendKind",
    "Verdict",
    "VersionChange",
    "WeightsChange",
    "WinnerChange",
]

DIFFERENCE_VERSION = 2
Verdict = Literal["better", "worse", "not proven", "same", "not comparable"]
"""``same``: the same scores, seed for seed, as where nothing was run again."""
DataState = Literal["same", "other content", "only before", "only after", "unknown"]
"""``unknown`` where a run has no fingerprint of it, as of published results."""
CostName = Literal["latency_ms", "training_seconds", "parameters", "trainable_parameters", "macs", "size_bytes"]
TrendKind = Literal["improvement", "regression", "none", "unknown"]


class RunName(Record):
    """Which run one side is."""

    name: str
    title: str
    id: str = ""
    """Of its point in a site; empty for a folder."""
    ended_at: str = ""
    trials_planned: int
    trials_finished: int
    trials_missing: int


class SpecChange(Record):
    """One value of the spec."""

    path: str
    """Where it stands: ``training.epochs``, ``models[resnet_tiny].weights``; entries of lists by their name."""
    kind: Literal["added", "removed", "changed"]
    before: Any = None
    after: Any = None


class VersionChange(Record):
    """A package whose version is another."""

    name: str
    before: str | None
    """None where the trials before did not have it."""
    after: str | None


class DatasetChange(Record):
    """A data set of either run."""

    name: str
    state: DataState
    home: bool
    """Whether models were trained on it in either run."""
    fingerprint_before: str | None
    fingerprint_after: str | None
    sizes_before: dict[str, int] = Field(default_factory=dict)
    """Examples per split."""
    sizes_after: dict[str, int] = Field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether there is anything to tell."""
        both = self.state in {"same", "unknown"}
        return not both or self.sizes_before != self.sizes_after


class WeightsChange(Record):
    """A model that started from other weights."""

    model: str
    before: str
    """SHA-256."""
    after: str


class CostChange(Record):
    """One cost of a cell in both runs."""

    name: CostName
    before: float
    after: float
    ratio: float | None
    """After as a multiple of before; None where before is 0."""
    other_device: bool = False
    """Whether it was measured on another device, so that the two do not compare."""


class CellName(Record):
    """A cell of one run."""

    cell_id: str
    model: str
    strategy: str
    dataset: str
    score: float | None = None
    """By the metric that the runs are compared by."""

    @property
    def name(self) -> str:
        """Model and strategy as one phrase."""
        return f"{self.model}, {self.strategy}"


class CellDifference(Record):
    """A model x strategy x data set that both runs have."""

    model: str
    strategy: str
    dataset: str
    cell_before: str
    """Its id in the run before."""
    cell_after: str
    before: float | None
    """Score, in the metric's own direction."""
    after: float | None
    difference: float | None = None
    """After less before, turned so that positive means better."""
    low: float | None = None
    """Lower end of the interval, which leaves out 0 exactly where the verdict is better or worse; the intervals of all
    cells that were tested hold the truth together in 95 of 100 comparisons."""
    high: float | None = None
    p_value: float | None = None
    p_corrected: float | None = None
    """For all cells that were tested."""
    smallest_detectable: float | None = None
    """The smallest true change that would be called one in four of five tries."""
    seed_share: float | None = None
    """How much of the variance of the change comes from seeds."""
    seeds: int = 0
    """Of the run that has fewer of this cell."""
    examples: int = 0
    """Test examples of the run that has fewer; 0 where they were not counted."""
    moved: str = ""
    """The change in words, ``fell by 12.8 points``; empty where a score is missing."""
    proof: str = ""
    """What does not prove it, ``2 seeds``; empty where something does, or there is no test."""
    settles: str = ""
    """What would, ``7 seeds in each run instead of 2``; empty where that is not the question."""
    paired: bool = False
    """Whether both were scored on the same examples, and compared on them."""
    verdict: Verdict
    reason: str | None = None
    """Why they are not comparable, where they are not."""
    notes: tuple[str, ...] = ()
    """What limits the test, one sentence each."""
    rank_before: int | None = None
    rank_after: int | None = None
    costs: tuple[CostChange, ...] = ()

    @property
    def name(self) -> str:
        """Model and strategy as one phrase."""
        return f"{self.model}, {self.strategy}"


class WinnerChange(Record):
    """What each run says to take on a data set of both."""

    dataset: str
    before: CellName | None
    """None where the run has no answer, or none yet."""
    after: CellName | None
    still: bool = False
    """Whether the cell that was taken before may be the best of the run after, too."""

    @property
    def changed(self) -> bool:
        """Whether it is another model or strategy."""
        return _called(self.before) != _called(self.after)


class RunDifference(Record):
    """Everything that changed from one run to another."""

    difference_version: int = DIFFERENCE_VERSION
    before: RunName
    after: RunName
    metric: MetricInfo | None
    """What the cells are compared by; None where the two runs have no metric in common."""
    spec: tuple[SpecChange, ...] = ()
    versions: tuple[VersionChange, ...] = ()
    devices_before: tuple[str, ...] = ()
    devices_after: tuple[str, ...] = ()
    data: tuple[DatasetChange, ...] = ()
    weights: tuple[WeightsChange, ...] = ()
    cells: tuple[CellDifference, ...] = ()
    """By data set and rank after."""
    only_before: tuple[CellName, ...] = ()
    only_after: tuple[CellName, ...] = ()
    winners: tuple[WinnerChange, ...] = ()
    scores: str = ""
    """What became of the scores, one sentence: the largest change with its scores before and after."""
    summary: str = ""
    """The same, and what else is not as it was."""
    sentences: tuple[str, ...] = ()
    """What a reader should know, the most important first."""

    def judged(self, *verdicts: Verdict) -> tuple[CellDifference, ...]:
        """The cells with one of these verdicts."""
        return tuple(cell for cell in self.cells if cell.verdict in verdicts)


class Trend(Record):
    """How the answer for one data set moved from one point of a history to the next."""

    dataset: str
    kind: TrendKind
    """``none`` where the change is not beyond noise; ``unknown`` where there is no test."""
    before: CellName
    after: CellName
    """Another cell than before where another was chosen."""
    difference: float | None = None
    """After less before, turned so that positive means better."""
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    paired: bool = False
    moved: str = ""
    """The change in words, ``fell by 12.8 points``."""
    proof: str = ""
    """What does not prove it; empty where something does, or there is no test."""
    reason: str | None = None
    """Why there is no test, where there is none."""
    notes: tuple[str, ...] = ()


def _called(cell: CellName | None) -> tuple[str, str] | None:
    return None if cell is None else (cell.model, cell.strategy)
