"""Runs to Markdown in somebody's project of MkDocs, Hugo or Jekyll."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from markupsafe import Markup

from suite.errors import SuiteError
from suite.publish.around import Around
from suite.publish.form import Arranged
from suite.publish.generators.address import GENERATORS, Section, section_of
from suite.publish.generators.generator import Front
from suite.publish.generators.literal import code, literal
from suite.publish.generators.pages import Writer, file_pages, write_pages
from suite.publish.generators.tables import cut
from suite.publish.pages.boards import board_pages
from suite.publish.pages.datasets import dataset_pages
from suite.publish.pages.histories import history_pages
from suite.publish.pages.index import index_page
from suite.publish.pages.models import model_pages
from suite.publish.pages.runs import pictures_of
from suite.publish.picture import small_picture
from suite.publish.publish import TITLE, Published, publish_as
from suite.publish.reading import Read
from suite.publish.record import RunRecord
from suite.publish.rendering import as_json
from suite.publish.rows import day
from suite.publish.schema import site_schema
from suite.publish.stage import Staged, Staging, write_staged
from suite.publish.targets.folder import Folder
from suite.report.page import make_page
from suite.report.writing import render_markdown
from suite.resources import templates_folder

__all__ = ["Markdown", "publish_markdown"]


def publish_markdown(
    runs: Sequence[Path],
    to: str,
    *,
    title: str | None = None,
    base_url: str | None = None,
    keep: bool = False,
    force: bool = False,
    places: bool = False,
    largest_model_mb: float = 10.0,
    made_up: bool = False,
    say: Callable[[str], object] = lambda _: None,
) -> Published:
    """Publishes runs as pages of a project of MkDocs, Hugo or Jekyll; nothing outside their section is changed.

    Args:
        runs: Folders that ``suite run`` wrote, or folders of such folders.
        to: ``mkdocs:DIR``, ``hugo:DIR`` or ``jekyll:DIR``, with ``#SECTION`` where the folder among the project's pages
            is not to be called ``comparisons``.
        title: Of the section's first page; the one that it has, else "Model comparisons".
        base_url: Of the whole site; goes into a ``mkdocs.yml`` that is written new, and nowhere else.
        keep: Keep comparisons of the section that are not among ``runs``.
        force: Write into a section that holds something else, and into a folder that is no project.
        places: Tell paths and names of this machine.
        largest_model_mb: Of an exported model that is offered for download; 1 MB is 10^6 bytes.
        made_up: Say on every page that numbers were made up.
        say: Told what goes on.

    Returns:
        What was done; ``note`` says what the project's own files still need.

    Raises:
        SuiteError: Where there is nothing to publish, no such project, or it cannot be written; what was there still
            stands.
    """
    section = section_of(to)
    if section is None:
        kinds = ", ".join(f"{name}:DIR" for name in GENERATORS)
        raise SuiteError(f"--to {to}: names no generator; expected one of {kinds}.")
    folder = section.generator.section(section.project, section.name, force=force)
    done = publish_as(
        Markdown(section),
        Folder(folder, force=force),
        runs,
        title=title,
        base_url=base_url,
        keep=keep,
        places=places,
        largest_model_mb=largest_model_mb,
        made_up=made_up,
        say=say,
    )
    note = section.generator.finish(section.project, section.name, title=title or TITLE, base_url=base_url)
    return replace(done, note=note or done.note)


@dataclass(frozen=True)
class Markdown:
    """The form of pages for a generator; see ``Form``."""

    section: Section
    scripted: bool = False

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
        picture = pictures_of(page, read)
        data = f"data/runs/{record.id}.json"
        link = self.section.generator.link(folder, data)
        # The record holds every cell with its scores and costs.
        rest = Markup("Every cell with its scores and costs is in [the JSON of this run]({}).").format(Markup(link))  # noqa: S704
        report = render_markdown(cut(page, rest), finalize=literal, commands=code(page.commands), whole=False)
        ended = f" ({day(record.ended_at)})" if record.ended_at else ""
        front = Front(page.title + ended, folder, date=record.ended_at)
        context = {"record": record, "report": Markup(report)}  # noqa: S704 - it was made literal
        Writer(self.section, around, staging, staged).write("run.md.j2", front, context, data=data)
        write_staged(staging, staged, folder + "picture.svg", small_picture(record))
        for one in page.drawings:
            write_staged(staging, staged, folder + one.picture, picture(one.key))
        return staged

    def write_pages(self, arranged: Arranged, around: Around, staging: Staging, staged: Staged) -> None:
        """Lists, leaderboards, models, data sets, histories, and what changed in each point."""
        collection = arranged.collection
        pages = [
            index_page(collection, around.title, arranged.gaps),
            *board_pages(collection, arranged.evidence),
            *model_pages(collection),
            *dataset_pages(collection),
            *history_pages(collection, arranged.changes),
            *file_pages(collection),
        ]
        write_pages(pages, Writer(self.section, around, staging, staged))
        write_staged(staging, staged, "data/schema.json", as_json(site_schema()))
