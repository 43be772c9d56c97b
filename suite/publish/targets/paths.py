"""Paths in a site, held against what would leave it, and what stands in the way of what."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from suite.errors import StoreError
from suite.publish.targets.unfinished import UNFINISHED

__all__ = ["ROOM", "checked", "checked_write", "crossing", "parents"]

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
