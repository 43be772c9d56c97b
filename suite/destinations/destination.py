"""What every place answers that results are sent to."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from suite.errors import MissingExtraError, SuiteError
from suite.registry import DESTINATIONS

__all__ = ["Destination", "Sent", "destination_of"]


@dataclass(frozen=True)
class Sent:
    """What came of it."""

    sent: int
    """Trials that are there now and were not before, or not as they are."""
    kept: int
    """Trials that were there already."""
    where: str
    """The place as it may be shown: without a password."""


class Destination(Protocol):
    """One kind of place."""

    summary: ClassVar[str]
    target: ClassVar[str]
    """What stands after the colon, in a word."""
    extra: ClassVar[str]
    """The extra that installs what it needs."""
    modules: ClassVar[tuple[str, ...]]

    @classmethod
    def send(cls, folder: Path, target: str) -> Sent:
        """Sends every trial of a run; again, only what is new.

        Raises:
            SuiteError: Where the place cannot be reached or is not the suite's; nothing that was there is lost.
        """


def destination_of(text: str) -> tuple[type[Destination], str]:
    """``KIND:TARGET`` as destination and target.

    Raises:
        SuiteError: For a kind that there is none of, a missing target, or packages that are not installed.
    """
    kind, _, target = text.partition(":")
    destination: type[Destination] = DESTINATIONS.get(kind)
    if not target.strip():
        raise SuiteError(f"--to {kind}: expected {kind}:{destination.target} after it.")
    if any(importlib.util.find_spec(module) is None for module in destination.modules):
        raise MissingExtraError(
            f'--to {kind} needs packages that are not installed: pip install "suite[{destination.extra}]"'
        )
    return destination, target
