"""The leaderboard of one data set, ready for both templates."""

from __future__ import annotations

from dataclasses import dataclass

from suite.compare.advice.constraints import NO_LICENCE, licence_of
from suite.compare.advice.verdict_words import behind_of, verdict_of
from suite.compare.comparison import CellSummary, Comparison, HeadlineScore, MetricInfo
from suite.compare.number_format import MISSING, WHOLE, licence_words, number, plural, score, short
from suite.report.charts.rows import all_models, all_strategies
from suite.report.charts.theme import model_colours, strategy_shapes
from suite.report.interval_scale import Drawn, IntervalScale
from suite.report.sections.ledger import tries_box
from suite.report.tables import Box, Column, latency_box, metric_box, spread_box

__all__ = ["Board", "BoardRow", "make_board"]

BESIDE = ("f1_macro", "balanced_accuracy", "log_loss", "chrf", "rouge_l", "perplexity")
"""What stands beside the headline in runs that do not say so: the first that the results have."""
MOST_SETS = 3
"""Further test sets with a column of their own; the table under 'Generalisation' has all."""


@dataclass(frozen=True)
class BoardRow:
    """One cell of the leaderboard."""

    cell: str
    order: int
    """Place in the table, from 1; what sorting by rank goes by."""
    rank: str
    verdict: Box
    """May it be the best: in words; pointing at it says how far it is behind."""
    behind: str
    """How far it is behind the best score, with its interval, as text."""
    model: str
    strategy: str
    colour: str
    shape: str
    score: Box
    interval: str
    drawn: Drawn | None
    """Its interval on the shared scale; None where it has no score."""
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
    def tested(self) -> bool:
        """Whether some row says how far it is behind the best."""
        return any(row.behind != MISSING for row in self.rows)


def make_board(comparison: Comparison, dataset: str) -> Board:
    """The leaderboard of a data set; cells without a score stand last."""
    cells = [cell for cell in comparison.cells if cell.dataset == dataset]
    scale = shared_scale(cells)
    licensed = any(licence_of(cell) not in (None, NO_LICENCE) for cell in cells)
    further = _further_metric(comparison)
    taken = comparison.taken
    colours = model_colours(all_models(comparison))
    shapes = strategy_shapes(all_strategies(comparison))
    rows = []
    for order, cell in enumerate(cells, start=1):
        headline = cell.headline
        drawn = scale.draw(headline.value, headline.interval) if headline is not None else None
        behind = behind_of(cell, comparison.headline)
        rows.append(
            BoardRow(
                cell=cell.cell_id,
                order=order,
                rank=MISSING if cell.rank is None else str(cell.rank),
                verdict=Box(verdict_of(cell) or MISSING, title=f"{behind} behind the best score" if behind else ""),
                behind=behind or MISSING,
                model=cell.model,
                strategy=cell.strategy,
                colour=colours[cell.model],
                shape=shapes[cell.strategy],
                score=_score_box(cell),
                interval=_interval(cell.headline),
                drawn=drawn,
                boxes=_boxes(comparison, cell, further, licensed=licensed),
                taken=cell.cell_id in taken,
            )
        )
    without = sum(cell.headline is None for cell in cells)
    return Board(
        dataset=dataset,
        metric=comparison.headline.label,
        columns=_columns(comparison, further, licensed=licensed),
        rows=tuple(rows),
        models=tuple(sorted({cell.model for cell in cells})),
        strategies=tuple(sorted({cell.strategy for cell in cells})),
        scale_low=f"{scale.low:.2f}" if scale.high < WHOLE else number(scale.low),
        scale_high=f"{scale.high:.2f}" if scale.high < WHOLE else number(scale.high),
        missing=f"{plural(without, 'cell has', 'cells have')} no score yet and no rank." if without else "",
    )


def shared_scale(cells: list[CellSummary]) -> IntervalScale:
    """The scale that all intervals of a board are drawn on."""
    return IntervalScale.of([(one.value, one.interval) for cell in cells if (one := cell.headline) is not None])


def _score_box(cell: CellSummary) -> Box:
    headline = cell.headline
    if headline is None:
        return Box(MISSING, "", "no finished trial")
    return Box(score(headline.value), headline.value, _spoken(headline))


def _spoken(headline: HeadlineScore) -> str:
    """The score, its interval and the seeds, for tool tips and screen readers."""
    text = score(headline.value)
    if headline.interval is not None:
        text += f", 95 % interval {_interval(headline)}"
    seeds = ", ".join(score(seed.value) for seed in headline.seeds)
    return f"{text}; seeds {seeds}" + (f"; {headline.reason}" if headline.reason else "")


def _interval(headline: HeadlineScore | None) -> str:
    ends = headline.interval if headline is not None else None
    return MISSING if ends is None else f"{score(ends[0])} to {score(ends[1])}"


def _licence_box(licence: str | None) -> Box:
    """In short; in full where the pointer rests on it."""
    if licence == NO_LICENCE:
        return Box(MISSING, "", NO_LICENCE)
    return Box(licence_words(licence), title=licence or "the source of the weights states no licence")


def _further_metric(comparison: Comparison) -> MetricInfo | None:
    there = {name for cell in comparison.cells for name, found in cell.metrics.items() if found.mean is not None}
    by_name = {one.name: one for one in comparison.metrics if one.name in there - {comparison.headline.name}}
    return next((by_name[name] for name in comparison.beside or BESIDE if name in by_name), None)


def _columns(comparison: Comparison, further: MetricInfo | None, *, licensed: bool) -> tuple[Column, ...]:
    columns = [Column("licence", minor=True)] if licensed else []
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


def _boxes(comparison: Comparison, cell: CellSummary, further: MetricInfo | None, *, licensed: bool) -> tuple[Box, ...]:
    boxes = [_licence_box(licence_of(cell))] if licensed else []
    if further is not None:
        boxes.append(metric_box(cell.metrics.get(further.name)))
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
