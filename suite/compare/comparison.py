"""What every report, chart, export and site reads: results arranged for reading.

A number that could not be had is ``None``, never 0, and a ``reason`` says why.  Scores are fractions in
the metric's own direction.  Intervals are 95 % intervals: of a score, the verdict on a cell and everything that is said
of a pair over test examples and, with two or more seeds, seeds; of what the same fitted models lose elsewhere over test
examples.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from suite.compare.across_datasets.records import Across
from suite.compare.advice.records import Change, LimitUse, Loser, NextStep, Unmet
from suite.compare.cell import (
    BestComparison,
    Bin,
    CellSummary,
    ClassScores,
    ClassTable,
    ConfusionSummary,
    ElsewhereScore,
    HeadlineScore,
    LearningCurve,
    Ledger,
    MetricInfo,
    MetricSpread,
    ProfileSummary,
    Reliability,
    SeedScore,
    Spread,
    TablePanel,
    TimingsSummary,
    Tried,
)
from suite.compare.example_records import Disagreements, SideBySide
from suite.compare.export_records import ExportedFiles
from suite.compare.funnel import FunnelSummary
from suite.compare.planned import PlannedSkip, PlannedTrial, PlanSummary
from suite.compare.robustness.records import RobustnessFacts
from suite.spec.constraints import Constraints
from suite.spec.label_budget import ALL, Budget
from suite.store.records.check import Checks, Finding
from suite.store.records.result import DataRecord, Environment, Phase, Record, Status, WeightsRecord

__all__ = [
    "Across",
    "BestComparison",
    "Bin",
    "CellSummary",
    "ClassScores",
    "ClassTable",
    "Comparison",
    "ConfusionSummary",
    "DatasetFacts",
    "Difference",
    "Disagreements",
    "ElsewhereScore",
    "EnvironmentUse",
    "Facts",
    "FailureRecord",
    "HeadlineScore",
    "LabelPoint",
    "Labels",
    "LearningCurve",
    "Ledger",
    "MetricInfo",
    "MetricSpread",
    "ParetoFront",
    "PlanSummary",
    "PlannedSkip",
    "PlannedTrial",
    "ProfileSummary",
    "Recommendation",
    "Reliability",
    "SeedScore",
    "Sentence",
    "SideBySide",
    "Spread",
    "TablePanel",
    "TimingsSummary",
    "Tried",
]

CostAxis = Literal["latency", "parameters", "training_time"]
ReasonKind = Literal["quality", "ties", "cheaper", "weakness", "robustness", "pretraining"]


class Difference(Record):
    """Two ranked cells of one data set, compared on the same examples."""

    dataset: str
    better: str
    """Cell id of the one that ranks higher."""
    worse: str
    difference: float | None
    """Headline of ``better`` minus that of ``worse``, turned so that positive means better."""
    low: float | None
    """Lower end of the interval over examples and seeds, which leaves out 0 exactly where the two are ``different``.

    It is wider than a 95 % interval of this pair alone: those of all pairs hold the truth together in 95 of 100
    comparisons, and so do those of the pairs of the best cell, which are the ones of its leaderboard."""
    high: float | None
    p_value: float | None
    """How likely luck makes so large a difference in this pair alone, over examples and seeds; with one seed over
    examples alone."""
    p_adjusted: float | None
    """How likely luck makes so large a difference in any of the pairs that are looked at together; see ``low``."""
    different: bool
    """Whether they can be told apart: ``p_adjusted`` is below 5 %. False where they could not be paired."""
    probability_better: float | None = None
    """How likely ``better`` stays ahead with other examples and other seeds; with one seed with other examples alone.
    None where they could not be paired."""
    smallest_detectable: float | None = None
    """The smallest true difference that the test of this pair shows 4 times in 5, with the correction: half the
    interval and 0.84 standard errors. None without a test, and where the two never differ."""
    standard_error: float | None = None
    """Of the difference, over examples and seeds. None without a test, and where the two never differ."""
    seed_share: float | None = None
    """How much of the variance of the difference comes from seeds, and would stay with any number of test examples."""
    reason: str | None = None
    """Why the pair has no test, where it has none."""


class ParetoFront(Record):
    """The cells that no other cell beats in both the headline and one cost, cheapest first."""

    dataset: str
    axis: CostAxis
    unit: str
    cell_ids: tuple[str, ...]
    left_out: tuple[str, ...]
    """Ranked cells whose cost was not measured."""


class FailureRecord(Record):
    """A trial that ended without a score."""

    trial_id: str
    cell_id: str
    model: str
    dataset: str
    strategy: str
    seed: int
    phase: Phase
    status: Status
    reason: str
    log_tail: str
    """The last lines of its log or traceback; empty where there are none."""
    train_examples: Budget = ALL
    """How many labelled examples it was to learn from."""


class EnvironmentUse(Record):
    """An environment and how many trials ran in it."""

    environment: Environment
    trials: int


class DatasetFacts(Record):
    """What the test set of one data set can and cannot show."""

    dataset: str
    examples: int | None
    """Test examples."""
    smallest_difference: float | None
    """Differences of the headline below this do not show: half the median interval of the difference between
    neighbours in rank."""
    seed_share: float | None = None
    """How much of its square comes from seeds, and stays with any number of test examples: the median over them."""
    groups: int | None = None
    """What these examples have in common beside their class, how many there are: luck is counted by them. None where
    each example stands for itself."""
    chance: float | None
    """Accuracy of always naming the most frequent class of the test set; None where models write."""
    always: float | None = None
    """The headline of answering every example with the class shares of the test set, which names the most frequent
    class always; None where models write, and where the headline is not defined for it."""


class Facts(Record):
    """What was compared, how much finished, what it cost."""

    models: int
    strategies: int
    datasets: int
    seeds: int
    cells: int
    trials_planned: int
    trials_finished: int
    """Done with a score."""
    trials_failed: int
    """Failed, diverged or timed out."""
    trials_missing: int
    """Planned and not there yet."""
    cells_skipped: int
    tests: tuple[DatasetFacts, ...]
    wall_seconds: float | None
    """Time during which at least one trial was running; pauses between runs are left out."""
    worker_seconds: float
    """Sum over all trials."""
    devices: tuple[str, ...]


class Sentence(Record):
    """One generated sentence and the numbers in it."""

    kind: ReasonKind
    text: str
    numbers: dict[str, float]
    cell_ids: tuple[str, ...]
    """The cells that it speaks of, the chosen one first."""


class Recommendation(Record):
    """The answer for one data set."""

    dataset: str
    cell_id: str
    take: str
    """One sentence: what to take."""
    reasons: tuple[Sentence, ...]
    """At most five."""
    tied: tuple[str, ...]
    """Cells that may be the best, of those within the limits, by rank; the best and the chosen one are among them."""
    chosen_by: Literal["score", "latency", "parameters", "training_time", "simplicity", "rank"]
    """What decided among the tied: ``score`` where nothing was tied, ``simplicity`` (of the strategy) where no cost
    tells them apart, ``rank`` where none was measured."""
    limits: tuple[LimitUse, ...] = ()
    """The limits that it keeps; the cells beyond them are not among the tied."""
    others: tuple[Loser, ...] = ()
    """Every other ranked cell, by rank, and why it was not chosen."""
    changes: tuple[Change, ...] = ()
    """The nearest other limits that would give another answer."""
    next_steps: tuple[NextStep, ...] = ()
    """What the results say to try next."""
    labels: tuple[str, ...] = ()
    """What to take with other numbers of labels, one sentence each; empty where only one number was asked for."""
    settled: bool = True
    """Whether it is an answer. False while cells that might still win have no score: ``take`` then says that there is
    no answer yet, and ``cell_id`` is what leads."""
    leading: str = ""
    """What leads so far, one sentence, while there is no answer."""
    findings: tuple[Finding, ...] = ()
    """Errors and warnings of the checks that are about this data set, worst first."""


class LabelPoint(Record):
    """One label budget of one data set: every model fitted with so many labelled examples."""

    budget: Budget
    """As the spec has it, in its normal form."""
    per_class: float | None
    """Mean training examples per class; None where no trial knows it yet."""
    train: int | None
    """Training examples."""
    validation: int | None
    """Validation examples that chose the settings: the same share of each class."""
    front: bool
    """Whether the leaderboard is of this budget: its cells and pairs are those of the comparison."""
    cells: tuple[CellSummary, ...] = ()
    """By rank, those without a score last; without curves, errors and settings tried. Empty where ``front``."""
    pairs: tuple[Difference, ...] = ()
    take: str | None = None
    """Id of the cell to take, chosen as for the leaderboard; None where no cell has a score, or keeps the limits."""
    tied: tuple[str, ...] = ()
    """Cells that may be the best, by rank; the best and the chosen one are among them."""
    steps: dict[str, float] = Field(default_factory=dict)
    """Cell id to the optimizer steps of one final fit, the mean over seeds; only of fits that have epochs."""
    reason: str | None = None
    """Why no cell has a score, where none has."""


class Labels(Record):
    """What more labels bring, on one data set."""

    dataset: str
    points: tuple[LabelPoint, ...]
    """From the fewest labels to the most."""
    answers: tuple[str, ...]
    """What to take with how many labels, one sentence for neighbouring budgets with the same answer."""
    sentences: tuple[str, ...] = ()
    """What more labels bring, and which budgets have no score and why."""


class Comparison(Record):
    """Results arranged for reading."""

    spec_name: str
    title: str | None
    task: str
    answers: str = "class"
    """The kind of outputs that its models give."""
    beside: tuple[str, ...] = ()
    """Metrics that may stand beside the headline on a leaderboard, the first that the results have."""
    command: str
    headline: MetricInfo
    metrics: tuple[MetricInfo, ...]
    """Every metric that some cell has, the headline first."""
    datasets: tuple[str, ...]
    """Labels, in the order of the plan. Each has a ranking of its own."""
    evaluation_sets: tuple[str, ...]
    """Labels of the ``evaluate_on`` sets that were scored."""
    cells: tuple[CellSummary, ...]
    """By data set, then by rank; cells without a score last."""
    pairs: tuple[Difference, ...]
    pareto: tuple[ParetoFront, ...]
    failures: tuple[FailureRecord, ...]
    skips: tuple[PlannedSkip, ...]
    missing: tuple[PlannedTrial, ...]
    """Planned and not there yet: the comparison may be made in the middle of a run."""
    cut: tuple[PlannedTrial, ...] = ()
    """Search trials for which the budget left no time."""
    data: tuple[DataRecord, ...]
    weights: tuple[WeightsRecord, ...]
    environments: tuple[EnvironmentUse, ...]
    """The most used first."""
    facts: Facts
    recommendations: tuple[Recommendation, ...]
    """One per data set that has a ranked cell within the limits."""
    constraints: Constraints | None = None
    """What the recommended model may cost and must reach."""
    unmet: tuple[Unmet, ...] = ()
    """Data sets with ranked cells of which none keeps the limits."""
    published: bool = False
    """Whether the results were read from a table of published ones: nothing was run, and there are no predictions."""
    resample: bool = False
    """Whether every seed drew splits of its own."""
    funnel: tuple[FunnelSummary, ...] = ()
    """What the funnel did on each data set; empty where the spec has none."""
    remarks: tuple[str, ...] = ()
    """What a reader must know of the comparison as a whole: one sentence each."""
    across: Across | None = None
    """What the data sets say together; None where there is only one."""
    robustness: tuple[RobustnessFacts, ...] = ()
    """What corrupted examples say, for each data set with cells that were tested on some."""
    disagreements: tuple[Disagreements, ...] = ()
    """One per data set with two models that name classes."""
    generations: tuple[SideBySide, ...] = ()
    """One per data set for which models wrote texts."""
    taught: tuple[str, ...] = ()
    """What teachers brought their students, a sentence each."""
    exports: tuple[ExportedFiles, ...] = ()
    """Files of the adapted models, measured in their own runtimes."""
    checks: Checks | None = None
    """What checks of results and data found; None where none were run."""
    damage: tuple[str, ...] = ()
    """What of the run could not be read, and how it is mended, a sentence each; the rest is here."""
    damaged_trials: tuple[str, ...] = ()
    """Ids of trials whose results could not be read; they are among ``failures``."""
    missing_plugins: tuple[str, ...] = ()
    """What is left out since a plugin of the run is not loaded, a sentence each."""
    labels: tuple[Labels, ...] = ()
    """One per data set, where the spec asks for several label budgets. Everything else is of the largest one."""

    @property
    def recommendation(self) -> Recommendation | None:
        """The answer for the first data set, or None where no trial has finished."""
        return self.recommendations[0] if self.recommendations else None

    @property
    def taken(self) -> frozenset[str]:
        """Ids of the cells that are recommended; none of a data set that has no answer yet."""
        return frozenset(answer.cell_id for answer in self.recommendations if answer.settled)

    @property
    def complete(self) -> bool:
        """Whether nothing of the plan is missing."""
        return not self.missing

    def cell(self, cell_id: str) -> CellSummary:
        """The cell with this id. Raises ``KeyError`` where there is none."""
        for cell in self.cells:
            if cell.cell_id == cell_id:
                return cell
        raise KeyError(cell_id)

    def ranking(self, dataset: str) -> tuple[CellSummary, ...]:
        """The ranked cells of one data set, best first."""
        return tuple(cell for cell in self.cells if cell.dataset == dataset and cell.rank is not None)

    def cells_at(self, dataset: str, point: LabelPoint) -> tuple[CellSummary, ...]:
        """The cells of one label budget, by rank, those without a score last."""
        return tuple(cell for cell in self.cells if cell.dataset == dataset) if point.front else point.cells
