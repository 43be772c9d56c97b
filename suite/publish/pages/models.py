"""A page per model: everything that is known of it over all runs."""

from __future__ import annotations

from collections.abc import Sequence

from suite.compare.number_format import MISSING, count, megabytes, number, plural, score, short
from suite.publish.boxes import Cell, SiteTable, facet
from suite.publish.collection import Collection, Entry, model_address
from suite.publish.pages.page import SitePage
from suite.publish.record import FileRecord, RunRecord, WeightsUsed
from suite.publish.rows import (
    cost_cells,
    dataset_cell,
    interval_cell,
    run_cell,
    scale_of,
    score_cell,
    seeds_cell,
    strategy_cell,
    task_words,
    verdict_cell,
)
from suite.report.tables import Column

__all__ = ["file_columns", "file_row", "model_pages"]


def model_pages(collection: Collection) -> list[SitePage]:
    """One page per model, and the page that lists them."""
    return [
        _list_page(collection),
        *(_model_page(collection, name, found) for name, found in collection.models.items()),
    ]


def _list_page(collection: Collection) -> SitePage:
    rows = []
    for name, entries in collection.models.items():
        costs = entries[0].cell.costs
        firsts = sum(entry.cell.best is not None and entry.cell.best.verdict == "may_be_best" for entry in entries)
        taken = sum(entry.cell.taken for entry in entries)
        rows.append(
            (
                Cell(
                    name,
                    href=f"{model_address(name)}/index.html",
                    colour=collection.colours[name],
                    under=", ".join(sorted({entry.cell.family for entry in entries if entry.cell.family})),
                ),
                Cell(", ".join(sorted({task_words(entry.run.task) for entry in entries}))),
                Cell(MISSING, value="")
                if costs.parameters is None
                else Cell(short(costs.parameters), value=costs.parameters),
                Cell(megabytes(costs.size_bytes), value=costs.size_bytes or ""),
                _counted(len({(entry.dataset.name, entry.dataset.fingerprint) for entry in entries})),
                _counted(len({entry.run.id for entry in entries})),
                _counted(firsts),
                _counted(taken),
            )
        )
    columns = (
        Column("model", long=True),
        Column("tasks"),
        Column("parameters", number=True),
        Column("weights", number=True),
        Column("data sets", number=True, best_high=True),
        Column("runs", number=True, best_high=True),
        Column("may be the best", number=True, best_high=True),
        Column("recommended", number=True, best_high=True),
    )
    table = SiteTable("models", "Models", columns, tuple(rows), facets=(facet("Task", 1, rows),), searchable=True)
    return SitePage(
        folder="models/",
        template="list.html.j2",
        title="Models",
        here="models",
        context={
            "table": table,
            "lead": "Every pretrained model that was compared. A model has the same colour on all pages.",
        },
        tables=(table,),
        data="data/models/index.json",
        content=[{"model": row[0].text, "page": row[0].href} for row in rows],
    )


def _counted(value: int) -> Cell:
    return Cell(count(value), value=value)


def _model_page(collection: Collection, name: str, entries: Sequence[Entry]) -> SitePage:
    address = model_address(name)
    scores = _scores_table(collection, entries)
    files = [(run, one) for run in collection.latest for one in run.files if one.model == name]
    files_table = SiteTable(
        "files", f"Exported files of {name}", file_columns(), tuple(file_row(run, one) for run, one in files)
    )
    weights = _weights(entries)
    return SitePage(
        folder=f"{address}/",
        template="model.html.j2",
        title=name,
        here="models",
        context={
            "table": scores,
            "files": files_table,
            "weights": weights,
            "lead": _lead(entries),
            "facts": _facts(entries),
            "colour": collection.colours[name],
        },
        tables=(scores, files_table),
        data=f"data/{address}.json",
        content={
            "model": name,
            "cells": [{"run": entry.run.id, **entry.cell.model_dump(mode="json")} for entry in entries],
            "files": [{"run": run.id, **one.model_dump(mode="json")} for run, one in files],
            "weights": [one.model_dump(mode="json") for one in weights],
        },
    )


