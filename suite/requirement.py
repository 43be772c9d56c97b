"""A file that a source needs from elsewhere: what it is, where it comes from, where to put it by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Requirement"]


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
