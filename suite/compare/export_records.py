"""Exported files as a comparison holds them."""

from __future__ import annotations

from pydantic import Field

from suite.store.records.export_card import ExportCard
from suite.store.records.result import Record

__all__ = ["ExportedFiles"]


class ExportedFiles(Record):
    """The files of one data set's models, by rank of the cell, then format, then precision."""

    dataset: str
    cards: tuple[ExportCard, ...]
    """Without their labels, which the data set has."""
    latency_front: tuple[str, ...] = ()
    """``ExportCard.id`` of the files that no other beats in both score and latency, fastest first."""
    size_front: tuple[str, ...] = ()
    """The same for bytes."""
    cell_id: str | None = None
    """The recommended cell, or the best that has files; None where no file was scored."""
    fastest: str | None = None
    """Of that cell, the file of least latency that is not measurably worse than the Keras model."""
    smallest: str | None = None
    """Likewise of fewest bytes."""
    baselines: dict[str, str] = Field(default_factory=dict)
    """File to the fp32 file of the same model and format, where there is one."""

    def card(self, name: str | None) -> ExportCard | None:
        """The card of that id; None where there is none."""
        return next((card for card in self.cards if card.id == name), None)
