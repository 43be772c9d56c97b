"""The interval of the leaderboard, and the table of who beats whom."""

from __future__ import annotations

import pytest
from report_sample import make_comparison

from suite.compare.comparison import Comparison
from suite.compare.number_format import score
from suite.report.page import make_page
from suite.report.sections.leaderboard import make_board, shared_scale
from suite.report.sections.pairs import MOST_CELLS, pairs_matrix
from suite.report.writing import render_html, render_markdown


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """Two models, adapted three ways."""
    return make_comparison(models=("a", "b"), strategies=("knn", "fine_tune: all", "linear_probe"))


def section_of(comparison: Comparison):
    """The section on pairs."""
    return next(section for section in make_page(comparison).before if section.id == "pairs")


def test_one_bar_is_the_interval_that_is_written(comparison: Comparison):
    """The drawn bar, the text beside it and its tool tip are one interval, which counts seeds."""
    row, cell = make_board(comparison, "digits_photo").rows[0], comparison.cells[0]
    said = " to ".join(map(score, cell.headline.interval))
    assert row.interval == said
    assert f"interval {said};" in row.score.title
    assert f"| {said} |" in render_markdown(make_page(comparison))
    assert 0 <= row.drawn.low <= row.drawn.at <= row.drawn.high <= 100


def test_an_open_interval_does_not_press_the_others_together(comparison: Comparison):
    """What leaves the scale is cut there and drawn as leaving it; its numbers are told in full."""
    first, *others = comparison.cells
    wide = first.headline.model_copy(update={"low": 0.0, "high": 1.0})
    changed = comparison.model_copy(update={"cells": (first.model_copy(update={"headline": wide}), *others)})
    assert shared_scale(list(changed.cells)).low > 0.7
    row = make_board(changed, "digits_photo").rows[0]
    assert (row.drawn.low, row.drawn.leaves) == (0.0, "left")
    assert row.interval == "0.000 to 1.000"
    assert '<i class="left">' in render_html(make_page(changed), changed, {})


def test_without_a_verdict_nothing_is_behind(comparison: Comparison):
    """The twin's leaderboard has no column of dashes where nothing could be tested."""
    cells = tuple(cell.model_copy(update={"best": None}) for cell in comparison.cells)
    untested = make_board(comparison.model_copy(update={"cells": cells}), "digits_photo")
    assert (untested.tested, make_board(comparison, "digits_photo").tested) == (False, True)


def test_many_cells_have_a_matrix_of_all_pairs():
    """Ahead where the pair can be told apart, and the mirror of it below the diagonal."""
    many = make_comparison()
    matrix = pairs_matrix(many, many.cells)
    marks = [[box.text for box in row[2:]] for row in matrix.rows]
    ranked = many.ranking("digits_photo")
    place = {cell.cell_id: at for at, cell in enumerate(ranked)}
    assert len(matrix.columns) == 2 + len(ranked)
    for pair in many.pairs:
        ends = place[pair.better], place[pair.worse]
        both = marks[ends[0]][ends[1]], marks[ends[1]][ends[0]]
        assert both == (("+", "−") if pair.different else ("·", "·"))


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
        update=dict.fromkeys(("low", "high", "p_value", "p_adjusted", "probability_better", "smallest_detectable"))
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
