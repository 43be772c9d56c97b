"""Reading a site as a browser would: every file, every link, every anchor."""

from __future__ import annotations

import hashlib
import json
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from suite.publish.targets.target import MARKER

OWN = "https://models.example/"


class Links(HTMLParser):
    """What a page links to, and what can be linked to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser."""
        found = dict(attrs)
        self.targets += [value for name in ("href", "src") if (value := found.get(name))]
        if found.get("id"):
            self.ids.add(str(found["id"]))


def broken_links(site: Path) -> list[str]:
    """Links of a site that lead to nothing in it."""
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    broken = []
    for page, links in pages.items():
        for target in links.targets:
            parts = urlsplit(target.removeprefix(OWN))
            if parts.scheme == "data":
                continue
            if parts.scheme or parts.netloc or target.startswith("/"):
                broken.append(f"{page.relative_to(site)}: {target} is elsewhere")
                continue
            start = site if target.startswith(OWN) else page.parent
            place = (start / unquote(parts.path)).resolve() if parts.path or target.startswith(OWN) else page
            place = place / "index.html" if place.is_dir() else place
            if not place.is_file():
                broken.append(f"{page.relative_to(site)}: {target} is missing")
            elif parts.fragment and place in pages and unquote(parts.fragment) not in pages[place].ids:
                broken.append(f"{page.relative_to(site)}: {target} has no such anchor")
    return broken


def files_of(site: Path) -> dict[str, str]:
    """Every file of a site with the hash of its content."""
    return {
        path.relative_to(site).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in site.rglob("*")
        if path.is_file()
    }


def manifest_of(site: Path) -> dict[str, object]:
    """What the site says of itself."""
    found: dict[str, object] = json.loads((site / MARKER).read_text(encoding="utf-8"))
    return found


def everything(site: Path) -> str:
    """The text of every file that is one."""
    kinds = {".html", ".js", ".json", ".md", ".svg", ".xml"}
    files = (path for path in sorted(site.rglob("*")) if path.suffix in kinds and "assets" not in path.parts)
    return "\n".join(path.read_text(encoding="utf-8") for path in files)
