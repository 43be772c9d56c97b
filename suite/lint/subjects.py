"""What a check looks at: a finished or running comparison. The data's side is in ``suite.lint.study``.

A check is a class with a ``summary``, what it ``looks_at``, and ``findings``::

    class FewSeeds:
        summary = "cells that stand on one seed"
        looks_at = ("results",)

        @classmethod
        def findings(cls, subject: Run) -> Iterator[Finding | LeftOut]: ...

``looks_at`` holds ``plan`` (the subject is then a ``Plan``), ``data`` (a ``Study``) or ``results`` (a ``Run``).  A
check of results must not reach TensorFlow or the data: reports run it.  Before a run only those checks of ``data``
look that need no example decoded; one that does has ``reads_examples = True``, or looks at ``Study.reads``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import pydantic

from suite.compare.comparison import CellSummary, Comparison
from suite.compare.statistics.evidence import LoadPredictions
from suite.store.records.check import CHECKS_VERSION, DataChecks
from suite.store.records.result import DataRecord, Result

__all__ = ["CHECKS_FILE", "LeftOut", "LooksAt", "Run", "place_of", "read_kept"]

LooksAt = Literal["plan", "data", "results"]


@dataclass(frozen=True)
class LeftOut:
    """A check that can say nothing of one place, and why."""

    where: str
    reason: str


@dataclass(frozen=True)
class Run:
    """A comparison with the results that it was made of."""

    comparison: Comparison
    results: Sequence[Result]
    load_predictions: LoadPredictions
    """A result and an evaluation set to its predictions; None where they were not kept."""

    @cached_property
    def ranked(self) -> tuple[CellSummary, ...]:
        """The cells that have a score."""
        return tuple(cell for cell in self.comparison.cells if cell.headline is not None)

    @cached_property
    def ranked_by_labels(self) -> tuple[CellSummary, ...]:
        """The cells that have a score, with those of every label budget."""
        fewer = (cell for one in self.comparison.labels for point in one.points for cell in point.cells)
        return (*self.ranked, *(cell for cell in fewer if cell.headline is not None))

    @cached_property
    def _by_cell(self) -> dict[str, list[Result]]:
        found: dict[str, list[Result]] = {}
        for result in self.results:
            found.setdefault(result.cell_id, []).append(result)
        return found

    def finals(self, cell: CellSummary) -> list[Result]:
        """The finished final trials of a cell, by seed."""
        own = self._by_cell.get(cell.cell_id, [])
        return sorted((one for one in own if one.phase == "final" and one.status == "done"), key=lambda one: one.seed)

    def home(self, cell: CellSummary) -> DataRecord | None:
        """The data set that a cell was trained and tested on."""
        return next((one.data[0] for one in self._by_cell.get(cell.cell_id, ()) if one.data), None)


def place_of(cell: CellSummary) -> str:
    """Model, data set and strategy, as findings name a cell."""
    return f"{cell.model} x {cell.dataset} x {cell.strategy}"


# Findings of plan and data, kept beside the results: the report lists them without reading the data again.

CHECKS_FILE = "checks.json"


def read_kept(folder: Path) -> DataChecks | None:
    """What ``suite lint SPEC`` kept in the folder of a run; None where it never did, or it cannot be read."""
    try:
        text = (folder / CHECKS_FILE).read_text(encoding="utf-8")
        if json.loads(text)["format_version"] != CHECKS_VERSION:
            return None
        return DataChecks.model_validate_json(text)
    except (OSError, ValueError, KeyError, TypeError, pydantic.ValidationError):
        return None  # missing, damaged, or of another version: the report says that the data was not checked
