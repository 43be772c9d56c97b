"""The time that a search may take: which search trials are cut once a model has used it up. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Spending"]


@dataclass
class Spending:
    """Seconds that the search trials of each model have taken on each data set."""

    seconds_per_model: float | None
    """None cuts nothing."""
    _seconds: dict[tuple[str, str], float] = field(default_factory=dict)
    _cells: set[str] = field(default_factory=set)

    def add(self, model: str, dataset: str, cell_id: str, seconds: float | None, *, done: bool) -> None:
        """A search trial that has ended.

        Args:
            model: Its label.
            dataset: Its label.
            cell_id: Its cell.
            seconds: Wall seconds in its worker; None where they are not known, which counts as none.
            done: Whether it has a score, so that its cell has something to choose.
        """
        self._seconds[model, dataset] = self._seconds.get((model, dataset), 0.0) + (seconds or 0.0)
        if done:
            self._cells.add(cell_id)

    def cuts(self, model: str, dataset: str, cell_id: str) -> bool:
        """Whether a further search trial of this cell is left out."""
        if self.seconds_per_model is None or cell_id not in self._cells:
            return False
        return self._seconds.get((model, dataset), 0.0) >= self.seconds_per_model
