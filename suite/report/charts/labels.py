"""Score by labels per class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import CellSummary, Comparison, HeadlineScore, LabelPoint, Labels
from suite.compare.label_budgets.wording import point_words
from suite.compare.number_format import thin
from suite.report.charts.encodings import colour, exact, finish, score_axis, score_scale, with_bars
from suite.report.charts.rows import MOST_CURVES, Row, all_strategies, score_title

__all__ = ["LabelsChart"]

APART = 1.22
"""Factor between the first and the last model at one number of labels, so that their bars stand side by side."""
WHOLE = "datum.value >= 9.95 ? format(datum.value, ',.0f') : format(datum.value, '.2~r')"


class LabelsChart:
    """One panel per strategy, one line per model: the score on the test set by labels per class."""

    summary: ClassVar[str] = "Score on the test set by the number of labels per class, with intervals."
    title: ClassVar[str] = "Labels"
    how_to_read: ClassVar[str] = (
        "Each dot is the score on the test set. Where two lines cross, the better model depends on how many labels "
        "there are. Pale bars are 95 % intervals over test examples, thin lines span the seeds; models at the same "
        "number of labels stand side by side."
    )

    @classmethod
    def build(cls, comparison: Comparison, *, dataset: str | None = None) -> Any | None:
        """The chart, or None where fewer than two label budgets have a score."""
        home = dataset or (comparison.datasets[0] if comparison.datasets else "")
        labels = next((one for one in comparison.labels if one.dataset == home), None)
        rows = _rows(comparison, labels) if labels is not None else []
        places = sorted({row["labels"] for row in rows})
        if len(places) < 2:
            return None
        used = {row["strategy"] for row in rows}
        order = [name for name in all_strategies(comparison) if name in used]
        panels = alt.layer(*_layers(comparison, rows, places), data=alt.NamedData("labels"))
        panels = panels.properties(height=240, width=180)
        chart = panels.facet(facet=alt.Facet("strategy:N", sort=order, title=None), columns=min(3, len(order)))
        return finish(chart, {"labels": rows}, panel=225, margin=52)


def _layers(comparison: Comparison, rows: Sequence[Row], places: Sequence[float]) -> list[Any]:
    axis = alt.Axis(title="labels per class, log scale", values=list(places), labelExpr=WHOLE, grid=False)
    across = alt.X("at:Q", scale=alt.Scale(type="log", nice=False, padding=12), axis=axis)
    up = alt.Y(
        "score:Q",
        scale=score_scale(rows, "score", "bar_from", "bar_to", "least", "most"),
        axis=score_axis(rows, "score"),
    )
    paint = colour(comparison, shown=rows)
    tips = exact(
        ("model:N", "model", ""),
        ("strategy:N", "strategy", ""),
        ("budget:N", "labels", ""),
        ("train:Q", "training examples", ",d"),
        ("score:Q", score_title(comparison), ".4f"),
        ("low:Q", "interval from", ".4f"),
        ("high:Q", "to", ".4f"),
        ("least:Q", "least of the seeds", ".4f"),
        ("most:Q", "most", ".4f"),
    )
    base = alt.Chart()
    return [
        base.mark_rule(strokeWidth=5, opacity=0.22, strokeCap="round").encode(
            x=across, y=alt.Y("bar_from:Q"), y2=alt.Y2("bar_to:Q"), color=paint
        ),
        base.mark_rule(strokeWidth=1, opacity=0.8).encode(
            x=across, y=alt.Y("least:Q"), y2=alt.Y2("most:Q"), color=paint
        ),
        base.mark_line(strokeWidth=2).encode(x=across, y=up, color=paint),
        base.mark_point(size=45, filled=True, shape="circle").encode(x=across, y=up, color=paint, tooltip=tips),
    ]


def _rows(comparison: Comparison, labels: Labels) -> list[Row]:
    """One row per cell and label budget with a score, of the first models of the leaderboard."""
    scored = [
        (point, point.per_class, cell, cell.headline)
        for point in labels.points
        for cell in comparison.cells_at(labels.dataset, point)
        if point.per_class and cell.headline is not None
    ]
    leading = [cell.model for cell in comparison.ranking(labels.dataset)]
    models = list(dict.fromkeys([*leading, *(cell.model for _, _, cell, _ in scored)]))[:MOST_CURVES]
    rows = [
        _row(point, per_class or 0.0, cell, headline, aside=_aside(models, cell.model))
        for point, per_class, cell, headline in scored
        if cell.model in models
    ]
    return with_bars(rows)


def _aside(models: Sequence[str], model: str) -> float:
    """The factor that moves a model's points to the side, 1 in the middle; the tool tips have the true number."""
    return float(APART ** (models.index(model) / (len(models) - 1) - 0.5)) if len(models) > 1 else 1.0


def _row(point: LabelPoint, per_class: float, cell: CellSummary, headline: HeadlineScore, *, aside: float) -> Row:
    ends = headline.interval or (None, None)
    return {
        "model": cell.model,
        "strategy": cell.strategy,
        "budget": thin(point_words(point)),
        "train": point.train,
        "labels": per_class,
        "at": per_class * aside,
        "score": headline.value,
        "low": ends[0],
        "high": ends[1],
        "least": headline.lowest_seed,
        "most": headline.highest_seed,
    }
