"""Names of data, models and runs as names of folders in a site."""

from __future__ import annotations

import hashlib
import re
import unicodedata

__all__ = ["folder_name"]

MOST_LETTERS = 60
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])$")
"""What Windows takes for a device, whatever its ending."""


def folder_name(*names: str) -> str:
    """A folder name of lower-case letters, digits, ``-`` and ``_``; two different names never give the same.

    What is such a name already, and no longer than 60 letters, stays as it is. Everything else is spelled in these
    letters as far as it can be, and carries the beginning of a hash of what it stands for, so that a page keeps its
    address whatever else a site holds.

    Args:
        names: One name, or several that name a thing together.
    """
    whole = "--".join(names)
    plain = unicodedata.normalize("NFKD", whole).encode("ascii", "ignore").decode().lower()
    plain = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")[:MOST_LETTERS].rstrip("-_")
    if (
        len(names) == 1
        and plain
        and plain == whole
        and not RESERVED.match(plain)
        and not re.search(r"-[0-9a-f]{8}$", plain)
    ):
        return plain
    digest = hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain}-{digest}" if plain else digest
