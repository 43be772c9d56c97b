"""What is seen of a page on a phone, a tablet, a wide window and in the dark, and the images of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from browser.visiting import HEIGHT, PHONE, TABLET, WIDE, Visit, serious, settle

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["Look", "look"]

SCREENSHOTS = "SUITE_SCREENSHOTS"
"""Environment variable with the folder that keeps images of every kind of page; none are made where it is unset."""
TALLEST = 12_000
"""Pixels of an image; a longer page is cut."""

SIDEWAYS = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.body.querySelectorAll("*")]
    .filter((one) => one.getBoundingClientRect().right > width + 1 && !one.closest(".wrap, pre"))
    .map((one) => one.outerHTML.slice(0, 140)).slice(0, 5)
    .concat(["scrolls to " + document.documentElement.scrollWidth]);
}"""
BRIGHTNESS = """() => {
  const numbers = getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).slice(0, 3).map(Number);
  return Math.max(...numbers) / 255;
}"""


@dataclass(frozen=True)
class Look:
    """What was seen of one page."""

    complaints: tuple[str, ...]
    elsewhere: tuple[str, ...]
    taken: bool
    """Whether a name has become code."""
    sideways: Mapping[int, list[str]]
    """Width of the window to what makes it scroll sideways."""
    findings: Mapping[str, list[str]]
    """``phone``, which is light, and ``dark``, which is wide, to what axe-core calls serious or critical."""
    brightness: Mapping[str, float]
    """``light`` and ``dark`` to how bright the paper is, 0 to 1."""


def look(visit: Visit, name: str, path: str) -> Look:
    """Opens a page on a phone, widens the window, and turns the lights off."""
    page = visit.page
    sideways, findings, brightness = {}, {}, {}
    visit.open(path)
    for width in (PHONE, TABLET, WIDE):
        if width != PHONE:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            page.wait_for_timeout(300)  # charts follow the width 200 ms after it has come to rest
            settle(page)
        sideways[width] = page.evaluate(SIDEWAYS)
        _keep(page, f"{name}-{width}")
        if width == PHONE:
            findings["phone"] = serious(page)
    brightness["light"] = page.evaluate(BRIGHTNESS)
    page.emulate_media(color_scheme="dark")
    brightness["dark"] = page.evaluate(BRIGHTNESS)
    findings["dark"] = serious(page)
    _keep(page, f"{name}-dark")
    taken = page.evaluate("() => 'taken' in window")
    return Look(tuple(visit.complaints), tuple(visit.elsewhere), taken, sideways, findings, brightness)


def _keep(page: Page, name: str) -> None:
    folder = os.environ.get(SCREENSHOTS)
    if not folder:
        return
    height = min(TALLEST, page.evaluate("() => document.documentElement.scrollHeight"))
    clip = {"x": 0, "y": 0, "width": page.viewport_size["width"], "height": height}
    Path(folder).mkdir(parents=True, exist_ok=True)
    page.screenshot(path=Path(folder) / f"{name}.png", full_page=True, clip=clip)
