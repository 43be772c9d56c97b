"""How soon a page is usable, and what it loads for that: headless Chromium, from a server on this machine."""

from __future__ import annotations

import gzip
import http.server
import shutil
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = ["PageTime", "chromium", "page_time", "weight"]

LOADS = 5
READY = "document.documentElement.dataset.site === 'ready'"
"""What the site's script says when searching, sorting and filtering work."""
MEASURED = """() => new Promise(resolve => {
  const [there] = performance.getEntriesByName('first-contentful-paint');
  const told = paint => resolve({
    paint, content: performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd,
    loaded: performance.getEntriesByType('resource').map(one => one.name),
  });
  if (there) { told(there.startTime); return; }
  new PerformanceObserver(list => list.getEntriesByName('first-contentful-paint').forEach(one => told(one.startTime)))
    .observe({type: 'paint', buffered: true});
})"""


@dataclass(frozen=True)
class PageTime:
    """Medians over cold loads, in milliseconds from the beginning of the navigation."""

    usable_ms: float
    """When searching, sorting and filtering worked."""
    content_ms: float
    """``DOMContentLoaded``, its listeners included."""
    paint_ms: float
    """First contentful paint."""
    loaded: tuple[str, ...]
    """Paths of all that was loaded before the page was scrolled, the page itself first."""


def chromium() -> str | None:
    """The browser's program; None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def page_time(site: Path, first: str = "index.html", *, loads: int = LOADS) -> PageTime:
    """Loads a page several times, each time in a browser that has seen nothing yet.

    Args:
        site: Folder that is served.
        first: The page in it.
        loads: How many times.
    """
    from playwright.sync_api import sync_playwright

    found: list[dict[str, Any]] = []
    with served(site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        for _ in range(loads + 1):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.add_init_script(_note_when_ready())
            page.goto(address + first, wait_until="networkidle")
            found.append({**page.evaluate(MEASURED), "usable": page.evaluate("window.readyAfter")})
            context.close()
        browser.close()
    kept = found[1:]  # the browser itself starts with the first
    loaded = dict.fromkeys([first, *(unquote(urlsplit(name).path).lstrip("/") for name in kept[0]["loaded"])])
    usable, content, paint = (statistics.median(one[name] for one in kept) for name in ("usable", "content", "paint"))
    return PageTime(usable, content, paint, tuple(name for name in loaded if (site / name).is_file()))


def weight(site: Path, names: tuple[str, ...]) -> tuple[int, int]:
    """Bytes of files as they lie, and as servers send them: compressed."""
    contents = [(site / name).read_bytes() for name in names]
    return sum(map(len, contents)), sum(len(gzip.compress(content, mtime=0)) for content in contents)


def _note_when_ready() -> str:
    return f"""
      new MutationObserver((_, observer) => {{
        if ({READY}) {{ window.readyAfter = performance.now(); observer.disconnect(); }}
      }}).observe(document, {{attributes: true, subtree: true, attributeFilter: ['data-site']}});
    """


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which a folder is served."""
    with QuietServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


class QuietServer(http.server.ThreadingHTTPServer):
    """Says nothing of browsers that leave before they have all of a file."""

    def handle_error(self, *_: object) -> None:
        """Not wanted."""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Says nothing of what it serves."""

    def log_message(self, *_: object) -> None:
        """Not wanted."""
