"""Runs to Markdown in somebody's project of MkDocs, Hugo or Jekyll."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from markupsafe import Markup

from suite.publish.form import Arranged
from suite.publish.generators.address import Section
from suite.publish.generators.generator import Front, code, literal
from suite.publish.generators.pages import Writer, file_pages, write_pages
from suite.publish.generators.tables import cut
from suite.publish.pages.boards import board_pages
from suite.publish.pages.datasets import dataset_pages
from suite.publish.pages.histories import history_pages
from suite.publish.pages.index import index_page
from suite.publish.pages.models import model_pages
from suite.publish.pages.runs import images_of
from suite.publish.reading import Read
from suite.publish.record import RunRecord
from suite.publish.rendering import as_json
from suite.publish.rows import day
from suite.publish.schema import site_schema
from suite.publish.site_frame import Around
from suite.publish.stage import Staged, Staging, write_staged
from suite.publish.targets.folder import Folder
from suite.publish.thumbnail import small_image
from suite.report.page import make_page
from suite.report.writing import render_markdown
from suite.spec.shipped import templates_folder

__all__ = ["Markdown", "markdown_at"]


def markdown_at(section: Section, *, force: bool) -> tuple[Markdown, Folder]:
    """The form of a generator's pages, and the folder of its project where they go; nothing else there is changed.

    Raises:
        SuiteError: Where there is no such project, unless ``force`` is given.
    """
    folder = section.generator.section(section.project, section.name, force=force)
    return Markdown(section), Folder(folder, force=force)


@dataclass(frozen=True)
class Markdown:
    """The form of pages for a generator; see ``Form``."""

    section: Section
    scripted: bool = False

    def finish(self, around: Around) -> str:
        """What the project's own files still need."""
        generator, project = self.section.generator, self.section.project
        return generator.finish(project, self.section.name, title=around.title, base_url=around.base_url)

    def write_assets(self, staging: Staging, staged: Staged) -> dict[str, str]:
        """There are none; what comes back changes with the templates."""
        folders = (templates_folder() / "publish-markdown", templates_folder() / "report")
        texts = [path.read_bytes() for folder in folders for path in sorted(folder.glob("*.md.j2"))]
        made_by = hashlib.sha256(b"\0".join(texts)).hexdigest()[:10]
        return {"generator": self.section.generator.name, "section": self.section.name, "templates": made_by}

    def write_point(self, read: Read, record: RunRecord, around: Around, staging: Staging) -> Staged:
        """The report, with its charts in ``charts/`` beside it."""
        staged = Staged()
        folder = f"runs/{record.id}/"
        page = make_page(read.comparison)
        image = images_of(page, read)
        data = f"data/runs/{record.id}.json"
        link = self.section.generator.link(folder, data)
        # The record holds every cell with its scores and costs.
        rest = Markup("Every cell with its scores and costs is in [the JSON of this run]({}).").format(Markup(link))  # noqa: S704
        report = render_markdown(cut(page, rest), finalize=literal, commands=code(page.commands), whole=False)
        ended = f" ({day(record.ended_at)})" if record.ended_at else ""
        front = Front(page.title + ended, folder, date=record.ended_at)
        context = {"record": record, "report": Markup(report)}  # noqa: S704 - it was made literal
        Writer(self.section, around, staging, staged).write("run.md.j2", front, context, data=data)
        write_staged(staging, staged, folder + "image.svg", small_image(record))
        for one in page.drawings:
            write_staged(staging, staged, folder + one.image, image(one.key))
        return staged

    def write_pages(self, arranged: Arranged, around: Around, staging: Staging, staged: Staged) -> None:
        """Lists, leaderboards, models, data sets, histories, and what changed in each point."""
        collection = arranged.collection
        pages = [
            index_page(collection, around.title, arranged.gaps),
            *board_pages(collection, arranged.over_runs),
            *model_pages(collection),
            *dataset_pages(collection),
            *history_pages(collection, arranged.changes),
            *file_pages(collection),
        ]
        write_pages(pages, Writer(self.section, around, staging, staged))
        write_staged(staging, staged, "data/schema.json", as_json(site_schema()))
