"""What readers do with pages: with keys alone, without scripts, on paper, and with charts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser.conftest import Opener
from browser.sample_site import SampleSite
from browser.visiting import PHONE, Visit, settle, visiting

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FOCUS = """() => {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  return {
    name: (one.getAttribute("aria-label") || one.innerText || one.type || "").trim(),
    tag: one.tagName.toLowerCase(),
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
    there: box.width > 0 && box.right > 0 && box.bottom > 0,
  };
}"""
BOUNDING = "(one) => one.getBoundingClientRect().top"


@pytest.fixture
def visit(served: Opener, site: SampleSite) -> Iterator[Visit]:
    """A wide window; whatever is done in it, the console stays quiet."""
    with served() as opened:
        yield opened
        assert opened.complaints == []
        assert opened.elsewhere == []


def stops(page: Page, many: int) -> list[dict[str, object]]:
    """What is focused after each of so many presses of Tab."""
    found = []
    for _ in range(many):
        page.keyboard.press("Tab")
        found.append(page.evaluate(FOCUS))
    return found


def test_tab_reaches_everything_and_shows_where_it_is(visit: Visit):
    """The way past the navigation comes first, then navigation, search, facets and headings that sort."""
    visit.open("index.html")
    found = stops(visit.page, 32)
    names = [one["name"] for one in found]
    assert names[0] == "Skip to the content"
    assert names[1:6] == ["Model comparisons", "Leaderboards", "Models", "Data sets", "Compare"]
    assert [one["tag"] for one in found[6:9]] == ["input", "select", "select"]
    assert {"comparison", "best", "Save Comparisons as CSV"} <= set(names)
    assert [one for one in found if not one["outlined"] or not one["there"]] == []


def test_the_skip_link_leads_past_the_navigation(visit: Visit):
    """The next stop after it is in the content."""
    visit.open("index.html")
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Enter")
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("() => document.activeElement.closest('main') !== null")


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_key_sorts(visit: Visit, key: str):
    """A heading is a button."""
    visit.open("models/index.html")
    heading = visit.page.locator("table.grid th").first
    heading.get_by_role("button").focus()
    visit.page.keyboard.press(key)
    assert heading.get_attribute("aria-sort") == "ascending"


def test_a_wide_table_scrolls_by_key(visit: Visit):
    """Its frame takes the focus, and has a name."""
    visit.page.set_viewport_size({"width": PHONE, "height": 800})
    visit.open("models/index.html")
    visit.page.get_by_role("region", name="Models").focus()
    visit.page.keyboard.press("ArrowRight")
    visit.page.wait_for_function("() => document.querySelector('.wrap').scrollLeft > 0")
    assert visit.page.locator(".wrap").first.evaluate("(frame) => frame.scrollLeft") > 0


def test_keys_choose_a_cell_and_a_tab_of_a_report(visit: Visit, site: SampleSite):
    """A line of the leaderboard is a button, and arrows move between tabs."""
    visit.open(site.kinds["run"])
    button = visit.page.locator("#leaderboard tbody .pick").nth(2)
    button.focus()
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_function("() => document.querySelectorAll('#leaderboard .pick')[2].ariaPressed === 'true'")
    tab = visit.page.get_by_role("tab").first
    tab.focus()
    visit.page.keyboard.press("ArrowRight")
    assert visit.page.get_by_role("tab").nth(1).get_attribute("aria-selected") == "true"
    visit.page.wait_for_selector("[role=tabpanel]:not([hidden]) svg.marks")


def test_contents_lead_to_their_section(visit: Visit, site: SampleSite):
    """Also where charts above it are drawn on the way."""
    visit.page.emulate_media(reduced_motion="reduce")
    visit.page.goto(visit.home + site.kinds["run"])
    visit.page.get_by_role("navigation", name="Contents").get_by_role("link", name="Failures").click()
    visit.page.wait_for_timeout(1500)
    assert -5 <= visit.page.locator("#failures").evaluate(BOUNDING) <= 500


@pytest.mark.parametrize("kind", ["history", "run"])
def test_a_chart_tells_what_is_under_the_pointer(visit: Visit, site: SampleSite, kind: str):
    """A point has a tool tip with its values, and it goes away again."""
    visit.open(site.kinds[kind])
    # What is drawn last lies on top of everything.
    mark = visit.page.locator("figure[data-chart]").first.locator(".mark-symbol.role-mark path").last
    mark.scroll_into_view_if_needed()
    mark.hover(force=True)
    tip = visit.page.locator("#vg-tooltip-element")
    tip.wait_for(state="visible")
    assert "accuracy" in tip.inner_text()
    visit.page.mouse.move(2, 2)
    tip.wait_for(state="hidden")


@pytest.mark.parametrize("kind", ["history", "run"])
def test_a_chart_can_be_saved(visit: Visit, site: SampleSite, kind: str):
    """As an image of points and as one of lines."""
    visit.open(site.kinds[kind])
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="as PNG").first.click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG\r\n")
    assert download.value.suggested_filename.endswith(".png")
    with visit.page.expect_download() as download:
        visit.page.get_by_role("link", name="as SVG").first.click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert text.startswith("<svg")
    assert "accuracy" in text


def test_two_runs_are_compared_in_the_browser(visit: Visit, site: SampleSite):
    """The page says the same as the one that was made when the site was, and its address can be sent."""
    visit.open(site.kinds["compare"])
    shown = visit.page.locator("#compared table tbody").first.locator("tr")
    rows = [" ".join(row.split()) for row in shown.all_inner_texts()]
    address = visit.page.url
    visit.open(site.kinds["change"])
    made = visit.page.locator("table[data-caption='Scores before and after'] tbody tr").all_inner_texts()
    assert [row.replace(" 0.000", " +0.000") for row in rows] == [" ".join(row.split()) for row in made]
    visit.page.goto(address)
    settle(visit.page)
    assert [" ".join(row.split()) for row in shown.all_inner_texts()] == rows


def test_choosing_another_run_compares_it(visit: Visit, site: SampleSite):
    """Its name is in the address, and the page says what has no counterpart."""
    visit.open("compare/index.html")
    other = visit.page.locator("#before option").last.get_attribute("value")
    visit.page.locator("#before").select_option(other)
    visit.page.wait_for_function("(id) => document.documentElement.dataset.compared?.startsWith(id)", arg=other)
    assert "writing" in visit.page.url
    assert "Only before" in visit.page.locator("#compared").inner_text()


def test_an_exported_model_can_be_downloaded(visit: Visit, site: SampleSite):
    """Byte by byte, from its model's page."""
    visit.open(site.kinds["model"])
    with visit.page.expect_download() as download:
        visit.page.locator("a[href$='.onnx']").first.click()
    assert Path(download.value.path()).read_bytes() == bytes(range(256)) * 40


