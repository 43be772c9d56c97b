"""Leaderboards over runs: cells that were scored by one metric on the same data, whoever ran them."""

from __future__ import annotations

from collections.abc import Mapping

from suite.charts.words import count, plural, score
from suite.publish.boxes import Cell, SiteTable, facet
from suite.publish.changes import Evidence
from suite.publish.collection import BoardKey, Collection, Entry, dataset_address
from suite.publish.pages.page import SitePage
from suite.publish.rows import (
    cost_cells,
    interval_cell,
    model_cell,
    run_cell,
    scale_of,
    score_cell,
    seeds_cell,
    strategy_cell,
    task_words,
)
from suite.publish.ties import Tie, tied_with_best
from suite.report.tables import Column

__all__ = ["answer", "board_pages"]

TIE_WORDS: Mapping[Tie, str] = {"best": "best", "tied": "tied", "behind": "", "unknown": "?"}


def board_pages(collection: Collection, evidence: Evidence) -> list[SitePage]:
    """One page per task, data set and metric, and the page that lists them."""
    pages = []
    listed = []
    for key, entries in collection.boards.items():
        ties = tied_with_best(
            [evidence.get(entry.run.id, {}).get(entry.cell.cell_id) for entry in entries],
            [entry.cell.score.value for entry in entries if entry.cell.score is not None],
        )
        pages.append(_board_page(collection, key, entries, ties))
        listed.append(_line(collection, key, entries, ties))
    return [_list_page(listed), *pages]


def _list_page(rows: list[tuple[Cell, ...]]) -> SitePage:
    columns = (
        Column("data set", long=True),
        Column("task"),
        Column("metric"),
        Column("best model"),
        Column("score", number=True, best_high=True),
        Column("tied with it", number=True),
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


def _line(collection: Collection, key: BoardKey, entries: tuple[Entry, ...], ties: tuple[Tie, ...]) -> tuple[Cell, ...]:
    best = entries[0]
    tied = sum(one == "tied" for one in ties)
    runs = len({entry.run.id for entry in entries})
    return (
        Cell(key.dataset, href=f"leaderboards/{key.address}/index.html", under=f"content {key.fingerprint[:12]}"),
        Cell(task_words(key.task)),
        Cell(collection.metric(key).label),
        model_cell(collection, best.cell),
        score_cell(best.cell.score, strong=True),
        Cell(count(tied), value=tied),
        Cell(count(len(entries)), value=len(entries)),
        Cell(count(runs), value=runs),
    )


def _board_page(collection: Collection, key: BoardKey, entries: tuple[Entry, ...], ties: tuple[Tie, ...]) -> SitePage:
    table, metric = _board_table(collection, key, entries, ties), collection.metric(key)
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
            "answer": answer(entries, ties),
            "unknown": sum(one == "unknown" for one in ties),
        },
        tables=(table,),
        data=f"data/leaderboards/{key.address}.json",
        content={
            "task": key.task,
            "dataset": key.dataset,
            "fingerprint": key.fingerprint,
            "metric": metric.model_dump(),
            "rows": [
                {"place": place, "run": entry.run.id, "tie": tie, **entry.cell.model_dump(mode="json")}
                for place, (entry, tie) in enumerate(zip(entries, ties, strict=True), start=1)
            ],
        },
    )


def _board_table(collection: Collection, key: BoardKey, entries: tuple[Entry, ...], ties: tuple[Tie, ...]) -> SiteTable:
    metric = collection.metric(key)
    scale = scale_of(entry.cell.score for entry in entries)
    rows = [
        (
            Cell(str(place), value=place),
            model_cell(collection, entry.cell),
            strategy_cell(entry.cell),
            Cell(TIE_WORDS[tie], value=tie),
            score_cell(entry.cell.score, strong=True),
            interval_cell(collection, entry.cell, scale),
            *cost_cells(entry.cell),
            seeds_cell(entry.cell),
            run_cell(entry.run),
        )
        for place, (entry, tie) in enumerate(zip(entries, ties, strict=True), start=1)
    ]
    columns = (
        Column("place", number=True),
        Column("model"),
        Column("strategy"),
        Column("tie"),
        Column(metric.label, number=True, best_high=metric.higher_is_better),
        Column(f"{score(scale[0])} to {score(scale[1])}"),
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


def answer(entries: tuple[Entry, ...], ties: tuple[Tie, ...]) -> str:
    """Who is best and who is tied with it, in a sentence; where nothing was kept to test it with, that is said."""
    best, tied = entries[0], sum(one == "tied" for one in ties)
    value = score(best.cell.score.value) if best.cell.score else "–"
    text = f"{best.cell.model}, {best.cell.strategy}, scores best: {value}"
    if len(entries) == 1:
        return f"{text}. It is the only one."
    unknown = sum(one == "unknown" for one in ties)
    if unknown == len(entries) - 1:
        return f"{text}. Whether others are tied with it cannot be said: there are no kept predictions."
    if tied:
        text = f"{text}; {plural(tied, 'other cell')} cannot be told apart from it"
    else:
        text = f"{text}, and no other cell is tied with it"
    return f"{text}. Of {plural(unknown, 'cell')} nothing can be said." if unknown else f"{text}."
