"""What a spec says of the search: ``search``, ``budget`` and a model's own ``tuning``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from suite.spec.options import Options

__all__ = ["BudgetSpec", "Domain", "Range", "SearchSpec", "Space", "Spending", "TuningSpec"]

Sampler = Literal["grid", "random", "tpe"]
Pruning = Literal["none", "median", "halving"]
DEFAULT_TRIALS = 8


class Range(Options):
    """Every number between two ends."""

    low: float
    high: float
    log: bool = False
    """Evenly in the logarithm, as it is usual for learning rates and penalties."""
    steps: Annotated[int, Field(ge=2, le=1000)] | None = None
    """How many values, both ends among them, a grid takes; samplers draw any value."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"expected 'low' below 'high', got {self.low:g} and {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic range starts above 0, got {self.low:g}")
        return self


Domain = Range | Annotated[tuple[Any, ...], Field(min_length=1, max_length=1000)]
"""A range of numbers, or a list of values."""
Space = Mapping[str, Domain]
"""Options of a strategy, each with the values that it may take."""


class SearchSpec(Options):
    """How the settings of a strategy are searched on validation, the same for every model."""

    trials: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Settings tried per cell; 8 when left out (all, where there are fewer), and all of a grid."""
    sampler: Sampler = "random"
    """``grid`` tries every combination; ``random`` draws the same settings for every model; ``tpe`` learns from the
    trials before (Bergstra et al. 2011)."""
    space: dict[str, Domain] | None = None
    """Options of the strategy and their values; the strategy's own space when left out."""
    pruner: Pruning = "none"
    """Gives up a trial early: ``median`` where it is below the median of earlier ones at the same epoch, ``halving``
    where it is not among the better half when its epochs double (successive halving)."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Of the sampler."""

    @property
    def in_turn(self) -> bool:
        """Whether a trial depends on the ones before it, so that a cell's trials must run one after another."""
        return self.sampler == "tpe" or self.pruner != "none"


class TuningSpec(Options):
    """What one model gets instead of what the others get; only with ``unequal_tuning``."""

    trials: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Search trials per cell."""
    epochs: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Instead of ``training.epochs``."""
    space: dict[str, Domain] | None = None
    """Instead of the space of the search."""


class BudgetSpec(Options):
    """Limits of the search by time; final trials are never cut."""

    seconds_per_model: Annotated[float, Field(gt=0.0)]
    """Seconds that the search trials of one model may take on one data set with one number of labels, shared
    equally by its strategies that search. The first trial of each always runs, so that there is something to choose."""


# The time that a search may take: which search trials are cut once a cell has used up its share. Pure.


@dataclass
class Spending:
    """Seconds that the search trials of each cell have taken, against its share of its model's budget."""

    seconds_per_model: float | None
    """Of one model on one data set, shared equally by its strategies that search; None cuts nothing."""
    _cells: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    _seconds: dict[str, float] = field(default_factory=dict)
    _with_score: set[str] = field(default_factory=set)

    def expect(self, searches: Iterable[tuple[str, str, str]]) -> None:
        """Tells what is planned, before anything is asked: model, data set and cell of every search trial."""
        for model, dataset, cell_id in searches:
            self._cells.setdefault((model, dataset), set()).add(cell_id)

    def add(self, cell_id: str, seconds: float | None, *, done: bool) -> None:
        """A search trial that has ended.

        Args:
            cell_id: Its cell.
            seconds: Wall seconds in its worker; None where they are not known, which counts as none.
            done: Whether it has a score, so that its cell has something to choose.
        """
        self._seconds[cell_id] = self._seconds.get(cell_id, 0.0) + (seconds or 0.0)
        if done:
            self._with_score.add(cell_id)

    def cuts(self, model: str, dataset: str, cell_id: str) -> bool:
        """Whether a further search trial of this cell is left out; never the first one with a score."""
        if self.seconds_per_model is None or cell_id not in self._with_score:
            return False
        share = self.seconds_per_model / max(1, len(self._cells.get((model, dataset), ())))
        return self._seconds.get(cell_id, 0.0) >= share
