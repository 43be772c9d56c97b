"""Every kind of page: quiet, alone on the network, readable at every width, in the dark and by a screen reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from browser.conftest import Opener
from browser.looking import Look, look
from browser.sample_site import KINDS, SampleSite
from browser.visiting import PHONE, visiting

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def looks() -> dict[str, Look | Exception]:
    """What was seen of each kind; filled as tests ask, so that each page is opened once."""
    return {}


@pytest.fixture
def seen(kind: str, looks: dict[str, Look | Exception], served: Opener, site: SampleSite, browser: Browser) -> Look:
    """What was seen of this kind."""
    if kind not in looks:
        is_report = kind == "report"
        opened = visiting(browser, site.report.parent.as_uri() + "/", width=PHONE) if is_report else served(width=PHONE)
        try:
            with opened as visit:
                looks[kind] = look(visit, kind, site.report.name if is_report else site.kinds[kind])
        except Exception as error:  # noqa: BLE001 - once for all tests of this kind: each would wait as long
            looks[kind] = error
    found = looks[kind]
    if isinstance(found, Exception):
        raise found
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_console_stays_quiet(seen: Look):
    """No error, no warning, no request that fails."""
    assert seen.complaints == ()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_loaded_from_elsewhere(seen: Look):
    """Every request goes to the site itself."""
    assert seen.elsewhere == ()


@pytest.mark.parametrize("kind", KINDS)
def test_no_page_scrolls_sideways(seen: Look):
    """Not on a phone either: what is wide scrolls by itself."""
    assert seen.sideways == {390: [], 900: [], 1400: []}


@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing_serious(seen: Look):
    """On a phone, and in a wide window in the dark."""
    assert seen.findings == {"phone": [], "dark": []}


@pytest.mark.parametrize("kind", KINDS)
def test_dark_mode_is_dark(seen: Look):
    """The paper follows what the reader's system asks for."""
    assert seen.brightness["light"] > 0.9
    assert seen.brightness["dark"] < 0.15


@pytest.mark.parametrize("kind", KINDS)
def test_no_name_becomes_code(seen: Look):
    """Whatever a model, a class or a comparison is called."""
    assert not seen.taken
