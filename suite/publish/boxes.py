"""Tables of a site: a few rows are in the page, all of them beside it where there are many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from suite.compare.number_format import MISSING
from suite.report.interval_scale import Drawn
from suite.report.tables import Column

__all__ = ["FIRST_ROWS", "Cell", "Facet", "Interval", "SiteTable", "facet"]

FIRST_ROWS = 50
"""Rows that a page holds itself; a table with more is drawn from data beside the page."""


@dataclass(frozen=True)
class Interval:
    """A score drawn on the scale that its table shares."""

    drawn: Drawn
    ends: str = ""
    """In words, for a table that draws nothing; empty where nothing is known of them."""


@dataclass(frozen=True)
class Cell:
    """One value of a table."""

    text: str
    value: float | str | None = None
    """What sorting goes by, where it is not the text; missing values stand last."""
    href: str = ""
    """Relative to the root of the site."""
    title: str = ""
    colour: str = ""
    """Of the model that it names."""
    shape: str = ""
    """Of the strategy that it names."""
    interval: Interval | None = None
    under: str = ""
    """Smaller text below."""
    alarms: tuple[str, ...] = ()
    """What has to be read with it, below that."""
    image: str = ""
    """A small image instead of the text, relative to the root of the site; ``text`` says what it shows."""
    strong: bool = False

    @property
    def missing(self) -> bool:
        """Whether there is no value."""
        return self.text == MISSING

    def as_data(self) -> Any:
        """The text alone where there is nothing else to say, for the page's script."""
        fields = {
            "h": self.href,
            "m": self.title,
            "u": self.under,
            "a": list(self.alarms),
            "c": self.colour,
            "s": self.shape,
            "p": self.image,
            "b": int(self.strong),
            "i": self.interval.drawn.numbers if self.interval else None,
        }
        there = {name: value for name, value in fields.items() if value}
        if self.value is not None:
            there["v"] = self.value
        return {"t": self.text, **there} if there else self.text


@dataclass(frozen=True)
class Facet:
    """A column that the table can be narrowed by."""

    title: str
    column: int
    values: tuple[str, ...]


@dataclass(frozen=True)
class SiteTable:
    """A table that sorts, searches and narrows."""

    key: str
    """Unique in its page; a part of file names."""
    caption: str
    """What it is, for readers who hear it and for files that are downloaded."""
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    facets: tuple[Facet, ...] = ()
    searchable: bool = False
    sorted_by: int | None = None
    """The column that the rows come sorted by, ascending."""

    @property
    def large(self) -> bool:
        """Whether its rows lie beside the page."""
        return len(self.rows) > FIRST_ROWS

    @property
    def first(self) -> tuple[tuple[Cell, ...], ...]:
        """The rows that the page holds itself."""
        return self.rows[:FIRST_ROWS]

    def as_data(self) -> list[list[Any]]:
        """All rows for the page's script."""
        return [[cell.as_data() for cell in row] for row in self.rows]


def facet(title: str, column: int, rows: Sequence[Sequence[Cell]]) -> Facet:
    """A facet over every value that a column has, sorted."""
    return Facet(title, column, tuple(sorted({row[column].text for row in rows})))
