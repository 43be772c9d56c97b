"""What every destination answers, and what it is given."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from suite.store.records.export_card import ExportCard
from suite.store.records.result import Result

__all__ = ["CURVES", "Destination", "Point", "Sent", "Shipment", "curves", "epoch_seconds"]

CURVES = ("train_loss", "train_accuracy", "validation_loss", "validation_score", "learning_rate")
"""Fields of an epoch's record that are drawn as curves."""


@dataclass(frozen=True)
class Shipment:
    """The results of one run."""

    folder: Path
    """Of the run."""
    name: str
    """Of its spec."""
    results: tuple[Result, ...]
    cards: tuple[ExportCard, ...]
    """Of exported files."""
    find_file: Callable[[Result, str], Path | None]
    """A result and the name of an artefact to the file; None where there is none."""


@dataclass(frozen=True)
class Sent:
    """What became of a shipment."""

    written: int
    """Trials that are new there, or were written again."""
    unchanged: int
    """Trials that were there already, as they are."""
    left_out: int
    """Trials that the destination has no use for."""
    note: str
    """What to do now, one sentence."""


class Destination(Protocol):
    """One program that takes results."""

    summary: ClassVar[str]
    extra: ClassVar[str]
    """The extra that installs what it needs."""
    modules: ClassVar[tuple[str, ...]]
    """Modules beyond those of the suite."""
    example: ClassVar[str]
    """A target, as it stands behind the colon of ``--to``."""
    overwrites: ClassVar[bool]
    """Whether ``--overwrite`` means something there."""

    @classmethod
    def check(cls, target: str, *, overwrite: bool) -> None:
        """Raises ``SuiteError`` where the target can never be one; before anything is read."""

    @classmethod
    def shown(cls, target: str) -> str:
        """The target as it may be printed: without passwords."""

    @classmethod
    def send(cls, shipment: Shipment, target: str, *, overwrite: bool) -> Sent:
        """Writes everything there; the same again changes nothing.

        Raises:
            SuiteError: Where it cannot be reached or written.
        """


@dataclass(frozen=True)
class Point:
    """One value of a learning curve."""

    curve: str
    """One of ``CURVES``."""
    epoch: int
    """From 1."""
    value: float
    seconds: float
    """Since 1970, when the epoch ended."""


def curves(result: Result) -> Iterator[Point]:
    """The learning curves, epoch by epoch; values that are no number are left out."""
    now = epoch_seconds(result.started_at) or epoch_seconds(result.finished_at) or 0.0
    for record in result.history:
        now += record.seconds
        for curve in CURVES:
            value = float(getattr(record, curve))
            if math.isfinite(value):
                yield Point(curve, record.epoch, value, now)


def epoch_seconds(stamp: str) -> float | None:
    """A time as results have it, in seconds since 1970; None where there is none."""
    try:
        return dt.datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return None
