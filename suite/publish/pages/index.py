"""The first page: every comparison with what it says to take."""

from __future__ import annotations

from collections.abc import Sequence

from suite.compare.number_format import count, plural
from suite.publish.boxes import Cell, SiteTable, facet
from suite.publish.collection import Collection, History
from suite.publish.pages.page import SitePage
from suite.publish.record import CutFile, RunRecord
from suite.publish.rows import alarm_words, answer_words, day, run_address, score_cell, task_words
from suite.report.layout import Fact
from suite.report.tables import Column

__all__ = ["index_page"]

COLUMNS = (
    Column("score"),
    Column("comparison", long=True),
    Column("task"),
    Column("data sets"),
    Column("best", number=True, best_high=True),
    Column("models", number=True, best_high=True),
    Column("ended", number=True, best_high=True),
    Column("runs", number=True, best_high=True),
)


def index_page(collection: Collection, title: str, gaps: Sequence[CutFile]) -> SitePage:
    """The page at the root."""
    table = _table(collection)
    return SitePage(
        folder="",
        template="index.html.j2",
        title=title,
        here="index",
        context={
            "table": table,
            "facts": _facts(collection),
            "gaps": gaps,
            "lead": (
                "Which pretrained model to take for a task, adapted how, at what cost, and how sure that is. Each line "
                "is one comparison with its answer."
            ),
        },
        tables=(table,),
        data="data/index.json",
        content={
            "title": title,
            "runs": [_told(run, len(history.points)) for run, history in _newest(collection)],
            "gaps": [gap.model_dump() for gap in gaps],
        },
    )


def _newest(collection: Collection) -> list[tuple[RunRecord, History]]:
    return [(history.latest, history) for history in collection.histories]


def _table(collection: Collection) -> SiteTable:
    rows = []
    for history in collection.histories:
        run = history.latest
        names = list(dict.fromkeys(one.name for one in run.home_datasets))
        best = max(
            (cell for cell in run.cells if cell.rank == 1 and cell.score), key=lambda cell: cell.taken, default=None
        )
        rows.append(
            (
                Cell(f"Scores of the best cells of {run.title}", image=f"runs/{run.address}/{run.point}/image.svg"),
                Cell(run.title, href=run_address(run), under=answer_words(run), alarms=alarm_words(run)),
                Cell(task_words(run.task)),
                Cell(", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")),
                score_cell(best.score if best else None),
                Cell(count(len({cell.model for cell in run.cells})), value=len({cell.model for cell in run.cells})),
                Cell(day(run.ended_at), value=run.ended_at),
                Cell(
                    str(len(history.points)),
                    value=len(history.points),
                    href=f"runs/{history.address}/index.html",
                    title="Every time that it was run",
                ),
            )
        )
    return SiteTable(
        "comparisons",
        "Comparisons",
        COLUMNS,
        tuple(rows),
        facets=(facet("Task", 2, rows), facet("Data", 3, rows)),
        searchable=True,
    )


def _facts(collection: Collection) -> tuple[Fact, ...]:
    runs = collection.latest
    points = sum(len(history.points) for history in collection.histories)
    finished = sum(run.trials_finished for run in runs)
    planned = sum(run.trials_planned for run in runs)
    failed = sum(run.trials_failed for run in runs)
    return (
        Fact(
            plural(len(runs), "comparison"),
            f"of {plural(len({run.task for run in runs}), 'task')}, run {plural(points, 'time')}",
        ),
        Fact(
            plural(len(collection.models), "model"),
            f"in {plural(len(collection.entries), 'cell')}: a model, adapted one way, on one data set",
        ),
        Fact(plural(len(collection.datasets), "data set"), "told apart by their content"),
        Fact(
            f"{count(finished)} of {count(planned)}", f"trials finished, {count(failed) if failed else 'none'} failed"
        ),
    )


def _told(run: RunRecord, points: int) -> dict[str, object]:
    return {
        "name": run.name,
        "task": run.task,
        "title": run.title,
        "answer": run.answer,
        "leading": run.leading,
        "findings": [one.model_dump(mode="json") for one in run.findings],
        "ended_at": run.ended_at,
        "points": points,
        "page": run_address(run),
        "data": f"data/runs/{run.id}.json",
    }
