"""Pages to files: templates, rows beside a page, images, and the JSON behind it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import jinja2

from suite.publish.pages.page import SitePage
from suite.publish.pages.runs import as_part
from suite.publish.site_frame import Around
from suite.publish.stage import Staged, Staging, write_staged
from suite.report.charts.render import svgs
from suite.report.writing import SHAPE_PATHS, environment

__all__ = ["as_json", "write_pages"]


def write_pages(pages: Sequence[SitePage], around: Around, staging: Staging, staged: Staged) -> None:
    """Prepares pages with all that lies beside them."""
    templates = environment("site")
    for page in pages:
        _write(page, templates, around, staging, staged)
    _draw(pages, staging, staged)


def as_json(content: Any) -> str:
    """For readers and programs: one key to a line would make large files larger."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str) + "\n"


def _write(page: SitePage, templates: jinja2.Environment, around: Around, staging: Staging, staged: Staged) -> None:
    for table in page.tables:
        if table.large:
            name = page.folder + table.key
            write_staged(staging, staged, f"{name}.js", as_part(name, table.as_data()))
    for name, content in page.beside.items():
        write_staged(staging, staged, f"{name}.js", as_part(name, content))
    if page.data is not None and page.content is not None:
        write_staged(staging, staged, page.data, as_json(page.content))
    text = templates.get_template(page.template).render(
        **page.context,
        title=page.title,
        here=page.here,
        root=page.root,
        folder=page.folder,
        data=page.data,
        site=around,
        canonical=around.address(page.path) if page.listed else "",
        shape_paths=SHAPE_PATHS,
    )
    write_staged(staging, staged, page.path, text)


def _draw(pages: Sequence[SitePage], staging: Staging, staged: Staged) -> None:
    """Charts that the site has already are not drawn again: their specification says whether they are the same."""
    wanted = {}
    for page in pages:
        for one in page.drawings:
            name = page.folder + one.key
            write_staged(staging, staged, f"{name}.js", as_part(name, one.specification))
            old = staging.known.get(f"{name}.svg")
            if f"{name}.js" in staged.changed or old is None:
                wanted[name] = one.specification
            else:
                staged.files[f"{name}.svg"] = old
    for name, image in (svgs(wanted) if wanted else {}).items():
        write_staged(staging, staged, f"{name}.svg", image.result())
