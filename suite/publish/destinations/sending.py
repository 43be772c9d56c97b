"""``KIND:TARGET``: which destination is meant, and how the results of a run get there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from suite.errors import MissingExtraError, SuiteError, UnknownNameError, did_you_mean, install_line
from suite.publish.destinations.destination import Destination, Sent, Shipment
from suite.registry import DESTINATIONS
from suite.store.records.result import Result
from suite.store.state import spec_of
from suite.store.store import open_store

__all__ = ["Delivery", "choose", "send"]


@dataclass(frozen=True)
class Delivery:
    """A destination and where in it."""

    kind: str
    target: str
    overwrite: bool = False

    @property
    def shown(self) -> str:
        """As it may be printed: without passwords."""
        return f"{self.kind}:{DESTINATIONS.get(self.kind).shown(self.target)}"


def choose(words: Sequence[str], *, overwrite: bool = False) -> tuple[Delivery, ...]:
    """What was asked for with ``--to``; nothing is read or written yet.

    Args:
        words: Each ``KIND:TARGET``.
        overwrite: Write also where something else is.

    Raises:
        SuiteError: For an unknown kind, a target that is missing or can be none, packages that are not installed, and
            ``overwrite`` where no destination has a use for it.
    """
    chosen = tuple(_parsed(one, overwrite=overwrite) for one in words)
    if overwrite and not any(DESTINATIONS.get(one.kind).overwrites for one in chosen):
        able = [name for name in DESTINATIONS if DESTINATIONS.get(name).overwrites]
        raise SuiteError(f"--overwrite: is for --to {' or '.join(able)}; leave it out.")
    return chosen


def _parsed(words: str, *, overwrite: bool) -> Delivery:
    kind, _, target = words.partition(":")
    if kind not in DESTINATIONS:
        # A whole address without its kind may hold a password.
        name = kind if kind.isidentifier() else "that"
        raise UnknownNameError(f"--to: {did_you_mean(name, DESTINATIONS, what='destination')} {_forms()}")
    destination = DESTINATIONS.get(kind)
    if not target:
        raise SuiteError(f"--to {kind}: says not where; expected for instance {kind}:{destination.example}.")
    line = install_line(destination.modules, destination.extra)
    if line is not None:
        raise MissingExtraError(f"--to {kind} needs packages that are not installed: {line}")
    destination.check(target, overwrite=overwrite)
    return Delivery(kind, target, overwrite)


def _forms() -> str:
    return f"Expected for instance {', '.join(f'{name}:{DESTINATIONS.get(name).example}' for name in DESTINATIONS)}."


def send(folder: Path, delivery: Delivery) -> Sent:
    """Brings the results of a run to a destination.

    Raises:
        StoreError: Where the folder holds no run.
        SuiteError: Where the destination cannot be reached or written.
    """
    with open_store(folder, create=False) as store:

        def find_file(result: Result, name: str) -> Path | None:
            path = store.artefact(result, name)
            return path if path is not None and path.is_file() else None

        name = _name(folder, store.documents())
        shipment = Shipment(folder, name, tuple(store.query()), tuple(store.exports()), find_file)
        destination: type[Destination] = DESTINATIONS.get(delivery.kind)
        return destination.send(shipment, delivery.target, overwrite=delivery.overwrite)


def _name(folder: Path, documents: dict[str, str]) -> str:
    """Of the spec; of the folder where none is stored."""
    return str(spec_of(documents).get("name") or folder.resolve().name)
