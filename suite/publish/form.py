"""In which form runs are published: pages of a site, or Markdown that a generator makes one from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from suite.publish.changes import Changes, Evidence
from suite.publish.collection import BoardKey, Collection
from suite.publish.over_runs import BoardVerdicts
from suite.publish.reading import Read
from suite.publish.record import CutFile, RunRecord
from suite.publish.site_frame import Around
from suite.publish.stage import Staged, Staging

__all__ = ["Arranged", "Form"]


@dataclass(frozen=True)
class Arranged:
    """What the pages that are made from all points together say."""

    collection: Collection
    evidence: Evidence
    changes: Changes
    over_runs: Mapping[BoardKey, BoardVerdicts]
    gaps: tuple[CutFile, ...]
    """What should be there and could not be published."""


class Form(Protocol):
    """How files are written; travels to other processes."""

    @property
    def scripted(self) -> bool:
        """Whether pages have scripts that read the data."""

    def finish(self, around: Around) -> str:
        """Called when all is in place. What the user has still to do, in a sentence; often nothing."""

    def write_assets(self, staging: Staging, staged: Staged) -> dict[str, str]:
        """Prepares what all pages need. What comes back decides, with the run, whether a point is made again."""

    def write_point(self, read: Read, record: RunRecord, around: Around, staging: Staging) -> Staged:
        """Prepares the page of one point and all that lies beside it."""

    def write_pages(self, arranged: Arranged, around: Around, staging: Staging, staged: Staged) -> None:
        """Prepares everything that is made from all points together."""
