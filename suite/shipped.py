"""The specs that ship with the suite, found from anywhere."""

from __future__ import annotations

import os
from pathlib import Path

from suite.resources import specs_folder

__all__ = ["find_spec", "shipped_specs"]


def shipped_specs() -> tuple[Path, ...]:
    """The comparisons that ship with the suite, sorted by name; pretraining specs are not among them."""
    return tuple(sorted(specs_folder().glob("*.json")))


def find_spec(path: Path) -> Path:
    """The file that was asked for; ``specs/<name>.json`` outside a checkout means the shipped one."""
    # Of the path of a user that may be none: Path.exists raises for a name that is too long.
    if os.path.exists(path) or path.is_absolute() or path.parts[:1] != ("specs",):  # noqa: PTH110
        return path
    shipped = specs_folder().joinpath(*path.parts[1:])
    return shipped if shipped.is_file() else path
