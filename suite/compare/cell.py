"""One cell of the comparison: the types of everything that is told of it. See ``comparison`` for the whole."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from suite.compare.robustness.records import (
    AwareScore,
    CalibrationSummary,
    CrossCell,
    RobustnessSummary,
    SelectiveSummary,
)
from suite.compare.statistics.saved_evidence import EvidenceRecord
from suite.registry import METRICS
from suite.store.records.resizing import Resizing
from suite.store.records.result import (
    EpochRecord,
    Record,
    SparsityRecord,
    TeachingRecord,
    TokensRecord,
    WeightsRecord,
)

__all__ = [
    "BestComparison",
    "Bin",
    "CellSummary",
    "ClassScores",
    "ConfusionSummary",
    "ElsewhereScore",
    "FileLatency",
    "HeadlineScore",
    "LearningCurve",
    "Ledger",
    "MetricInfo",
    "MetricSpread",
    "ProfileSummary",
    "SeedScore",
    "SliceScore",
    "SliceScores",
    "Spread",
    "TimingsSummary",
    "Tried",
    "Verdict",
    "WritingSummary",
]

Verdict = Literal["may_be_best", "unsettled", "worse"]
"""Whether a cell may be the best of its data set.

``worse``: it scores lower than the best beyond luck.  ``unsettled``: it was not found worse, but a cell that scores
higher was, so that only its own scatter speaks for it.  ``may_be_best``: everything else.
"""


class MetricInfo(Record):
    """A metric as reports name it."""

    name: str
    label: str
    higher_is_better: bool
    summary: str
    unit: str = ""
    """``%`` where scores are said in per cent and differences in points."""

    @model_validator(mode="before")
    @classmethod
    def _of_before(cls, values: Any) -> Any:
        """Records from before metrics had units: those of the suite's own metrics are known."""
        if isinstance(values, dict) and "unit" not in values and values.get("name") in METRICS:
            return {**values, "unit": METRICS.get(values["name"]).unit}
        return values

    @property
    def is_share(self) -> bool:
        """Whether it is said in per cent."""
        return self.unit == "%"


class Spread(Record):
    """The mean over the finished seeds of a cell, with the lowest and highest of them."""

    mean: float | None
    lowest: float | None
    highest: float | None
    count: int
    """How many trials the mean covers."""
    of: int
    """How many finished trials the cell has."""
    reason: str | None = None
    """Why the value is missing, where ``count`` is below ``of``."""


class MetricSpread(Spread):
    """One metric of a cell on one evaluation set: over its seeds, and its interval."""

    low: float | None = None
    """Lower end of the 95 % interval of the mean, over examples and, with two or more seeds, seeds together."""
    high: float | None = None
    no_interval: str | None = None
    """Why there is no interval, where there is none, such as a test set that is too small."""


class SeedScore(Record):
    """The headline score of one seed on the home test set."""

    seed: int
    value: float | None


class HeadlineScore(Record):
    """The score that ranks: the mean over seeds on the home test set."""

    value: float
    low: float | None
    """Lower end of the 95 % interval: over examples and, with two or more seeds, seeds together."""
    high: float | None
    seeds: tuple[SeedScore, ...]
    """In the order of the seeds."""
    lowest_seed: float
    highest_seed: float
    reason: str | None = None
    """Why there is no interval, where there is none."""
    seed_deviation: float | None = None
    """Standard deviation over seeds; None where there is one."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """``low`` and ``high``, where there are both."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def covers(self) -> str:
        """What the interval is over, in words."""
        several = sum(seed.value is not None for seed in self.seeds) > 1
        return "test examples and seeds" if several else "test examples"


class BestComparison(Record):
    """One cell held against the best-scoring one of its data set: the one verdict that every page prints.

    Made by ``suite.compare.statistics.best`` and nowhere else.
    """

    verdict: Verdict
    behind: float
    """How much worse than the best-scoring cell, in units of the metric, never below 0; 0 for the best itself."""
    low: float | None
    """Lower end of the interval of ``behind`` over examples and seeds; above 0 exactly where the verdict is ``worse``.
    The intervals of a data set hold the truth all together in 95 of 100 comparisons."""
    high: float | None
    against: str
    """Id of the best-scoring cell."""


class ElsewhereScore(Record):
    """The same fitted models on another evaluation set: ``validation`` or a set of ``evaluate_on``."""

    name: str
    examples: int | None
    """Missing where the predictions were not kept."""
    headline: Spread
    low: float | None
    """Lower end of the 95 % interval of the headline: over examples and, with two or more seeds, seeds together."""
    high: float | None
    drop: float | None
    """How much worse than on the home test set, in points of the headline: positive means worse."""
    drop_low: float | None
    """Of a 95 % interval over examples: the same fitted models stand on both sides."""
    drop_high: float | None
    metrics: dict[str, MetricSpread]
    reason: str | None = None
    """Why there is no interval, where there is none."""


