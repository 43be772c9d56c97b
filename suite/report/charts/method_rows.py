"""The comparison over data sets as flat rows, and the pieces that its charts share."""

from __future__ import annotations

import math
from collections.abc import Sequence

import altair as alt

from suite.compare.across_datasets.records import Across, MethodAcross
from suite.compare.number_format import plural, score
from suite.report.charts.rows import Row

__all__ = [
    "MOST_METHODS",
    "drawn_note",
    "group_rows",
    "guide_rows",
    "method_rows",
    "rank_axis",
    "rank_rows",
    "rank_scale",
    "title_of",
]

MOST_METHODS = 20
"""Methods that the charts show, the best ones; the table has all."""


def method_rows(across: Across) -> list[Row]:
    """One row per method that is drawn, best mean rank first."""
    return [
        {
            **_names(method),
            "mean_rank": method.mean_rank.value,
            "rank_text": f"{method.mean_rank.value:.2f}",
            "score": method.score.value,
            "win_rate": method.win_rate.value,
            "wins": method.wins,
            "over": f"{method.mean_rank.count} of {method.mean_rank.of} data sets",
        }
        for method in across.methods[:MOST_METHODS]
    ]


def rank_rows(across: Across) -> list[Row]:
    """One row per drawn method and rank that it has: on how many data sets, and on which."""
    rows: list[Row] = []
    for method in across.methods[:MOST_METHODS]:
        where: dict[float, list[str]] = {}
        for dataset, rank, value in zip(across.datasets, method.ranks, method.scores, strict=True):
            where.setdefault(rank, []).append(f"{dataset} ({score(value)})")
        rows.extend(
            {**_names(method), "rank": rank, "count": len(found), "where": _listed(found)}
            for rank, found in sorted(where.items())
        )
    return rows


def group_rows(across: Across, rows: Sequence[Row], ends: tuple[float, float]) -> list[Row]:
    """One row per bar that joins methods whose mean ranks cannot be told apart, in the line of its best method.

    A bar that would end at a method that is not drawn goes to the edge.
    """
    if across.nemenyi is None:
        return []
    bars: list[Row] = []
    for first, last in across.nemenyi.groups:
        ended = last >= len(rows) - 1
        bars.append(
            {
                "cell": rows[first]["cell"],
                "from": rows[first]["mean_rank"],
                "to": rows[last]["mean_rank"] if last < len(rows) else ends[1],
                "joined": f"{last - first + 1} methods, from {rows[first]['cell']} on",
            }
        )
        # Further groups begin lower and would join no drawn method that this one does not join.
        if ended:
            break
    return bars


def guide_rows(rows: Sequence[Row], ends: tuple[float, float]) -> list[Row]:
    """The line of each method from its name to its mean rank."""
    return [{"cell": row["cell"], "edge": ends[0], "mean_rank": row["mean_rank"]} for row in rows]


def rank_scale(low: float, high: float, *, room: float = 0.0) -> tuple[float, float]:
    """Ends of the axis of ranks: whole ranks around what is drawn, with room for the ruler."""
    start = math.floor(low)
    return float(start), float(max(math.ceil(high), math.ceil(start + room), start + 1))


def rank_axis(ends: tuple[float, float], title: str) -> alt.Axis:
    """Whole ranks along the top, as many as have room."""
    step = max(1, math.ceil((ends[1] - ends[0]) / 8))
    values = list(range(int(ends[0]), int(ends[1]) + 1, step))
    # Vega thins given values out to the theme's tickCount, so it has to be told theirs.
    return alt.Axis(title=title, orient="top", values=values, tickCount=len(values), format="d", titleAnchor="start")


def title_of(across: Across, what: str) -> str:
    """``mean rank over 8 data sets``, and how many of how many methods where some are not drawn."""
    title = f"{what} {plural(len(across.datasets), 'data set')}"
    return f"{title}; {drawn_note(across)}" if drawn_note(across) else title


def drawn_note(across: Across) -> str:
    """``best 20 of 100 methods``; empty where all are drawn."""
    many = len(across.methods)
    return f"best {MOST_METHODS} of {many} methods" if many > MOST_METHODS else ""


def _names(method: MethodAcross) -> Row:
    return {"cell": f"{method.model} · {method.strategy}", "model": method.model, "strategy": method.strategy}


def _listed(names: Sequence[str], *, most: int = 8) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
