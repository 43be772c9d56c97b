"""Hugo: bundles below ``content/``, each with its files beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from suite.errors import SuiteError
from suite.publish.generators.generator import (
    Front,
    configuration_of,
    front_matter,
    has_pages_below,
    page_link,
    value_of,
)
from suite.report.markdown import plain

__all__ = ["Hugo"]

CONFIGURATIONS = tuple(
    f"{folder}{name}.{ending}"
    for folder in ("", "config/_default/")
    for name in ("hugo", "config")
    for ending in ("toml", "yaml", "yml", "json")
)


class Hugo:
    """https://gohugo.io"""

    name = "hugo"
    titled = False

    def section(self, project: Path, name: str, *, force: bool) -> Path:
        """Below ``contentDir``."""
        configuration = configuration_of(project, CONFIGURATIONS)
        if configuration is None and not force:
            raise SuiteError(
                f"--to hugo:{project}: is no project of Hugo, it has no hugo.toml; make one with 'hugo new site "
                f"{project}', or add --force."
            )
        return project / (value_of(configuration or "", "contentDir") or "content") / name

    def page_name(self, folder: str) -> str:
        """A page with others below it is a branch, otherwise a leaf, whose folders are its own."""
        return "_index.md" if has_pages_below(folder) else "index.md"

    def link(self, here: str, path: str) -> str:
        """To addresses, relative: they hold wherever the site is put."""
        return page_link(here, path)

    def front_matter(self, front: Front, section: str) -> str:
        """With the date and the place in lists, where there are any."""
        values: dict[str, Any] = {"title": plain(front.title)}
        if front.date:
            values["date"] = front.date
        if front.weight is not None:
            values["weight"] = front.weight
        return front_matter(values)

    def guarded(self, text: str) -> str:
        """Shortcodes begin with two braces, and no text of ours has two."""
        return text

    def finish(self, project: Path, section: str, *, title: str, base_url: str | None) -> str:
        """A section is in the lists of its site by itself; menus are the project's own."""
        if f"/{section}" in (configuration_of(project, CONFIGURATIONS) or ""):
            return ""
        return (
            f"To have it in the main menu, add to the configuration of {project}: [[menus.main]] name = 'Comparisons', "
            f"pageRef = '/{section}'."
        )
