"""Where the training seconds went, cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import ROW_HEIGHT, by_cell, colour, exact, finish
from suite.report.charts.rows import MOST_ROWS, Row, board
from suite.report.charts.theme import GUIDE, INK

__all__ = ["TrainingTime"]


class TrainingTime:
    """Bars from zero: training in the model's colour, compiling in grey; a tick at the best epoch."""

    summary: ClassVar[str] = "Seconds of training and compiling per cell, and until the best epoch."
    title: ClassVar[str] = "Training time"
    how_to_read: ClassVar[str] = (
        "Mean seconds of one fit. Colour is training, grey is building and compiling (near zero where a compiled "
        "model was used again), the upright tick is when the weights that were kept had been reached."
    )

    @classmethod
    def build(cls, comparison: Comparison, *, dataset: str | None = None) -> Any | None:
        """The chart, or None where no time was measured."""
        rows = [row for row in board(comparison, dataset) if row["training_seconds"] is not None]
        rows = sorted(rows, key=lambda row: row["total_seconds"])[:MOST_ROWS]
        if not rows:
            return None
        data = {"cells": rows, "compiling": _compiling(rows)}
        chart = alt.layer(*_layers(comparison, rows))
        return finish(chart, data, height=ROW_HEIGHT * len(rows), cells=True)


def _compiling(rows: Sequence[Row]) -> list[Row]:
    return [
        {**row, "from": row["training_seconds"], "to": row["training_seconds"] + (row["compile_seconds"] or 0.0)}
        for row in rows
    ]


def _layers(comparison: Comparison, rows: Sequence[Row]) -> list[Any]:
    lines = by_cell(rows)
    seconds = alt.X(
        "training_seconds:Q", scale=alt.Scale(zero=True), axis=alt.Axis(title="seconds of one fit", tickCount=6)
    )
    tips = exact(
        ("cell:N", "cell", ""),
        ("training_seconds:Q", "training, s", ",.3~g"),
        ("compile_seconds:Q", "compiling, s", ",.3~g"),
        ("best_seconds:Q", "to the best epoch, s", ",.3~g"),
        ("examples_per_second:Q", "examples per second", ",.4~g"),
    )
    bars = alt.Chart(alt.NamedData("cells")).mark_bar(height=11)
    ticks = alt.Chart(alt.NamedData("cells")).mark_tick(thickness=2, size=17, color=INK)
    totals = alt.Chart(alt.NamedData("compiling")).mark_text(align="left", dx=6, fontSize=11.5)
    compiling = alt.Chart(alt.NamedData("compiling")).mark_bar(height=11, color=GUIDE, opacity=0.4)
    return [
        bars.encode(y=lines, x=seconds, color=colour(comparison, legend=False, shown=rows), tooltip=tips),
        compiling.encode(y=lines, x=alt.X("from:Q"), x2=alt.X2("to:Q"), tooltip=tips),
        ticks.encode(y=lines, x=alt.X("best_seconds:Q"), tooltip=tips),
        totals.encode(y=lines, x=alt.X("to:Q"), text=alt.Text("total_text:N")),
    ]
