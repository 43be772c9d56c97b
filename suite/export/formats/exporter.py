"""What every export format answers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from suite.export.formats.examples import ExampleArrays
from suite.store.records.export_card import Precision

__all__ = ["Answer", "ExportSkipped", "Exporter", "Inputs", "Stream", "write_file"]

Inputs = Mapping[str, NDArray[Any]]
"""A batch: ``images`` ``(batch, height, width, 3)`` float32, 0 to 255; or a text model's arrays by their names,
``(batch, tokens)`` int32."""
Answer = Callable[[Inputs], NDArray[np.float32]]
"""A loaded file: a batch to probabilities ``(batch, classes)``."""
Stream = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""A loaded file for many images ``(n, height, width, 3)``, 0 to 255, of one size: to its outputs ``(n, ...)``. A
format whose runtime gains by it has a second way to load, ``stream(path, *, threads)``."""


class ExportSkipped(Exception):  # noqa: N818 - an outcome, not an error of the user
    """What this model cannot be made into, with the reason."""


class Exporter(Protocol):
    """One format."""

    summary: ClassVar[str]
    extra: ClassVar[str | None]
    """The extra that installs what it needs; None where the suite's own dependencies do."""
    modules: ClassVar[tuple[str, ...]]
    """Modules beyond those of the suite that writing and running need."""
    runtime: ClassVar[str]
    """Distribution that runs the file."""
    library: ClassVar[str]
    """What the Hugging Face Hub calls the library that loads it."""
    quantisers: ClassVar[tuple[str, ...]]
    """Further distributions that make files smaller; their versions stand on the card."""
    file: ClassVar[str]
    """Name of the file or folder that is written."""
    refuses: ClassVar[Mapping[Precision, str]]
    """Precisions that the format or its library cannot have, with the reason."""
    imports: ClassVar[str]
    """What ``example.py`` imports; see ``suite.export.formats.example``."""
    loading: ClassVar[str]
    """Its lines that load the file from the folder ``here``."""
    answering: ClassVar[str]
    """Its lines from ``inputs``, arrays by name, to ``probabilities`` of one example."""

    @classmethod
    def write(cls, model: Any, path: Path, *, labels: Sequence[str], resizing: str | None = None) -> None:
        """Writes a ``keras.Model`` from raw inputs to probabilities, with its class names where there is a slot.

        Whatever the library raises passes through.

        Args:
            model: It predicts in the file what ``predict`` does.
            path: What is written.
            labels: Class names, in the order of the probabilities.
            resizing: JSON of a ``Resizing``, which goes into the file; None of texts, and of files for one use.
        """

    @classmethod
    def compress(cls, full: Path, path: Path, *, precision: Precision, calibration: ExampleArrays | None) -> None:
        """Writes what ``write`` wrote once more, in another precision; the head stays as it is.

        The head, one small matrix, decides between the classes, and a linear probe's has rows of very different
        sizes, which 8 bits cannot hold at once.

        Args:
            full: The file in fp32.
            path: What is written.
            precision: One that the format does not refuse.
            calibration: Training examples; given for ``int8`` alone.

        Raises:
            ExportSkipped: Where this model has nothing to compress.
        """

    @classmethod
    def load(cls, path: Path, *, threads: int) -> Answer:
        """Loads the file in its own runtime, on so many threads of the processor."""


def write_file(
    exporter: type[Exporter], model: Any, path: Path, *, labels: Sequence[str], resizing: str | None
) -> None:
    """``Exporter.write``, also of an exporter that was written before there was a ``resizing``: it does without it."""
    further = {"resizing": resizing} if "resizing" in inspect.signature(exporter.write).parameters else {}
    exporter.write(model, path, labels=labels, **further)
