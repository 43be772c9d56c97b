"""Every time that a comparison was run: one point after another, and what changed between them."""

from __future__ import annotations

from suite.compare.number_format import MISSING, count, plural, score
from suite.publish.boxes import Cell, SiteTable
from suite.publish.changes import Changes
from suite.publish.collection import Collection, History
from suite.publish.difference import RunDifference
from suite.publish.pages.page import SitePage
from suite.publish.record import RunRecord
from suite.publish.rows import alarm_words, answer_words, day, run_address
from suite.publish.trend_chart import trend_drawings
from suite.report.tables import Column

__all__ = ["change_folder", "history_pages"]


def change_folder(run: RunRecord) -> str:
    """Where the page lies that says what changed since the point before."""
    return f"runs/{run.id}/changes/"


def history_pages(collection: Collection, changes: Changes) -> list[SitePage]:
    """A page per history, and one for each point that has one before it."""
    pages = []
    for history in collection.histories:
        pages.append(_history_page(history, changes))
        pages += [
            _change_page(before, point, changes[point.id].difference)
            for point in history.points
            if (before := history.before(point)) is not None and point.id in changes
        ]
    return pages


def _history_page(history: History, changes: Changes) -> SitePage:
    drawings = trend_drawings(history, changes)
    points = [
        {
            "run": run,
            "page": run_address(run),
            "when": run.ended_at[:16].replace("T", " "),
            "change": change_folder(run) + "index.html" if run.id in changes else "",
            "difference": changes[run.id].difference if run.id in changes else None,
            "trends": changes[run.id].trends if run.id in changes else (),
            "versions": ", ".join(
                f"{name} {run.versions[name]}" for name in ("suite", "tensorflow", "keras") if name in run.versions
            ),
            "finished": f"{count(run.trials_finished)} of {plural(run.trials_planned, 'trial')}",
        }
        for run in reversed(history.points)
    ]
    latest = history.latest
    table = _table(history)
    return SitePage(
        folder=f"runs/{history.address}/",
        template="history.html.j2",
        title=latest.title,
        here="index",
        context={
            "history": history,
            "points": points,
            "latest": latest,
            "drawings": drawings,
            "table": table,
            "answer_words": answer_words,
            "alarm_words": alarm_words,
        },
        tables=(table,),
        drawings=drawings,
        data=f"data/runs/{history.address}/index.json",
        content={
            "name": latest.name,
            "task": latest.task,
            "points": [
                {"id": run.id, "ended_at": run.ended_at, "page": run_address(run), "data": f"data/runs/{run.id}.json"}
                for run in history.points
            ],
        },
    )


def _table(history: History) -> SiteTable:
    """The recommended cell of each data set, point by point."""
    rows = []
    for run in reversed(history.points):
        for one in run.home_datasets:
            cell = next((cell for cell in run.ranking(one.name) if cell.taken), None)
            rows.append(
                (
                    Cell(day(run.ended_at), value=run.ended_at, href=run_address(run)),
                    Cell(one.name),
                    Cell(f"{cell.model}, {cell.strategy}" if cell else MISSING),
                    Cell(score(cell.score.value), value=cell.score.value)
                    if cell and cell.score
                    else Cell(MISSING, value=""),
                )
            )
    columns = (
        Column("ended", best_high=True),
        Column("data set"),
        Column("recommended", long=True),
        Column(history.latest.headline.label, number=True, best_high=True),
    )
    return SiteTable("points", "What each run recommends", columns, tuple(rows))


def _change_page(before: RunRecord, after: RunRecord, difference: RunDifference) -> SitePage:
    return SitePage(
        folder=change_folder(after),
        template="change.html.j2",
        title=f"What changed in {after.title}",
        here="index",
        context={
            "before": before,
            "after": after,
            "difference": difference,
            "pages": (run_address(before), run_address(after)),
        },
        data=f"data/differences/{after.id}.json",
        content=difference.model_dump(mode="json"),
    )