class ProfileSummary(Record):
    """What the fitted model costs to keep and to use; means over seeds with lowest and highest."""

    parameters: int
    trainable_parameters: int
    macs: int | None
    size_bytes: int
    latency_ms_p50: Spread
    """Between lowest and highest lie four in five blocks of calls of this graph, of every trial that timed it."""
    latency_ms_p95: Spread
    throughput_per_second: Spread
    throughput_batch_size: int
    peak_memory_bytes: Spread
    device: str
    disturbed: str | None = None
    """Why its latency may be too long, in every trial that timed it; None where one was not disturbed."""


class FileLatency(Record):
    """How fast an exported file of the model answers, as trained (``fp32``), in its own runtime."""

    format: str
    device: str
    threads: int
    latency_ms: float
    """Median for one example."""
    low: float | None = None
    """Between these lie four in five blocks of its calls; None where they were timed in a row."""
    high: float | None = None
    disturbed: str | None = None
    """Why it may be too long, though it was measured twice."""


class WritingSummary(Record):
    """How fast a model writes one text; means over seeds with lowest and highest."""

    first_token_ms: Spread
    tokens_per_second: Spread
    """New tokens after the first."""
    decoding: dict[str, Any]
    """The decoding options as they were used."""
    new_tokens: int
    """The most tokens that a text could get."""


class TimingsSummary(Record):
    """Seconds of the stages of the final trials; means over seeds with lowest and highest."""

    fit_seconds: Spread
    """Training, without compilation and validation."""
    compile_seconds: Spread
    seconds_to_best: Spread
    examples_per_second: Spread
    features_seconds: Spread
    training_seconds: Spread
    """``fit_seconds`` + ``features_seconds``: what one training costs from nothing, without compilation."""
    total_seconds: Spread


class LearningCurve(Record):
    """The epochs of one seed; empty for fits that have none."""

    seed: int
    best_epoch: int | None
    epochs: tuple[EpochRecord, ...]


class ConfusionSummary(Record):
    """Sum over seeds of the confusion matrices on the home test set."""

    panel: Literal["confusion"] = "confusion"
    class_names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """Row: true class. Column: predicted class."""
    seeds: int
    """How many seeds are summed."""


class ClassScores(Record):
    """One class on the home test set, over all seeds together."""

    name: str
    precision: float | None
    """Missing where the class was never predicted."""
    precision_low: float | None = None
    """Ends of its 95 % interval; the seeds' answers to one example count as one."""
    precision_high: float | None = None
    recall: float | None
    """Missing where the test set has no example of it."""
    recall_low: float | None = None
    recall_high: float | None = None
    f1: float | None
    support: int
    """Examples of the class in the test set, counted once."""


class Bin(Record):
    """One bin of the reliability diagram, over all seeds together."""

    low: float
    high: float
    confidence: float | None
    """Mean confidence of the predictions in it; missing where there are none."""
    accuracy: float | None
    count: int
    independent: int | None = None
    """Groups that have an answer in it, where examples belong together: its luck is that of so many."""


class ClassTable(Record):
    """The scores of every class."""

    panel: Literal["classes"] = "classes"
    classes: tuple[ClassScores, ...]


class Reliability(Record):
    """The reliability diagram, over all seeds together."""

    panel: Literal["reliability"] = "reliability"
    bins: tuple[Bin, ...]
    calibration_error: float | None
    """Expected calibration error: 15 bins."""


