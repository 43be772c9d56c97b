"""What the pool of a cluster remembers of its workers, and of what it has asked Ray."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from suite.runner.cluster.nodes import Node
from suite.runner.pool import Age
from suite.runner.request import TrialRequest
from suite.runner.workers import Finished
from suite.spec.trial_resources import Share
from suite.store.records.result import Environment

__all__ = ["Awaited", "Slot", "Waiting"]


@dataclass
class Slot:
    """A worker, or the place of one that is being started."""

    number: int
    node: Node
    share: Share
    actor: Any = None
    room: str | None = None
    """The folder of the worker on its node, once it is ready."""
    environment: Environment | None = None
    """Where its trials run, as it says itself; that of the worker before it until it is ready."""
    request: TrialRequest | None = None
    key: str = ""
    """Names the try of the trial that runs."""
    deadline: float | None = None
    age: Age = field(default_factory=Age)
    """What the worker has done."""
    failures: int = 0
    """Starts in a row that came to nothing."""


@dataclass
class Awaited:
    """What a reference of Ray will tell."""

    slot: Slot | None = None
    node: Node | None = None
    """A node that joined, and was asked for its versions."""
    is_trial: bool = False
    finished: Finished | None = None
    """A trial whose worker is dead, and whose log is looked for."""
    until: float = 0.0
    """How long it is looked for."""


@dataclass
class Waiting:
    """How long there has been no worker at all."""

    since: float | None = None
    reason: str = ""
