"""Tables of a site: they sort, search, narrow, and can be taken home."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser.conftest import Opener
from browser.sample_site import MODELS, ROWS, STRATEGIES, SampleSite
from browser.visiting import Visit, visiting
from suite.publish.boxes import Cell, SiteTable, facet
from suite.publish.pages.page import SitePage
from suite.publish.rendering import write_pages
from suite.publish.site_frame import Around, write_assets
from suite.publish.stage import Staged, Staging
from suite.report.tables import Column

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MANY = 10_000
SOON = 1.0
"""Seconds within which a table of ten thousand rows must answer."""


def column(page: Page, number: int, table: str = "table.grid") -> list[str]:
    """What one column shows, from the top."""
    return page.locator(f"{table} tbody tr td:nth-child({number})").all_inner_texts()


def saved(page: Page, label: str) -> str:
    """The file that a button of the first table gives, as text."""
    with page.expect_download() as download:
        page.get_by_role("button", name=label).first.click()
    return Path(download.value.path()).read_text(encoding="utf-8")


@pytest.fixture
def board(served: Opener, site: SampleSite) -> Iterator[Visit]:
    """The small leaderboard with hostile names."""
    with served() as visit:
        visit.open(site.kinds["hostile_leaderboard"])
        yield visit
        assert visit.complaints == []


@pytest.fixture
def large(served: Opener, site: SampleSite) -> Iterator[Visit]:
    """The leaderboard with hundreds of lines, as it is before anybody scrolls."""
    with served() as visit:
        visit.page.goto(visit.home + site.kinds["leaderboard"])
        visit.page.wait_for_selector("html[data-site=ready]")
        yield visit
        assert visit.complaints == []


def test_a_heading_sorts_and_sorts_back(board: Visit):
    """Good values come first, then the other way round; the heading says which."""
    heading = board.page.get_by_role("columnheader", name="accuracy")
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    best = [float(text) for text in column(board.page, 5)]
    assert best == sorted(best, reverse=True)
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert column(board.page, 5) == [f"{value:.3f}" for value in reversed(best)]


def test_numbers_sort_by_value(board: Visit):
    """``110 k`` is less than ``1.2 M``, whatever the letters."""
    board.page.get_by_role("button", name="parameters").click()
    values = [
        float(one)
        for one in board.page.locator("tbody td:nth-child(9)").evaluate_all("all => all.map((one) => one.dataset.v)")
    ]
    assert values == sorted(values)


def test_search_narrows_to_lines_with_every_word(board: Visit):
    """In any column, without regard to case; the number found is said."""
    board.page.get_by_role("searchbox").fill("QUOTE braces")
    board.page.wait_for_function("() => document.querySelectorAll('tbody tr').length === 1")
    assert column(board.page, 2) == [MODELS[1]]
    assert board.page.locator("form output").inner_text() == f"1 of {len(MODELS) * len(STRATEGIES)}"
    board.page.get_by_role("searchbox").fill("nothing like it")
    board.page.wait_for_function("() => document.querySelectorAll('tbody tr').length === 0")
    assert board.page.locator("form output").inner_text() == f"0 of {len(MODELS) * len(STRATEGIES)}"


def test_a_facet_narrows(board: Visit):
    """To the lines with exactly this value."""
    board.page.get_by_label("Strategy").select_option(STRATEGIES[1])
    board.page.wait_for_function(f"() => document.querySelectorAll('tbody tr').length === {len(MODELS)}")
    assert set(column(board.page, 3)) == {STRATEGIES[1]}


def test_further_lines_come_as_the_reader_goes_down(large: Visit):
    """Some are in the page, the others come from beside it, until all are there."""
    assert len(column(large.page, 1)) < ROWS
    for _ in range(10):
        large.page.keyboard.press("End")
        large.page.wait_for_timeout(50)
    large.page.wait_for_function(f"() => document.querySelectorAll('tbody tr').length === {ROWS}")
    assert column(large.page, 1) == [str(place) for place in range(1, ROWS + 1)]


def test_search_finds_lines_that_the_page_does_not_show_yet(large: Visit):
    """The last line of hundreds, and it looks as the first ones do."""
    first = large.page.locator("tbody tr").first
    shape = "row => [...row.cells].map((one) => [one.className, [...one.children].map((each) => each.tagName)])"
    expected = first.evaluate(shape)
    large.page.get_by_label("Strategy").select_option("strategy 14")
    large.page.get_by_role("searchbox").fill("model_19")
    large.page.wait_for_function("() => document.querySelectorAll('tbody tr').length === 1")
    assert column(large.page, 3) == ["strategy 14"]
    assert first.evaluate(shape) == expected


def test_a_saved_csv_holds_what_the_table_shows(board: Visit):
    """Numbers as they are, names to the letter, and only the lines that are narrowed to."""
    board.page.get_by_label("Strategy").select_option(STRATEGIES[0])
    rows = list(csv.reader(io.StringIO(saved(board.page, "as CSV"), newline="")))
    assert rows[0][:5] == ["place", "model", "strategy", "verdict", "accuracy"]
    assert [row[1] for row in rows[1:]] == list(MODELS)
    shown = board.page.locator("tbody td:nth-child(5)").evaluate_all("all => all.map((one) => Number(one.dataset.v))")
    assert [float(row[4]) for row in rows[1:]] == shown


def test_a_saved_json_holds_what_the_table_shows(board: Visit):
    """One object to a line, with numbers as numbers."""
    rows = json.loads(saved(board.page, "as JSON"))
    assert [row["model"] for row in rows] == column(board.page, 2)
    assert [f"{row['accuracy']:.3f}" for row in rows] == column(board.page, 5)


def test_a_saved_latex_table_is_escaped(board: Visit):
    """Nothing in a name means anything to LaTeX."""
    text = saved(board.page, "as LaTeX")
    assert r"percent \% and \_ and \$ and \# and \{braces\} \textasciitilde{} \textasciicircum{}" in text
    assert "quote \" and ' and \\& and \\textbackslash{}" in text
    lines = [line for line in text.splitlines() if line.endswith(r" \\")]
    assert len(lines) == 1 + len(MODELS) * len(STRATEGIES)
    assert {line.replace(r"\&", "").count("&") for line in lines} == {11}


def test_a_report_saves_only_the_lines_it_is_narrowed_to(served: Opener, site: SampleSite):
    """The leaderboard of a run too."""
    with served() as visit:
        visit.open(site.kinds["run"])
        visit.page.locator("#leaderboard select[data-facet=model]").select_option("logistic")
        rows = list(csv.reader(io.StringIO(saved(visit.page, "as CSV"), newline="")))
    assert {row[1] for row in rows[1:]} == {"logistic"}
    assert len(rows) == 5


@pytest.fixture(scope="module")
def ten_thousand(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """A page with a table of ten thousand rows, opened from disk."""
    folder = tmp_path_factory.mktemp("many")
    rows = [
        (Cell(f"model {n:05d}"), Cell(f"kind {n % 7}"), Cell(f"{n * 7919 % MANY}", value=n * 7919 % MANY))
        for n in range(MANY)
    ]
    columns = (Column("model"), Column("kind"), Column("score", number=True, best_high=True))
    table = SiteTable("many", "Many", columns, tuple(rows), facets=(facet("Kind", 1, rows),), searchable=True)
    staging, staged = Staging(folder, {}), Staged()
    around = Around("Many", None, write_assets(staging, staged))
    page = SitePage("", "list.html.j2", "Many", "", {"table": table, "lead": "Many rows."}, tables=(table,))
    write_pages([page], around, staging, staged)
    with visiting(browser, folder.as_uri() + "/") as visit:
        visit.page.goto(visit.home + "index.html")
        visit.page.wait_for_selector("html[data-site=ready]")
        yield visit


def test_the_first_of_ten_thousand_rows_are_in_the_page(ten_thousand: Visit):
    """They are there before anything else is read, and what follows is said."""
    assert column(ten_thousand.page, 1)[:2] == ["model 00000", "model 00001"]
    assert "of 10000 rows" in ten_thousand.page.locator(".more").inner_text()


@pytest.mark.parametrize(
    ("do", "first"),
    [
        (lambda page: page.get_by_role("button", name="score", exact=True).click(), str(MANY - 1)),
        (lambda page: page.get_by_role("searchbox").fill("09999"), str(9999 * 7919 % MANY)),
        (lambda page: page.get_by_label("Kind").select_option("kind 3"), str(9999 * 7919 % MANY)),
    ],
    ids=["sort", "search", "facet"],
)
def test_ten_thousand_rows_answer_within_a_second(ten_thousand: Visit, do, first: str):
    """Sorting, searching and narrowing."""
    page = ten_thousand.page
    page.evaluate("() => window.scrollTo(0, 0)")
    started = time.perf_counter()
    do(page)
    page.wait_for_function(
        "(first) => document.querySelector('tbody td:nth-child(3)')?.textContent === first", arg=first
    )
    assert time.perf_counter() - started < SOON
