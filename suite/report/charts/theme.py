"""How every chart looks: one configuration, colour for the model, shape for the strategy."""

from __future__ import annotations

import colorsys
import functools
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

__all__ = [
    "FONT",
    "GUIDE",
    "INK",
    "SHAPES",
    "STRONG_INK",
    "THEME",
    "colours_in_force",
    "free_colour",
    "model_colours",
    "strategy_shapes",
]

FONT = "Segoe UI, Roboto, Noto Sans, Helvetica Neue, Liberation Sans, Arial, sans-serif"
INK = "#5f6875"
"""Chart text: 5.7 to 1 on white. The page repaints it with its own grey, so that dark mode has as much."""
STRONG_INK = "#2b323c"
"""Numbers on tinted squares; the page repaints it too."""
GUIDE = "#808893"
"""Lines that guide the eye, and symbols of a legend that has no colour of its own."""
GRID = "#808893"

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9")
"""Six of the eight: black vanishes on a dark page and yellow on a white one. The second blue comes last."""
EXTRA = ("#8C6BB1", "#8B6F47")
"""A violet and a brown that stay apart from the six, for models seven and eight."""
TONES = (0.0, 0.38, -0.32, 0.6, -0.5)
"""Lighter (above 0) and darker (below) copies of the palette, for models nine and more."""
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")

THEME: dict[str, Any] = {
    "background": None,
    "font": FONT,
    "padding": 2,
    "view": {"stroke": None, "continuousWidth": 640, "continuousHeight": 320},
    "axis": {
        "domain": False,
        "ticks": False,
        "grid": True,
        "gridColor": GRID,
        "gridOpacity": 0.18,
        "gridWidth": 1,
        "labelColor": INK,
        "labelFontSize": 12,
        "labelPadding": 6,
        "labelLimit": 240,
        "titleColor": INK,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 10,
    },
    "axisQuantitative": {"tickCount": 6},
    "axisX": {"labelOverlap": "greedy", "labelFlush": False},
    "axisY": {"titleAngle": 0, "titleAlign": "left", "titleAnchor": "start", "titleX": 0, "titleY": -14},
    "header": {
        "labelColor": INK,
        "labelFontSize": 13,
        "labelFontWeight": "bold",
        "labelAnchor": "start",
        "labelPadding": 8,
        "title": None,
    },
    "legend": {
        "orient": "bottom",
        "direction": "horizontal",
        "columns": 4,
        "columnPadding": 18,
        "rowPadding": 4,
        "labelColor": INK,
        "labelFontSize": 12,
        "labelLimit": 220,
        "titleColor": INK,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "symbolSize": 80,
        "symbolStrokeWidth": 1.5,
        "symbolBaseFillColor": GUIDE,
        "symbolBaseStrokeColor": GUIDE,
        "symbolOpacity": 1,
        "offset": 14,
        "layout": {"bottom": {"anchor": "start", "direction": "vertical", "margin": 10}},
    },
    "title": {"color": INK, "fontSize": 13, "fontWeight": "bold", "anchor": "start"},
    "text": {"color": INK, "fontSize": 11.5, "font": FONT},
    "point": {"filled": True, "size": 70, "opacity": 1},
    "line": {"strokeWidth": 2},
    "rule": {"color": GUIDE},
    "facet": {"spacing": 26},
    "concat": {"spacing": 26},
}


_given: ContextVar[Mapping[str, str]] = ContextVar("colours that models have already", default=MappingProxyType({}))


def model_colours(models: Iterable[str]) -> dict[str, str]:
    """Model label to ``#rrggbb``.

    Each label has an order of preference of its own (a hash of its name), and takes the first colour that
    is free; so a model keeps its colour over pages and runs, and adding one moves few others.  Within
    ``colours_in_force`` models have the colours that are given there.
    """
    given = _given.get()
    found = dict(_colours(tuple(sorted(set(models)))))
    return {name: given.get(name, colour) for name, colour in found.items()}


@contextmanager
def colours_in_force(colours: Mapping[str, str]) -> Iterator[None]:
    """Models have these colours, whatever others are drawn beside them: for pages of a site, which has many runs."""
    before = _given.set(colours)
    try:
        yield
    finally:
        _given.reset(before)


def free_colour(model: str, taken: Collection[str]) -> str:
    """The colour that a model likes best among those of the first palette that are not taken."""
    palette = [*OKABE_ITO, *EXTRA]
    round_ = 0
    while set(palette) <= set(taken):
        round_ += 1
        palette = [_tone(colour, _tone_of(round_)) for colour in (*OKABE_ITO, *EXTRA)]
    return max((colour for colour in palette if colour not in taken), key=lambda colour: _preference(model, colour))


@functools.lru_cache(maxsize=8)
def _colours(names: tuple[str, ...]) -> dict[str, str]:
    """A page with many models asks for the same colours chart after chart."""
    taken: dict[str, str] = {}
    first = next((size for size in (5, 6) if len(names) <= size), 8)
    palettes = [[*OKABE_ITO, *EXTRA][:first]]
    while sum(map(len, palettes)) < len(names):
        palettes.append([_tone(colour, _tone_of(len(palettes))) for colour in (*OKABE_ITO, *EXTRA)])
    free = [list(palette) for palette in palettes]
    for name in names:
        palette = next(colours for colours in free if colours)
        colour = max(palette, key=lambda candidate: _preference(name, candidate))
        palette.remove(colour)
        taken[name] = colour
    return taken


def strategy_shapes(strategies: Iterable[str]) -> dict[str, str]:
    """Strategy label to the name of a Vega symbol; after eight strategies the shapes begin again."""
    return {name: SHAPES[index % len(SHAPES)] for index, name in enumerate(dict.fromkeys(strategies))}


def _preference(name: str, colour: str) -> str:
    return hashlib.sha256(f"{name}/{colour}".encode()).hexdigest()


def _tone_of(round_: int) -> float:
    """The tone of a further round of the palette; beyond the listed ones they slide towards white."""
    return TONES[round_] if round_ < len(TONES) else 0.2 + 0.6 * ((round_ * 0.618) % 1.0)


def _tone(colour: str, amount: float) -> str:
    """The colour moved towards white (amount above 0) or black (below 0)."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    light = light + (0.92 - light) * amount if amount >= 0 else light + (light - 0.12) * amount
    return "#" + "".join(f"{round(part * 255):02X}" for part in colorsys.hls_to_rgb(hue, light, saturation))
