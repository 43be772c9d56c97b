"""What is known of an exported file: what it is, what it costs in its runtime, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from suite.store.records.reading import Levels
from suite.store.records.resizing import Resizing
from suite.store.records.result import Record, Score

__all__ = [
    "PRECISIONS",
    "PRECISION_WORDS",
    "Difference",
    "ExportCard",
    "ExportStatus",
    "Measured",
    "Parity",
    "Precision",
    "TensorRecord",
]

Precision = Literal["fp32", "fp16", "int8_dynamic", "int8"]
"""``fp32`` as trained; ``fp16`` half precision; ``int8_dynamic`` weights in 8 bits, activations as they come; ``int8``
both in 8 bits, with ranges that were measured on training examples."""
PRECISION_WORDS: Mapping[Precision, str] = {
    "fp32": "32-bit floating point, as trained",
    "fp16": "weights in half precision",
    "int8_dynamic": "weights in 8 bits, ranges of activations found while it runs",
    "int8": "weights and activations in 8 bits, ranges measured on training examples",
}
PRECISIONS: tuple[Precision, ...] = tuple(PRECISION_WORDS)
ExportStatus = Literal["done", "failed", "skipped"]
"""``failed`` where the file is not what was measured in Keras; ``skipped`` where a library cannot do it."""


class TensorRecord(Record):
    """What goes into a file or comes out of it."""

    name: str
    shape: tuple[int | None, ...]
    """The first is the number of examples; None where any size will do."""
    dtype: str
    meaning: str


class Parity(Record):
    """How far the file's probabilities are from those of the Keras model, on the same examples."""

    examples: int
    max_difference: float
    """The largest absolute difference of a probability."""
    mean_difference: float
    agreement: float
    """Share of the examples for which both name the same class."""
    on: str
    """``test`` for the home test set, ``noise`` where its examples are not at hand."""


class Difference(Record):
    """The file's score minus the Keras model's, on the same examples."""

    metric: str
    value: float
    low: float | None = None
    """Of a 95 % interval over examples, paired, both fits as given; None where the test set is too small for one."""
    high: float | None = None


class Measured(Record):
    """What the file costs in its own runtime, in a process of its own."""

    load_seconds: float
    latency_ms_p50: float
    """One example at a time, after warm-up."""
    latency_ms_p95: float
    latency_ms_blocks: tuple[float, ...] = ()
    """Medians of blocks of calls with other work between them; empty in files that were measured before there were."""
    reference_ms_blocks: tuple[float, ...] = ()
    """What the same piece of work took beside each block, on one core: longer where the machine was slow."""
    disturbed: str | None = None
    """Why the latency may be too long, though it was measured twice, as part of a sentence."""
    throughput_per_second: float
    """Examples per second in batches of ``throughput_batch_size``, after warm-up."""
    throughput_batch_size: int
    peak_memory_bytes: int
    """Of the process, the runtime's own memory and the examples included."""
    threads: int
    tokens: int | None = None
    """Length of the text that latency and throughput were measured with; None for images."""
    runtime: str
    """Name and version."""
    device: str


class ExportCard(Record):
    """Everything known of one exported file; ``card.json`` beside it, and a row of the store."""

    format: str
    precision: Precision = "fp32"
    status: ExportStatus
    reason: str | None = None
    task: str
    model: str
    dataset: str
    strategy: str
    seed: int
    trial_id: str
    model_sha256: str = ""
    """Of the ``.keras`` file that it was made of, which tells whether the trial was run again since."""
    cell_id: str = ""
    file: str
    folder: str | None = None
    """Where the file lies, from the run's folder; None where it went elsewhere or there is none."""
    bytes: int
    """Of the file, or of all files of the folder."""
    compressed_bytes: int | None = None
    """Of the same after gzip, as it travels over a network."""
    sha256: str
    """Of the file; of a folder, of the sorted names and contents of all its files."""
    inputs: tuple[TensorRecord, ...]
    output: TensorRecord
    labels: tuple[str, ...]
    export_seconds: float
    calibration_examples: int | None = None
    """Training examples that ranges of activations were measured on; None where none are needed."""
    tokenizer: str | None = None
    """Of a text model, how far ``tokenizer.json`` cuts texts as the model was trained on; None for images."""
    resizing: Resizing | None = None
    """How an image of any size becomes the input; None of texts, and of files from before it was told: stretched."""
    levels: Levels | None = None
    """Of images with more than 8 bits a pixel, the values that become 0 and 255; None for all of 16 bits."""
    measured: Measured | None = None
    parity: Parity | None = None
    scores: dict[str, Score] = Field(default_factory=dict)
    """Of the file on the home test set, by metric; empty where its examples are not at hand."""
    keras_scores: dict[str, Score] = Field(default_factory=dict)
    """Of the Keras model on the same examples."""
    difference: Difference | None = None
    """Of the headline metric."""
    notes: tuple[str, ...] = ()
    """What a reader should know, one sentence each."""
    versions: dict[str, str]

    @property
    def id(self) -> str:
        """Unique in a store: a file that is exported again replaces the one of its trial, format and precision."""
        return f"{self.trial_id}/{self.format}/{self.precision}"
