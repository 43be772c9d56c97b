"""The leaderboard of one data set, ready for both templates."""

from __future__ import annotations

import math
from dataclasses import dataclass

from suite.charts.rows import all_models, all_strategies
from suite.charts.theme import model_colours, strategy_shapes
from suite.charts.words import MISSING, WHOLE, number, plural, score, short
from suite.compare.comparison import CellSummary, Comparison, HeadlineScore, MetricInfo
from suite.report.ledger import tries_box
from suite.report.tables import Box, Column, latency_box, spread_box

__all__ = ["Board", "BoardRow", "make_board"]

FURTHER_METRICS = ("f1_macro", "macro_f1", "balanced_accuracy", "log_loss", "chrf", "rouge_l", "perplexity")
"""The first of these that the results have, and that is not missing, stands beside the headline."""
MOST_SETS = 3
"""Further test sets with a column of their own; the table under 'Generalisation' has all."""
ROOM = 0.25
"""How much wider than the intervals over examples the drawn scale may get for those over seeds."""


@dataclass(frozen=True)
class BoardRow:
    """One cell of the leaderboard."""

    cell: str
    order: int
    """Place in the table, from 1; what sorting by rank goes by."""
    rank: str
    tie: str
    model: str
    strategy: str
    colour: str
    shape: str
    score: Box
    interval: str
    overall: str
    """The interval over examples and seeds together, as text."""
    low: float | None
    """Ends and middle of the drawn interval, in percent of the shared scale."""
    at: float | None
    high: float | None
    overall_low: float | None
    """Ends of the interval over examples and seeds together, cut at the scale; None where there is none."""
    overall_high: float | None
    leaves: str
    """Where that interval leaves the scale: ``left``, ``right``, both, or empty; class names of the page."""
    boxes: tuple[Box, ...]
    taken: bool
    """Whether it is the recommended cell."""


@dataclass(frozen=True)
class Board:
    """The leaderboard of one data set."""

    dataset: str
    metric: str
    columns: tuple[Column, ...]
    rows: tuple[BoardRow, ...]
    models: tuple[str, ...]
    strategies: tuple[str, ...]
    scale_low: str
    scale_high: str
    missing: str
    """A sentence on cells without a score; empty where all have one."""
    note: str = ""
    """Said below it in Markdown, for instance that it was cut."""

    @property
    def overall(self) -> bool:
        """Whether some row has an interval over examples and seeds together."""
        return any(row.overall_low is not None for row in self.rows)


def make_board(comparison: Comparison, dataset: str) -> Board:
    """The leaderboard of a data set; cells without a score stand last."""
    cells = [cell for cell in comparison.cells if cell.dataset == dataset]
    low, high = shared_scale(cells)
    further = _further_metric(comparison)
    taken = {answer.cell_id for answer in comparison.recommendations}
    colours = model_colours(all_models(comparison))
    shapes = strategy_shapes(all_strategies(comparison))
    rows = []
    for order, cell in enumerate(cells, start=1):
        left, at, right = _drawn(cell.headline, low, high)
        outer = _drawn_overall(cell.headline, low, high)
        rows.append(
            BoardRow(
                cell=cell.cell_id,
                order=order,
                rank=MISSING if cell.rank is None else str(cell.rank),
                tie=cell.ties,
                model=cell.model,
                strategy=cell.strategy,
                colour=colours[cell.model],
                shape=shapes[cell.strategy],
                score=_score_box(cell),
                interval=_interval(cell.headline),
                overall=_overall(cell.headline),
                low=left,
                at=at,
                high=right,
                overall_low=outer[0],
                overall_high=outer[1],
                leaves=outer[2],
                boxes=_boxes(comparison, cell, further),
                taken=cell.cell_id in taken,
            )
        )
    without = sum(cell.headline is None for cell in cells)
    return Board(
        dataset=dataset,
        metric=comparison.headline.label,
        columns=_columns(comparison, further),
        rows=tuple(rows),
        models=tuple(sorted({cell.model for cell in cells})),
        strategies=tuple(sorted({cell.strategy for cell in cells})),
        scale_low=f"{low:.2f}" if high < WHOLE else number(low),
        scale_high=f"{high:.2f}" if high < WHOLE else number(high),
        missing=f"{plural(without, 'cell has', 'cells have')} no score yet and no rank." if without else "",
    )


