"""Quality against one cost at a time: latency, parameters, training time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison, CostAxis
from suite.report.charts.encodings import (
    FRONT_LINE,
    colour,
    direct_labels,
    exact,
    finish,
    log_scale,
    score_axis,
    score_scale,
    shape,
    with_bars,
)
from suite.report.charts.label_positions import place_labels
from suite.report.charts.rows import Row, board, score_title, seed_rows

__all__ = ["QualityLatency", "QualityParameters", "QualityTraining"]

HEIGHT = 380
MOST_WITH_SEEDS = 100
"""With more cells the dots of single seeds would hide them; the chart of seeds has its own place."""
DRAWN = ("id", "cell", "model", "strategy", "score", "low", "high", "least", "most")
"""What is drawn of a row: all else would travel in the page for nothing."""


class _QualityCost:
    """Base of the three: what differs is the cost and its words."""

    cost: ClassVar[str]
    front: ClassVar[CostAxis]
    axis: ClassVar[str]
    tip: ClassVar[str]
    number: ClassVar[str] = "~g"
    how_to_read: ClassVar[str]

    @classmethod
    def reading(cls, comparison: Comparison) -> str:
        """How to read it, where lower scores are better too."""
        return cls.how_to_read if comparison.headline.higher_is_better else cls.how_to_read.replace("Up ", "Down ", 1)

    @classmethod
    def build(cls, comparison: Comparison, *, dataset: str | None = None) -> Any | None:
        """The chart, or None where no cell has both a score and this cost."""
        ranges = f"{cls.cost}_range"
        rows = with_bars(
            [
                {**{name: row[name] for name in DRAWN}, "cost": row[cls.cost], "range": row.get(ranges, "")}
                for row in board(comparison, dataset)
                if row["score"] is not None and row[cls.cost]
            ]
        )
        if not rows:
            return None
        costs = {row["cell"]: row["cost"] for row in rows}
        seeds = [
            {**seed, "cost": costs[seed["cell"]]}
            for seed in seed_rows(comparison, dataset)
            if seed["cell"] in costs and len(rows) <= MOST_WITH_SEEDS
        ]
        by_id = {row["id"]: row for row in rows}
        front = [by_id[cell] for cell in _front(comparison, dataset, cls.front) if cell in by_id]
        data = {"cells": rows, "seeds": seeds, "front": _to_the_edge(front, rows), "labels": place_labels(front, rows)}
        chart = alt.layer(*cls._layers(comparison, rows, with_seeds=bool(seeds))).resolve_scale(color="shared")
        return finish(chart, data, height=HEIGHT, crowded=["labels"], legend=150)

    @classmethod
    def _layers(cls, comparison: Comparison, rows: Sequence[Row], *, with_seeds: bool) -> list[Any]:
        across = alt.X("cost:Q", scale=log_scale(), axis=alt.Axis(title=cls.axis, format=cls.number, tickCount=6))
        up = alt.Y(
            "score:Q",
            scale=score_scale(rows, "score", "bar_from", "bar_to", "least", "most"),
            axis=score_axis(rows, "score", title=score_title(comparison)),
        )
        paint = colour(comparison, shown=rows)
        interval = _named("cells").mark_rule(strokeWidth=1.5, opacity=0.3)
        points = _named("cells").mark_point(size=90, strokeWidth=0)
        seeds = _named("seeds").mark_point(shape="circle", size=12, opacity=0.5)
        return [
            _named("front").mark_line(**FRONT_LINE).encode(x=across, y=up),
            interval.encode(
                x=across, y=alt.Y("bar_from:Q", title=score_title(comparison)), y2=alt.Y2("bar_to:Q"), color=paint
            ),
            *([seeds.encode(x=across, y=up, color=paint)] if with_seeds else []),  # an empty layer has no scale
            points.encode(
                x=across, y=up, color=paint, shape=shape(comparison, shown=rows), tooltip=cls._tips(comparison)
            ),
            direct_labels(across, up),
        ]

    @classmethod
    def _tips(cls, comparison: Comparison) -> list[alt.Tooltip]:
        return exact(
            ("model:N", "model", ""),
            ("strategy:N", "strategy", ""),
            ("score:Q", score_title(comparison), ".4f"),
            ("low:Q", "interval from", ".4f"),
            ("high:Q", "to", ".4f"),
            ("cost:Q", cls.tip, ",.4~g"),
            *((("range:N", "measured from", ""),) if cls.front != "parameters" else ()),
        )


class QualityLatency(_QualityCost):
    """Score against milliseconds per example."""

    summary: ClassVar[str] = "Score against latency, with the front of the best at each cost."
    title: ClassVar[str] = "Latency"
    how_to_read: ClassVar[str] = (
        "Up and to the left is better. The dashed line is the best score seen at that cost or less: it goes by the "
        "scores themselves, and a cell close below it may be as good. Small dots are single seeds, upright lines "
        "95 % intervals."
    )
    cost: ClassVar[str] = "latency_ms"
    front: ClassVar[CostAxis] = "latency"
    tip: ClassVar[str] = "latency, ms"
    axis: ClassVar[str] = "milliseconds for one example (median, log scale)"


class QualityParameters(_QualityCost):
    """Score against parameters of the adapted model."""

    summary: ClassVar[str] = "Score against the number of parameters."
    title: ClassVar[str] = "Parameters"
    how_to_read: ClassVar[str] = QualityLatency.how_to_read
    cost: ClassVar[str] = "parameters"
    front: ClassVar[CostAxis] = "parameters"
    tip: ClassVar[str] = "parameters"
    axis: ClassVar[str] = "parameters (log scale)"
    number: ClassVar[str] = "~s"


class QualityTraining(_QualityCost):
    """Score against seconds of training."""

    summary: ClassVar[str] = "Score against training time."
    title: ClassVar[str] = "Training time"
    how_to_read: ClassVar[str] = QualityLatency.how_to_read
    cost: ClassVar[str] = "training_seconds"
    front: ClassVar[CostAxis] = "training_time"
    tip: ClassVar[str] = "training, s"
    axis: ClassVar[str] = "seconds of training, without compiling (log scale)"


def _front(comparison: Comparison, dataset: str | None, axis: CostAxis) -> tuple[str, ...]:
    """Cell ids of the front, cheapest first."""
    wanted = dataset if dataset is not None else next(iter(comparison.datasets), None)
    fronts = (front for front in comparison.pareto if front.dataset == wanted and front.axis == axis)
    return next((front.cell_ids for front in fronts), ())


def _to_the_edge(front: Sequence[Row], rows: Sequence[Row]) -> list[Row]:
    """The front's line goes on to the dearest cell: more cost buys nothing there."""
    line = [{"cost": row["cost"], "score": row["score"]} for row in front]
    dearest = max(row["cost"] for row in rows)
    if not line:
        return []
    return [*line, {"cost": dearest, "score": line[-1]["score"]}] if dearest > line[-1]["cost"] else line


def _named(data: str) -> Any:
    return alt.Chart(alt.NamedData(data))
