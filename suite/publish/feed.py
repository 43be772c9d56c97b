"""The Atom feed (RFC 4287) and the site map (sitemaps.org) of a site."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from suite.publish.changes import Change, Changes
from suite.publish.collection import Collection
from suite.publish.record import RunRecord
from suite.publish.rows import alarm_words, answer_words, run_address
from suite.publish.site_frame import Around

__all__ = ["feed", "site_map"]

ATOM = "http://www.w3.org/2005/Atom"
SITE_MAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
MOST_ENTRIES = 50
MOST_ADDRESSES = 50_000
"""The protocol's limit for one file."""
NEVER = "1970-01-01T00:00:00+00:00"
NAMES = uuid.UUID("5f0d6f0e-5f7a-5c39-9d0a-6f2b7a0c1d11")
"""Ids of entries are made from it and the id of a point, so that they stay when the site moves."""


def feed(collection: Collection, changes: Changes, around: Around) -> str:
    """The newest 50 points, each with its answer and what changed since the one before."""
    points = sorted(
        (run for history in collection.histories for run in history.points),
        key=lambda run: (run.ended_at, run.id),
        reverse=True,
    )[:MOST_ENTRIES]
    root = ET.Element("feed", xmlns=ATOM)
    _text(root, "title", around.title)
    _text(root, "id", around.base_url or f"urn:uuid:{uuid.uuid5(NAMES, around.title)}")
    _text(root, "updated", (points[0].ended_at if points else "") or NEVER)
    _text(root, "generator", f"suite {around.version}")
    author = ET.SubElement(root, "author")
    _text(author, "name", around.title)
    if around.base_url:
        ET.SubElement(root, "link", rel="self", href=around.base_url + "feed.xml")
        ET.SubElement(root, "link", href=around.base_url)
    for run in points:
        _entry(root, run, changes.get(run.id), around)
    return _document(root)


def site_map(pages: Iterable[str], around: Around) -> str | None:
    """Addresses of the pages; None where the site's own is not known, since they must be whole ones."""
    if around.base_url is None:
        return None
    root = ET.Element("urlset", xmlns=SITE_MAP)
    for path in sorted(pages)[:MOST_ADDRESSES]:
        _text(ET.SubElement(root, "url"), "loc", around.address(path))
    return _document(root)


def _entry(root: ET.Element, run: RunRecord, change: Change | None, around: Around) -> None:
    entry = ET.SubElement(root, "entry")
    _text(entry, "title", run.title)
    _text(entry, "id", f"urn:uuid:{uuid.uuid5(NAMES, run.id)}")
    _text(entry, "updated", run.ended_at or NEVER)
    # Without an address of its own, a feed's links are relative to where it was read.
    ET.SubElement(entry, "link", href=around.address(run_address(run)) or run_address(run))
    moved = "" if change is None else f" Since the run before: {change.difference.summary}"
    marked = f" ({', '.join(change.words)})" if change is not None and change.words else ""
    alarms = "".join(f" {alarm}" for alarm in alarm_words(run))
    _text(entry, "summary", f"{answer_words(run)}{alarms}{moved}{marked}")


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = "".join(letter for letter in text if letter >= " " or letter in "\t\n")


def _document(root: ET.Element) -> str:
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
