"""Whom students learned from, as a table: the same for the page and the Markdown twin."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from suite.compare.comparison import CellSummary
from suite.compare.number_format import MISSING, score
from suite.report.tables import MODEL, STRATEGY, Box, Column, Table, cell_names

__all__ = ["students_table"]

COLUMNS = (
    Column("teacher"),
    Column("its adaptation", long=True),
    Column("its score on validation", number=True, best_high=True),
    Column("temperature", number=True),
    Column("alpha", number=True),
)


def students_table(cells: Sequence[CellSummary]) -> Table:
    """One row per student, with its teacher and how the answers were weighed; empty where nobody learned from one."""
    rows = tuple((*cell_names(cell), *_of(cell)) for cell in cells if cell.teaching)
    return Table("Students and their teachers", (MODEL, STRATEGY, *COLUMNS), rows)


def _of(student: CellSummary) -> tuple[Box, ...]:
    """The boxes of ``COLUMNS``; seeds of one student may have learned from different strategies of its teacher."""
    lessons = student.teaching
    trials = ", ".join(lesson.trial_id for lesson in lessons)
    strategies = "; ".join(dict.fromkeys(lesson.strategy for lesson in lessons))
    known = [lesson.validation_score for lesson in lessons if lesson.validation_score is not None]
    mean = statistics.fmean(known) if known else None
    return (
        Box(lessons[0].model, title=f"trials {trials}"),
        Box(strategies),
        Box(score(mean) if known else MISSING, "" if mean is None else mean, "mean over seeds"),
        Box(f"{lessons[0].temperature:g}", lessons[0].temperature),
        Box(f"{lessons[0].alpha:g}", lessons[0].alpha),
    )