def shared_scale(cells: list[CellSummary]) -> tuple[float, float]:
    """Ends of the scale that all intervals of a board are drawn on, rounded outwards to 0.05.

    It holds every interval over examples, and a quarter more on each side for those over seeds: two seeds far apart
    can leave everything open, and would press all others together. What leaves the scale is drawn as leaving it.
    """
    headlines = [cell.headline for cell in cells if cell.headline is not None]
    if not headlines:
        return 0.0, 1.0
    inner_least = min(one.value if one.low is None else one.low for one in headlines)
    inner_most = max(one.value if one.high is None else one.high for one in headlines)
    room = ROOM * (inner_most - inner_least)
    least = min(end for one in headlines for end in (one.value, one.low, one.overall_low) if end is not None)
    most = max(end for one in headlines for end in (one.value, one.high, one.overall_high) if end is not None)
    least, most = max(least, inner_least - room), min(most, inner_most + room)
    low, high = math.floor(least * 20) / 20, math.ceil(most * 20) / 20
    return (low, high) if high > low else (low - 0.05, high + 0.05)


def _drawn(headline: HeadlineScore | None, low: float, high: float) -> tuple[float | None, float | None, float | None]:
    if headline is None:
        return None, None, None
    ends = (headline.value if end is None else end for end in (headline.low, headline.value, headline.high))
    left, at, right = (_place(end, low, high) for end in ends)
    return left, at, right


def _drawn_overall(headline: HeadlineScore | None, low: float, high: float) -> tuple[float | None, float | None, str]:
    if headline is None or headline.overall_low is None or headline.overall_high is None:
        return None, None, ""
    left, right = _place(headline.overall_low, low, high), _place(headline.overall_high, low, high)
    leaves = " ".join(["left"] * (left < 0) + ["right"] * (right > 100))
    return max(0.0, left), min(100.0, right), leaves


def _place(value: float, low: float, high: float) -> float:
    return round(100 * (value - low) / (high - low), 2)


def _score_box(cell: CellSummary) -> Box:
    headline = cell.headline
    if headline is None:
        return Box(MISSING, "", "no finished trial")
    return Box(score(headline.value), headline.value, _spoken(headline))


def _spoken(headline: HeadlineScore) -> str:
    """The score, its interval and the seeds, for tool tips and screen readers."""
    text = score(headline.value)
    if headline.low is not None and headline.high is not None:
        text += f", 95 % interval {_interval(headline)}"
    if headline.overall_low is not None:
        text += f", with other seeds {_overall(headline)}"
    seeds = ", ".join(score(seed.value) for seed in headline.seeds)
    return f"{text}; seeds {seeds}" + (f"; {headline.reason}" if headline.reason else "")


def _interval(headline: HeadlineScore | None) -> str:
    if headline is None or headline.low is None or headline.high is None:
        return MISSING
    return f"{score(headline.low)} to {score(headline.high)}"


def _overall(headline: HeadlineScore | None) -> str:
    if headline is None or headline.overall_low is None or headline.overall_high is None:
        return MISSING
    return f"{score(headline.overall_low)} to {score(headline.overall_high)}"


def _further_metric(comparison: Comparison) -> MetricInfo | None:
    there = {name for cell in comparison.cells for name, found in cell.metrics.items() if found.mean is not None}
    by_name = {one.name: one for one in comparison.metrics if one.name in there - {comparison.headline.name}}
    return next((by_name[name] for name in FURTHER_METRICS if name in by_name), None)


def _columns(comparison: Comparison, further: MetricInfo | None) -> tuple[Column, ...]:
    columns = []
    if further is not None:
        columns.append(Column(further.label, number=True, best_high=further.higher_is_better, narrow=False))
    high = comparison.headline.higher_is_better
    columns += [Column(f"on {name}", number=True, best_high=high) for name in comparison.evaluation_sets[:MOST_SETS]]
    seeds = Column("seeds", number=True, best_high=True)
    if comparison.published:
        return (*columns, seeds)
    return (
        *columns,
        Column("latency", "ms", number=True),
        Column("parameters", number=True),
        Column("training", "s", number=True),
        Column("tries", number=True, best_high=True),
        seeds,
    )


def _boxes(comparison: Comparison, cell: CellSummary, further: MetricInfo | None) -> tuple[Box, ...]:
    boxes = []
    if further is not None:
        boxes.append(spread_box(cell.metrics.get(further.name), as_score=True))
    for name in comparison.evaluation_sets[:MOST_SETS]:
        found = cell.on(name)
        boxes.append(spread_box(found.headline if found else None, as_score=True))
    profile, timings = cell.profile, cell.timings
    seeds = Box(f"{cell.finished}/{cell.planned}", cell.finished / max(1, cell.planned))
    if comparison.published:
        return (*boxes, seeds)
    return (
        *boxes,
        latency_box(profile),
        Box(short(profile.parameters), profile.parameters) if profile else Box(MISSING, ""),
        spread_box(timings.training_seconds if timings else None),
        tries_box(cell.ledger),
        seeds,
    )
