"""Pages as a reader meets them: opened, read to the end, with everything that the browser had to say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

__all__ = ["PHONE", "TABLET", "WIDE", "Visit", "serious", "settle", "visiting"]

PHONE, TABLET, WIDE = 390, 900, 1400
"""Widths of the window in CSS pixels."""
HEIGHT = 900
IN_MEMORY = ("data:", "blob:")
ALIKE = "tbody tr:nth-child(n+30)"
"""Rows of a table that axe-core is not shown: they are made like those before them."""

READ_TO_THE_END = """async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  for (let at = 0; at < document.documentElement.scrollHeight; at += 600) {
    window.scrollTo({ top: at, behavior: "instant" });
    await frame();
  }
  window.scrollTo({ top: 0, behavior: "instant" });
  await frame();
}"""
DRAWN = """() => document.fonts.status === "loaded"
  && document.querySelector("html[data-site=ready], html[data-ready=true]") !== null
  && [...document.images].every((one) => one.complete || !one.checkVisibility())
  && [...document.querySelectorAll("figure[data-chart]")]
    .every((one) => !one.checkVisibility() || one.querySelector("svg.marks"))
"""


@dataclass
class Visit:
    """An open page, and what happened since it was opened."""

    page: Page
    home: str
    """What every address of the site begins with."""
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings of the console, of scripts, and requests that failed."""
    elsewhere: list[str] = field(default_factory=list)
    """Addresses outside the site that the page asked for."""

    def open(self, path: str) -> None:
        """Goes to a page and waits until nothing more is to come."""
        self.page.goto(self.home + path)
        settle(self.page)

    def heard(self, message: ConsoleMessage) -> None:
        """Called with what is written to the console."""
        if "status of 404" in message.text and message.location.get("url") == self.page.url:
            return  # the page was asked for where none is, to see the one for that
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def failed(self, request: Request) -> None:
        """Called with every request that got no answer; one that became a download is none."""
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.failure}: {request.url}")

    def asked(self, address: str) -> None:
        """Called with every request."""
        if not address.startswith((self.home, *IN_MEMORY)):
            self.elsewhere.append(address)


@contextmanager
def visiting(browser: Browser, home: str, *, width: int = WIDE, **options: Any) -> Iterator[Visit]:
    """A window of its own, watched from its first request on; ``options`` are Playwright's for a context."""
    context: BrowserContext = browser.new_context(viewport={"width": width, "height": HEIGHT}, **options)
    context.set_default_timeout(20_000)
    page = context.new_page()
    visit = Visit(page, home)
    page.on("console", visit.heard)
    page.on("pageerror", lambda error: visit.complaints.append(f"script: {error}"))
    page.on("request", lambda request: visit.asked(request.url))
    page.on("requestfailed", visit.failed)
    try:
        yield visit
    finally:
        context.close()


def settle(page: Page) -> None:
    """Reads the page to its end, so that everything that comes late has come."""
    page.wait_for_selector("html[data-site=ready], html[data-ready=true]", state="attached")
    if page.locator("#compared").count():
        page.wait_for_selector("html[data-compared]", state="attached")
    page.evaluate(READ_TO_THE_END)
    page.wait_for_function(DRAWN)


def serious(page: Page) -> list[str]:
    """What axe-core calls serious or critical, one line for each rule, with the first elements that break it."""
    from axe_playwright_python.sync_playwright import Axe

    options = {"resultTypes": ["violations"]}
    found = Axe().run(page, context={"exclude": [ALIKE]}, options=options).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {one['help']}; {len(one['nodes'])} times, as in "
        + "; ".join(f"{node['html'][:160]} {_why(node)}" for node in one["nodes"][:3])
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]


def _why(node: dict[str, Any]) -> str:
    return " ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])[:240]
