"""Where the files are that ship beside the code: templates and specs.

A checkout has them at its top, a wheel inside the package (see ``pyproject.toml``).
"""

from __future__ import annotations

from pathlib import Path

from suite.errors import SuiteError
from suite.requirement import DISTRIBUTION

__all__ = ["specs_folder", "templates_folder"]

PACKAGE = Path(__file__).resolve().parent


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
