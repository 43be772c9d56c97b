"""Confusion matrices, reliability and class scores of every cell, small enough to travel in the page."""

from __future__ import annotations

from typing import Any

from suite.compare.comparison import CellSummary, Comparison
from suite.report.charts.rows import reliability_rows

__all__ = ["cell_details"]

MOST_NUMBERS = 400_000
"""Entries over all cells; with more classes and cells than that, the best cells are kept."""


def cell_details(comparison: Comparison) -> dict[str, Any]:
    """``classes``: lists of names, each once; ``cells``: cell id to its compact record.

    A record has ``classes`` (index into the lists), ``confusion`` (true, predicted, count), ``reliability``
    (low, high, confidence, share right, count, interval) and ``per_class`` (index, precision, recall, F1,
    examples).
    """
    lists: list[tuple[str, ...]] = []
    cells: dict[str, Any] = {}
    room = MOST_NUMBERS
    for cell in _best_first(comparison):
        if cell.confusion is None:
            continue
        names = cell.confusion.class_names
        if names not in lists:
            lists.append(names)
        record: dict[str, Any] = {
            "classes": lists.index(names),
            "confusion": _sparse(cell),
            "reliability": [list(row.values()) for row in reliability_rows(comparison, cell.cell_id)],
            "per_class": _per_class(cell, names),
        }
        room -= 3 * len(record["confusion"]) + 7 * len(record["reliability"]) + 5 * len(record["per_class"])
        if room < 0:
            break
        cells[cell.cell_id] = record
    return {"classes": lists, "cells": cells}


def _best_first(comparison: Comparison) -> list[CellSummary]:
    return sorted(comparison.cells, key=lambda cell: cell.rank if cell.rank is not None else 10**9)


def _sparse(cell: CellSummary) -> list[list[int]]:
    counts = cell.confusion.counts if cell.confusion else ()
    return [[truth, predicted, many] for truth, row in enumerate(counts) for predicted, many in enumerate(row) if many]


def _per_class(cell: CellSummary, names: tuple[str, ...]) -> list[list[Any]]:
    place = {name: index for index, name in enumerate(names)}
    return [
        [place[one.name], *(_short(value) for value in (one.precision, one.recall, one.f1)), one.support]
        for one in cell.classes
        if one.name in place
    ]


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
