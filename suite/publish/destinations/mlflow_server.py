"""The address of an MLflow server, how long its client waits, and what is said where it does not answer."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from suite.errors import SuiteError

__all__ = ["EXAMPLE", "Server", "shown"]

EXAMPLE = "http://127.0.0.1:5000"
PATIENCE: Mapping[str, str] = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
"""Left to itself, MLflow's client tries for four minutes."""
FIRST_PATIENCE: Mapping[str, str] = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""For the first question, whose answer tells whether there is a server."""
ALWAYS: Mapping[str, str] = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
"""Nothing is sent but to the server that was named."""


@dataclass(frozen=True)
class Server:
    """The address of an MLflow server, with user and password apart."""

    address: str
    user: str | None
    password: str | None

    @classmethod
    def of(cls, target: str) -> Server:
        """Reads an address. Raises ``SuiteError`` where it is none, without its password."""
        try:
            parts = urlsplit(target)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or parts.scheme not in {"http", "https"} or parts.query or parts.fragment:
            raise SuiteError(
                f"--to mlflow:{shown(target)}: is no address of a server; expected for instance mlflow:{EXAMPLE}."
            )
        name = f"[{host}]" if ":" in host else host
        address = f"{parts.scheme}://{name}{f':{port}' if port is not None else ''}{parts.path.rstrip('/')}"
        return cls(address, *(unquote(one) if one else None for one in (parts.username, parts.password)))

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        """MLflow's settings for this server, and no telemetry; what the user set of its patience holds."""
        credentials = {"MLFLOW_TRACKING_USERNAME": self.user, "MLFLOW_TRACKING_PASSWORD": self.password}
        given = {name: value for name, value in credentials.items() if value is not None}
        with _environment({**given, **ALWAYS}), _environment(_unless_set(PATIENCE)):
            yield

    @contextlib.contextmanager
    def first_question(self) -> Iterator[None]:
        """Inside ``connected``: less patience, as long as nobody knows whether there is a server."""
        with _environment(_unless_set(FIRST_PATIENCE, but=PATIENCE)):
            yield

    def complaint(self, error: Exception) -> str:
        """One sentence on what went wrong, without the password."""
        from requests.exceptions import ConnectionError as NoConnection
        from requests.exceptions import Timeout

        status = getattr(error, "get_http_status_code", lambda: None)()
        chain = list(_chain(error))
        said = " ".join(str(error).split())
        said = said.replace(self.password, "***") if self.password else said
        # A timeout that was tried again comes as a failed connection.
        if any(isinstance(one, Timeout) for one in chain) or "timed out" in said:
            reason = "does not answer in time; is it an MLflow server?"
        elif any(isinstance(one, NoConnection) for one in chain):
            reason = "cannot be reached; is the MLflow server running, and is the address right?"
        elif status in {401, 403} or re.search(r"error code 40[13]\b", said):
            reason = "refuses this user and password; write them as http://USER:PASSWORD@HOST:PORT."
        elif isinstance(error, ImportError):
            reason = f"keeps files where the client needs a package more: {said[:200]}"
        else:
            reason = f"does not do what was asked: {said[:200]}"
        return f"--to mlflow: {self.address} {reason}"


def shown(target: str) -> str:
    """An address without user, password and query, also where it is not well formed."""
    head, at, tail = target.rpartition("@")
    tail = tail.partition("?")[0]
    if not at:
        return tail
    scheme, slashes, _ = head.partition("://")
    return f"{scheme}://***@{tail}" if slashes else f"***@{tail}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _unless_set(values: Mapping[str, str], *, but: Mapping[str, str] | None = None) -> dict[str, str]:
    """Those that the user did not set; what stands there from ``but`` is not the user's."""
    ours = but or {}
    return {name: value for name, value in values.items() if os.environ.get(name) in {None, ours.get(name)}}


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for a while: MLflow's client reads its settings from there."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
