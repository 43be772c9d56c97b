"""From the path in a request to a file inside the folder, and to nothing outside it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

__all__ = ["find_file", "segments_of"]

INDEX = "index.html"


def segments_of(target: str) -> tuple[str, ...] | None:
    """The parts of the path of a request, decoded once; None where they name nothing that may be served.

    ``()`` is the folder itself; a last part of ``""`` stands for the slash at the end. Hidden files (a report that is
    being written is one), parents, and letters that mean something to a file system are refused.
    """
    path = target.partition("?")[0].partition("#")[0]
    if not path.startswith("/"):
        return None
    try:
        parts = [unquote(part, errors="strict") for part in path[1:].split("/")]
    except UnicodeDecodeError:
        return None
    if parts == [""]:
        return ()
    *folders, last = parts
    if not all(folders) or any(_is_refused(part) for part in parts if part):
        return None
    return (*folders, last)


def find_file(root: Path, segments: tuple[str, ...]) -> Path | None:
    """The regular file inside ``root`` that they name, links followed; of a folder its ``index.html``.

    None where there is none, and where a link leads out of the folder.
    """
    named = root.joinpath(*(part for part in segments if part))
    try:
        inside = root.resolve(strict=True)
        wanted = named / INDEX if not segments or not segments[-1] else named
        found = wanted.resolve(strict=True)
        return found if found.is_relative_to(inside) and found.is_file() else None
    except (OSError, ValueError, RuntimeError):  # no such file, a name that is too long, links in a circle
        return None


def _is_refused(part: str) -> bool:
    return part.startswith(".") or any(letter in part for letter in '/\\:\0*?"<>|') or not part.isprintable()
