"""What a site keeps of every run: enough to rank it beside others, and to say what changed since the last time.

These records are the JSON behind the pages (``data/runs/...``); ``docs/site-data.schema.json`` describes them.  They
outlive the run: an older point of a history is only there as its record and its pages.  A number that could not be had
is ``null``, never 0.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, FiniteFloat

from suite.compare.cell import BestComparison, MetricInfo
from suite.compare.statistics.saved_evidence import EvidenceRecord
from suite.store.records.check import Finding
from suite.store.records.result import Record

__all__ = [
    "RECORD_VERSION",
    "CellRecord",
    "Costs",
    "CutFile",
    "DatasetRecord",
    "EvidenceRecord",
    "FileRecord",
    "RunRecord",
    "Scored",
    "WeightsUsed",
    "read_record",
]

RECORD_VERSION = 2
"""2: verdicts instead of letters, one interval, what leads while there is no answer, what the checks found."""


class Scored(Record):
    """The headline score of a cell: the mean over seeds on the test set."""

    value: float
    low: float | None = None
    """Lower end of the 95 % interval over examples and, with two seeds or more, seeds."""
    high: float | None = None
    seeds: dict[int, float | None] = Field(default_factory=dict)
    """Seed to its score."""

    @property
    def ends(self) -> tuple[float, float] | None:
        """Both ends of its interval; None where it has none."""
        return None if self.low is None or self.high is None else (self.low, self.high)


Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""No file counts more; a damaged one may hold a number that no float takes."""


class Costs(Record):
    """What a fitted model costs; means over seeds."""

    parameters: Count | None = None
    trainable_parameters: Count | None = None
    macs: Count | None = None
    size_bytes: Count | None = None
    latency_ms: FiniteFloat | None = None
    """Median for one example."""
    throughput_per_second: FiniteFloat | None = None
    peak_memory_bytes: FiniteFloat | None = None
    training_seconds: FiniteFloat | None = None
    """One training from nothing, without compilation."""
    device: str = ""


class CellRecord(Record):
    """One model x data set x strategy of a run."""

    cell_id: str
    model: str
    dataset: str
    strategy: str
    family: str | None = None
    rank: int | None = None
    """Within its data set and run; None where no final trial has finished."""
    best: BestComparison | None = None
    """The verdict on it within its data set and run; None where nothing could be tested, and in older records."""
    taken: bool = False
    """Whether the run recommends it."""
    score: Scored | None = None
    metrics: dict[str, float | None] = Field(default_factory=dict)
    """Every metric on the test set, the mean over seeds."""
    elsewhere: dict[str, float | None] = Field(default_factory=dict)
    """The headline on ``validation`` and on further sets."""
    costs: Costs = Costs()
    finished: int
    """Final trials that are done."""
    planned: int
    """Final trials of the plan."""
    weights: str | None = None
    """SHA-256 of the weights it started from."""
    licence: str | None = None
    """Of those weights; None where it is not stated, where there are none, and in older records."""
    hyperparameters: tuple[dict[str, Any], ...] = ()
    """Of each final trial, in the order of the seeds."""


class DatasetRecord(Record):
    """A data set as a run used it."""

    name: str
    """Its label in the run."""
    fingerprint: str
    """Equal exactly where the content is."""
    licence: str | None = None
    origin: str = ""
    sizes: dict[str, int] = Field(default_factory=dict)
    """Examples per split."""
    classes: int | None = None
    class_names: tuple[str, ...] = ()
    """At most the first 1,000."""
    home: bool = True
    """Whether models were trained on it; False for sets that they were only tested on."""
    hard_classes: tuple[tuple[str, float], ...] = ()
    """The five classes with the lowest F1, as the mean over cells, lowest first."""
    take: str | None = None
    """What the run says to take, one sentence."""


class WeightsUsed(Record):
    """Weights that models of the run started from."""

    name: str
    sha256: str
    location: str = ""
    licence: str | None = None
    pretrained_on: str | None = None


