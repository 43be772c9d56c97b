"""Which cells of a leaderboard over runs may be the best: the one verdict, ``best``, on saved evidence."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from suite.compare.cell import BestComparison
from suite.compare.statistics.best import RULE, Contender, verdicts
from suite.publish.change_tests import why_not
from suite.publish.changes import Evidence
from suite.publish.collection import BoardKey, Collection, Entry
from suite.version import __version__

__all__ = ["BoardVerdicts", "verdicts_over_runs"]

Verdicts = tuple[BestComparison | None, ...]
Known = Callable[[str], bytes | None]
"""The path of a file of the site to what it holds; None where there is none."""


@dataclass(frozen=True)
class BoardVerdicts:
    """The verdicts of one leaderboard, in its order."""

    made_from: str
    """Hash of the scores and the evidence that they come from: the same hash, the same verdicts."""
    verdicts: Verdicts
    """None where it, or the best-scoring cell, has no predictions that could be tested."""


def verdicts_over_runs(
    collection: Collection, evidence: Evidence, known: Known = lambda _: None
) -> Mapping[BoardKey, BoardVerdicts]:
    """The verdicts of every leaderboard; those that the site has of the same cells are taken from there.

    Args:
        collection: All points.
        evidence: Id of a point to cell id to what its cells can be compared by.
        known: Reads the site as it stands.
    """
    return {key: _of_board(key, collection, evidence, known) for key in collection.boards}


def _of_board(key: BoardKey, collection: Collection, evidence: Evidence, known: Known) -> BoardVerdicts:
    metric = collection.metric(key)
    contenders = [_contender(entry, evidence) for entry in collection.boards[key]]
    told = [[one.name, one.score, one.evidence and one.evidence.model_dump_json()] for one in contenders]
    text = json.dumps([__version__, RULE, metric.higher_is_better, told])
    made_from = hashlib.sha256(text.encode()).hexdigest()
    kept = _kept(known(f"data/leaderboards/{key.address}.json"), made_from, len(contenders))
    found = verdicts(contenders, higher_is_better=metric.higher_is_better) if kept is None else kept
    return BoardVerdicts(made_from, found)


def _contender(entry: Entry, evidence: Evidence) -> Contender:
    found = evidence.get(entry.run.id, {}).get(entry.cell.cell_id)
    score = entry.cell.score.value if entry.cell.score is not None else 0.0
    return Contender(f"{entry.run.id}/{entry.cell.cell_id}", score, found if why_not(found) is None else None)


def _kept(text: bytes | None, made_from: str, count: int) -> Verdicts | None:
    """What the site says of the very same cells; None where it does not."""
    try:
        document = json.loads(text or b"{}")
        if document.get("made_from") != made_from or len(document["rows"]) != count:
            return None
        return tuple(row["best"] and BestComparison.model_validate(row["best"]) for row in document["rows"])
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError):
        return None
