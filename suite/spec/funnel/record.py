"""What is kept of a funnel: each stage with who entered it, how they did, and who was dropped why."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from suite.store.records.result import Record

__all__ = ["DatasetFunnel", "Drop", "FunnelState", "StageKind", "StageState"]

StageKind = Literal["limits", "rank", "short", "full", "seeds"]


class Drop(Record):
    """One model, or one model with one strategy, that goes no further."""

    model: str
    strategy: str | None
    """None where the model was dropped with every strategy."""
    cell_ids: tuple[str, ...]
    """The cells that are left out by this."""
    reason: str
    """A sentence: what came, and what was asked for."""


class StageState(Record):
    """One stage of the funnel on one data set."""

    kind: StageKind
    epochs: int | None = None
    """Of a short stage: after how many epochs it judges."""
    judged_by: str
    """What decides: ``linear probe``, ``validation accuracy``."""
    entrants: tuple[str, ...]
    """Cell ids, or of ``limits`` and ``rank`` the models' labels."""
    scores: dict[str, float] = Field(default_factory=dict)
    """Entrant to what it was judged by; who has none is left out."""
    trial_ids: tuple[str, ...]
    """The trials that it asked for, the entrants that had to be fitted."""
    drops: tuple[Drop, ...] = ()
    decided: bool
    """Whether every trial of it has ended."""
    remark: str | None = None
    """Why it dropped nobody where it might have, or what else is to be known."""


class DatasetFunnel(Record):
    """The funnel on one data set."""

    dataset: str
    stages: tuple[StageState, ...]
    """In their order, up to the first that is not decided."""
    left_out: tuple[str, ...]
    """Ids of the trials that are not run, since their cells were dropped."""


class FunnelState(Record):
    """The funnel of a run."""

    datasets: tuple[DatasetFunnel, ...]

    @property
    def left_out(self) -> frozenset[str]:
        """Ids of the trials that are not run."""
        return frozenset(trial_id for one in self.datasets for trial_id in one.left_out)