@pytest.mark.parametrize("kind", ["index", "leaderboard", "model", "dataset", "history", "run", "change"])
def test_pages_can_be_read_without_scripts(served: Opener, site: SampleSite, kind: str):
    """Tables and images of charts are there; what needs a script is not."""
    with served(java_script_enabled=False) as visit:
        visit.page.goto(visit.home + site.kinds[kind])
        assert visit.page.locator("h1").first.is_visible()
        assert visit.page.locator("main table tbody tr").first.is_visible()
        assert not any(one.is_visible() for one in visit.page.locator("form, .tabs, select, input").all())
        if kind in {"history", "run"}:
            assert visit.page.locator("figure noscript img").first.is_visible()
        assert visit.complaints == []


@pytest.mark.parametrize("kind", ["index", "leaderboard", "history", "run", "report"])
def test_paper_shows_what_matters(browser: Browser, served: Opener, site: SampleSite, kind: str):
    """Headings, tables and charts; no navigation, no buttons."""
    is_report = kind == "report"
    opened = visiting(browser, site.report.parent.as_uri() + "/") if is_report else served()
    with opened as visit:
        visit.open(site.report.name if is_report else site.kinds[kind])
        visit.page.emulate_media(media="print", color_scheme="dark")
        hidden = visit.page.locator(".site-top, nav, form.filters, .save, .skip, .tabs").all()
        assert not any(one.is_visible() for one in hidden)
        assert all(one.is_visible() for one in visit.page.locator("h1, h2").all())
        assert visit.page.locator("main table tbody tr").first.is_visible()
        assert visit.page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        if kind in {"history", "run", "report"}:
            assert visit.page.locator("figure svg.marks").first.is_visible()


def test_nothing_moves_for_readers_who_ask_for_that(served: Opener, site: SampleSite):
    """Neither scrolling nor anything else."""
    moving = """() => [...document.querySelectorAll("*")].filter((one) => {
      const style = getComputedStyle(one);
      return style.scrollBehavior === "smooth" || style.animationName !== "none" || style.transitionDuration !== "0s";
    }).length"""
    with served(reduced_motion="reduce") as visit:
        visit.open(site.kinds["run"])
        assert visit.page.evaluate(moving) == 0
