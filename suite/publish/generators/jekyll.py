"""Jekyll: pages in a folder of the project, with their addresses in the front matter, and nothing for Liquid to run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from suite.errors import SuiteError
from suite.publish.generators.generator import Front, configuration_of, front_matter, page_link, value_of
from suite.report.markdown import plain

__all__ = ["Jekyll"]

CONFIGURATIONS = ("_config.yml", "_config.yaml", "_config.toml")


class Jekyll:
    """https://jekyllrb.com"""

    name = "jekyll"
    titled = False

    def section(self, project: Path, name: str, *, force: bool) -> Path:
        """Below ``source``, which is the project itself as a rule."""
        configuration = configuration_of(project, CONFIGURATIONS)
        if configuration is None and not force:
            raise SuiteError(
                f"--to jekyll:{project}: is no project of Jekyll, it has no _config.yml; make one with 'jekyll new "
                f"{project}', or add --force."
            )
        return project / (value_of(configuration or "", "source") or ".") / name

    def page_name(self, folder: str) -> str:
        """Every page is the index of its folder."""
        return "index.md"

    def link(self, here: str, path: str) -> str:
        """To addresses, relative: they hold wherever the site is put."""
        return page_link(here, path)

    def front_matter(self, front: Front, section: str) -> str:
        """With its address, whatever the project's own rule for addresses is."""
        values: dict[str, Any] = {
            "layout": "page",
            "title": plain(front.title),
            "permalink": f"/{section}/{front.folder}",
        }
        if front.date:
            values["date"] = front.date
        return front_matter(values)

    def guarded(self, text: str) -> str:
        """Liquid reads no line of it: ``literal`` and ``code`` leave no brace that could end this."""
        return f"{{% raw %}}\n{text}{{% endraw %}}\n"

    def finish(self, project: Path, section: str, *, title: str, base_url: str | None) -> str:
        """Some themes put every page of a site into the header, unless they are told which."""
        if f"{section}/index.md" in (configuration_of(project, CONFIGURATIONS) or ""):
            return ""
        return (
            f"If your theme lists every page in its header, as minima does, add to {project / '_config.yml'}: "
            f"header_pages: [{section}/index.md]"
        )
