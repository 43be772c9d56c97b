"""What every export format answers, and what is written beside an exported file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from suite.results import Record, Score

__all__ = ["Answer", "ExportCard", "Exporter", "Measured", "Parity", "TensorRecord"]

Answer = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""A loaded file: pictures ``(batch, height, width, 3)`` float32, 0 to 255, to probabilities ``(batch, classes)``."""


class Exporter(Protocol):
    """One format."""

    summary: ClassVar[str]
    extra: ClassVar[str | None]
    """The extra that installs what it needs; None where the suite's own dependencies do."""
    modules: ClassVar[tuple[str, ...]]
    """Modules beyond those of the suite that writing and running need."""
    runtime: ClassVar[str]
    """Distribution that runs the file."""
    file: ClassVar[str]
    """Name of the file or folder that is written."""
    example: ClassVar[str]
    """A Python file of at most 25 lines that loads it and classifies a picture with nothing of the suite."""

    @classmethod
    def write(cls, model: Any, path: Path, *, labels: Sequence[str]) -> None:
        """Writes a ``keras.Model`` from raw pictures to probabilities, with its class names where there is a slot.

        Whatever the library raises passes through.
        """

    @classmethod
    def load(cls, path: Path, *, threads: int) -> Answer:
        """Loads the file in its own runtime, on so many threads of the processor."""


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
    """``test`` for the home test set, ``noise`` where its pictures are not at hand."""


class Measured(Record):
    """What the file costs in its own runtime, in a process of its own."""

    load_seconds: float
    latency_ms_p50: float
    """One example at a time, after warm-up."""
    latency_ms_p95: float
    throughput_per_second: float
    """Examples per second in batches of ``throughput_batch_size``, after warm-up."""
    throughput_batch_size: int
    peak_memory_bytes: int
    """Of the process, the runtime's own memory and the examples included."""
    threads: int
    runtime: str
    """Name and version."""
    device: str


class ExportCard(Record):
    """Everything known of one exported file; ``card.json`` beside it."""

    format: str
    precision: str = "fp32"
    status: str
    """``done``, or ``failed`` where the file is not what was measured in Keras."""
    reason: str | None = None
    task: str
    model: str
    dataset: str
    strategy: str
    seed: int
    trial_id: str
    file: str
    bytes: int
    """Of the file, or of all files of the folder."""
    sha256: str
    """Of the file; of a folder, of the sorted names and contents of all its files."""
    input: TensorRecord
    output: TensorRecord
    labels: tuple[str, ...]
    export_seconds: float
    measured: Measured | None = None
    parity: Parity | None = None
    scores: dict[str, Score] = Field(default_factory=dict)
    """Of the file on the home test set, by metric; empty where its pictures are not at hand."""
    keras_scores: dict[str, Score] = Field(default_factory=dict)
    """Of the Keras model on the same examples."""
    versions: dict[str, str]
