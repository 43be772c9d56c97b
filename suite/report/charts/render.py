"""The one place where charts are drawn: specifications for the HTML page, SVG files for Markdown."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import altair as alt
from altair.utils.schemapi import debug_mode

from suite.report.charts import engine
from suite.report.charts.script import bundle
from suite.report.charts.theme import THEME

__all__ = ["drawable", "javascript", "prepare", "specification", "svg", "svgs", "unchecked"]

STILL_WIDTH = 720
"""Pixels of a still image, which a code host shows in a column of about that width."""
UNDRAWABLE = re.compile(
    r"(?P<kept>\\\\|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2})"
    r"|\\(?:[bf]|u(?:00[01][0-9a-f]|007f|202[89]|fff[ef]|d[89a-f][0-9a-f]{2}))"
)
PAPER = "#ffffff"
"""Still images bring their paper along: they stay legible where the host's page is dark."""


def specification(chart: Any, *, known: bool = False) -> dict[str, Any]:
    """A chart as a Vega-Lite dictionary with the suite's theme in it.

    Args:
        chart: Of Altair, or a Vega-Lite dictionary.
        known: Whether it is one of the suite's own, which tests hold to Altair's schema: checking it once more takes
            longer than making it.
    """
    raw: dict[str, Any] = dict(chart) if isinstance(chart, dict) else _as_dict(chart, validate=not known)
    raw.pop("$schema", None)
    own = raw.get("config", {})
    # Altair's own default config holds a view size that would win over the theme's.
    own = {key: value for key, value in own.items() if key != "view" or not _is_altair_default(value)}
    raw["config"] = {**THEME, **own}
    return raw


@contextmanager
def unchecked() -> Iterator[None]:
    """Within it no part of a chart is held to Altair's schema when it is made; ``specification`` checks the whole."""
    with debug_mode(False):
        yield


def svg(chart: Any) -> str:
    """The chart as an SVG document on white paper, from the same specification as the page's."""
    still = json.loads(drawable(json.dumps(specification(chart))))
    still["config"]["background"] = PAPER
    still["padding"] = 12
    _set_width(still, STILL_WIDTH)
    return _numbered(engine.draw(still))


def drawable(document: str) -> str:
    """JSON in ASCII with a replacement character for what no SVG can hold: drawing it would end the process.

    XML 1.0, section 2.2, knows no control characters but three, no halves of surrogate pairs, and neither U+FFFE nor
    U+FFFF; names from data may have them all. Vega's expressions end at a line or paragraph separator.
    """
    return UNDRAWABLE.sub(lambda found: found[0] if found["kept"] else "\\ufffd", document)


def svgs(charts: Mapping[str, Any]) -> dict[str, Future[str]]:
    """The charts as SVG documents, drawn while something else is done where ``prepare`` was called."""
    pool = ThreadPoolExecutor(max_workers=max(1, engine.processes()), thread_name_prefix="charts")
    drawn = {name: pool.submit(svg, chart) for name, chart in charts.items()}
    pool.shutdown(wait=False)
    return drawn


def javascript() -> str:
    """The script that a page brings along to draw its charts; sets ``window.suiteEmbed``."""
    return _script().result()


def prepare(*, many: bool = False) -> None:
    """Starts what draws, and what makes the script: long before a page is drawn that costs nobody any time.

    Args:
        many: Whether the charts show so many models that two shall draw them.
    """
    engine.start(2 if many else 1)
    _script()


@functools.cache
def _script() -> Future[str]:
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="script")
    made = pool.submit(bundle)
    pool.shutdown(wait=False)
    return made


def _numbered(drawn: str) -> str:
    """The image with its clipping paths counted from 1: Vega counts on through all images of a process."""
    places = {name: place for place, name in enumerate(dict.fromkeys(re.findall(r"\bclip\d+\b", drawn)), start=1)}
    return re.sub(r"\bclip\d+\b", lambda found: f"clip{places[found.group()]}", drawn)


def _as_dict(chart: Any, *, validate: bool) -> dict[str, Any]:
    """Altair walks through every row of named data to make a dictionary of it; rows are dictionaries already."""
    kept = chart._kwds  # noqa: SLF001 - its public access raises where there is none
    data = kept.get("datasets")
    if not isinstance(data, dict):
        return dict(chart.to_dict(validate=validate))
    kept["datasets"] = alt.Undefined  # a copy of the chart without them would cost as much as the dictionary
    try:
        return {**chart.to_dict(validate=validate), "datasets": data}
    finally:
        kept["datasets"] = data


def _is_altair_default(view: Any) -> bool:
    return isinstance(view, dict) and set(view) <= {"continuousWidth", "continuousHeight"}


def _set_width(spec: dict[str, Any], width: int) -> None:
    """Gives panels and legends their share of the width; the page's script does the same for its own width."""
    layout = spec.get("usermeta", {}).get("suite", {})
    legend = {**spec["config"].get("legend", {}), "columns": max(1, width // int(layout.get("legend", 140)))}
    spec["config"] = {**spec["config"], "legend": legend}
    if "facet" in spec:
        columns = max(1, min(int(spec.get("columns", 1)), width // int(layout.get("panel", 220))))
        margin = int(layout.get("margin", 50))
        spec["columns"] = columns
        spec["spec"]["width"] = (width - columns * margin) // columns
    elif not spec.keys() & {"concat", "hconcat", "vconcat", "repeat"}:
        spec["width"] = min(width, int(layout.get("square", width)))
        spec["autosize"] = {"type": "fit-x", "contains": "padding"}
