"""A result: everything known of one finished trial, self-contained and versioned.

This module and everything that reads results knows nothing of TensorFlow.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from suite.store.records.predictions import Predictions
from suite.store.records.reading import Reading
from suite.store.records.resizing import Resizing

__all__ = [
    "FORMAT_VERSION",
    "Amounts",
    "Candidate",
    "CorruptedScores",
    "CrossScores",
    "DataRecord",
    "Environment",
    "EpochRecord",
    "FeatureEngine",
    "FeatureEngineRecord",
    "GenerationRecord",
    "MetricRecord",
    "OutOfClassRecord",
    "Phase",
    "Predictions",
    "Profile",
    "Result",
    "Score",
    "SparsityRecord",
    "Status",
    "TeachingRecord",
    "TemperatureFit",
    "Timings",
    "TokensRecord",
    "WeightsRecord",
]

FORMAT_VERSION = 1

FeatureEngine = Literal["auto", "keras", "openvino", "onnx"]
"""What computes frozen features; ``auto`` exports the backbone where that is measured to pay."""
Status = Literal["done", "failed", "diverged", "timeout", "skipped"]
Phase = Literal["rank", "short", "search", "final"]
"""``rank`` and ``short`` are of a funnel: features judged without training, and the first epochs of a full fit."""


class Record(BaseModel):
    """Base of what is written to disk: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Amounts(Record):
    """Numbers of things, seconds and bytes, none of which is below 0."""

    @model_validator(mode="after")
    def _refuse_less_than_nothing(self) -> Self:
        for name, value in self:
            if isinstance(value, int | float) and value < 0:
                raise ValueError(f"{name} is {value}, less than nothing")
        return self


class Score(Record):
    """One metric on one evaluation set."""

    value: float | None
    """None where the metric cannot be computed; ``reason`` says why. Never 0 instead."""
    low: float | None = None
    """Lower end of the 95 % interval over examples, where one was computed."""
    high: float | None = None
    reason: str | None = None
    """Why the value is missing, or its interval."""


class MetricRecord(Record):
    """What a reader must know of a metric that a plugin brought, since it may read without the plugin."""

    label: str
    higher_is_better: bool
    summary: str
    answers: str = "class"
    stratified: bool = False
    bounds: tuple[float, float] | None = None
    is_mean: bool = False
    """Whether it is a mean over examples: then its values of examples lie in the predictions, else its resamples."""


class EpochRecord(Record):
    """One epoch of a fit."""

    epoch: int
    """From 1."""
    seconds: float
    """Training only, without validation and without compilation."""
    learning_rate: float
    """At the end of the epoch."""
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_score: float
    """Accuracy on validation, a fraction: of examples, or of the reference's tokens where the model writes."""
    validation_headline: float | None = None
    """The headline metric on validation, which chooses the epoch, ties going to the lower loss. None where it cannot
    be computed after an epoch - then the loss chooses - and in results of version 1, where the accuracy chose."""
    trainable_parameters: int


class Candidate(Record):
    """One setting that was tried inside a trial, with what it scored on validation.

    With few validation examples it is what it scored in a cross-validation over training and validation examples.
    """

    hyperparameters: dict[str, Any]
    validation_score: float | None
    """By ``Result.selected_by``; None where the headline cannot be computed."""
    validation_loss: float | None = None
    """Mean cross-entropy in nats."""
    epochs: int
    """0 for closed-form and convex fits, which have none."""
    seconds: float


class Profile(Amounts):
    """What a model costs. Missing where it was not measured."""

    parameters: int
    """Of the whole adapted model, backbone and head."""
    trainable_parameters: int
    macs: int | None
    """Multiply-accumulate operations for one example; FLOPs = 2 x MACs."""
    size_bytes: int
    """Bytes of the weights as stored."""
    latency_ms_p50: float | None
    """One example at a time, after warm-up."""
    latency_ms_p95: float | None
    latency_ms_blocks: tuple[float, ...] = ()
    """Medians of blocks of calls with other work between them; empty where they were timed in a row."""
    reference_ms_blocks: tuple[float, ...] = ()
    """What the same piece of work took beside each block, on one core: longer where the machine was slow."""
    latency_ms_low: float | None = None
    """Four in five blocks of this graph, in whatever trial, lie above this, or below the next; found when results are
    compared."""
    latency_ms_high: float | None = None
    disturbed: str | None = None
    """Why the latency may be too long, though it was measured twice, as part of a sentence."""
    throughput_per_second: float | None
    """Examples per second at ``throughput_batch_size``, after warm-up."""
    throughput_batch_size: int = 32
    peak_memory_bytes: int | None
    """Peak resident memory of the worker process over the trial."""
    device: str
    """For instance ``CPU (2 threads)``."""


