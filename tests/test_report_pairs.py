"""The two intervals of the leaderboard, and the table of who beats whom."""

from __future__ import annotations

import re

import pytest
from report_sample import make_comparison

from suite.charts.words import score
from suite.compare.comparison import Comparison
from suite.report.leaderboard import make_board, shared_scale
from suite.report.page import make_page
from suite.report.pairs import MOST_CELLS
from suite.report.writing import render_html, render_markdown


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """Two models, adapted three ways."""
    return make_comparison(models=("a", "b"), strategies=("knn", "fine_tune: all", "linear_probe"))


def section_of(comparison: Comparison):
    """The section on pairs."""
    return next(section for section in make_page(comparison).before if section.id == "pairs")


def without_seeds(comparison: Comparison) -> Comparison:
    """The same with one seed each, so that nothing is known of others."""
    nothing = {"overall_low": None, "overall_high": None, "seed_deviation": None, "overall_reason": "one seed."}
    cells = tuple(
        cell.model_copy(update={"headline": cell.headline.model_copy(update=nothing)}) for cell in comparison.cells
    )
    return comparison.model_copy(update={"cells": cells})


def test_the_thin_line_holds_the_thick_bar(comparison: Comparison):
    """Both intervals lie on the shared scale, one inside the other, and the page draws both."""
    board = make_board(comparison, "digits_photo")
    for row in board.rows:
        assert 0 <= row.overall_low <= row.low <= row.at <= row.high <= row.overall_high <= 100
    html = render_html(make_page(comparison), comparison, {})
    assert len(re.findall(r"--olo:[\d.]+%;--ohi:[\d.]+%\"><s></s><i></i>", html)) == len(board.rows)


def test_the_twin_writes_both_intervals(comparison: Comparison):
    """A column for examples, and one that adds seeds."""
    text = render_markdown(make_page(comparison))
    first = comparison.cells[0].headline
    inner, outer = (
        f"{score(a)} to {score(b)}" for a, b in ((first.low, first.high), (first.overall_low, first.overall_high))
    )
    assert "| 95 % interval | with seeds |" in text
    assert f"| {inner} | {outer} |" in text


def test_one_seed_draws_and_promises_no_thin_line(comparison: Comparison):
    """Without a spread over seeds there is no line, no column and no word about them."""
    page = make_page(without_seeds(comparison))
    assert "seeds together" not in page.board_note
    assert "with seeds" not in render_markdown(page)
    assert "<s></s>" not in render_html(page, comparison, {})


def test_an_open_interval_does_not_press_the_others_together(comparison: Comparison):
    """What leaves the scale is cut there and drawn as leaving it; its numbers are told in full."""
    first, *others = comparison.cells
    wide = first.headline.model_copy(update={"overall_low": 0.0, "overall_high": 1.0})
    changed = comparison.model_copy(update={"cells": (first.model_copy(update={"headline": wide}), *others)})
    assert shared_scale(list(changed.cells))[0] > 0.7
    row = make_board(changed, "digits_photo").rows[0]
    assert (row.overall_low, row.leaves) == (0.0, "left")
    assert row.overall == "0.000 to 1.000"


def test_few_cells_show_every_pair(comparison: Comparison):
    """Six cells have fifteen pairs; the numbers are those of the comparison."""
    table = section_of(comparison).tables[0]
    assert table.title == "All 15 pairs"
    assert [row[2].value for row in table.rows] == [pair.difference for pair in comparison.pairs]
    assert {row[-1].text for row in table.rows} <= {
        "can be told apart",
        "cannot be told apart",
    }


def test_many_cells_show_the_pairs_of_the_best():
    """The title names it and says how many of how many; each row is another cell."""
    comparison = make_comparison()
    table = section_of(comparison).tables[0]
    count, best = len(comparison.cells), comparison.cells[0]
    assert count > MOST_CELLS
    assert table.title == f"{best.name}, against every other ({count - 1} of {count * (count - 1) // 2} pairs)"
    assert best.name not in {row[0].text for row in table.rows}
    assert len(table.rows) == count - 1


def test_a_pair_without_a_test_says_why(comparison: Comparison):
    """Numbers that are missing are dashes, and the verdict is the reason."""
    first, *others = comparison.pairs
    untested = first.model_copy(
        update=dict.fromkeys(("low", "high", "p_value", "p_holm", "probability_better", "smallest_detectable"))
        | {"different": False, "reason": "the two were scored on different examples and cannot be paired."}
    )
    row = section_of(comparison.model_copy(update={"pairs": (untested, *others)})).tables[0].rows[0]
    assert [box.text for box in row[3:7]] == ["–"] * 4
    assert row[-1].text == "have no test: the two were scored on different examples and cannot be paired."


def test_probability_is_never_certain(comparison: Comparison):
    """No sample shows 0 or 100 %."""
    chances = {row[5].text for row in section_of(comparison).tables[0].rows}
    assert not chances & {"100\u202f%", "0\u202f%"}


def test_the_page_says_which_luck_it_counts(comparison: Comparison):
    """Seeds where there are several; with one each, that their spread is unknown."""
    assert "other test examples and other seeds" in section_of(comparison).read
    cells = tuple(
        cell.model_copy(update={"headline": cell.headline.model_copy(update={"seeds": cell.headline.seeds[:1]})})
        for cell in comparison.cells
    )
    assert "spread over seeds is unknown" in section_of(comparison.model_copy(update={"cells": cells})).read


def test_the_page_says_how_pairs_were_made(comparison: Comparison):
    """Seed by seed where every seed has splits of its own."""
    assert "seed by seed" not in section_of(comparison).read
    assert "seed by seed" in section_of(comparison.model_copy(update={"resample": True})).read
