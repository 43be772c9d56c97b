"""The page that holds any two runs against each other, in the reader's browser."""

from __future__ import annotations

from suite.publish.collection import Collection
from suite.publish.pages.page import SitePage
from suite.publish.rows import task_words

__all__ = ["compare_page"]


def compare_page(collection: Collection) -> SitePage:
    """One page for every pair; it reads the records of the two that are chosen."""
    runs = [
        {
            "id": run.id,
            "title": run.title,
            "task": task_words(run.task),
            "ended": run.ended_at[:16].replace("T", " ") or "never ended",
            "page": f"runs/{run.id}/index.html",
        }
        for history in collection.histories
        for run in reversed(history.points)
    ]
    return SitePage(
        folder="compare/",
        template="compare.html.j2",
        title="Compare two runs",
        here="compare",
        context={"runs": runs},
        data="data/compare.json",
        content=runs,
        beside={"compare/runs": runs},
    )
