"""The files of a site on their way to where it goes: only what changed is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from suite.errors import ScratchError, StoreError, StoreVersionError
from suite.publish.targets.target import MARKER, Target
from suite.store.records.result import Record

__all__ = ["Manifest", "Staged", "Staging", "digest_of", "gone", "inside_site", "read_manifest", "write_staged"]

SITE_VERSION = 1


class Manifest(Record):
    """``suite-site.json``: what a site is made of."""

    site_version: int = SITE_VERSION
    suite: str
    title: str
    base_url: str | None = None
    colours: dict[str, str] = Field(default_factory=dict)
    """Model label to the colour that it has on every page, the oldest model first."""
    points: dict[str, str] = Field(default_factory=dict)
    """``<address>/<point>`` to what its pages were made from and how: equal means that they need not be made again."""
    files: dict[str, str] = Field(default_factory=dict)
    """Path to the SHA-256 of its content."""


@dataclass
class Staged:
    """Files that were prepared, and files that stay as they are."""

    changed: dict[str, Path] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """Every file of the new site with its hash."""

    def add(self, other: Staged) -> None:
        """Takes over what another process prepared."""
        self.changed |= other.changed
        self.files |= other.files


@dataclass(frozen=True)
class Staging:
    """Where files are prepared, and what the site holds already; may travel to another process."""

    folder: Path
    known: Mapping[str, str]
    """Files of the old site with their hashes; empty where nothing is known of them."""


def write_staged(staging: Staging, staged: Staged, path: str, content: str | bytes) -> None:
    """Prepares one file, unless the site holds exactly this.

    Raises:
        ScratchError: Where the disk is full; ``ValueError`` for a path that would leave the site.
    """
    inside_site(path)
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    digest = digest_of(data)
    staged.files[path] = digest
    if staging.known.get(path) == digest:
        return
    place = staging.folder / path
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    except OSError as error:
        raise ScratchError(
            f"{path}: cannot be prepared ({error.strerror}); the old site still stands. Make room and publish again."
        ) from error
    staged.changed[path] = place


def inside_site(path: str) -> str:
    """The path, where it stays in the site. Raises ``ValueError`` otherwise."""
    parts = path.split("/")
    if any(part in {"", ".", ".."} or "\\" in part or ":" in part or "\0" in part for part in parts):
        raise ValueError(f"{path!r} would leave the site")
    return path


def digest_of(data: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def read_manifest(target: Target) -> Manifest | None:
    """What the site at the target says of itself; None where there is none yet.

    Raises:
        StoreError: Where the marker is damaged; ``StoreVersionError`` where a newer suite wrote it.
    """
    found = target.read(MARKER)
    if found is None:
        return None
    try:
        raw: dict[str, Any] = json.loads(found)
        version = raw["site_version"]
        if isinstance(version, int) and version > SITE_VERSION:
            raise StoreVersionError(
                f"{target.shown}: a site of version {version}, written by a newer suite; this one knows up to "
                f"{SITE_VERSION}. Update the suite."
            )
        return Manifest.model_validate(raw)
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise StoreError(
            f"{target.shown}: {MARKER} is damaged, so nothing is known of the site's history. Restore it, or remove it "
            "and publish with --force."
        ) from error


def gone(old: Iterable[str], new: Iterable[str]) -> list[str]:
    """Files of the old site that the new one does not have."""
    kept = set(new)
    return sorted({path for path in old if path not in kept})
