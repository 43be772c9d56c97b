"""What a place must do to hold a site."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

__all__ = ["MARKER", "Target", "order_of", "stages_of"]

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
