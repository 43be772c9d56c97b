"""Scores of a history over time, with the changes that are more than noise marked."""

from __future__ import annotations

from typing import Any

import altair as alt

from suite.publish.changes import Changes
from suite.publish.collection import History
from suite.publish.names import folder_name
from suite.report.charts.encodings import finish
from suite.report.charts.render import specification, unchecked
from suite.report.charts.theme import model_colours
from suite.report.layout import Drawing

__all__ = ["trend_drawings"]

MOST_LINES = 8


@unchecked()
def trend_drawings(history: History, changes: Changes) -> tuple[Drawing, ...]:
    """One chart per data set, where there are two points or more.

    Drawn are the cells that the newest point ranks first, at most eight: a dot is a score, the bar its 95 % interval. A
    ring is a change beyond noise since the point before.
    """
    if len(history.points) < 2:
        return ()
    drawn = []
    for one in history.latest.home_datasets:
        rows = _rows(history, one.name, changes)
        if rows:
            title = f"{history.latest.headline.label} on {one.name}, over time"
            drawn.append(
                Drawing(
                    f"trend-{folder_name(one.name)}", title, title, specification(_chart(history, rows), known=True)
                )
            )
    return tuple(drawn)


def _rows(history: History, dataset: str, changes: Changes) -> list[dict[str, Any]]:
    shown = {
        (cell.model, cell.strategy): place for place, cell in enumerate(history.latest.ranking(dataset)[:MOST_LINES])
    }
    rows = []
    for run in history.points:
        difference = changes[run.id].difference if run.id in changes else None
        verdicts = {
            (one.model, one.strategy): one.verdict
            for one in (difference.cells if difference else ())
            if one.dataset == dataset
        }
        for cell in run.ranking(dataset):
            if (cell.model, cell.strategy) not in shown or cell.score is None:
                continue
            verdict = verdicts.get((cell.model, cell.strategy), "")
            rows.append(
                {
                    "ended": run.ended_at,
                    "cell": f"{cell.model}, {cell.strategy}",
                    "model": cell.model,
                    "score": cell.score.value,
                    "low": cell.score.low,
                    "high": cell.score.high,
                    "change": verdict if verdict in {"better", "worse"} else "",
                }
            )
    return rows


def _chart(history: History, rows: list[dict[str, Any]]) -> Any:
    metric = history.latest.headline
    models = sorted({row["model"] for row in rows})
    colours = model_colours({cell.model for run in history.points for cell in run.cells})
    base = alt.Chart(alt.NamedData("points")).encode(
        x=alt.X("ended:T", title=None, axis=alt.Axis(tickCount=8)),
        color=alt.Color(
            "model:N", title=None, scale=alt.Scale(domain=models, range=[colours[name] for name in models])
        ),
        detail=alt.Detail("cell:N"),
    )
    score_axis = alt.Y("score:Q", title=metric.label, scale=alt.Scale(zero=False))
    tips = [
        alt.Tooltip("cell:N", title="cell"),
        alt.Tooltip("ended:T", title="ended"),
        alt.Tooltip("score:Q", title=metric.label, format=".3f"),
        alt.Tooltip("low:Q", title="95 % from", format=".3f"),
        alt.Tooltip("high:Q", title="to", format=".3f"),
        alt.Tooltip("change:N", title="change beyond noise"),
    ]
    lines = base.mark_line(strokeWidth=1.5, opacity=0.7).encode(y=score_axis)
    bars = base.mark_rule(strokeWidth=3, opacity=0.3).encode(y=alt.Y("low:Q", title=metric.label), y2=alt.Y2("high:Q"))
    dots = base.mark_point(size=60).encode(y=score_axis, tooltip=tips)
    layers = [lines, bars, dots]
    if any(row["change"] for row in rows):  # an empty layer would have no scale
        ring = base.mark_point(filled=False, size=260, strokeWidth=2).transform_filter("datum.change !== ''")
        layers.append(ring.encode(y=score_axis, tooltip=tips))
    return finish(alt.layer(*layers), {"points": rows}, height=260)
