"""Exported files in a comparison: which no other beats, which to ship, and what is never recommended."""

from __future__ import annotations

from pathlib import Path

import pytest
from exports_sample import make_card, measured, with_exports
from report_sample import make_comparison

from suite.compare.exports import exported_files
from suite.report.writing import write_report
from suite.store.records.export_card import Difference
from suite.store.records.result import Score

COMPARISON = make_comparison()
WITH = with_exports(COMPARISON)


def test_files_stand_in_the_order_of_their_cells():
    """By rank, then format, then precision."""
    (files,) = WITH.exports
    ranks = {cell.cell_id: place for place, cell in enumerate(COMPARISON.cells)}
    order = [(ranks[card.cell_id], card.format) for card in files.cards]
    assert order == sorted(order)
    assert all(card.labels == () for card in files.cards)


def test_the_front_holds_what_no_other_beats():
    """Along it both cost and score rise."""
    (files,) = WITH.exports
    by_latency, by_size = ([files.card(name) for name in names] for names in (files.latency_front, files.size_front))
    latencies, sizes = [card.measured.latency_ms_p50 for card in by_latency], [card.bytes for card in by_size]
    for cards, costs in ((by_latency, latencies), (by_size, sizes)):
        assert cards
        scores = [card.scores["accuracy"].value for card in cards]
        assert costs == sorted(costs)
        assert scores == sorted(scores)


def test_what_to_ship_is_not_measurably_worse():
    """The fastest file of all loses 20 points; the next is the fastest that is not worse."""
    (files,) = WITH.exports
    taken = COMPARISON.recommendations[0].cell_id
    fastest = files.card(files.fastest)
    assert (fastest.cell_id, fastest.format, fastest.precision) == (taken, "openvino", "int8_dynamic")
    assert files.smallest == files.fastest


@pytest.mark.parametrize("status", ["failed", "skipped"])
def test_a_file_that_is_not_done_is_never_recommended(status):
    """However fast it is."""
    (cell, *_) = [cell for cell in COMPARISON.cells if cell.headline]
    who = {"cell_id": cell.cell_id, "trial_id": f"trial of {cell.cell_id}", "dataset": cell.dataset}
    (before,) = WITH.exports
    result = _result_of(who)
    cards = [
        make_card(**who, format="onnx", measured=measured(1.0)),
        make_card(**who, format="litert", measured=measured(0.001), bytes=1, status=status, reason="it differs"),
    ]
    (files,) = exported_files(cards, COMPARISON.cells, results=[result], taken=(), metric=COMPARISON.headline)
    assert files.card(files.fastest).format == files.card(files.smallest).format == "onnx"
    assert all("litert" not in name for name in (*files.latency_front, *files.size_front))
    assert before.cell_id is not None


def test_where_lower_is_better_a_higher_score_is_worse():
    """The direction of the metric decides what is lost."""
    (cell, *_) = [cell for cell in COMPARISON.cells if cell.headline]
    who = {"cell_id": cell.cell_id, "trial_id": "t", "dataset": cell.dataset}
    metric = COMPARISON.headline.model_copy(update={"name": "log_loss", "higher_is_better": False, "unit": ""})

    def card(name, value, **costs):
        return make_card(
            **who,
            format=name,
            scores={"log_loss": Score(value=value)},
            difference=Difference(metric="log_loss", value=value - 0.5, low=value - 0.55, high=value - 0.45),
            **costs,
        )

    cards = [card("onnx", 0.9, measured=measured(0.1)), card("litert", 0.5, measured=measured(0.2))]
    (files,) = exported_files(cards, COMPARISON.cells, results=[_result_of(who)], taken=(), metric=metric)
    assert files.card(files.fastest).format == "litert"


def test_the_report_says_what_the_files_ran_on(tmp_path: Path):
    """Threads and processor."""
    text = write_report(WITH, tmp_path).markdown.read_text(encoding="utf-8")
    assert "Files ran one at a time, after warm-up, on 2 threads of a processor." in text


def test_the_report_escapes_what_a_library_says(tmp_path: Path):
    """A reason is text, in both files."""
    written = write_report(WITH, tmp_path)
    page = written.html.read_text(encoding="utf-8")
    assert "it &lt;does&gt; not run" in page
    assert "it <does> not run" not in page
    assert "Skipped and failed files" in written.markdown.read_text(encoding="utf-8")


def _result_of(who):
    from exports_sample import _result

    return _result({"model": "vgg", "strategy": "linear_probe", **who})
