"""A page per data set: who is best on it, which classes are hard, its licence and its fingerprint."""

from __future__ import annotations

from collections.abc import Sequence

from suite.compare.number_format import MISSING, count, score
from suite.publish.boxes import Cell, SiteTable, facet
from suite.publish.collection import BoardKey, Collection, dataset_address
from suite.publish.pages.page import SitePage
from suite.publish.record import DatasetRecord, RunRecord
from suite.publish.rows import day, model_cell, run_cell, score_cell, seeds_cell, strategy_cell, task_words
from suite.report.tables import Column

__all__ = ["dataset_pages"]


def dataset_pages(collection: Collection) -> list[SitePage]:
    """One page per data set, and the page that lists them."""
    pages = [_dataset_page(collection, *key, runs) for key, runs in collection.datasets.items()]
    return [_list_page(collection), *pages]


def _record(runs: Sequence[RunRecord], name: str, fingerprint: str) -> DatasetRecord:
    return next(one for one in runs[0].home_datasets if (one.name, one.fingerprint) == (name, fingerprint))


def _list_page(collection: Collection) -> SitePage:
    rows = []
    for (name, fingerprint), runs in collection.datasets.items():
        one = _record(runs, name, fingerprint)
        rows.append(
            (
                Cell(
                    name, href=f"{dataset_address(name, fingerprint)}/index.html", under=f"content {fingerprint[:12]}"
                ),
                Cell(", ".join(sorted({task_words(run.task) for run in runs}))),
                Cell(MISSING, value="") if one.classes is None else Cell(count(one.classes), value=one.classes),
                *(_size(one, split) for split in ("train", "validation", "test")),
                Cell(one.licence or "not stated"),
                Cell(count(len(runs)), value=len(runs)),
            )
        )
    columns = (
        Column("data set", long=True),
        Column("task"),
        Column("classes", number=True, best_high=True),
        Column("training examples", number=True, best_high=True),
        Column("validation", number=True, best_high=True),
        Column("test", number=True, best_high=True),
        Column("licence"),
        Column("runs", number=True, best_high=True),
    )
    table = SiteTable("datasets", "Data sets", columns, tuple(rows), facets=(facet("Task", 1, rows),), searchable=True)
    return SitePage(
        folder="datasets/",
        template="list.html.j2",
        title="Data sets",
        here="datasets",
        context={
            "table": table,
            "lead": "The data that models were trained and tested on. A fingerprint is equal exactly when the content "
            "is; the same name with other content is listed twice.",
        },
        tables=(table,),
        data="data/datasets/index.json",
        content=[{"dataset": row[0].text, "page": row[0].href} for row in rows],
    )


def _size(one: DatasetRecord, split: str) -> Cell:
    value = one.sizes.get(split)
    return Cell(MISSING, value="") if value is None else Cell(count(value), value=value)


def _dataset_page(collection: Collection, name: str, fingerprint: str, runs: Sequence[RunRecord]) -> SitePage:
    one = _record(runs, name, fingerprint)
    address = dataset_address(name, fingerprint)
    boards = [key for key in collection.boards if (key.dataset, key.fingerprint) == (name, fingerprint)]
    best = _best_table(collection, boards)
    run_table = SiteTable(
        "runs",
        f"Runs on {name}",
        (
            Column("run", long=True),
            Column("what it says to take", long=True),
            Column("ended", number=True, best_high=True),
        ),
        tuple((run_cell(run), Cell(_take(run, name)), Cell(day(run.ended_at), value=run.ended_at)) for run in runs),
    )
    hard = _hard(runs, name)
    return SitePage(
        folder=f"{address}/",
        template="dataset.html.j2",
        title=name,
        here="datasets",
        context={
            "one": one,
            "best": best,
            "runs": run_table,
            "hard": hard,
            "boards": [
                (f"leaderboards/{key.address}/index.html", task_words(key.task), collection.metric(key).label)
                for key in boards
            ],
            "lead": next(
                (take for run in runs if (take := _take(run, name)) != MISSING), "No run has an answer on it yet."
            ),
            "sizes": [(split, count(size)) for split, size in one.sizes.items()],
        },
        tables=(best, run_table),
        data=f"data/{address}.json",
        content={
            **one.model_dump(mode="json"),
            "hard_classes": hard,
            "runs": [run.id for run in runs],
            "leaderboards": [f"data/leaderboards/{key.address}.json" for key in boards],
        },
    )


def _take(run: RunRecord, name: str) -> str:
    return next((one.take for one in run.home_datasets if one.name == name and one.take), MISSING)


def _best_table(collection: Collection, boards: Sequence[BoardKey]) -> SiteTable:
    """The best cell of each model, by metric."""
    rows = []
    for key in boards:
        seen: set[str] = set()
        for entry in collection.boards[key]:
            if entry.cell.model in seen:
                continue
            seen.add(entry.cell.model)
            rows.append(
                (
                    model_cell(collection, entry.cell),
                    strategy_cell(entry.cell),
                    Cell(collection.metric(key).label),
                    score_cell(entry.cell.score, strong=len(seen) == 1),
                    seeds_cell(entry.cell),
                    run_cell(entry.run),
                )
            )
    columns = (
        Column("model"),
        Column("its best strategy"),
        Column("metric"),
        Column("score", number=True, best_high=True),
        Column("seeds", number=True, best_high=True),
        Column("run"),
    )
    return SiteTable("best", "The best of every model", columns, tuple(rows), searchable=len(rows) > 10)


def _hard(runs: Sequence[RunRecord], name: str) -> list[tuple[str, str]]:
    """Classes with the lowest F1, each as the mean over the runs that name it."""
    found: dict[str, list[float]] = {}
    for run in runs:
        for one in run.home_datasets:
            for label, value in one.hard_classes if one.name == name else ():
                found.setdefault(label, []).append(value)
    means = sorted((sum(values) / len(values), label) for label, values in found.items())
    return [(label, score(value)) for value, label in means[:5]]
