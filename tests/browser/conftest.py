"""One browser and one site for all tests of this folder, which are skipped where there is no browser."""

from __future__ import annotations

import functools
import http.server
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from page_reader import CHROMIUM

from browser.sample_site import SampleSite, write_site
from browser.visiting import Visit, visiting

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync")


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a site under ``/site/``, and its own page where there is none, as GitHub Pages has it."""

    def translate_path(self, path: str) -> str:
        """The file of an address; nothing outside ``/site/`` is one."""
        return super().translate_path(path.removeprefix("/site")) if path.startswith("/site/") else os.devnull + "/none"

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Sends the page of the site instead of the server's own."""
        content = (Path(self.directory) / "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        """Stays quiet."""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's chromium.

    Not for the whole session: while Playwright runs, this thread counts as inside an event loop, and other tests start
    their own.
    """
    missing = [name for name in ("playwright", "axe_playwright_python") if find_spec(name) is None]
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}: pip install -e '.[test]'")
    if CHROMIUM is None:
        pytest.skip("needs chromium on PATH: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="package")
def home(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Where the site is served, and the folder that it is made in."""
    folder = tmp_path_factory.mktemp("browser")
    (folder / "site").mkdir()
    handler = functools.partial(Handler, directory=str(folder / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/site/", folder
        server.shutdown()
        thread.join()


@pytest.fixture(scope="package")
def site(home: tuple[str, Path]) -> SampleSite:
    """A site with every kind of page."""
    address, folder = home
    return write_site(folder, address)


Opener = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture(scope="package")
def served(browser: Browser, site: SampleSite, home: tuple[str, Path]) -> Opener:
    """Opens windows on the site as a web server shows it."""
    return functools.partial(visiting, browser, home[0])


@pytest.fixture(scope="package")
def from_disk(browser: Browser, site: SampleSite) -> Opener:
    """Opens windows on the site as it lies on disk."""
    return functools.partial(visiting, browser, site.folder.as_uri() + "/")