class Timings(Amounts):
    """Seconds of the stages of a trial."""

    fit_seconds: float
    """Training, without compilation and validation."""
    compile_seconds: float
    """Building and tracing; near 0 where a compiled model was reused."""
    validation_seconds: float
    seconds_to_best: float
    """Training seconds until the epoch whose weights were kept."""
    features_seconds: float
    """Computing frozen features, as if nothing had been cached (the cost when they were computed)."""
    examples_per_second: float | None
    """Training examples per second of ``fit_seconds``; missing for fits without epochs."""
    total_seconds: float
    """Wall time of the whole trial in its worker."""


class Environment(Record):
    """Where a trial ran."""

    suite: str
    python: str
    packages: dict[str, str]
    platform: str
    processor: str
    device: str
    cpu_count: int
    threads: int
    commit: str | None = None
    """Commit of the repository that holds the spec, where there is one."""
    dirty: bool | None = None
    replicas: int = 1
    """How many devices every batch was shared out over."""
    precision: str = "float32"
    """What the layers computed in."""
    deterministic: bool | None = None
    """Whether the same fit gives the same numbers bit for bit; None in results from before it could be chosen."""
    jit_compile: bool = False
    jit_reason: str = ""
    """The measured seconds per step that decided for or against XLA."""


class DataRecord(Record):
    """A data set as it was used."""

    name: str
    class_names: tuple[str, ...]
    sizes: dict[str, int]
    """Examples per split."""
    fingerprint: str
    licence: str | None
    origin: str
    skipped: dict[str, str] = Field(default_factory=dict)
    """Examples that could not be decoded: id to reason."""
    dropped_copies: dict[str, int] = Field(default_factory=dict)
    """Split to how many of its examples were left out, since a later split has the same content."""
    grouped_copies: int = 0
    """Examples that have a copy and were kept on one side of the splits that were made."""
    reading: Reading | None = None
    """What was found where it lies and what was left out; None in results from before that was kept."""
    classes: int | None = None
    """Number of classes where only that is known, as of a published table; else the length of ``class_names``."""


class WeightsRecord(Record):
    """The weights a trial started from."""

    name: str
    location: str
    sha256: str
    licence: str | None
    pretrained_on: str | None


class TokensRecord(Record):
    """What became of the texts of a data set when a model's tokeniser read them."""

    sequence_length: int
    """Tokens of the longest input that was allowed, special tokens counted."""
    vocabulary: int
    """Tokens that the tokeniser knows."""
    padding_share: float | None
    """Of the positions of all training batches, the share that is empty; missing where nothing was batched."""
    truncated: dict[str, int]
    """Evaluation set or split to its texts that were longer than ``sequence_length`` and lost their end."""
    mean_tokens: float
    """Of a training text, after truncation."""


class GenerationRecord(Record):
    """How texts were written, and how fast."""

    first_token_ms: float | None
    """Of one text, after warm-up; missing where nothing is written."""
    tokens_per_second: float | None
    """New tokens of one text per second after the first."""
    decoding: dict[str, Any]
    """The decoding options as they were used, for instance ``{"decoding": "greedy"}``."""
    new_tokens: int
    """The most tokens that a text could get."""


class FeatureEngineRecord(Record):
    """What computed the frozen features of a fit."""

    name: Literal["keras", "openvino", "onnx"]
    version: str
    reason: str
    """Why this one, with the seconds that decided."""
    export_seconds: float | None = None
    """Of an exported backbone."""
    difference: float | None = None
    """Of an exported backbone: the largest from Keras on the first batch, as a share of the largest feature."""


class SparsityRecord(Record):
    """How sparse a pruned model is, counted in its final weights, and what is won by packing them."""

    target: float
    """Share of each pruned kernel that was to be zero."""
    kernels: int
    """How many kernels were pruned."""
    prunable: int
    """Weights in these kernels."""
    pruned: int
    """How many of them are exactly zero."""
    parameters: int
    """Weights of the whole model, backbone and head."""
    bytes: int
    """Of all weights as they are stored; zeros take as much room as other numbers."""
    gzip_bytes: int
    """Of the same weights packed by gzip."""
    dense_gzip_bytes: int
    """Of the weights that the fit started from, packed by gzip: what packing alone gives."""


class TeachingRecord(Record):
    """Whose answers a student learned from, and how they were weighed."""

    trial_id: str
    model: str
    strategy: str
    validation_score: float | None
    """Headline of the teacher's trial on validation."""
    temperature: float
    alpha: float


class CorruptedScores(Record):
    """The home test set after one corruption of one severity."""

    corruption: str
    severity: int
    scores: dict[str, Score]
    """Accuracy and the headline metric."""


