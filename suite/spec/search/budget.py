"""The time that a search may take: which search trials are cut once a cell has used up its share. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Spending"]


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
