"""What a site says of each cell of a run, place by place, for the test that every place says the one verdict."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from suite.compare.comparison import Comparison
from suite.publish.collection import Collection, collect
from suite.publish.generators.tables import grid
from suite.publish.over_runs import verdicts_over_runs
from suite.publish.pages.boards import board_pages
from suite.publish.pages.models import model_pages
from suite.publish.recording import record_of

__all__ = ["SITE_PLACES", "site_places"]

Said = Mapping[str, str]
"""Cell id to its verdict; ``not tested`` where there is none."""
PLACES = (
    "record of the run",
    "JSON of the leaderboard",
    "page of the leaderboard",
    "Markdown of the leaderboard",
    "pages of the models",
)


def site_places(comparison: Comparison) -> dict[str, Said]:
    """Place to what is said there of each cell with a score; a leaderboard over runs holds this run alone."""
    record, evidence = record_of(comparison, {})
    collection = collect([record.model_copy(update={"address": "made", "point": "first"})])
    over_runs = verdicts_over_runs(collection, {"made/first": evidence})
    (key,) = over_runs
    board = next(page for page in board_pages(collection, over_runs) if page.template == "board.html.j2")
    names = {(cell.model, cell.strategy): cell.cell_id for cell in record.cells}
    entries = collection.boards[key]
    return {
        "record of the run": {
            cell.cell_id: _kind(cell.best and cell.best.verdict) for cell in record.cells if cell.score
        },
        "JSON of the leaderboard": {
            row["cell_id"]: _kind(row["best"] and row["best"]["verdict"]) for row in board.content["rows"]
        },
        "page of the leaderboard": {
            names[row[1].text, row[2].text]: _kind(row[3].text) for row in board.tables[0].rows
        },
        "Markdown of the leaderboard": _in_markdown(str(grid(board.tables[0], lambda path: path)), names),
        "pages of the models": _on_model_pages(collection, names),
        "answer of the leaderboard": _in_answer(
            board.context["answer"], [entry.cell.cell_id for entry in entries], over_runs[key].verdicts
        ),
    }


def _kind(said: str | None) -> str:
    """``unsettled: seeds 0.58 to 0.79`` as its verdict alone."""
    words = (said or "not tested").partition(":")[0]
    return "may_be_best" if words == "may be the best" else words


def _in_markdown(text: str, names: Mapping[tuple[str, str], str]) -> Said:
    rows = [[part.strip() for part in line.strip("| ").split(" | ")] for line in text.splitlines()[2:]]
    plain = [[re.sub(r"\[([^]]*)\].*|&#(\d+);", _letter, part) for part in row] for row in rows]
    return {names[row[1], row[2]]: _kind(row[3]) for row in plain}


def _letter(found: re.Match[str]) -> str:
    return re.sub(r"&#(\d+);", lambda one: chr(int(one[1])), found[1]) if found[1] else chr(int(found[2]))


def _on_model_pages(collection: Collection, names: Mapping[tuple[str, str], str]) -> Said:
    found = {}
    for page in model_pages(collection):
        if page.template == "model.html.j2":
            place = [column.title for column in page.tables[0].columns].index("verdict in its run")
            found |= {names[page.title, row[1].text]: _kind(row[place].text) for row in page.tables[0].rows}
    return found


def _in_answer(answer: str, order: list[str], verdicts: tuple[object, ...]) -> Said:
    """How many the sentence counts, spread over the cells in their order: the first ones may be the best."""
    counted = re.search(r"; (\d+) other cells? may be the best too", answer)
    if "cannot be said" in answer or verdicts[0] is None:
        return {}
    best = 1 + (int(counted[1]) if counted else 0)
    tested = [name for name, one in zip(order, verdicts, strict=True) if one is not None]
    return dict.fromkeys(tested[:best], "may_be_best")


def _place(name: str) -> Callable[[Comparison], Said]:
    def said(comparison: Comparison) -> Said:
        return site_places(comparison)[name]

    said.__name__ = name
    return said


SITE_PLACES = tuple(map(_place, PLACES))
"""The same one by one, for who asks every place of the suite."""
