"""What a place must do to hold a site."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from pydantic import ValidationError

from suite.errors import StoreError
from suite.store.records.result import Record

__all__ = [
    "MARKER",
    "ROOM",
    "UNFINISHED",
    "Target",
    "checked",
    "checked_write",
    "crossing",
    "order_of",
    "parents",
    "raise_if_full",
    "read_unfinished",
    "stages_of",
    "unfinished",
]

MARKER = "suite-site.json"
"""The file that says that a place holds a site of the suite; it lists every file of it."""


class Target(Protocol):
    """A place that holds the files of one site. Paths are relative, with ``/`` between folders.

    Used as a context manager: entering takes the place for this process alone and refuses one that is not ours,
    leaving it gives everything back that was taken, whatever happened.
    """

    shown: str
    """Its address as it may be printed: without credentials."""
    scratch: Path
    """A folder of this process alone where changed files are prepared; from entering to leaving."""
    unsure: frozenset[str]
    """What a ``write`` that was interrupted was about to change or to remove; from entering to leaving.

    The marker is right about every file but these: one that the new site has is to be written, whatever the marker
    says of it, and one that it has not is to be removed.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def read(self, path: str) -> bytes | None:
        """A file of the site as it stands there now; None where there is none."""

    def write(self, changed: Mapping[str, Path], removed: Collection[str]) -> str:
        """Brings prepared files into place, in the order of ``order_of``, then removes what is gone.

        A reader never meets half a file. Interrupted anywhere, every page that was there can still be read.

        Args:
            changed: Path in the site to the prepared file in ``scratch``, which is gone afterwards.
            removed: Paths in the site that are to be gone. Folders that become empty go with them.

        Returns:
            One sentence for the user where something else is to be done or known, else an empty text.

        Raises:
            SuiteError: Where the place cannot be written; what stood there still stands.
        """


def order_of(paths: Collection[str]) -> list[str]:
    """What is linked to comes before what links to it: data and parts, pages, the index, the marker last."""
    return [path for stage in stages_of(paths) for path in stage]


def stages_of(paths: Collection[str]) -> list[list[str]]:
    """The four parts of that order, each sorted; within one part the order does not matter."""
    stages: list[list[str]] = [[], [], [], []]
    for path in sorted(paths):
        stages[_stage(path)].append(path)
    return stages


def _stage(path: str) -> int:
    if path == MARKER:
        return 3
    if path == "index.html":
        return 2
    return 1 if path.endswith((".html", ".xml", ".md")) else 0


# Paths in a site, held against what would leave it, and what stands in the way of what.

UNFINISHED = "suite-site.unfinished.json"
"""Beside the marker while files are brought into place."""
ROOM = ".suite-publishing"
"""The folder in a target folder that a publishing process has for itself."""
TAKEN = frozenset({ROOM, UNFINISHED, ".git"})
"""First parts of a path that are not the site's."""


def checked(path: str) -> str:
    """The path itself.

    Raises:
        StoreError: Where it is not relative, leaves the site, or cannot be a file on every system.
    """
    parts = path.split("/")
    reason = None
    if any(part in {"", ".", ".."} for part in parts):
        reason = "is absolute, or has an empty part, '.' or '..'"
    elif "\\" in path or ":" in path or not path.isprintable():
        reason = "has a backslash, a colon or a letter that cannot be printed"
    elif any(part.casefold() in TAKEN for part in parts) or any(part != part.strip() for part in parts):
        reason = "is a name that a site may not have"
    if reason:
        raise StoreError(f"{path!r}: {reason}; a file of a site has a path like 'runs/vision/index.html'.")
    return path


def checked_write(changed: Mapping[str, Path], removed: Iterable[str]) -> frozenset[str]:
    """What is to be removed and does not come again.

    Raises:
        StoreError: For a path that may not be, and for a prepared file that is none.
    """
    for path, prepared in changed.items():
        checked(path)
        if prepared.is_symlink() or not prepared.is_file():
            raise StoreError(f"{path}: was not prepared; expected a file at {prepared}.")
    return frozenset(checked(path) for path in removed) - set(changed)


def crossing(changed: Collection[str], gone: Collection[str]) -> set[str]:
    """What must go before the rest comes: a file where a folder comes, and what is below where a file comes."""
    folders = {parent for path in changed for parent in parents(path)}
    files = set(changed)
    return {path for path in gone if path in folders or any(parent in files for parent in parents(path))}


def parents(path: str) -> Iterator[str]:
    """The folders of a path from the outermost."""
    parts = path.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts)))


# What a publish was about to do, left in the place as long as it is not done.


class _Unfinished(Record):
    """Paths in the site of which the marker may not be right."""

    paths: tuple[str, ...]


def unfinished(*paths: Iterable[str]) -> bytes:
    """The content of the file."""
    every = {path for some in paths for path in some}
    return _Unfinished(paths=tuple(sorted(every))).model_dump_json().encode()


def read_unfinished(content: bytes | None) -> frozenset[str]:
    """The paths of which the marker may not be right; none where there is no file, or one that nobody can read."""
    if content is None:
        return frozenset()
    try:
        return frozenset(_Unfinished.model_validate_json(content).paths)
    except ValidationError:
        return frozenset()


# A full disk, wherever it shows while a site is prepared.


def raise_if_full(shown: str, error: BaseException | None, scratch: Path | None = None) -> None:
    """Tells a full disk in words; anything else is left as it is.

    Args:
        shown: The place, as it may be printed.
        error: What happened, if anything.
        scratch: Where files are prepared; an error elsewhere is not this place's. None where it surely is.

    Raises:
        StoreError: Where the disk, a quota or a limit on the size of files was reached.
    """
    from suite.store.database import FULL

    if not isinstance(error, OSError) or error.errno not in FULL:
        return
    if scratch is None or error.filename is None or Path(str(error.filename)).is_relative_to(scratch):
        room = f" on the disk of {scratch}" if scratch else ""
        raise StoreError(
            f"{shown}: the disk is full; make room{room} and publish again. The site that was there still stands."
        ) from error
