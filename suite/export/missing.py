"""Which of the files that a spec asks for are still to be made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suite.export.choose import Asked
from suite.export.place import bytes_of, sha256_of
from suite.store.records.export_card import ExportCard
from suite.store.records.result import Result
from suite.store.store import Store

__all__ = ["without_current"]


def without_current(
    wanted: Sequence[tuple[Result, Sequence[Asked]]], store: Store, folder: Path, *, again: bool
) -> list[tuple[Result, list[Asked]]]:
    """``wanted`` without what is there and of the model that is kept now.

    Args:
        wanted: Results with the formats and precisions of each.
        store: Of the run.
        folder: Of the run, where files lie.
        again: Whether a file that failed counts as missing.
    """
    cards = {card.id: card for card in store.exports()}
    left = []
    for result, asked in wanted:
        if store.is_elsewhere(result.id):
            continue  # the machine that has the model makes its files
        model = store.artefact(result, "model")
        now = sha256_of(model) if model is not None else ""
        missing: list[Asked] = []
        for one in asked:
            precisions = tuple(
                precision
                for precision in one.precisions
                if not _is_current(cards.get(f"{result.id}/{one.format}/{precision}"), now, folder, again=again)
            )
            if precisions:
                missing.append(Asked(one.format, precisions))
        if missing:
            left.append((result, missing))
    return left


def _is_current(card: ExportCard | None, model_sha256: str, folder: Path, *, again: bool) -> bool:
    if card is None or card.model_sha256 != model_sha256:
        return False
    if card.status == "done":
        return card.folder is not None and bytes_of(folder / card.folder / card.file) == card.bytes
    return card.status == "skipped" or not again
