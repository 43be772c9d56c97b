"""What a bucket tells a browser about a file: how long it may be kept."""

from __future__ import annotations

import re

__all__ = ["cache_control"]

HASHED = re.compile(r"(?:^|/)assets/(?:.+/)?[^/]+\.[0-9a-f]{8,64}(?:\.[A-Za-z0-9]+)+$")
FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
"""Kept, and asked for each time whether it is still right."""


def cache_control(path: str) -> str:
    """For ever where the name of an asset carries a hash of its content, else not without asking again."""
    return FOR_EVER if HASHED.search(path) else ASK_AGAIN
