"""What a browser is told that a file is, by the end of its name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

__all__ = ["content_type"]

TYPES: Mapping[str, str] = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".ipynb": "application/json",
    ".webmanifest": "application/manifest+json",
    ".jsonl": "text/plain",
    ".cff": "text/yaml",
    ".txt": "text/plain",
    ".bib": "text/plain",
    ".tex": "text/plain",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".xml": "application/xml",
    ".atom": "application/atom+xml",
    ".rss": "application/rss+xml",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
    ".pdf": "application/pdf",
    ".zip": "application/zip",
    ".gz": "application/gzip",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""Not asked of the system: there each machine has a table of its own."""
TEXT = frozenset({"text/javascript", "application/json", "application/manifest+json"})


def content_type(path: str) -> str:
    """The type of a file by the end of its name, text with its encoding; bytes where nothing is known."""
    kind = TYPES.get(PurePosixPath(path).suffix.lower(), "application/octet-stream")
    is_text = kind.startswith("text/") or kind.endswith("xml") or kind in TEXT
    return f"{kind}; charset=utf-8" if is_text else kind
