"""What runs trials, as the session knows it: workers of this machine, or of a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from suite.runner.request import TrialEnd, TrialRequest
from suite.store.records.result import Environment

__all__ = ["EXECUTOR", "ClusterChoice", "Finished", "Standing", "Workers"]

EXECUTOR = "suite.runner.trial:execute"
"""What runs a ``TrialRequest`` in a worker, ``module:function``."""


@dataclass(frozen=True)
class ClusterChoice:
    """Where trials run that do not run on this machine's own workers."""

    address: str
    """``auto``, ``local`` or ``HOST:PORT``."""
    artefacts: str | None = None
    """A folder or URL that this machine and all nodes reach, for artefacts on their way; None for through Ray."""


@dataclass(frozen=True)
class Finished:
    """A trial that ended, and where it ran."""

    slot: int
    request: TrialRequest
    end: TrialEnd
    lost: str | None = None
    """Why it ended, in one sentence, where that is no fault of its own: its worker or its machine is gone."""
    environment: Environment | None = None
    """Where it ran, for a trial without a result of its own; None for this machine."""


@dataclass(frozen=True)
class Standing:
    """The workers as they are now."""

    slots: int
    """Trials that they take at once."""
    nodes: int | None = None
    """Machines of a cluster; None where there is none."""
    changes: tuple[str, ...] = ()
    """What happened to machines since the run began, one sentence each."""


class Workers(Protocol):
    """Slots that take one trial each; they may come and go while a run is at work."""

    @property
    def idle(self) -> tuple[int, ...]:
        """The slots that can take a trial now."""

    @property
    def running(self) -> tuple[TrialRequest, ...]:
        """The trials that are running now."""

    @property
    def standing(self) -> Standing:
        """The workers as they are now, for who looks on."""

    def threads(self, slot: int) -> int:
        """How many threads a trial of this slot computes with."""

    def submit(self, slot: int, request: TrialRequest) -> None:
        """Starts a trial in an idle slot."""

    def wait(self, timeout_seconds: float) -> list[Finished]:
        """The trials that ended, waiting for the first one at most ``timeout_seconds``.

        Raises:
            SuiteError: Where no worker is left that could take a trial, and none will come.
        """

    def close(self) -> None:
        """Ends every worker; a trial that is running is lost."""
