"""Exported models and their cards as files of the site, where they are small enough."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from suite.compare.comparison import Comparison
from suite.publish.names import folder_name
from suite.publish.private import Cleaner
from suite.publish.record import CutFile, FileRecord
from suite.publish.stage import Staged, Staging, write_staged
from suite.store.records.export_card import ExportCard

__all__ = ["write_downloads"]

LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The time of every file in an archive, so that the same files are the same archive."""


def write_downloads(
    comparison: Comparison,
    records: tuple[FileRecord, ...],
    run: Path,
    point: str,
    staging: Staging,
    *,
    largest_bytes: int,
    cleaner: Cleaner,
) -> tuple[Staged, tuple[FileRecord, ...], tuple[CutFile, ...]]:
    """Prepares cards, and models of at most ``largest_bytes``; a folder becomes a zip archive.

    Returns:
        What was prepared, the records with the places of their files, and what should be there and is not.
    """
    staged = Staged()
    cards = [card for files in comparison.exports for card in files.cards]
    placed, gaps = [], []
    for card, record in zip(cards, records, strict=True):
        if card.status != "done":
            placed.append(record)
            continue
        folder = f"files/{point}/{folder_name(card.trial_id[:12], card.format, card.precision)}"
        write_staged(staging, staged, f"{folder}/card.json", cleaner.text(card.model_dump_json(indent=1)) + "\n")
        download = None
        place = run / card.folder / card.file if card.folder is not None else None
        if place is not None and not place.exists():
            what = f"{card.format} file ({card.precision}) of {card.model}, {card.strategy}"
            gaps.append(CutFile(what=what, reason="It was exported and is no longer there."))
        elif place is not None and card.bytes <= largest_bytes:
            name, content = _packed(place, card)
            download = f"{folder}/{name}"
            write_staged(staging, staged, download, content)
        placed.append(record.model_copy(update={"card": f"{folder}/card.json", "download": download}))
    return staged, tuple(placed), tuple(gaps)


def _packed(place: Path, card: ExportCard) -> tuple[str, bytes]:
    """The file as it is, a folder as an archive."""
    if place.is_file():
        suffix = place.suffix if place.suffix.isascii() and place.suffix[1:].isalnum() else ""
        return f"model{suffix}", place.read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in place.rglob("*") if path.is_file() and not path.is_symlink()):
            entry = zipfile.ZipInfo(path.relative_to(place).as_posix(), LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return f"{folder_name(card.format)}.zip", packed.getvalue()
