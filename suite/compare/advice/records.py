"""The types of a recommendation under limits: what excluded a cell, what would change the answer, what to try next."""

from __future__ import annotations

from typing import Literal

from suite.store.records.result import Record

__all__ = ["Change", "Excess", "LimitUse", "Loser", "NextStep", "StepKind", "Unmet"]

StepKind = Literal["finish", "finding", "learning_rate", "epochs", "unfreeze", "settle"]


class LimitUse(Record):
    """One limit that the recommendation holds to."""

    key: str
    """As the spec writes it: ``max_latency_ms``, ``minimum.accuracy``."""
    value: float
    """In the unit of the key."""
    text: str
    """As a sentence says it: ``at most 20 ms latency``."""
    excludes: int
    """Ranked cells that break it, or that it was not measured of."""


class Excess(Record):
    """How far one cell is beyond one limit."""

    key: str
    value: float | None
    """What was measured of the cell; missing where nothing was, which ``text`` says."""
    by: float | None
    """Distance to the limit, positive, in the limit's unit."""
    text: str


class Loser(Record):
    """A ranked cell that was not chosen, and why."""

    cell_id: str
    worse_by: float | None
    """Headline of the chosen cell minus that of this one, turned so that positive means worse."""
    low: float | None
    high: float | None
    tied: bool
    """Within the limits and, like what is chosen, maybe the best of what is."""
    beyond: tuple[Excess, ...]
    """The limits that it breaks; empty where it keeps them all."""
    text: str


class Change(Record):
    """Another limit, and the answer that it would give; found by asking again with that limit."""

    key: str
    """The limit that is moved; empty where all are lifted."""
    limit: float | None
    """The limit as it is; missing where there is none."""
    instead: float | None
    """The limit to ask again with; missing where it is lifted."""
    cell_id: str
    """What would be taken."""
    gain: float | None
    """How much better it scores than what is taken now; negative means worse."""
    low: float | None
    high: float | None
    text: str


class NextStep(Record):
    """What the results say to try next."""

    kind: StepKind
    text: str
    numbers: dict[str, float]
    cell_ids: tuple[str, ...]
    """The cells that it speaks of."""


class Unmet(Record):
    """A data set for which no cell keeps the limits."""

    dataset: str
    text: str
    """Which limit, or which of them together, exclude everything, and the nearest that would not."""
    keys: tuple[str, ...]
    """The limits that together exclude everything: one, or the fewest that do."""
    nearest: tuple[Change, ...]
    """Limits moved so far that a cell keeps them, and which one would be taken; without a gain."""
    take: str = "No model keeps the limits."
    """The same as one short sentence; while cells have no score, that there is no answer yet."""
    settled: bool = True
    """Whether no cell that has no score yet might keep them."""
