"""Tables as Markdown, cut where nobody would read on, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from markupsafe import Markup

from suite.compare.number_format import count
from suite.publish.boxes import Cell, SiteTable
from suite.publish.generators.generator import literal
from suite.report.layout import Page, Section
from suite.report.sections.leaderboard import Board
from suite.report.tables import Box, Column, Table

__all__ = ["MOST_ROWS", "as_csv", "cut", "grid", "length_of", "link"]

MOST_ROWS = 200
"""Rows of a table on a page; what has more lies beside it whole."""
Link = Callable[[str], str]
"""The way to what the site has at a path."""
Cut = TypeVar("Cut", Table, Board)


def grid(table: SiteTable | Table, way: Link) -> Markup:
    """The first rows as a table of Markdown."""
    drawn = {place for row in table.rows for place, box in enumerate(row) if isinstance(box, Cell) and box.interval}
    heads = ["95 % interval" if place in drawn else _head(one) for place, one in enumerate(table.columns)]
    lines = [
        [literal(head) for head in heads],
        [Markup("---:") if one.number else Markup("---") for one in table.columns],
        *([_box(cell, way) for cell in row] for row in table.rows[:MOST_ROWS]),
    ]
    return Markup("\n").join(Markup("| {} |").format(Markup(" | ").join(line)) for line in lines)


def length_of(rows: Sequence[object]) -> str:
    """``The first 200 of 1,204 rows``; empty where all are shown."""
    return f"The first {MOST_ROWS} of {count(len(rows))} rows" if len(rows) > MOST_ROWS else ""


def link(text: str, path: str) -> Markup:
    """Text that leads somewhere; ``path`` is one of ours, made of letters that mean nothing."""
    return Markup("[{}]({})").format(literal(text), Markup(path))  # noqa: S704


def _head(column: Column) -> str:
    return f"{column.title}, {column.unit}" if column.unit else column.title


def _box(cell: Cell | Box, way: Link) -> Markup:
    if isinstance(cell, Box):
        return literal(cell.text)
    if cell.image:
        return Markup("!{}").format(link(cell.text, way(cell.image)))
    if cell.interval:
        return literal(cell.interval.ends)
    text = literal(cell.text)
    if cell.strong:
        text = Markup("**{}**").format(text)
    if cell.href:
        text = Markup("[{}]({})").format(text, Markup(way(cell.href)))  # noqa: S704
    text = Markup("{} – {}").format(text, literal(cell.under)) if cell.under else text
    return Markup(" ").join([text, *(Markup("**{}**").format(literal(alarm)) for alarm in cell.alarms)])


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows of JSON as CSV: what is inside a value gets the name ``outer.inner``, lists are left out."""
    flat = [_flat(row) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def _flat(value: Mapping[str, Any], outer: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            found |= _flat(inner, f"{outer}{name}.")
        elif not isinstance(inner, list | tuple):
            found[outer + str(name)] = inner
    return found


def cut(page: Page, rest: Markup) -> Page:
    """A report whose tables have no more rows than a page may have.

    Args:
        page: The report.
        rest: Where the others are, one sentence.
    """

    def shorter(table: Cut) -> Cut:
        said = length_of(table.rows)
        note = Markup("{}. {}").format(literal(said), rest)
        return replace(table, rows=table.rows[:MOST_ROWS], note=note) if said else table

    def section(one: Section) -> Section:
        first = shorter(one.first) if one.first is not None else None
        return replace(one, first=first, tables=tuple(map(shorter, one.tables)))

    return replace(
        page,
        boards=tuple(map(shorter, page.boards)),
        metrics=tuple(map(shorter, page.metrics)),
        answer_table=shorter(page.answer_table) if page.answer_table is not None else None,
        before=tuple(map(section, page.before)),
        after=tuple(map(section, page.after)),
        errors=replace(page.errors, per_class=shorter(page.errors.per_class)),
    )
