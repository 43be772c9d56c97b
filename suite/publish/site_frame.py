"""What surrounds every page: the site's title and address, its assets, its places."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from suite.publish.stage import Staged, Staging, write_staged
from suite.report.charts.render import javascript
from suite.spec.shipped import templates_folder
from suite.version import __version__

__all__ = ["Around", "write_assets"]

PLACES = (("leaderboards", "Leaderboards"), ("models", "Models"), ("datasets", "Data sets"), ("compare", "Compare"))
SCRIPTS = ("parts.js", "site.js", "difference.js", "compare.js")
POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file: 'unsafe-inline'; img-src 'self' file: data: "
    "blob:; base-uri 'none'; form-action 'none'"
)
"""Nothing is loaded from anywhere else; ``file:`` is for a site that is opened from disk."""
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#00639b"/>'
    '<g fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round"><path d="M8 10h14"/><path d="M10 16h9"/>'
    '<path d="M8 22h6"/></g><g fill="#fff"><circle cx="18" cy="10" r="3"/><circle cx="14" cy="16" r="3"/>'
    '<circle cx="11" cy="22" r="3"/></g></svg>\n'
)


@dataclass(frozen=True)
class Around:
    """The surroundings of a page; may travel to another process."""

    title: str
    base_url: str | None
    """With a ``/`` at its end; None where the site's address is not known."""
    assets: Mapping[str, str]
    """Name to path from the root: ``style``, ``icon``, ``charts`` (which draws them), and one for each script."""
    made_up: bool = False
    colours: Mapping[str, str] = field(default_factory=dict)
    """Model label to its colour on every page."""

    @property
    def version(self) -> str:
        """Of the suite."""
        return __version__

    @property
    def policy(self) -> str:
        """What the browser may load."""
        return POLICY

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """Folder and name of each part of the site."""
        return PLACES

    def address(self, path: str) -> str:
        """The whole address of a page; empty where the site's is not known."""
        if self.base_url is None:
            return ""
        return self.base_url + (path.removesuffix("index.html") if path.endswith("index.html") else path)


def write_assets(staging: Staging, staged: Staged) -> dict[str, str]:
    """Prepares styles and scripts, each under a name with its hash, so that browsers may keep them for good."""
    report, site = templates_folder() / "report", templates_folder() / "site"
    texts = {
        "style.css": "\n".join(one.read_text(encoding="utf-8") for one in (report / "report.css", site / "site.css")),
        "charts.js": javascript(),
        "icon.svg": ICON,
        "report.js": (report / "report.js").read_text(encoding="utf-8"),
        **{
            name: (site / name).read_text(encoding="utf-8")
            for name in ("parts.js", "site.js", "difference.js", "compare.js")
        },
    }
    assets = {}
    for name, text in texts.items():
        stem, ending = name.split(".")
        path = f"assets/{stem}.{hashlib.sha256(text.encode()).hexdigest()[:10]}.{ending}"
        write_staged(staging, staged, path, text)
        assets[stem] = path
    return assets
