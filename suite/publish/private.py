"""What a site does not tell of the machine that made it: where its files lay, and what it is called."""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suite.store.credentials import without_credentials

__all__ = ["Cleaner", "without_private"]

# A path from the root of a Unix machine, a drive or a share of a Windows one; not the path of a web address.
PLACE = re.compile(
    r"""(?<![\w.:/\\~-])
    (?: (?: file:///? | [A-Za-z]:[\\/] | \\\\[^\\\s"']+\\ | ~[\\/] ) (?: [^\\/\s"'<>|:*?,;()\[\]{}]+ [\\/] )*
      | (?=/) (?: [\\/]? [^\\/\s"'<>|:*?,;()\[\]{}]+ [\\/] )+ )
    (?P<last> [^\\/\s"'<>|:*?,;()\[\]{}]* )""",
    re.VERBOSE,
)
SECRET = re.compile(r"(?i)(^|[_-])(password|passphrase|secret|token|api_?key|access_?key|credentials?)$")
"""Names of values that nobody is told."""
HIDDEN = "***"
SHORTEST = 4
"""Names of machines and users shorter than this are words of other things too."""


class Cleaner:
    """Takes places, this machine's name and its user's name out of texts; credentials go in any case.

    Args:
        places: Whether paths and names of the machine may be told.
    """

    def __init__(self, *, places: bool) -> None:
        self._places = places
        self._told: dict[str, str] = {}  # a comparison says the same few hundred texts ten thousand times
        names = {socket.gethostname(), socket.gethostname().split(".")[0], _user()} if not places else set()
        known = sorted((name for name in names if len(name) >= SHORTEST and name not in COMMON), key=len, reverse=True)
        self._names = (
            re.compile("|".join(rf"(?<![\w.-]){re.escape(name)}(?![\w-])" for name in known)) if known else None
        )

    def text(self, text: str) -> str:
        """A text without what is private. Of a path, its last part stays: ``/home/ann/photos`` becomes ``…/photos``."""
        told = self._told.get(text)
        if told is None:
            told = self._told[text] = self._cleaned(text)
        return told

    def _cleaned(self, text: str) -> str:
        told = without_credentials(text)
        if self._places:
            return told
        if "/" in told or "\\" in told:
            told = PLACE.sub(_last_part, told)
        return self._names.sub("…", told) if self._names is not None else told

    def everything(self, value: Any) -> Any:
        """The same for every text in lists and dictionaries, keys included; other values as they are."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {
                self.text(key) if isinstance(key, str) else key: HIDDEN
                if isinstance(one, str) and one and SECRET.search(str(key))
                else self.everything(one)
                for key, one in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.everything(one) for one in value]
        return value


COMMON = {"root", "user", "localhost", "runner", "ubuntu", "admin", "docker", "build"}
"""Names that say nothing of anybody, and are words of other things."""


def without_private(value: Any) -> Any:
    """A text, or all texts in lists and dictionaries, without credentials, places and names of this machine."""
    return Cleaner(places=False).everything(value)


def _last_part(found: re.Match[str]) -> str:
    last = found["last"] or re.split(r"[\\/]", found[0].rstrip("\\/"))[-1]
    return f"…/{last}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no name is known, as in some containers
        return Path.home().name
