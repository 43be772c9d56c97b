"""Boxes that several tables of a site have: models, scores, intervals, costs, dates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from suite.compare.advice.verdict_words import behind_words, scatter_words, verdict_words
from suite.compare.cell import BestComparison, MetricInfo, Verdict
from suite.compare.number_format import MISSING, licence_words, number, plural, score, short
from suite.publish.boxes import Cell, Interval
from suite.publish.collection import Collection, Entry, dataset_address, model_address
from suite.publish.record import CellRecord, RunRecord, Scored
from suite.report.interval_scale import IntervalScale

__all__ = [
    "alarm_words",
    "answer_words",
    "cost_cells",
    "dataset_cell",
    "day",
    "interval_cell",
    "licence_cells",
    "model_cell",
    "run_address",
    "run_cell",
    "scale_of",
    "score_cell",
    "seeds_cell",
    "strategy_cell",
    "task_words",
    "verdict_cell",
]

ORDER: dict[Verdict, int] = {"may_be_best": 0, "unsettled": 1, "worse": 2}


def answer_words(run: RunRecord) -> str:
    """What the run says to take, or that there is no answer yet and what leads."""
    return " ".join(filter(None, (run.answer or "No answer yet.", run.leading)))


def alarm_words(run: RunRecord) -> tuple[str, ...]:
    """What has to be read with the answer: each error, and how many warnings there are besides."""
    errors = [one.sentence for one in run.findings if one.severity == "error"]
    warnings = [one for one in run.findings if one.severity == "warning"]
    if len(warnings) == 1:
        return (*errors, warnings[0].sentence)
    return (
        *errors,
        *(
            [f"{plural(len(warnings), 'warning')}, the first in {warnings[0].where}: {warnings[0].what}"]
            if warnings
            else []
        ),
    )


def run_address(run: RunRecord) -> str:
    """The page of a point."""
    return f"runs/{run.address}/{run.point}/index.html"


def task_words(task: str) -> str:
    """``image_classification`` as people say it."""
    return task.replace("_", " ")


def day(moment: str) -> str:
    """The date of an ISO time; a dash where there is none."""
    try:
        return datetime.fromisoformat(moment).strftime("%Y-%m-%d")
    except ValueError:
        return MISSING


def model_cell(collection: Collection, cell: CellRecord) -> Cell:
    """The model, linked to its page, with the colour that it has everywhere and the shape of its strategy."""
    return Cell(
        cell.model,
        href=f"{model_address(cell.model)}/index.html",
        colour=collection.colours[cell.model],
        shape=collection.shapes[cell.strategy],
    )


def strategy_cell(cell: CellRecord) -> Cell:
    """How it was adapted."""
    return Cell(cell.strategy)


def dataset_cell(entry: Entry) -> Cell:
    """The data set, linked to its page."""
    return Cell(entry.dataset.name, href=f"{dataset_address(entry.dataset.name, entry.dataset.fingerprint)}/index.html")


def run_cell(run: RunRecord) -> Cell:
    """The run by its short name, linked to its newest page."""
    return Cell(run.name, href=run_address(run), title=f"{run.title} Ended {day(run.ended_at)}.")


def score_cell(scored: Scored | None, *, strong: bool = False) -> Cell:
    """The headline, its interval as the title."""
    if scored is None:
        return Cell(MISSING, value="", title="no finished trial")
    return Cell(score(scored.value), value=scored.value, title=said(scored), strong=strong)


def said(scored: Scored) -> str:
    """A score with its interval in words."""
    text = score(scored.value)
    if scored.low is not None and scored.high is not None:
        text += f", 95 % interval {score(scored.low)} to {score(scored.high)}"
    return text


def verdict_cell(best: BestComparison | None, cell: CellRecord, metric: MetricInfo) -> Cell:
    """Whether a cell may be the best, in the words of every page; pointing at it says how far it is behind.

    Args:
        best: The verdict.
        cell: That it is on.
        metric: That ranks.
    """
    scored = cell.score
    if scored is None:
        return Cell(MISSING, value="")
    seeds = [value for value in scored.seeds.values() if value is not None] or [scored.value]
    interval = None if scored.low is None or scored.high is None else (scored.low, scored.high)
    behind = behind_words(best, metric) if best is not None and best.behind else ""
    return Cell(
        verdict_words(best, scatter_words(min(seeds), max(seeds), interval)),
        value=ORDER[best.verdict] if best is not None else len(ORDER),
        title=f"{behind} behind the best score" if behind else "",
    )


def scale_of(scores: Iterable[Scored | None]) -> IntervalScale:
    """The scale that the intervals of a table share."""
    return IntervalScale.of([(one.value, one.ends) for one in scores if one is not None])


def interval_cell(collection: Collection, cell: CellRecord, scale: IntervalScale) -> Cell:
    """The interval, drawn on the scale."""
    scored = cell.score
    if scored is None:
        return Cell("")
    ends = scored.ends
    words = f"{score(ends[0])} to {score(ends[1])}" if ends is not None else ""
    drawn = Interval(scale.draw(scored.value, ends), words)
    return Cell(said(scored), value=scored.value, colour=collection.colours[cell.model], interval=drawn)


def cost_cells(cell: CellRecord) -> tuple[Cell, Cell, Cell]:
    """Latency in ms, parameters, seconds of one training."""
    costs = cell.costs
    return (
        _number(costs.latency_ms, title=costs.device),
        Cell(MISSING, value="") if costs.parameters is None else Cell(short(costs.parameters), value=costs.parameters),
        _number(costs.training_seconds, title=costs.device),
    )


def licence_cells(cell: CellRecord, *, shown: bool) -> tuple[Cell, ...]:
    """The licence of its weights, in short; none where no licence of the table is known."""
    if not shown:
        return ()
    return (Cell(licence_words(cell.licence), title=cell.licence) if cell.licence else Cell(MISSING, value=""),)


def seeds_cell(cell: CellRecord) -> Cell:
    """How many seeds of how many the score covers."""
    return Cell(f"{cell.finished}/{cell.planned}", value=cell.finished / max(1, cell.planned))


def _number(value: float | None, *, title: str = "") -> Cell:
    return Cell(MISSING, value="") if value is None else Cell(number(value), value=value, title=title)