class FileRecord(Record):
    """An exported file."""

    cell_id: str
    model: str
    dataset: str
    strategy: str
    seed: int
    format: str
    precision: str
    status: str
    reason: str | None = None
    bytes: int = 0
    sha256: str = ""
    latency_ms: float | None = None
    throughput_per_second: float | None = None
    score: float | None = None
    """The headline of the file on the test set."""
    keras_score: float | None = None
    agreement: float | None = None
    runtime: str = ""
    device: str = ""
    card: str | None = None
    """Where the card lies, from the root of the site; None where it is not published."""
    download: str | None = None
    """Where the file lies, from the root of the site; None where it is too large or no longer there."""


class CutFile(Record):
    """Something that the run should have and the site lacks."""

    what: str
    reason: str


class RunRecord(Record):
    """One run at one time: a point of its history."""

    record_version: int = RECORD_VERSION
    name: str
    """Of the spec: runs of one name and task are one history."""
    task: str
    title: str
    address: str
    """Folder of its history in the site, below ``runs/``."""
    point: str
    """Folder of this point below that: the time when it ended, and the beginning of its key."""
    key: str
    """Hash of what was stored: the same key, the same point."""
    ended_at: str
    """When its last trial ended, ISO 8601; empty where nothing ended."""
    answer: str
    """What to take, one sentence, or that there is no answer yet; empty where nothing was planned."""
    leading: str = ""
    """What leads so far, while there is no answer."""
    findings: tuple[Finding, ...] = ()
    """Errors and warnings of the checks, worst first: they are read with the answer."""
    headline: MetricInfo
    metrics: tuple[MetricInfo, ...] = ()
    datasets: tuple[DatasetRecord, ...]
    cells: tuple[CellRecord, ...]
    """By data set, then by rank; cells without a score last."""
    files: tuple[FileRecord, ...] = ()
    weights: tuple[WeightsUsed, ...] = ()
    versions: dict[str, str] = Field(default_factory=dict)
    """Of the suite, Python and the packages that the trials ran with; several in one text where trials differ."""
    devices: tuple[str, ...] = ()
    trials_planned: int
    trials_finished: int
    trials_failed: int
    trials_missing: int
    cells_skipped: int = 0
    published: bool = False
    """Whether these are published results that were read from a table."""
    made_up: bool = False
    """Whether the numbers were made by a benchmark: shown on every page."""
    spec: dict[str, Any] = Field(default_factory=dict)
    """As it was run, without what is private."""
    gaps: tuple[CutFile, ...] = ()

    @property
    def id(self) -> str:
        """Unique in a site."""
        return f"{self.address}/{self.point}"

    @property
    def home_datasets(self) -> tuple[DatasetRecord, ...]:
        """Those that models were trained on."""
        return tuple(one for one in self.datasets if one.home)

    def ranking(self, dataset: str) -> tuple[CellRecord, ...]:
        """The ranked cells of one data set, best first."""
        return tuple(cell for cell in self.cells if cell.dataset == dataset and cell.rank is not None)


def read_record(document: Any) -> RunRecord:
    """A record of this version, from one of this or an older one.

    Version 1 had letters for what could not be told apart within a run, and two intervals: the letters say nothing of
    the best and are left out, and the interval over examples and seeds takes the place of the other where it is there.

    Raises:
        pydantic.ValidationError: Where it is none.
    """
    old = isinstance(document, dict) and document.get("record_version") == 1
    cells = document.get("cells") if old else None
    if isinstance(cells, list):
        document = {**document, "record_version": RECORD_VERSION, "cells": [_newer_cell(cell) for cell in cells]}
    return RunRecord.model_validate(document)


def _newer_cell(cell: Any) -> Any:
    if not isinstance(cell, dict):
        return cell
    kept = {name: value for name, value in cell.items() if name != "ties"}
    if isinstance(kept.get("score"), dict):
        kept["score"] = _newer_score(kept["score"])
    return kept


def _newer_score(score: dict[str, Any]) -> dict[str, Any]:
    both = score.get("overall_low"), score.get("overall_high")
    kept = {name: value for name, value in score.items() if not name.startswith("overall_")}
    return kept if None in both else {**kept, "low": both[0], "high": both[1]}
