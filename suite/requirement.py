"""What is needed from elsewhere: a file with where it comes from, and packages with the line that installs them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DISTRIBUTION", "Requirement", "install_line"]

DISTRIBUTION = "keras-suite"
"""What ``pip`` calls the suite: on the public index ``suite`` is another project."""


def install_line(modules: Iterable[str], extra: str | None) -> str | None:
    """The command that installs what these modules lack, by the extra that brings them; None where all are there."""
    if all(importlib.util.find_spec(module) is not None for module in modules):
        return None
    return f'pip install "{DISTRIBUTION}[{extra}]"'


@dataclass(frozen=True)
class Requirement:
    """One thing that has to be there before a trial can run."""

    what: str
    """In words, for instance ``ImageNet weights of ResNet50``."""
    url: str
    """Where it is fetched from."""
    path: Path
    """Where it is looked for; a file put there by hand is used."""
    present: bool
    """Whether it is there already."""
    size_bytes: int | None = None
    """Size of the download where it is known."""
    sha: str | None = None
    """Hash that the file must have, hex, where one is published."""
