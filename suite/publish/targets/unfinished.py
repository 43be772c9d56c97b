"""What a publish was about to do, left in the place as long as it is not done."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from suite.store.records.result import Record

__all__ = ["UNFINISHED", "read_unfinished", "unfinished"]

UNFINISHED = "suite-site.unfinished.json"
"""Beside the marker while files are brought into place."""


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
