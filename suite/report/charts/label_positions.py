"""Where direct labels go, so that none lies on a point, on another label or outside the chart."""

from __future__ import annotations

import math
from collections.abc import Sequence

from suite.report.charts.rows import Row

__all__ = ["place_labels"]

WIDTH, HEIGHT = 640.0, 340.0
"""The plot that places are tried in; narrower pages leave labels away."""
LETTER, LINE = 6.6, 14.0
PLACES = (
    ("left", 10, -9),
    ("right", -10, -9),
    ("left", 10, 11),
    ("right", -10, 11),
    ("center", 0, -16),
    ("center", 0, 18),
)

Box = tuple[float, float, float, float]


def place_labels(labelled: Sequence[Row], rows: Sequence[Row], *, text: str = "model") -> list[Row]:
    """The model's name once for each labelled row, with ``align``, ``dx``, ``dy``; crowded ones are left out.

    Args:
        labelled: Rows with ``cost``, ``score`` and the field ``text``; the best score is placed first.
        rows: All rows of the chart.
        text: What is written, each only once.
    """
    at = _positions(rows)
    taken: list[Box] = [(x - 6, y - 6, x + 6, y + 6) for x, y in at.values()]
    placed: list[Row] = []
    named: set[str] = set()
    for row in sorted(labelled, key=lambda row: -row["score"]):
        if row[text] in named:
            continue
        for align, dx, dy in PLACES:
            box = _box(at[row["cell"]], row[text], align, dx, dy)
            if _inside(box) and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                named.add(row[text])
                placed.append({**row, "label": row[text], "align": align, "dx": dx, "dy": dy})
                break
    return placed


def _positions(rows: Sequence[Row]) -> dict[str, tuple[float, float]]:
    """Pixels of every row: logarithmic across, linear up."""
    costs = [math.log(row["cost"]) for row in rows]
    scores = [row["score"] for row in rows]
    lows = [row["bar_from"] if row["bar_from"] is not None else row["score"] for row in rows]
    highs = [row["bar_to"] if row["bar_to"] is not None else row["score"] for row in rows]
    left, right = min(costs), max(costs)
    bottom, top = min(*lows, *scores), max(*highs, *scores)
    across = (WIDTH - 36) / ((right - left) or 1.0)
    up = (HEIGHT - 24) / ((top - bottom) or 1.0)
    return {
        row["cell"]: (18 + (cost - left) * across, HEIGHT - 12 - (row["score"] - bottom) * up)
        for row, cost in zip(rows, costs, strict=True)
    }


def _box(point: tuple[float, float], text: str, align: str, dx: float, dy: float) -> Box:
    width = LETTER * len(text)
    x = point[0] + dx - {"left": 0.0, "center": width / 2, "right": width}[align]
    y = point[1] + dy
    return (x, y - LINE / 2, x + width, y + LINE / 2)


def _inside(box: Box) -> bool:
    return box[0] >= 0 and box[2] <= WIDTH and box[1] >= -8 and box[3] <= HEIGHT


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
