"""The server: an address on this machine, a thread for each connection."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from socketserver import TCPServer
from typing import Any
from urllib.parse import quote, urlsplit

from suite.errors import SuiteError
from suite.publish.media_types import content_type
from suite.publish.serving.files import find_file, segments_of
from suite.publish.serving.injection import with_reload
from suite.publish.serving.page import Shown, error_page
from suite.publish.serving.preview import Preview
from suite.version import __version__

__all__ = ["LOOPBACK", "Handler", "PreviewServer", "is_loopback", "open_server"]

LOOPBACK = "127.0.0.1"
FIRST_PORT = 8000
PORTS = 30
"""How many are tried, from the first."""


class PreviewServer(ThreadingHTTPServer):
    """Serves one preview until it is shut down."""

    daemon_threads = True
    block_on_close = False
    """Listeners stay for hours; they go when the preview is closed."""
    allow_reuse_address = sys.platform != "win32"
    """There it would let two programs have one port."""

    def __init__(self, host: str, port: int, preview: Preview) -> None:
        self.preview = preview
        self.is_open = not is_loopback(host)
        """Whether other machines may reach it."""
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Handler)

    @property
    def url(self) -> str:
        """Where it is found."""
        host, port = self.server_address[:2]
        name = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(str(host), str(host))  # noqa: S104 - compared, not bound
        return f"http://{f'[{name}]' if ':' in name else name}:{port}/"

    def server_bind(self) -> None:
        """Binds without asking a name server what this machine is called, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Readers who go in the middle are no defect; anything else keeps its traceback."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        """Frees the port and ends what the preview does."""
        super().server_close()
        self.preview.close()


def open_server(preview: Preview, *, host: str = LOOPBACK, port: int | None = None) -> PreviewServer:
    """A server that holds its port; call ``serve_forever`` and, in the end, ``server_close``.

    Args:
        preview: What is shown.
        host: An address of this machine.
        port: 0 for any that is free; the first free one from 8000 on when left out.

    Raises:
        SuiteError: Where the port is taken, or the address is not one of this machine.
    """
    wanted = range(FIRST_PORT, FIRST_PORT + PORTS) if port is None else (port,)
    for one in (*wanted, *((0,) if port is None else ())):
        try:
            return PreviewServer(host, one, preview)
        except socket.gaierror as error:
            raise SuiteError(f"--host {host}: is no address of this machine ({error.strerror}).") from error
        except PermissionError as error:
            raise SuiteError(f"--port {one}: needs rights that you do not have; take one from 1024 on.") from error
        except OSError as error:
            if port is not None or not _is_taken(host, one):
                raise SuiteError(_why_not(host, one, error)) from error
    raise SuiteError(f"--host {host}: no port is free.")


def _is_taken(host: str, port: int) -> bool:
    """Whether the port, not the address, is what is wrong: another port would do."""
    if port == 0:
        return False
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def _why_not(host: str, port: int, error: OSError) -> str:
    if _is_taken(host, port):
        return (
            f"--port {port}: is in use by another program ({error.strerror}); leave --port out, which takes a free "
            "one, or give another."
        )
    return f"--host {host}: is no address of this machine ({error.strerror}); leave it out for {LOOPBACK}."


# Answers requests: files of the folder, the live page, and events. Reading only, for this machine only.

OWN = "-"
"""First part of the addresses that are no files."""
HEARTBEAT_SECONDS = 15.0
"""A comment so often shows whether a listener is still there."""
HTML = "text/html; charset=utf-8"
ALWAYS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def is_loopback(name: str) -> bool:
    """Whether a host's name or address means this machine to every browser on it."""
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name.lower().rstrip(".") == "localhost"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = f"suite/{__version__}"
    sys_version = ""
    timeout = 60
    server: PreviewServer

    def do_GET(self) -> None:
        """Answers."""
        self._answer()

    def do_HEAD(self) -> None:
        """Answers without the body."""
        self._answer()

    def _refuse(self) -> None:
        self.close_connection = True  # what follows the head was not read
        self._problem(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD are answered.", {"Allow": "GET, HEAD"})

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _refuse  # noqa: N815 - the base class looks for these names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is that of the base class
        """Nothing: a line for each request would hide the address."""

    @property
    def _preview(self) -> Preview:
        return self.server.preview

    def _answer(self) -> None:
        if {"content-length", "transfer-encoding"} & {name.lower() for name in self.headers}:
            self.close_connection = True  # a body is not read, and must not be taken for the next request
        if not self._is_for_us():
            # A page elsewhere may let its own name lead to this machine, and would then read what is served.
            self._problem(HTTPStatus.MISDIRECTED_REQUEST, "This preview answers to the names of this machine only.")
            return
        segments = segments_of(self.path)
        if segments is None:
            self._problem(HTTPStatus.NOT_FOUND, "There is no such page.")
        elif segments[:1] == (OWN,):
            self._own(segments[1:])
        elif self._preview.is_run and segments in ((), ("index.html",)):
            self._shown(HTTPStatus.OK, self._preview.page())
        else:
            self._file(segments)

    def _is_for_us(self) -> bool:
        if self.server.is_open:
            return True
        names = self.headers.get_all("Host", [])
        try:
            return len(names) == 1 and is_loopback(urlsplit(f"//{names[0]}").hostname or "")
        except ValueError:
            return False

    def _own(self, segments: tuple[str, ...]) -> None:
        if segments == ("events",):
            wanted = "live" if self._preview.is_run and self.path.partition("?")[2] == "live" else "files"
            self._events(wanted)
        elif segments == ("state.json",) and self._preview.is_run:
            self._send(HTTPStatus.OK, "application/json; charset=utf-8", self._preview.state_text().encode())
        else:
            self._problem(HTTPStatus.NOT_FOUND, "There is no such page.")

    def _file(self, segments: tuple[str, ...]) -> None:
        root = self._preview.folder
        found = find_file(root, segments)
        if found is None and segments and segments[-1] and find_file(root, (*segments, "")) is not None:
            # Links in a page of a folder start at its slash.
            self._send(HTTPStatus.MOVED_PERMANENTLY, HTML, b"", {"Location": f"/{quote('/'.join(segments))}/"})
            return
        status = HTTPStatus.OK
        if found is None:
            found, status = find_file(root, ("404.html",)), HTTPStatus.NOT_FOUND
        try:
            if found is None:
                self._problem(HTTPStatus.NOT_FOUND, "There is no such page.")
            elif content_type(found.name) == HTML:
                page = with_reload(found.read_bytes(), self._preview.watcher.now("files"))
                self._send(status, HTML, page)
            else:
                self._send_file(status, found)
        except (FileNotFoundError, PermissionError):
            self._problem(HTTPStatus.NOT_FOUND, "There is no such page, or it may not be read.")

    def _send_file(self, status: HTTPStatus, path: Path) -> None:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            self._head(status, content_type(path.name), {"Content-Length": str(size)})
            if self.command != "HEAD":
                shutil.copyfileobj(file, self.wfile)

    def _events(self, name: str) -> None:
        """Server-sent events until the reader, or the preview, goes."""
        self.close_connection = True
        self._head(HTTPStatus.OK, "text/event-stream; charset=utf-8", {"Connection": "close"})
        if self.command == "HEAD":
            return
        watcher = self._preview.watcher
        self.wfile.write(b"retry: 1500\n\n")
        known: str | None = None
        with watcher.listening(name):
            while not watcher.is_closed:
                said = watcher.next(name, known, timeout_seconds=HEARTBEAT_SECONDS)
                if said == known or said is None:
                    self.wfile.write(b": still here\n\n")
                else:
                    self.wfile.write(f"event: {name}\ndata: {said}\n\n".encode())
                    known = said

    def _problem(self, status: HTTPStatus, sentence: str, further: Mapping[str, str] | None = None) -> None:
        self._shown(status, error_page(status.value, sentence), further)

    def _shown(self, status: HTTPStatus, page: Shown, further: Mapping[str, str] | None = None) -> None:
        self._send(status, HTML, page.html.encode(), {"Content-Security-Policy": page.policy, **(further or {})})

    def _send(self, status: HTTPStatus, kind: str, body: bytes, further: Mapping[str, str] | None = None) -> None:
        self._head(status, kind, {"Content-Length": str(len(body)), **(further or {})})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: HTTPStatus, kind: str, further: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, **ALWAYS, **further}.items():
            self.send_header(name, value)
        self.end_headers()