class TemperatureFit(Record):
    """One number by which all logits are divided, fitted on validation (Guo et al. 2017, section 4.2)."""

    temperature: float | None
    """Above 1 where the model promised too much."""
    after: dict[str, Score] = Field(default_factory=dict)
    """Calibration error, log loss and Brier score on the home test set at this temperature."""
    reason: str | None = None
    """Why there is none, where there is none."""


class OutOfClassRecord(Record):
    """A data set of other classes, shown to a fitted model."""

    name: str
    examples: int
    """Of its test split, those of shared classes left out."""
    shared: tuple[str, ...] = ()
    """Classes that the home data set has too, by name."""
    left_out: int = 0
    """Examples of these, which are not out of class."""
    mean_confidence: float
    """Mean of the largest probability."""


class CrossScores(Record):
    """A model trained on its home data set, tested on another, on the classes that both have."""

    dataset: str
    """Label of the other data set."""
    classes: tuple[str, ...]
    """The shared classes, in the words of the home data set."""
    examples: int | None
    """Test examples of these classes there."""
    scores: dict[str, Score] = Field(default_factory=dict)
    """Every metric, chosen among the shared classes only."""
    at_home: dict[str, Score] = Field(default_factory=dict)
    """The same on the home test set, on the same classes."""
    reason: str | None = None
    """Why there are no scores, where there are none."""


class Result(Record):
    """Everything known of one trial."""

    format_version: int = FORMAT_VERSION
    id: str
    """``Trial.id``."""
    cell_id: str
    """The same for all trials of a model x dataset x strategy."""
    status: Status
    reason: str | None = None
    """One sentence; always there unless the status is ``done``."""
    trial: dict[str, Any]
    """The trial's own JSON, complete."""
    phase: Phase
    seed: int
    model: str
    """Label of the model."""
    dataset: str
    """Label of the data set."""
    strategy: str
    """Label of the strategy, for instance ``fine_tune: all``."""
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    """What was used in the end, the winners of searches included."""
    scores: dict[str, dict[str, Score]] = Field(default_factory=dict)
    """Evaluation set (``validation``, ``test``, or the label of a further set) to metric to score."""
    metrics: dict[str, MetricRecord] = Field(default_factory=dict)
    """Of ``scores``, those that plugins brought."""
    corrupted: tuple[CorruptedScores, ...] = ()
    """The home test set after every corruption that the spec asks for."""
    calibration: TemperatureFit | None = None
    """None for search trials, and for trials that ran before temperatures were fitted."""
    out_of_class: tuple[OutOfClassRecord, ...] = ()
    cross: tuple[CrossScores, ...] = ()
    history: tuple[EpochRecord, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    best_epoch: int | None = None
    selected_by: str | None = None
    """What epochs, or ``candidates``, were judged by: the headline metric, or ``loss`` where that cannot be computed
    inside a fit. None where nothing was judged, and in results from before it was told: then it was the accuracy."""
    refit: bool | None = None
    """Whether the model was fitted again on training and validation examples after it was chosen. None where nothing
    is fitted, and in results from before there was a choice: then only a linear probe was."""
    computed_by: str | None = None
    """The trial whose computation this is, another seed's of a cell that makes no random choice; None for its own."""
    pruned_after: int | None = None
    """The epoch after which a search trial was given up; None where it ran to its end."""
    estimates: dict[str, Score] = Field(default_factory=dict)
    """Of a ``rank`` trial: transferability estimator to what it says of the frozen features."""
    profile: Profile | None = None
    timings: Timings | None = None
    environment: Environment | None = None
    data: tuple[DataRecord, ...] = ()
    """The home data set first, then those of ``evaluate_on`` and ``out_of_class``."""
    weights: WeightsRecord | None = None
    family: str | None = None
    """Architecture family of the backbone."""
    input_size: tuple[int, int] | None = None
    resizing: Resizing | None = None
    """How images were brought to that size; None of texts, and of trials from before it was recorded: stretched."""
    sequence_length: int | None = None
    """Tokens that the model reads at most, of a model that reads texts."""
    tokens: TokensRecord | None = None
    sparsity: SparsityRecord | None = None
    """Of a pruned model."""
    teaching: TeachingRecord | None = None
    """Of a student."""
    feature_engine: FeatureEngineRecord | None = None
    """Of a fit that used frozen features."""
    generation: GenerationRecord | None = None
    """Of a model that writes."""
    batch_size: int | None = None
    """The batch size that was used; smaller than asked for where memory ran out."""
    notes: tuple[str, ...] = ()
    """What happened on the way and a reader should know, one sentence each."""
    error: str | None = None
    """Traceback or last lines of the log."""
    artefacts: dict[str, str] = Field(default_factory=dict)
    """Name to file name inside the trial's folder: ``predictions/test``, ``model``, ``log``."""
    started_at: str = ""
    finished_at: str = ""
