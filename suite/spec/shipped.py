"""Where the files are that ship beside the code: templates and specs.

A checkout has them at its top, a wheel inside the package (see ``pyproject.toml``).
"""

from __future__ import annotations

import os
from pathlib import Path

from suite.errors import DISTRIBUTION, SuiteError

__all__ = ["find_spec", "shipped_specs", "specs_folder", "templates_folder"]

PACKAGE = Path(__file__).resolve().parents[1]


def templates_folder() -> Path:
    """The folder that holds ``report/``. Raises ``SuiteError`` where the installation lacks it."""
    return _find("templates", holds="report")


def specs_folder() -> Path:
    """The folder of the specs that ship with the suite. Raises ``SuiteError`` where it is missing."""
    return _find("specs", holds="vision.json")


def _find(name: str, *, holds: str) -> Path:
    """The shipped folder first: beside an installed package there may be anybody's ``templates``."""
    for folder in (PACKAGE / "_shipped" / name, PACKAGE.parent / name):
        if (folder / holds).exists():
            return folder
    raise SuiteError(
        f"the installation has no '{name}' folder with '{holds}' in it; install the suite again "
        f"(pip install --force-reinstall {DISTRIBUTION})."
    )


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
