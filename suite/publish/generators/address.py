"""From ``mkdocs:DIR`` and the like to a generator and the section of its project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from suite.errors import SuiteError
from suite.publish.generators.generator import Generator
from suite.publish.generators.hugo import Hugo
from suite.publish.generators.jekyll import Jekyll
from suite.publish.generators.mkdocs import MkDocs

__all__ = ["GENERATORS", "SECTION", "Section", "section_of"]

GENERATORS: Mapping[str, Generator] = {"mkdocs": MkDocs(), "hugo": Hugo(), "jekyll": Jekyll()}
"""What stands before the first colon of an address, to who reads the pages."""
SECTION = "comparisons"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*")
"""Jekyll leaves out folders that begin with ``_`` or ``.``; other letters change in addresses."""


@dataclass(frozen=True)
class Section:
    """A part of somebody's project that is ours."""

    generator: Generator
    project: Path
    name: str
    """Its folder among the project's pages, with ``/`` where it lies deeper."""


def section_of(address: str) -> Section | None:
    """What ``GENERATOR:DIR`` or ``GENERATOR:DIR#SECTION`` names; None for an address of another kind.

    Raises:
        SuiteError: Where it names no folder, or a section that cannot be one.
    """
    before, colon, rest = address.partition(":")
    generator = GENERATORS.get(before.lower()) if colon else None
    if generator is None:
        return None
    folder, _, name = (rest, "", SECTION) if "#" not in rest or Path(rest).is_dir() else rest.rpartition("#")
    if not folder.strip():
        raise SuiteError(f"--to {address}: says not where; expected {generator.name}: and the folder of the project.")
    if not NAME.fullmatch(name):
        raise SuiteError(
            f"--to {address}: '{name}' cannot be a section; expected a name of lower-case letters, digits, '-' and "
            f"'_', such as {SECTION}."
        )
    return Section(generator, Path(folder).expanduser(), name)