def _scores_table(collection: Collection, entries: Sequence[Entry]) -> SiteTable:
    scale = scale_of(entry.cell.score for entry in entries)
    ordered = sorted(
        entries, key=lambda one: (one.run.task, one.dataset.name, one.cell.rank or 10**9, one.cell.strategy, one.run.id)
    )
    rows = [
        (
            dataset_cell(entry),
            strategy_cell(entry.cell),
            Cell(entry.run.headline.label),
            score_cell(entry.cell.score, strong=entry.cell.taken),
            interval_cell(collection, entry.cell, scale),
            Cell(f"{entry.cell.rank} of {entry.of}", value=entry.cell.rank)
            if entry.cell.rank
            else Cell(MISSING, value=""),
            verdict_cell(entry.cell.best, entry.cell, entry.run.headline),
            *cost_cells(entry.cell),
            seeds_cell(entry.cell),
            run_cell(entry.run),
        )
        for entry in ordered
    ]
    columns = (
        Column("data set"),
        Column("strategy"),
        Column("metric"),
        Column("score", number=True, best_high=True),
        Column(f"{score(scale.low)} to {score(scale.high)}"),
        Column("rank in its run", number=True),
        Column("verdict in its run"),
        Column("latency", "ms", number=True),
        Column("parameters", number=True),
        Column("training", "s", number=True),
        Column("seeds", number=True, best_high=True),
        Column("run"),
    )
    facets = (facet("Data set", 0, rows), facet("Strategy", 1, rows))
    return SiteTable("scores", "Scores on every data set", columns, tuple(rows), facets=facets, searchable=True)


def _lead(entries: Sequence[Entry]) -> str:
    taken = [entry for entry in entries if entry.cell.taken]
    sets = len({(entry.dataset.name, entry.dataset.fingerprint) for entry in entries})
    if not taken:
        return f"Compared on {plural(sets, 'data set')}, and recommended on none."
    where = ", ".join(dict.fromkeys(entry.dataset.name for entry in taken[:4]))
    more = f" and {len(taken) - 4} more" if len(taken) > 4 else ""
    return f"Compared on {plural(sets, 'data set')}, and recommended on {where}{more}."


def _facts(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    costs = entries[0].cell.costs
    facts = [
        (short(costs.parameters) if costs.parameters is not None else MISSING, "parameters"),
        (megabytes(costs.size_bytes), "weights as stored"),
        (short(costs.macs) if costs.macs is not None else MISSING, "multiply-accumulates for one example"),
        (
            f"{number(costs.latency_ms)} ms" if costs.latency_ms is not None else MISSING,
            f"for one example; {costs.device}",
        ),
    ]
    return [fact for fact in facts if fact[0] != MISSING]


def _weights(entries: Sequence[Entry]) -> list[WeightsUsed]:
    used = {entry.cell.weights for entry in entries if entry.cell.weights}
    known = {one.sha256: one for entry in entries for one in entry.run.weights}
    return [known[digest] for digest in sorted(used) if digest in known]


def file_columns() -> tuple[Column, ...]:
    """Of a table of exported files."""
    return (
        Column("format"),
        Column("precision"),
        Column("strategy"),
        Column("data set"),
        Column("size", number=True),
        Column("latency", "ms", number=True),
        Column("score", number=True, best_high=True),
        Column("as Keras", number=True, best_high=True),
        Column("card"),
        Column("run"),
    )


def file_row(run: RunRecord, one: FileRecord) -> tuple[Cell, ...]:
    """One exported file; its name is a download where the site has it."""
    failed = one.status != "done"
    return (
        Cell(one.format, href=one.download or "", title="Download" if one.download else (one.reason or "")),
        Cell(one.precision),
        Cell(one.strategy),
        Cell(one.dataset),
        Cell(one.status if failed else megabytes(one.bytes), value="" if failed else one.bytes, title=one.reason or ""),
        Cell(MISSING, value="")
        if one.latency_ms is None
        else Cell(number(one.latency_ms), value=one.latency_ms, title=one.device),
        Cell(MISSING, value="") if one.score is None else Cell(score(one.score), value=one.score),
        Cell(MISSING, value="") if one.agreement is None else Cell(f"{one.agreement:.1%}", value=one.agreement),
        Cell("card", href=one.card) if one.card else Cell(MISSING, value=""),
        run_cell(run),
    )
