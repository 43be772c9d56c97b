"""The page of a run: its report, with charts and details beside it that are read when a reader comes near them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from suite.publish.reading import Read
from suite.publish.record import RunRecord
from suite.publish.site_frame import Around
from suite.publish.stage import Staged, Staging, write_staged
from suite.publish.thumbnail import small_image
from suite.report.charts.render import svgs
from suite.report.layout import Page
from suite.report.page import make_page
from suite.report.sections.details import cell_details
from suite.report.writing import SHAPE_PATHS, environment, inside_script, render_markdown

__all__ = ["as_part", "images_of", "write_run"]


def write_run(read: Read, record: RunRecord, around: Around, staging: Staging) -> Staged:
    """Prepares the page of a point and everything that lies beside it."""
    staged = Staged()
    folder = f"runs/{record.id}/"
    page = make_page(read.comparison)
    image = images_of(page, read)
    for one in page.drawings:
        name = f"{folder}charts/{one.key}"
        write_staged(staging, staged, f"{name}.js", as_part(name, one.specification))
    details = cell_details(read.comparison)
    write_staged(staging, staged, f"{folder}charts/cells.js", as_part(f"{folder}charts/cells", details))
    write_staged(staging, staged, folder + "report.md", render_markdown(page))
    write_staged(staging, staged, folder + "image.svg", small_image(record))
    write_staged(staging, staged, folder + "index.html", _html(page, record, around, folder))
    for one in page.drawings:
        write_staged(staging, staged, f"{folder}charts/{one.key}.svg", image(one.key))
    return staged


def images_of(page: Page, read: Read) -> Callable[[str], bytes]:
    """Gives the image of a chart by its key. Those that the run's folder lacks are drawn meanwhile."""
    known = {key: path for key, path in read.stills.items() if path.is_file()}
    missing = {one.key: one.specification for one in page.drawings if one.key not in known}
    drawn = svgs(missing) if missing else {}
    return lambda key: known[key].read_bytes() if key in known else drawn[key].result().encode()


def as_part(name: str, content: Any) -> str:
    """A script that hands its content to the page which asked for it."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=str)
    text = text.replace("\u2028", " ").replace("\u2029", " ")
    return f"suitePart({json.dumps(name)},{text});\n"


def _html(page: Page, record: RunRecord, around: Around, folder: str) -> str:
    data = {
        "charts": {},
        "parts": [*(one.key for one in page.drawings), "cells"],
        "chosen": page.errors.chosen,
        "classes": [],
        "cells": {},
    }
    context = {
        "page": page,
        "record": record,
        "site": around,
        "root": "../" * folder.count("/"),
        "folder": folder,
        "here": "index",
        "beside": True,
        "shape_paths": SHAPE_PATHS,
        "stills": {one.key: f"charts/{one.key}.svg" for one in page.drawings},
        "data_path": f"data/runs/{record.id}.json",
        "canonical": around.address(f"{folder}index.html"),
        # Names in it cannot end its element: see ``inside_script``.
        "data": Markup(inside_script(data)),  # noqa: S704
    }
    return environment("site").get_template("run.html.j2").render(**context)
