"""The page that a server shows where there is none."""

from __future__ import annotations

from suite.publish.pages.page import SitePage
from suite.publish.site_frame import Around

__all__ = ["missing_page"]


def missing_page(around: Around) -> list[SitePage]:
    """One where the site's address is known: it is shown at any depth, so that its links must be whole ones."""
    if around.base_url is None:
        return []
    context = {"start": around.base_url}
    return [SitePage("", "404.html.j2", "Not here", "", context, name="404.html", listed=False)]
