"""Leaderboards over runs: cells that were scored by one metric on the same data, whoever ran them."""

from __future__ import annotations

from collections.abc import Mapping

from suite.compare.advice.verdict_words import HOW_TO_READ, INTERVAL
from suite.compare.cell import BestComparison, Verdict
from suite.compare.number_format import MISSING, count, plural, score
from suite.publish.boxes import Cell, SiteTable, facet
from suite.publish.collection import BoardKey, Collection, Entry, dataset_address
from suite.publish.over_runs import BoardVerdicts
from suite.publish.pages.page import SitePage
from suite.publish.rows import (
    cost_cells,
    interval_cell,
    licence_cells,
    model_cell,
    run_cell,
    scale_of,
    score_cell,
    seeds_cell,
    strategy_cell,
    task_words,
    verdict_cell,
)
from suite.report.tables import Column

__all__ = ["answer", "board_pages"]

Entries = tuple[Entry, ...]
Verdicts = tuple[BestComparison | None, ...]


def board_pages(collection: Collection, over_runs: Mapping[BoardKey, BoardVerdicts]) -> list[SitePage]:
    """One page per task, data set and metric, and the page that lists them."""
    boards = [(key, entries, over_runs[key]) for key, entries in collection.boards.items()]
    listed = [_line(collection, key, entries, found.verdicts) for key, entries, found in boards]
    return [_list_page(listed), *(_board_page(collection, *board) for board in boards)]


def _list_page(rows: list[tuple[Cell, ...]]) -> SitePage:
    columns = (
        Column("data set", long=True),
        Column("task"),
        Column("metric"),
        Column("best model"),
        Column("score", number=True, best_high=True),
        Column("may be the best", number=True),
        Column("cells", number=True, best_high=True),
        Column("runs", number=True, best_high=True),
    )
    table = SiteTable(
        "leaderboards", "Leaderboards", columns, tuple(rows), facets=(facet("Task", 1, rows),), searchable=True
    )
    return SitePage(
        folder="leaderboards/",
        template="list.html.j2",
        title="Leaderboards",
        here="leaderboards",
        context={
            "table": table,
            "lead": "Who is best on which data, over all runs. Scores stand in one leaderboard only where the data are "
            "the same to the last example, and the metric too.",
        },
        tables=(table,),
        data="data/leaderboards/index.json",
        content=[{"dataset": row[0].text, "page": row[0].href, "cells": row[6].value} for row in rows],
    )


def _line(collection: Collection, key: BoardKey, entries: Entries, verdicts: Verdicts) -> tuple[Cell, ...]:
    best = entries[0]
    first = _counted("may_be_best", verdicts)
    runs = len({entry.run.id for entry in entries})
    return (
        Cell(key.dataset, href=f"leaderboards/{key.address}/index.html", under=f"content {key.fingerprint[:12]}"),
        Cell(task_words(key.task)),
        Cell(collection.metric(key).label),
        model_cell(collection, best.cell),
        score_cell(best.cell.score, strong=True),
        Cell(count(first), value=first) if first else Cell(MISSING, value="", title="nothing could be tested"),
        Cell(count(len(entries)), value=len(entries)),
        Cell(count(runs), value=runs),
    )


def _board_page(collection: Collection, key: BoardKey, entries: Entries, over_runs: BoardVerdicts) -> SitePage:
    verdicts = over_runs.verdicts
    table, metric = _board_table(collection, key, entries, verdicts), collection.metric(key)
    return SitePage(
        folder=f"leaderboards/{key.address}/",
        template="board.html.j2",
        title=f"{key.dataset}, {task_words(key.task)}",
        here="leaderboards",
        context={
            "table": table,
            "key": key,
            "metric": metric,
            "dataset": f"{dataset_address(key.dataset, key.fingerprint)}/index.html",
            "answer": answer(entries, verdicts),
            "how_to_read": f"{HOW_TO_READ} {INTERVAL}",
            "not_tested": None in verdicts,
        },
        tables=(table,),
        data=f"data/leaderboards/{key.address}.json",
        content={
            "task": key.task,
            "dataset": key.dataset,
            "fingerprint": key.fingerprint,
            "metric": metric.model_dump(),
            "made_from": over_runs.made_from,
            "rows": [
                {
                    "place": place,
                    "run": entry.run.id,
                    **entry.cell.model_dump(mode="json"),
                    # Of the whole leaderboard, in place of the verdict within its run.
                    "best": None if best is None else best.model_dump(mode="json"),
                }
                for place, (entry, best) in enumerate(zip(entries, verdicts, strict=True), start=1)
            ],
        },
    )


def _board_table(collection: Collection, key: BoardKey, entries: Entries, verdicts: Verdicts) -> SiteTable:
    metric = collection.metric(key)
    scale = scale_of(entry.cell.score for entry in entries)
    licensed = any(entry.cell.licence for entry in entries)
    rows = [
        (
            Cell(str(place), value=place),
            model_cell(collection, entry.cell),
            strategy_cell(entry.cell),
            verdict_cell(best, entry.cell, metric),
            score_cell(entry.cell.score, strong=True),
            interval_cell(collection, entry.cell, scale),
            *licence_cells(entry.cell, shown=licensed),
            *cost_cells(entry.cell),
            seeds_cell(entry.cell),
            run_cell(entry.run),
        )
        for place, (entry, best) in enumerate(zip(entries, verdicts, strict=True), start=1)
    ]
    columns = (
        Column("place", number=True),
        Column("model"),
        Column("strategy"),
        Column("verdict"),
        Column(metric.label, number=True, best_high=metric.higher_is_better),
        Column(f"{score(scale.low)} to {score(scale.high)}"),
        *([Column("licence", minor=True)] if licensed else ()),
        Column("latency", "ms", number=True),
        Column("parameters", number=True),
        Column("training", "s", number=True),
        Column("seeds", number=True, best_high=True),
        Column("run"),
    )
    return SiteTable(
        "board",
        f"Leaderboard of {key.dataset} by {metric.label}",
        columns,
        tuple(rows),
        facets=(facet("Model", 1, rows), facet("Strategy", 2, rows)),
        searchable=True,
        sorted_by=0,
    )


def answer(entries: Entries, verdicts: Verdicts) -> str:
    """Who is best and who else may be, in a sentence; where nothing was kept to test it with, that is said."""
    best = entries[0]
    value = score(best.cell.score.value) if best.cell.score else MISSING
    text = f"{best.cell.model}, {best.cell.strategy}, scores best: {value}"
    if len(entries) == 1:
        return f"{text}. It is the only one."
    untested = sum(one is None for one in verdicts[1:])
    if untested == len(entries) - 1:
        return f"{text}. Whether others may be the best cannot be said: there are no kept predictions."
    others, unsettled = _counted("may_be_best", verdicts) - 1, _counted("unsettled", verdicts)
    if others:
        text = f"{text}; {plural(others, 'other cell')} may be the best too"
    else:
        text = f"{text}, and no other cell may be the best"
    rest = [f"{plural(unsettled, 'cell')} {'is' if unsettled == 1 else 'are'} unsettled"] if unsettled else []
    rest += [f"of {plural(untested, 'cell')} nothing can be said"] if untested else []
    said = "; ".join(rest)
    return f"{text}. {said[:1].upper()}{said[1:]}." if said else f"{text}."


def _counted(verdict: Verdict, verdicts: Verdicts) -> int:
    return sum(one is not None and one.verdict == verdict for one in verdicts)
