"""Results with their artefacts and exported files from one run folder into another."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from suite.runner.merging.sources import Source
from suite.store.database import flush, mendable
from suite.store.records.export_card import ExportCard
from suite.store.records.result import Result
from suite.store.remote_files import is_inside
from suite.store.store import MODEL, Store, Unsaved

__all__ = ["bring_exports", "bring_results"]

AT_ONCE = 200
"""Trials in one transaction."""


def bring_results(store: Store, source: Source, trial_ids: Iterable[str], room: Path) -> None:
    """Saves results with copies of their artefacts; of each cell the best model stays, as in any run.

    Args:
        store: Where to; what it has of these trials is replaced.
        source: Where from.
        trial_ids: Of the source.
        room: A folder on the file system of the store, where copies are made before they are renamed.

    Raises:
        StoreError: When the disk is full or cannot be written; what was brought stays.
    """
    unsaved: list[Unsaved] = []
    try:
        for trial_id in trial_ids:
            folder = room / trial_id
            with mendable(store.folder):
                _copy_folder(source.trial_folder(trial_id), folder)
            result = _with_what_is_there(source.results[trial_id], folder)
            unsaved.append(Unsaved(result, folder, source.selections.get(trial_id)))
            if len(unsaved) == AT_ONCE:
                store.save_all(unsaved)
                unsaved = []
    finally:
        # Also what was copied before the disk was full.
        store.save_all(unsaved)


def bring_exports(store: Store, source: Source, trial_ids: Collection[str], room: Path) -> int:
    """Copies exported files of some trials with their cards, where the store has none that is as good.

    Returns:
        How many cards came.

    Raises:
        StoreError: When the disk is full or cannot be written; what was brought stays.
    """
    known = {card.id: card for card in store.exports()}
    brought = 0
    for card in source.exports:
        mine = known.get(card.id)
        if card.trial_id not in trial_ids or (mine is not None and (mine.status == "done" or card.status != "done")):
            continue
        with mendable(store.out / "exports"):
            taken = {one.folder for one in known.values() if one.folder is not None and one.id != card.id}
            card = _with_file(card, source, store.out, taken, room / "export")  # noqa: PLW2901
        store.save_export(card)
        known[card.id] = card
        brought += 1
    return brought


def _with_file(card: ExportCard, source: Source, out: Path, taken: Collection[str], room: Path) -> ExportCard:
    """The card with its folder copied; without a folder where its files are not there or lie elsewhere."""
    if card.folder is None or not is_inside(card.folder) or not (source.folder / card.folder).is_dir():
        return card.model_copy(update={"folder": None})
    place = _free_place(card, out, taken)
    moved = card.model_copy(update={"folder": place.relative_to(out).as_posix()})
    _copy_folder(source.folder / card.folder, room)
    if moved != card:
        (room / "card.json").write_text(moved.model_dump_json(indent=2) + "\n", encoding="utf-8")
    flush(room)
    if place.exists():
        shutil.rmtree(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    room.rename(place)
    return moved


def _free_place(card: ExportCard, out: Path, taken: Collection[str]) -> Path:
    """The card's own folder, or one with a number where something else is in it."""
    name, number = card.folder or "", 1
    while name in taken or not _may_be_replaced(out / name, card):
        number += 1
        name = f"{card.folder}-{number}"
    return out / name


def _may_be_replaced(place: Path, card: ExportCard) -> bool:
    """Whether nothing is there but what a merge that was broken off, or an earlier export, left of the same file."""
    try:
        return ExportCard.model_validate_json((place / "card.json").read_text(encoding="utf-8")).id == card.id
    except (OSError, ValueError):
        return not place.exists()


def _copy_folder(source: Path | None, target: Path) -> None:
    """Files and folders, but no links: what they point to is not of the run. Nothing where there is no source."""
    shutil.rmtree(target, ignore_errors=True)
    if source is None or not source.is_dir():
        return
    target.mkdir(parents=True)
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_symlink():
            continue
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif path.is_file():
            # One by one: an error of the disk keeps its number, which says whether the disk is full.
            shutil.copyfile(path, place)


def _with_what_is_there(result: Result, folder: Path) -> Result:
    """A model that was not copied from its machine must not take the place of one that is there."""
    if MODEL not in result.artefacts or (folder / result.artefacts[MODEL]).is_file():
        return result
    artefacts = {name: file for name, file in result.artefacts.items() if name != MODEL}
    return result.model_copy(update={"artefacts": artefacts})
