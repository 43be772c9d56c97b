"""Where exported files lie, and how a folder is replaced without a moment in which neither is there."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from suite.errors import StoreError
from suite.export.choose import Asked
from suite.store.records.example_files import file_safe
from suite.store.records.export_card import ExportCard
from suite.store.records.result import Result
from suite.store.store import Store

__all__ = ["Placing", "bytes_of", "gzip_bytes_of", "replace_folder", "room_beside", "sha256_of", "without_current"]

BLOCK = 1 << 20


@dataclass(frozen=True)
class Placing:
    """The folder of all files of one command: ``MODEL-DATASET-STRATEGY-TRIAL/FORMAT-PRECISION``."""

    folder: Path
    run: Path
    """The run that the models are of."""

    def place(self, result: Result, format_: str, precision: str) -> Path:
        """The folder of one file."""
        slug = "-".join(map(file_safe, (result.model, result.dataset, result.strategy, result.id[:8])))
        return self.folder / slug / f"{format_}-{precision}"

    def taken(self, result: Result, asked: Sequence[Asked]) -> list[Path]:
        """The folders that are there already."""
        wanted = (self.place(result, one.format, precision) for one in asked for precision in one.precisions)
        return [place for place in wanted if place.exists()]

    def inside_run(self, place: Path) -> str | None:
        """The place as seen from the run's folder; None where it lies elsewhere."""
        inside = place.resolve().is_relative_to(self.run.resolve())
        return place.resolve().relative_to(self.run.resolve()).as_posix() if inside else None


@contextlib.contextmanager
def room_beside(place: Path) -> Iterator[Path]:
    """A temporary folder on the file system of ``place``.

    Raises:
        StoreError: Where something cannot be written inside it or to its place, as on a full disk.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{place.name}-", dir=place.parent) as temporary:
            yield Path(temporary)
    except OSError as error:
        raise StoreError(f"{place}: cannot be written ({error.strerror or error}); choose another --out.") from error


def replace_folder(place: Path, made: Path) -> None:
    """Puts a folder into its place; what was there moves beside ``made``, and comes back if this fails."""
    old = made.with_name("old")
    if place.exists():
        place.rename(old)
    try:
        made.rename(place)
    except OSError:
        if old.exists():
            old.rename(place)
        raise


def bytes_of(file: Path) -> int:
    """Of a file, or of all files of a folder; 0 where there is none."""
    return sum(path.stat().st_size for path in _files(file))


def gzip_bytes_of(file: Path) -> int:
    """Of the same packed by gzip, each file by itself, as a web server sends it; level 6, without headers."""
    total = 0
    for path in _files(file):
        packer = zlib.compressobj(6)
        with path.open("rb") as content:
            while block := content.read(BLOCK):
                total += len(packer.compress(block))
        total += len(packer.flush())
    return total


def sha256_of(file: Path) -> str:
    """Of a file; of a folder, of the sorted names and contents of all its files."""
    digest = hashlib.sha256()
    for path in _files(file):
        if path != file:
            digest.update(path.relative_to(file).as_posix().encode() + b"\0")
        with path.open("rb") as content:
            while block := content.read(BLOCK):
                digest.update(block)
    return digest.hexdigest()


def _files(file: Path) -> Iterator[Path]:
    """The file itself, or all files of the folder in the order of their names."""
    yield from [file] if file.is_file() else sorted(path for path in file.rglob("*") if path.is_file())


# Which of the files that a spec asks for are still to be made.


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