class TablePanel(Record):
    """A table that a task of a plugin gives of a cell."""

    panel: Literal["table"] = "table"
    title: str
    read: str
    """How to read it, a sentence or two."""
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]
    """A value for each column: texts, numbers, and None for what is missing."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row of the panel '{self.title}' has another number of values than it has columns.")
        return self


AnyPanel = Annotated[ConfusionSummary | ClassTable | Reliability | TablePanel, Field(discriminator="panel")]
"""What a task shows of a cell beside its scores."""


class Tried(Record):
    """One setting that was tried, inside a trial or as a search trial of its own."""

    hyperparameters: dict[str, Any]
    validation_score: float | None
    seed: int
    epochs: int
    seconds: float


class Ledger(Record):
    """What a cell was given before it was judged."""

    candidates: int
    """Different settings tried."""
    fits: int
    """Fits in all: settings times seeds, and the final fits."""
    epochs: int
    """Epochs in all, search and final trials together."""
    seconds: float
    """Worker seconds in all, search and final trials together."""
    best: float | None
    """Best validation score of a setting (mean over seeds); missing where nothing was searched."""
    median: float | None
    worst: float | None
    expected_best: tuple[float, ...] = ()
    """Expected best validation score had only k of the settings been tried, for k from 1."""
    sampler: str | None = None
    """How settings were drawn; None where the strategy lists them itself."""
    declared: dict[str, str] = Field(default_factory=dict)
    """The search space as the spec has it, in words; empty where the strategy lists its settings itself."""
    pruned: int = 0
    """Search trials that were given up before their last epoch."""
    chosen: tuple[dict[str, Any], ...]
    """The hyperparameters of each final trial, in the order of the seeds."""
    learned_from: Literal["train", "train and validation"] | None = None
    """What the final models learned from; None where none was fitted, and in files from before it was told."""
    selected_by: tuple[str, ...] = ()
    """What chose inside the final fits, an epoch or a setting: names of metrics, or ``loss``. Empty where nothing was
    chosen."""
    space: dict[str, tuple[Any, ...]]
    """Each searched hyperparameter with its values as tried, sorted."""
    tried: tuple[Tried, ...]


class SliceScore(Record):
    """The headline of a cell on one slice of the test set."""

    name: str
    """``b``, ``20 to 40``."""
    examples: int
    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None
    """Why the value or its interval is missing, where one is."""


class SliceScores(Record):
    """A cell on the slices of one property."""

    name: str
    """``site``, ``brightness``."""
    scores: tuple[SliceScore, ...] = ()
    """In the order of the slices; those without an example are left out."""
    worst: str | None = None
    """The slice with the worst score, of those with enough examples; None with fewer than two such."""
    best: str | None = None
    gap: float | None = None
    """How far the worst is behind the best."""
    reason: str | None = None
    """Why there are no scores."""


class CellSummary(Record):
    """One model x data set x strategy with everything that was measured of it."""

    cell_id: str
    model: str
    dataset: str
    strategy: str
    strategy_name: str
    family: str | None
    """Architecture family of the backbone."""
    input_size: tuple[int, int] | None
    resizing: Resizing | None = None
    """How images were brought to that size; None of texts, and of trials from before it was recorded: stretched."""
    sequence_length: int | None = None
    """Tokens that the model reads at most; None for models of images."""
    tokens: TokensRecord | None = None
    """What became of the texts, by the first seed."""
    sparsity: SparsityRecord | None = None
    """How sparse a pruned model is, by the first seed."""
    teaching: tuple[TeachingRecord, ...] = ()
    """Of a student: whom each seed learned from."""
    writing: WritingSummary | None = None
    """How texts were written; None for models that do not write."""
    rank: int | None
    """From 1 within its data set; equal scores share a rank. None where no final trial has finished."""
    best: BestComparison | None = None
    """Whether it may be the best of its data set; None where nothing could be tested: without a score, or where it or
    the best-scoring cell has no predictions."""
    headline: HeadlineScore | None
    finished: int
    """Final trials that are done."""
    planned: int
    """Final trials of the plan."""
    metrics: dict[str, MetricSpread]
    """Every metric on the home test set."""
    elsewhere: tuple[ElsewhereScore, ...]
    """``validation`` first, then the sets of ``evaluate_on``."""
    robustness: RobustnessSummary | None = None
    """On corrupted examples; None where it was not tested on any."""
    calibration: CalibrationSummary | None = None
    """Temperature scaling; None where no trial fitted one."""
    selective: SelectiveSummary | None = None
    """What is gained by answering only the surest examples; None where predictions were not kept."""
    aware: tuple[AwareScore, ...] = ()
    """Confidence on examples of other classes."""
    slices: tuple[SliceScores, ...] = ()
    """On parts of the test set, where the spec names any."""
    min_slice_accuracy: float | None = None
    """Accuracy on the slice, with enough examples, where it is lowest; None without slices."""
    cross: tuple[CrossCell, ...] = ()
    """On the other data sets of the spec."""
    profile: ProfileSummary | None
    files: tuple[FileLatency, ...] = ()
    """Of the exported files that answer as the Keras model does."""
    timings: TimingsSummary | None
    curves: tuple[LearningCurve, ...]
    panels: tuple[AnyPanel, ...] = ()
    """What its task shows of it, made of the outputs of its seeds on the home test set; none where none were kept."""
    ledger: Ledger
    weights: WeightsRecord | None
    batch_size: int | None
    notes: tuple[str, ...]
    """What happened on the way, each sentence once."""
    evidence: EvidenceRecord | None = None
    """What is kept to hold it against a cell of another run; None where predictions were not kept."""

    @property
    def confusion(self) -> ConfusionSummary | None:
        """The panel of that kind; None where its task has none, or nothing was kept."""
        return next((one for one in self.panels if isinstance(one, ConfusionSummary)), None)

    @property
    def classes(self) -> tuple[ClassScores, ...]:
        """Of the panel with the scores of every class; empty where there is none."""
        return next((one.classes for one in self.panels if isinstance(one, ClassTable)), ())

    @property
    def reliability(self) -> tuple[Bin, ...]:
        """Of the panel with the reliability diagram; empty where there is none."""
        return next((one.bins for one in self.panels if isinstance(one, Reliability)), ())

    @property
    def tables(self) -> tuple[TablePanel, ...]:
        """Panels that a task of a plugin gives."""
        return tuple(one for one in self.panels if isinstance(one, TablePanel))

    @property
    def name(self) -> str:
        """Model and strategy as one phrase."""
        return f"{self.model}, {self.strategy}"

    def on(self, name: str) -> ElsewhereScore | None:
        """The scores on another evaluation set, or None where it has none of that name."""
        return next((score for score in self.elsewhere if score.name == name), None)
