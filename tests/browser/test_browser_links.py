"""Every page of a site that was opened from disk: its links lead somewhere, and nothing is asked of the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from browser.conftest import Opener
from browser.sample_site import SampleSite

LINKS = """() => [...document.querySelectorAll("[href], [src]")].map((one) => {
  const raw = one.getAttribute("href") ?? one.getAttribute("src");
  return new URL(raw, document.baseURI).href;
})"""
IDS = "() => [...document.querySelectorAll('[id]')].map((one) => one.id)"


@dataclass(frozen=True)
class Opened:
    """One page after its scripts have run."""

    links: tuple[str, ...]
    ids: tuple[str, ...]
    complaints: tuple[str, ...]
    elsewhere: tuple[str, ...]


@pytest.fixture(scope="module")
def opened(site: SampleSite, from_disk: Opener) -> Mapping[str, Opened]:
    """Every page by its path."""
    found = {}
    with from_disk() as visit:
        for path in site.pages:
            visit.complaints.clear()
            visit.elsewhere.clear()
            visit.open(path)
            links, ids = visit.page.evaluate(LINKS), visit.page.evaluate(IDS)
            found[path] = Opened(tuple(links), tuple(ids), tuple(visit.complaints), tuple(visit.elsewhere))
    return found


def place_in(site: SampleSite, base_url: str, address: str) -> tuple[str, str] | None:
    """Path in the site and anchor of an address; None where it leads out of the site."""
    for start in (site.folder.as_uri() + "/", base_url):
        if address.startswith(start):
            path = unquote(urlsplit(address[len(start) :]).path)
            return (path + "index.html" if path.endswith("/") or not path else path), unquote(
                urlsplit(address).fragment
            )
    return None


def test_every_link_leads_to_a_file(opened: Mapping[str, Opened], site: SampleSite, home: tuple[str, Path]):
    """Pages, images, scripts, downloads, the feed and JSON; none of them leads out of the site."""
    broken = []
    for path, page in opened.items():
        for link in dict.fromkeys(page.links):
            place = place_in(site, home[0], link)
            if place is None or not (site.folder / place[0]).is_file():
                broken.append(f"{path}: {link}")
    assert broken == []


def test_every_anchor_is_there(opened: Mapping[str, Opened], site: SampleSite, home: tuple[str, Path]):
    """In the page itself and in others."""
    broken = []
    for path, page in opened.items():
        for link in dict.fromkeys(page.links):
            place = place_in(site, home[0], link)
            if place and place[1] and place[1] not in opened[place[0]].ids:
                broken.append(f"{path}: {link}")
    assert broken == []


def test_no_id_is_there_twice(opened: Mapping[str, Opened]):
    """An anchor and a label mean one element."""
    assert {path: page.ids for path, page in opened.items() if len(set(page.ids)) < len(page.ids)} == {}


def test_pages_from_disk_ask_for_files_of_the_site_only(opened: Mapping[str, Opened]):
    """No server is needed, and none is asked."""
    assert {path: page.elsewhere for path, page in opened.items() if page.elsewhere} == {}


def test_pages_from_disk_have_nothing_to_complain_of(opened: Mapping[str, Opened]):
    """Charts, tables and comparisons work as they do on a server."""
    assert {path: page.complaints for path, page in opened.items() if page.complaints} == {}
