"""Quality of exported files against what they cost in their own runtimes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.compare.export_records import ExportedFiles
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
from suite.report.charts.rows import Row, score_title
from suite.store.records.export_card import ExportCard

__all__ = ["ExportsLatency", "ExportsSize"]

HEIGHT = 340
FULL, SMALLER = "as trained (fp32)", "smaller"


class _ExportedFiles:
    """Base of the two: what differs is the cost and its words."""

    axis: ClassVar[str]
    tip: ClassVar[str]
    number: ClassVar[str]
    how_to_read: ClassVar[str] = (
        "One point is one file, run on the whole test set. Filled points are as trained, hollow ones smaller; the "
        "dashed line joins the files that no other beats."
    )

    @classmethod
    def cost(cls, card: ExportCard) -> float | None:
        """What is drawn from left to right."""
        raise NotImplementedError

    @classmethod
    def front(cls, files: ExportedFiles) -> tuple[str, ...]:
        """Ids of the files that no other beats."""
        raise NotImplementedError

    @classmethod
    def build(cls, comparison: Comparison, *, dataset: str | None = None) -> Any | None:
        """The chart, or None where no file was scored."""
        wanted = dataset if dataset is not None else next(iter(comparison.datasets), None)
        files = next((one for one in comparison.exports if one.dataset == wanted), None)
        rows = [] if files is None else list(cls._rows(files, comparison.headline.name))
        if files is None or not rows:
            return None
        by_id = {row["cell"]: row for row in rows}
        front = [by_id[name] for name in cls.front(files) if name in by_id]
        data = {"files": rows, "front": front, "labels": place_labels(front, with_bars(rows), text="text")}
        chart = alt.layer(*cls._layers(comparison, rows)).resolve_scale(color="shared")
        return finish(chart, data, height=HEIGHT, crowded=["labels"], legend=150)

    @classmethod
    def _rows(cls, files: ExportedFiles, headline: str) -> Sequence[Row]:
        rows = []
        for card in files.cards:
            score, cost = card.scores.get(headline), cls.cost(card)
            if card.status != "done" or score is None or score.value is None or not cost:
                continue
            rows.append(
                {
                    "cell": card.id,
                    "model": card.model,
                    "strategy": card.strategy,
                    "format": card.format,
                    "precision": card.precision,
                    "text": f"{card.format} {card.precision}",
                    "weights": FULL if card.precision == "fp32" else SMALLER,
                    "score": score.value,
                    "low": score.low,
                    "high": score.high,
                    "cost": cost,
                }
            )
        return rows

    @classmethod
    def _layers(cls, comparison: Comparison, rows: Sequence[Row]) -> list[Any]:
        across = alt.X("cost:Q", scale=log_scale(), axis=alt.Axis(title=cls.axis, format=cls.number, tickCount=6))
        up = alt.Y(
            "score:Q",
            scale=score_scale(rows, "score", "low", "high"),
            axis=score_axis(rows, "score", title=score_title(comparison)),
        )
        paint = colour(comparison, shown=rows)
        filled = alt.FillOpacity(
            "weights:O", scale=alt.Scale(domain=[FULL, SMALLER], range=[1.0, 0.0]), legend=alt.Legend(title="weights")
        )
        tips = exact(
            ("model:N", "model", ""),
            ("strategy:N", "strategy", ""),
            ("format:N", "format", ""),
            ("precision:N", "precision", ""),
            ("score:Q", score_title(comparison), ".4f"),
            ("low:Q", "interval from", ".4f"),
            ("high:Q", "to", ".4f"),
            ("cost:Q", cls.tip, cls.number),
        )
        points = alt.Chart(alt.NamedData("files")).mark_point(size=80, strokeWidth=1.8, filled=True, stroke=None)
        stroke = alt.Stroke("model:N", scale=paint["scale"], legend=paint["legend"])
        return [
            alt.Chart(alt.NamedData("front")).mark_line(**FRONT_LINE).encode(x=across, y=up),
            points.encode(
                x=across,
                y=up,
                color=paint,
                stroke=stroke,
                fillOpacity=filled,
                shape=shape(comparison, shown=rows),
                tooltip=tips,
            ),
            direct_labels(across, up),
        ]


class ExportsLatency(_ExportedFiles):
    """Score against milliseconds for one example, in each file's own runtime."""

    summary: ClassVar[str] = "Score of exported files against their latency, with the front of the best."
    title: ClassVar[str] = "Files by latency"
    axis: ClassVar[str] = "milliseconds for one example (median, log scale)"
    tip: ClassVar[str] = "latency, ms"
    number: ClassVar[str] = "~g"

    @classmethod
    def cost(cls, card: ExportCard) -> float | None:
        """Milliseconds."""
        return card.measured.latency_ms_p50 if card.measured else None

    @classmethod
    def front(cls, files: ExportedFiles) -> tuple[str, ...]:
        """By latency."""
        return files.latency_front


class ExportsSize(_ExportedFiles):
    """Score against bytes of the file."""

    summary: ClassVar[str] = "Score of exported files against their bytes, with the front of the best."
    title: ClassVar[str] = "Files by size"
    axis: ClassVar[str] = "bytes of the file (log scale)"
    tip: ClassVar[str] = "bytes"
    number: ClassVar[str] = "~s"

    @classmethod
    def cost(cls, card: ExportCard) -> float | None:
        """Bytes."""
        return float(card.bytes)

    @classmethod
    def front(cls, files: ExportedFiles) -> tuple[str, ...]:
        """By bytes."""
        return files.size_front
