"""Which repository is meant: a path, an address, or the name of a remote of the current folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from suite.errors import StoreError
from suite.publish.targets.program import Git, GitFailed
from suite.store.credentials import without_credentials

__all__ = ["Remote", "remote_of"]

HOST_AND_PATH = re.compile(r"[^/\\:]{2,}:")
"""``git@host:path``; a single letter is a drive of Windows."""
SHORTEST_SECRET = 4
"""What is shorter would black out half of every message."""


@dataclass(frozen=True)
class Remote:
    """A repository as git is told of it."""

    address: str
    secrets: tuple[str, ...]
    """Parts of it that are never printed."""


def remote_of(given: str) -> Remote:
    """Reads what stands behind ``git:``.

    Raises:
        StoreError: Where it is nothing that git could take for a repository.
    """
    shown = without_credentials(given)
    if not given or given.startswith("-"):
        raise StoreError(
            f"git:{shown}: names no repository; expected for instance git:https://host/me/site.git#gh-pages."
        )
    if "://" in given or HOST_AND_PATH.match(given):
        return Remote(given, _secrets(given))
    path = Path(given).expanduser()
    if path.exists():
        return Remote(str(path.absolute()), ())
    if re.fullmatch(r"[\w.-]+", given):
        try:
            address = Git(Path.cwd()).text("remote", "get-url", "--push", given).strip()
        except GitFailed:
            pass
        else:
            return remote_of(address) if address != given else Remote(address, ())
    raise StoreError(f"git:{shown}: there is no such repository; expected a path that is there, or an address.")


def _secrets(address: str) -> tuple[str, ...]:
    user, at, _ = address.partition("://")[2].partition("/")[0].rpartition("@")
    if not at or address.startswith("ssh://"):
        return ()
    name, colon, password = user.partition(":")
    found = {user, unquote(user), *((password, unquote(password)) if colon else (name,))}
    return tuple(sorted((one for one in found if len(one) >= SHORTEST_SECRET), key=len, reverse=True))
