"""A real PostgreSQL server of the tests' own, on a socket in a folder of its own, run by a user who is not root."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

USER, PASSWORD = "team", "se/cret p@ss:word"
CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{folder}'
max_connections = 60
"""
HASTE = """
fsync = off
shared_buffers = 32MB
"""
"""Nothing that a test does outlives the machine."""


class Server:
    """A server that can be stopped and started again."""

    def __init__(self, programs: Path, folder: Path, run: Callable[..., None]) -> None:
        self.folder = folder
        self._programs = programs
        self._run = run
        self._numbers = itertools.count()
        self._shared: str | None = None

    def start(self) -> None:
        """Waits until it answers."""
        self._run(self._programs / "pg_ctl", "start", "-w", "-s", "-D", self.folder / "data", "-l", self.folder / "log")

    def stop(self, mode: str = "fast") -> None:
        """Every connection ends; ``immediate`` is as if it had crashed."""
        self._run(self._programs / "pg_ctl", "stop", "-w", "-s", "-D", self.folder / "data", "-m", mode)

    def url(self, database: str, *, user: str = USER, password: str | None = PASSWORD) -> str:
        """The address of a database."""
        secret = "" if password is None else f":{quote(password, safe='')}"
        return f"postgresql+psycopg://{user}{secret}@/{database}?host={self.folder}"

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Done by the owner of everything."""
        with psycopg.connect(
            host=str(self.folder), dbname=database, user=USER, password=PASSWORD, autocommit=True
        ) as one:
            for statement in statements:
                one.execute(statement)

    def emptied_database(self) -> str:
        """The address of a database in which nothing is left of the test before; making one takes much longer."""
        if self._shared is None:
            self._shared = self.new_database()
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname"
        name = database_of(self._shared)
        self.execute(f"{others} = '{name}'", "DROP SCHEMA IF EXISTS suite CASCADE", database=name)
        return self._shared

    def new_database(self) -> str:
        """The address of an empty database of its own."""
        name = f"team_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)


def database_of(url: str) -> str:
    """The name of the database in an address."""
    return url.partition("?")[0].rpartition("/")[2]


def programs() -> Path | None:
    """The folder with PostgreSQL's server programs."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


def _somebody() -> dict[str, object]:
    """Whom the server runs as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    return pytest.skip("needs a user other than root to run PostgreSQL")


@contextmanager
def running_server(*, durable: bool = False) -> Iterator[Server]:
    """A server until the context is left; skips where PostgreSQL is not installed."""
    found = programs()
    if found is None or not (found / "initdb").exists():
        pytest.skip("needs PostgreSQL's server: apt-get install postgresql")
    somebody = _somebody()
    # Not in pytest's folder, which is its user's alone; and a socket's path may have 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="suite-pg-"))
    if somebody:
        os.chown(folder, int(str(somebody["user"])), int(str(somebody["group"])))

    def run(*words: object) -> None:
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder)}
        # A server that was started would keep a pipe open.
        complaint = subprocess.DEVNULL if "start" in words else subprocess.PIPE
        done = subprocess.run(
            list(map(str, words)), cwd=folder, env=environment, check=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=complaint, **somebody,
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stderr)

    server = Server(found, folder, run)
    try:
        (folder / "password").write_text(PASSWORD)
        run(
            found / "initdb", "-D", folder / "data", "-U", USER, "--pwfile", folder / "password", "--no-sync",
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
        )  # fmt: skip
        with (folder / "data" / "postgresql.conf").open("a") as file:
            file.write(CONFIGURATION.format(folder=folder) + ("" if durable else HASTE))
        server.start()
        yield server
        server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
