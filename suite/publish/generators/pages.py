"""Pages of a site as Markdown: the same content, written for a generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jinja2
from markupsafe import Markup

from suite.publish.boxes import SiteTable
from suite.publish.collection import Collection
from suite.publish.difference import RunDifference
from suite.publish.difference_tables import NOTE, difference_tables
from suite.publish.generators.address import Section
from suite.publish.generators.generator import Front, literal, settled
from suite.publish.generators.tables import MOST_ROWS, as_csv, grid, length_of, link
from suite.publish.pages.models import file_columns, file_row
from suite.publish.pages.page import SitePage
from suite.publish.record import RunRecord
from suite.publish.rendering import as_json
from suite.publish.site_frame import Around
from suite.publish.stage import Staged, Staging, write_staged
from suite.report.charts.render import svgs
from suite.report.writing import environment

__all__ = ["Writer", "file_pages", "write_pages"]

WEIGHTS = {"leaderboards/": 1, "models/": 2, "datasets/": 3, "files/": 4, "data/": 5}
"""The order of lists of pages; Hugo orders those without by date and name, after these."""


def file_pages(collection: Collection) -> list[SitePage]:
    """Pages of the folders that hold data and exported files: there is none without a page for some generators."""
    data = SitePage("data/", "data.md.j2", "Data as JSON", "data", {"histories": collection.histories})
    rows = tuple(file_row(run, one) for run in collection.latest for one in run.files)
    if not rows:
        return [data]
    table = SiteTable("files", "Exported files", file_columns(), rows)
    content = [{"run": run.id, **one.model_dump(mode="json")} for run in collection.latest for one in run.files]
    files = SitePage(
        "files/", "files.md.j2", "Exported files", "files", {"table": table},
        tables=(table,), data="data/files/index.json", content=content,
    )  # fmt: skip
    return [data, files]


@dataclass(frozen=True)
class Writer:
    """Writes pages for one generator."""

    section: Section
    around: Around
    staging: Staging
    staged: Staged
    """What was prepared."""
    templates: jinja2.Environment = field(default_factory=lambda: environment("publish-markdown", finalize=literal))

    def write(self, template: str, front: Front, context: Mapping[str, Any], *, data: str = "", csv: str = "") -> None:
        """Prepares one page.

        Args:
            template: In ``templates/publish-markdown``.
            front: What is said of the page before its text.
            context: What the template gets; paths in it are those of the site, as are the next two.
            data: Its JSON, where it has some.
            csv: The same as a table, where it is one.
        """
        generator = self.section.generator

        def way(path: str) -> Markup:
            # Paths of a site are made of letters that mean nothing.
            return Markup(generator.link(front.folder, settled(path)))  # noqa: S704

        text = self.templates.get_template(template).render(
            **context,
            site=self.around,
            folder=front.folder,
            way=way,
            link=link,
            grid=lambda table: grid(table, way),
            length_of=length_of,
            most=MOST_ROWS,
            data=way(data) if data else "",
            csv=way(csv) if csv else "",
        )
        title = f"# {literal(front.title)}\n\n" if generator.titled else ""
        body = generator.guarded(f"\n{title}{text.strip()}\n")
        path = front.folder + generator.page_name(front.folder)
        write_staged(self.staging, self.staged, path, generator.front_matter(front, self.section.name) + body)


def write_pages(pages: Sequence[SitePage], writer: Writer) -> None:
    """Prepares pages with their data and images."""
    staging, staged = writer.staging, writer.staged
    for page in pages:
        if page.data is not None and page.content is not None:
            write_staged(staging, staged, page.data, as_json(page.content))
        csv = ""
        if page.template == "board.html.j2":
            csv = f"{page.folder}leaderboard.csv"
            write_staged(staging, staged, csv, as_csv(page.content["rows"]))
        template = page.template.replace(".html.", ".md.")
        context = dict(page.context)
        if isinstance(found := context.get("difference"), RunDifference):
            context |= {"tables": difference_tables(found, everything=True), "note": NOTE}
        writer.write(template, _front(page), context, data=page.data or "", csv=csv)
    wanted = {page.folder + one.key: one.specification for page in pages for one in page.drawings}
    for name, image in (svgs(wanted) if wanted else {}).items():
        write_staged(staging, staged, f"{name}.svg", image.result())


def _front(page: SitePage) -> Front:
    run = page.context.get("latest") or page.context.get("after")
    date = run.ended_at if isinstance(run, RunRecord) else ""
    return Front(page.title, settled(page.folder), date=date, weight=WEIGHTS.get(page.folder))
