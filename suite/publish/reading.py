"""Runs as a site reads them: nothing is written into their folders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.compare.comparison import Comparison
from suite.compare.planned import read_plan
from suite.publish.private import Cleaner
from suite.publish.record import CutFile
from suite.publish.recording import newest
from suite.publish.stage import digest_of
from suite.report.stored_run import StoredRun, look_at_run
from suite.store.quick_read import stored_texts
from suite.store.state import spec_of
from suite.store.store import open_store
from suite.version import __version__

__all__ = ["Found", "Read", "find", "read"]

RENDERING = 2
"""Changed with everything that makes another page of the same results; the version of the suite counts too."""

NOT_DRAWN = ("command", "data", "environments", "weights")
"""Parts of a comparison that no chart of the suite shows; of a cell, its weights."""


@dataclass(frozen=True)
class Found:
    """A run that was found, as far as it is known without reading its results."""

    folder: Path
    name: str
    task: str
    models: tuple[str, ...]
    """Labels of the models that were planned or skipped."""
    key: str
    """Hash of what is stored: the same point of its history as long as it stays."""
    made_from: str
    """Hash of what its pages say and how they are made."""


@dataclass(frozen=True)
class Read:
    """A run with everything that its pages say, without what is private."""

    found: Found
    comparison: Comparison
    spec: dict[str, Any]
    ended_at: str
    """When its last trial ended, ISO 8601 in UTC; empty where none did."""
    stills: Mapping[str, Path]
    """Images of its charts that are drawn already, by chart."""
    gaps: tuple[CutFile, ...]


def find(folder: Path, *, options: str) -> Found:
    """Looks at a run.

    Args:
        folder: That ``suite run`` wrote.
        options: What else decides how its pages look.

    Raises:
        StoreError: Where it holds no run, or its store is damaged or newer.
    """
    run = look_at_run(folder)
    documents = run.state.documents
    plan = read_plan(documents["plan"], folder)
    # Numbers of rows say nothing of what is in them.
    contents = [digest_of(text.encode()) for text in stored_texts(folder)]
    key = _hash([documents.get("spec"), documents["plan"], *contents])
    made_from = _hash([key, run.key, __version__, RENDERING, options])
    models = tuple(dict.fromkeys([*(one.model for one in plan.trials), *(one.model for one in plan.skips)]))
    return Found(folder, plan.spec_name, plan.task, models, key, made_from)


def read(found: Found, cleaner: Cleaner) -> Read:
    """Everything of a run.

    Raises:
        StoreError: Where it cannot be read any more.
    """
    run = look_at_run(found.folder)
    comparison, stills = _comparison(run)
    gaps = tuple(
        CutFile(what=f"predictions of {cell.name} on {cell.dataset}", reason=cell.headline.reason)
        for cell in comparison.cells
        if cell.headline is not None and cell.headline.low is None and cell.headline.reason and not comparison.published
    )
    spec = spec_of(run.state.documents)
    comparison, redrawn = _without_private(comparison, cleaner, charts_of_plugins=bool(spec.get("plugins")))
    if redrawn:
        stills = {}
    spec = cleaner.everything(spec)
    return Read(found, comparison, spec, _ended(found.folder), stills, tuple(map(_cleaned(cleaner), gaps)))


def _ended(folder: Path) -> str:
    with open_store(folder, create=False) as store:
        return newest(store.ends())


def _without_private(comparison: Comparison, cleaner: Cleaner, *, charts_of_plugins: bool) -> tuple[Comparison, bool]:
    """The comparison as it may be told, and whether its charts are others."""
    told = tuple(pair for pair in comparison.pairs if pair.reason is not None)
    cells = tuple(cell.model_copy(update={"evidence": None}) for cell in comparison.cells)
    bare = comparison.model_copy(update={"pairs": told, "cells": cells})
    document = bare.model_dump(mode="json")
    cleaned = cleaner.everything(document)
    if cleaned == document:
        return comparison, False
    clean = Comparison.model_validate(cleaned)
    untold = iter(clean.pairs)
    pairs = tuple(pair if pair.reason is None else next(untold) for pair in comparison.pairs)
    with_evidence = tuple(
        cell.model_copy(update={"evidence": one.evidence})
        for cell, one in zip(clean.cells, comparison.cells, strict=True)
    )
    redrawn = charts_of_plugins or _drawn(document) != _drawn(cleaned)
    return clean.model_copy(update={"pairs": pairs, "cells": with_evidence}), redrawn


def _drawn(document: Mapping[str, Any]) -> dict[str, Any]:
    """What charts are made from."""
    cells = [{**cell, "weights": None} for cell in document["cells"]]
    return {name: part for name, part in document.items() if name not in NOT_DRAWN} | {"cells": cells}


def _comparison(run: StoredRun) -> tuple[Comparison, dict[str, Path]]:
    """The comparison, and the images of its report where that is of what is stored now."""
    kept = run.kept()
    if kept is None:
        return run.compare(), {}
    return kept, {path.stem: path for path in (run.folder / "charts").glob("*.svg")}


def _cleaned(cleaner: Cleaner) -> Any:
    return lambda gap: CutFile(what=cleaner.text(gap.what), reason=cleaner.text(gap.reason))


def _hash(what: Any) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
