"""The report's files: rendered completely first, then written by rename."""

from __future__ import annotations

import base64
import functools
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from suite.compare.comparison import Comparison
from suite.errors import StoreError
from suite.report.charts.render import javascript, svgs
from suite.report.layout import Page
from suite.report.markdown import fenced, literal
from suite.report.page import make_page
from suite.report.sections.details import cell_details
from suite.spec.shipped import templates_folder

__all__ = [
    "SHAPE_PATHS",
    "Written",
    "environment",
    "inside_script",
    "render_html",
    "render_markdown",
    "write_report",
]

MOST_STILL_BYTES = 250_000
"""An image larger than this is left out of the page's fallback for readers without scripts."""
SHAPE_PATHS = {
    "circle": "M6 1a5 5 0 1 0 0 10A5 5 0 1 0 6 1Z",
    "square": "M1.6 1.6h8.8v8.8h-8.8Z",
    "triangle-up": "M6 1 11.2 10.4H.8Z",
    "triangle-down": "M6 11 .8 1.6h10.4Z",
    "triangle-right": "M11 6 1.6 11.2V.8Z",
    "triangle-left": "M1 6 10.4.8v10.4Z",
    "diamond": "M6 .4 10.6 6 6 11.6 1.4 6Z",
    "cross": "M4.2 1h3.6v3.2H11v3.6H7.8V11H4.2V7.8H1V4.2h3.2Z",
}


@dataclass(frozen=True)
class Written:
    """Where a report was written."""

    html: Path
    markdown: Path
    images: tuple[Path, ...]


def write_report(comparison: Comparison, out: Path, *, meanwhile: Callable[[], object] = lambda: None) -> Written:
    """Writes ``report.html``, ``report.md`` and ``charts/*.svg`` into ``out``.

    Each file is written beside its place and renamed, so that a reader never sees half of one. Images of
    an earlier report that have no successor are removed.

    Args:
        comparison: What the report says.
        out: Folder that gets the files.
        meanwhile: Called once while the images are drawn, before anything is written.

    Raises:
        StoreError: Where the folder cannot be written to.
    """
    page = make_page(comparison)
    drawn = svgs({drawing.key: drawing.specification for drawing in page.drawings})
    markdown = render_markdown(page)
    meanwhile()
    stills = {key: image.result() for key, image in drawn.items()}
    files = {
        **{f"charts/{key}.svg": text for key, text in stills.items()},
        "report.md": markdown,
        "report.html": render_html(page, comparison, stills),
    }
    try:
        for name, text in files.items():
            _write(out / name, text)
        for old in (out / "charts").glob("*.svg"):
            if old.stem not in stills:
                old.unlink()
    except OSError as error:
        raise StoreError(f"{out}: the report cannot be written ({error.strerror}); choose another --out.") from error
    images = tuple(out / "charts" / f"{key}.svg" for key in stills)
    return Written(out / "report.html", out / "report.md", images)


def render_html(page: Page, comparison: Comparison, stills: dict[str, str]) -> str:
    """The page as one self-contained document."""
    folder = templates_folder() / "report"
    data = {
        "charts": {drawing.key: drawing.specification for drawing in page.drawings},
        "chosen": page.errors.chosen,
        **cell_details(comparison),
    }
    # What is ours goes in as it is: our style, our scripts, and data that was made harmless.
    trusted = {
        "css": (folder / "report.css").read_text(encoding="utf-8"),
        "script": (folder / "report.js").read_text(encoding="utf-8"),
        "bundle": javascript(),
        "data": inside_script(data),
    }
    return (
        environment("report")
        .get_template("report.html.j2")
        .render(
            page=page,
            beside=False,
            shape_paths=SHAPE_PATHS,
            stills={key: _inline(text) for key, text in stills.items() if len(text) <= MOST_STILL_BYTES},
            **{name: Markup(text) for name, text in trusted.items()},  # noqa: S704
        )
    )


def render_markdown(
    page: Page, *, finalize: Callable[[Any], Any] = literal, commands: str | None = None, whole: bool = True
) -> str:
    """The Markdown twin; every value is turned into literal text by ``finalize``.

    Args:
        page: What it says.
        finalize: What becomes of each value; left out, Markdown as GitHub reads it.
        commands: The commands that make the run again, as Markdown; left out, a code block.
        whole: With its title, and with tables that open on demand: not every reader of Markdown knows how.
    """
    template = environment("report", finalize=finalize).get_template("report.md.j2")
    text = template.render(page=page, commands=fenced(page.commands) if commands is None else commands, whole=whole)
    return text.rstrip() + "\n"


@functools.cache  # reading a template takes as long as filling it
def environment(folder: str, *, finalize: Callable[[Any], Any] | None = None) -> jinja2.Environment:
    """Templates of one folder of ``templates/``.

    Args:
        folder: Its name.
        finalize: What becomes of each value; left out, HTML is escaped.
    """
    return jinja2.Environment(
        # A page of a site is the report with other surroundings: its templates name those of ``report/``.
        loader=jinja2.ChoiceLoader(
            [jinja2.FileSystemLoader(templates_folder() / folder), jinja2.FileSystemLoader(templates_folder())]
        ),
        autoescape=True,
        finalize=finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def inside_script(data: Any) -> str:
    """JSON that cannot end its script element or begin a comment, whatever the names in it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=str)
    replacements = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": " ", "\u2029": " "}
    for letter, harmless in replacements.items():
        text = text.replace(letter, harmless)
    return text


def _inline(text: str) -> str:
    """An SVG document as a ``data:`` address."""
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()


def _write(path: Path, text: str) -> None:
    """Writes beside the place and renames; the temporary file never outlives a failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
