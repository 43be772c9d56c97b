"""One page of a site, before it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from suite.publish.boxes import SiteTable
from suite.publish.site_frame import Around
from suite.report.layout import Drawing

__all__ = ["SitePage", "missing_page"]


@dataclass(frozen=True)
class SitePage:
    """What a template gets, and what lies beside the page."""

    folder: str
    """With a ``/`` at its end; empty for the root."""
    template: str
    title: str
    here: str
    """Which place of the site it belongs to."""
    context: Mapping[str, Any]
    tables: tuple[SiteTable, ...] = ()
    """Of these, large ones have their rows beside the page."""
    drawings: tuple[Drawing, ...] = ()
    data: str | None = None
    """Path of its JSON."""
    content: Any = None
    """What is in that JSON; None where somebody else writes it."""
    name: str = "index.html"
    beside: Mapping[str, Any] = field(default_factory=dict)
    """Further parts for its script: path without ``.js`` to content."""
    listed: bool = True
    """Whether the site map names it."""

    @property
    def path(self) -> str:
        """From the root of the site."""
        return self.folder + self.name

    @property
    def root(self) -> str:
        """The way back to the root."""
        return "../" * self.folder.count("/")


# The page that a server shows where there is none.


def missing_page(around: Around) -> list[SitePage]:
    """One where the site's address is known: it is shown at any depth, so that its links must be whole ones."""
    if around.base_url is None:
        return []
    context = {"start": around.base_url}
    return [SitePage("", "404.html.j2", "Not here", "", context, name="404.html", listed=False)]
