"""MkDocs: pages below ``docs/``, links to the Markdown files themselves, navigation in ``mkdocs.yml``."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

from suite.publish.generators.generator import Front, configuration_of, front_matter, value_of, way
from suite.report.markdown import plain
from suite.store.atomic_write import write_by_rename

__all__ = ["MkDocs"]

CONFIGURATIONS = ("mkdocs.yml", "mkdocs.yaml")
NAVIGATION = (
    ("Comparisons", "index.md"),
    ("Leaderboards", "leaderboards/index.md"),
    ("Models", "models/index.md"),
    ("Data sets", "datasets/index.md"),
)
"""Only pages that are always there: what is written once must stay right."""


class MkDocs:
    """https://www.mkdocs.org"""

    name = "mkdocs"
    titled = True

    def section(self, project: Path, name: str, *, force: bool) -> Path:
        """Below ``docs_dir``; a project is made where there is none."""
        return _pages(project) / name

    def page_name(self, folder: str) -> str:
        """Every page is the index of its folder."""
        return "index.md"

    def link(self, here: str, path: str) -> str:
        """To files: MkDocs checks them, and turns them into addresses."""
        return way(here, path.removesuffix(".html") + ".md" if path.endswith("index.html") else path)

    def front_matter(self, front: Front, section: str) -> str:
        """Themes show a title as it is, so that it is HTML here."""
        return front_matter({"title": html.escape(plain(front.title))})

    def guarded(self, text: str) -> str:
        """MkDocs runs nothing."""
        return text

    def finish(self, project: Path, section: str, *, title: str, base_url: str | None) -> str:
        """Writes ``mkdocs.yml`` and a first page where there are none; else says what its ``nav`` needs."""
        configuration = configuration_of(project, CONFIGURATIONS)
        if configuration is None:
            write_by_rename(project / "mkdocs.yml", _configuration(section, title, base_url))
            start = _pages(project) / "index.md"
            if not start.exists():
                write_by_rename(start, f"# Start\n\n[Comparisons of models]({section}/index.md)\n")
            return f"{project / 'mkdocs.yml'} was written; build with: mkdocs build -f {project / 'mkdocs.yml'}"
        if f"{section}/index.md" in configuration or not re.search(r"(?m)^nav[ \t]*:", configuration):
            return ""  # where there is no nav, MkDocs finds pages itself
        lines = "\n".join(f"    {line}" for line in _navigation(section))
        return (
            f"{project / 'mkdocs.yml'} is yours and stays as it is. Under its nav add:\n  - Comparisons:\n{lines}\n"
            f"and at its end:\n  not_in_nav: |\n    /{section}/"
        )


def _pages(project: Path) -> Path:
    return project / (value_of(configuration_of(project, CONFIGURATIONS) or "", "docs_dir") or "docs")


def _navigation(section: str) -> list[str]:
    return [f"  - {name}: {section}/{path}" for name, path in NAVIGATION]


def _configuration(section: str, title: str, base_url: str | None) -> str:
    lines = [
        # JSON is YAML; its strings hold nothing that a name could break out of.
        f"site_name: {json.dumps(html.escape(plain(title)))}",
        *([f"site_url: {json.dumps(base_url)}"] if base_url else []),
        "nav:",
        "  - Start: index.md",
        *_navigation(section),
        "not_in_nav: |",
        f"  /{section}/",
    ]
    return "\n".join(lines) + "\n"
