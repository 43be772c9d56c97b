"""The folders that are joined, read and checked in full before anything is written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from suite.compare.planned import PlanSummary, read_plan
from suite.errors import StoreError, SuiteError, did_you_mean
from suite.lint.subjects import read_kept
from suite.store.address import address_of, files_of
from suite.store.quick_read import glance
from suite.store.records.check import DataChecks
from suite.store.records.example_files import file_safe
from suite.store.records.export_card import ExportCard
from suite.store.records.result import Result
from suite.store.records.slices import SLICES, DatasetSlices, read_slices
from suite.store.remote_files import is_inside
from suite.store.store import open_store

__all__ = ["CONFLICTS", "Source", "read_source", "read_sources", "short_names"]

CONFLICTS = "conflicts"
"""Folder inside a joined run that holds the results that were kept apart."""
_ID = re.compile(r"[A-Za-z0-9._-]*[A-Za-z0-9_-]")


@dataclass(frozen=True)
class Source:
    """One run folder with everything that is stored in it; its files are read when they are copied."""

    folder: Path
    """As the user named it."""
    plan: PlanSummary
    spec_text: str
    """The document ``spec`` of its store."""
    spec: Mapping[str, Any]
    """The same, read."""
    results: Mapping[str, Result]
    """By trial id, in the order of saving."""
    selections: Mapping[str, float | None]
    """Trial id to what decides whose model of a cell is kept."""
    exports: tuple[ExportCard, ...]
    checks: DataChecks | None
    elsewhere: frozenset[str] = frozenset()
    """Trials whose files are on another machine."""
    damage: tuple[str, ...] = ()
    """What of it could not be read and is left where it is, a sentence each."""
    slices: tuple[DatasetSlices, ...] = ()
    """Which slice each test example of its data sets is in."""

    @property
    def shown(self) -> str:
        """Its name in messages."""
        return str(self.folder)

    def trial_folder(self, trial_id: str) -> Path | None:
        """Where the artefacts of a trial are; None where that is on another machine."""
        return None if trial_id in self.elsewhere else files_of(self.folder) / "trials" / trial_id

    @cached_property
    def kept_apart(self) -> tuple[Path, ...]:
        """Runs that an earlier merge kept apart in it."""
        return tuple(sorted(path.parents[1] for path in (self.folder / CONFLICTS).glob("*/store/results.sqlite")))


def read_sources(folders: Sequence[Path], into: Path) -> tuple[Source | None, tuple[Source, ...]]:
    """What ``into`` holds already, None where it is no run yet, and the other folders, each once.

    Raises:
        SuiteError: For a folder that is missing or holds no run, a store that is damaged or that a newer suite wrote,
            and where there is nothing to join.
    """
    if into.exists() and not into.is_dir():
        raise StoreError(f"{into}: is a file; expected a folder for the joined results. Choose another --into.")
    target = into.resolve()
    others = {folder.resolve(): folder for folder in reversed(folders)}
    others.pop(target, None)
    if not others:
        raise SuiteError(f"--into {into}: there is nothing to join with it; name the folder of another run.")
    chosen = [folder for folder in folders if others.get(folder.resolve()) is folder]
    base = read_source(into) if "plan" in glance(into).documents else None
    return base, tuple(read_source(folder) for folder in chosen)


def read_source(folder: Path) -> Source:
    """Everything that a run has stored.

    Raises:
        StoreError: Where it holds no run, or something in it cannot be read; ``StoreVersionError`` when it is newer.
    """
    if not folder.is_dir() and address_of(folder) is None:
        raise StoreError(f"{folder}: no such folder; expected one that 'suite run' wrote.{_nearest(folder)}")
    with open_store(folder, create=False) as store:
        documents = store.documents()
        if "plan" not in documents:
            raise StoreError(f"{folder}: holds no run; expected a folder that 'suite run' wrote.")
        found = store.query()
        damaged = set(store.damaged_trials)
        results = {result.id: result for result in found if result.id not in damaged}
        exports = tuple(store.exports())
        made = Source(
            folder=folder,
            plan=read_plan(documents["plan"], folder),
            spec_text=documents.get("spec", "{}"),
            spec=_spec(documents.get("spec", "{}"), folder),
            results=results,
            selections=store.selections(),
            exports=exports,
            checks=read_kept(folder),
            elsewhere=frozenset(trial_id for trial_id in results if store.is_elsewhere(trial_id)),
            damage=store.damage,
            slices=read_slices(documents.get(SLICES)),
        )
    _refuse_strange(made)
    return made


def short_names(sources: Sequence[Source]) -> dict[str, str]:
    """Folder to a name of its own that a folder can have: its last part, with those before it where two are alike."""
    parts = {source.shown: source.folder.resolve().parts for source in sources}
    names: dict[str, str] = {}
    for shown, own in parts.items():
        others = [other for name, other in parts.items() if name != shown]
        length = next((n for n in range(1, len(own)) if all(own[-n:] != other[-n:] for other in others)), len(own))
        names[shown] = "-".join(map(file_safe, own[-length:]))
    return names


def _spec(text: str, folder: Path) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise StoreError(f"{folder}: its stored spec is no JSON object; run its spec once more.")
    return found


def _refuse_strange(source: Source) -> None:
    """A store from elsewhere must not name a file outside its folder: files are replaced and removed by these names."""
    for trial_id, result in source.results.items():
        if not _ID.fullmatch(trial_id) or not all(is_inside(file) for file in result.artefacts.values()):
            raise StoreError(
                f"{source.folder}: result {trial_id!r} names files outside its folder, which no run of the suite does; "
                "nothing was merged."
            )


def _nearest(folder: Path) -> str:
    """A question with the nearest run beside it; empty where there is none."""
    beside = folder.parent
    runs = [path.name for path in beside.iterdir() if (path / "store").is_dir()] if beside.is_dir() else []
    return f" Unknown{did_you_mean(folder.name, runs, what='run').removeprefix('unknown')}" if runs else ""
