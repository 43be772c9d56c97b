"""The server: an address on this machine, a thread for each connection."""

from __future__ import annotations

import socket
import sys
from http.server import ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from suite.errors import SuiteError
from suite.publish.serving.handler import Handler, is_loopback
from suite.publish.serving.preview import Preview

__all__ = ["LOOPBACK", "PreviewServer", "open_server"]

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
