"""The report: complete, self-contained, the same numbers twice, and nothing of the user's gets loose in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from page_reader import Elements, body_of, browse, data_of, needs_browser
from report_sample import make_comparison
from sample_run import load_from, make_sample_results
from test_charts import contrast

from suite.compare.across_datasets.summary import across_datasets
from suite.compare.advice.verdict_words import verdict_of
from suite.compare.compare import compare
from suite.compare.comparison import Comparison, PlannedTrial
from suite.compare.number_format import score
from suite.errors import StoreError
from suite.registry import CHARTS
from suite.report.page import make_page
from suite.report.writing import Written, write_report
from suite.spec.shipped import templates_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the reports of this module lie."""
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def written(folder: Path) -> Written:
    """The report of a finished comparison."""
    return write_report(make_comparison(), folder / "plain")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """A small honest run with a failure of each kind, compared."""
    folder = tmp_path_factory.mktemp("sample")
    plan, results = make_sample_results(folder)
    return compare(results, plan_summary=plan, load_predictions=load_from(folder))


def test_all_files_are_written_and_no_others(written: Written) -> None:
    """A page, its twin and their images; no temporary file stays."""
    folder = written.html.parent
    found = {path.name for path in folder.iterdir()}
    assert found == {"report.html", "report.md", "charts"}
    assert {path.suffix for path in (folder / "charts").iterdir()} == {".svg"}


def test_the_page_asks_nothing_of_anybody(written: Written) -> None:
    """No source, link target or style reaches outside, and the policy forbids what was overlooked."""
    text = written.html.read_text(encoding="utf-8")
    for tag, attributes in Elements(text).found:
        for name in ("src", "href", "action", "data", "poster", "srcset", "xlink:href"):
            value = attributes.get(name) or ""
            assert value == "" or value.startswith(("#", "data:")), (tag, name, value[:60])
    assert not re.search(r"url\(\s*['\"]?(https?:)?//", text)
    assert "default-src 'none'" in text
    assert "<link" not in text.split("<script", 1)[0]


def test_anchors_lead_somewhere_and_ids_are_unique(written: Written) -> None:
    """Every contents entry and every reference has its element, and no id is given twice."""
    elements = Elements(written.html.read_text(encoding="utf-8")).found
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [(attributes.get("href") or "")[1:] for tag, attributes in elements if tag in {"a", "use"}]
    assert targets
    assert set(targets) <= set(ids)
    for _, attributes in elements:
        for name in ("aria-controls", "aria-labelledby", "for"):
            assert attributes.get(name) is None or attributes[name] in ids


def test_sections_stand_in_the_order_of_questions(written: Written) -> None:
    """Answer first, the way to repeat it last, the same in both files."""
    titles = re.findall(r"<h2>(.*?)</h2>", body_of(written.html))
    markdown = re.findall(r"^## (.*)$", written.markdown.read_text(encoding="utf-8"), re.MULTILINE)
    assert titles == markdown
    assert titles[0] == "Leaderboard"
    assert titles[-1] == "Reproduce"


def test_both_files_say_the_comparison_s_scores(written: Written) -> None:
    """Each cell's score and interval stand in the page, in the twin and in the comparison alike."""
    html = written.html.read_text(encoding="utf-8")
    markdown = written.markdown.read_text(encoding="utf-8")
    for cell in make_comparison().cells:
        assert cell.headline is not None
        value, low, high = (score(one) for one in (cell.headline.value, *cell.headline.interval))
        assert re.search(rf'data-cell="{cell.cell_id}".*?<b>{value}</b>', html, re.DOTALL)
        assert f"| {cell.model} | {cell.strategy} | {verdict_of(cell)} | {value} | {low} to {high} |" in markdown


def test_every_number_of_the_twin_is_in_the_page(written: Written) -> None:
    """The twin leaves columns out and adds no number of its own."""
    markdown = written.markdown.read_text(encoding="utf-8")
    html = written.html.read_text(encoding="utf-8")
    numbers = set(re.findall(r"\d+\.\d+", re.sub(r"\]\(.*?\)", "", markdown)))
    assert len(numbers) > 100
    assert not [one for one in numbers if one not in html]


def test_every_metric_is_explained(written: Written) -> None:
    """Terms such as Brier score stand beside what they mean, in the page and in the twin."""
    html, markdown = (unescape(path.read_text(encoding="utf-8")) for path in (written.html, written.markdown))
    for metric in make_comparison().metrics:
        assert f"<dt>{metric.label}</dt><dd>{metric.summary}</dd>" in html
        assert f"- {metric.label}: {metric.summary}"[:40] in markdown.replace("\\", "")


def test_the_answer_and_its_reasons_open_both_files(written: Written) -> None:
    """What to take comes before anything else."""
    answer = make_comparison().recommendations[0]
    for path in (written.html, written.markdown):
        text = path.read_text(encoding="utf-8")
        assert text.index(answer.take) < text.index("Leaderboard</h2>" if path == written.html else "## Leaderboard")
        assert all(reason.text in text for reason in answer.reasons)


def test_images_of_the_twin_exist(written: Written) -> None:
    """Every image that the Markdown shows lies beside it, and the other way round."""
    named = set(re.findall(r"\]\((charts/[^)]+)\)", written.markdown.read_text(encoding="utf-8")))
    there = {f"charts/{path.name}" for path in written.images}
    assert named == there


def test_page_data_has_every_cell(written: Written) -> None:
    """Confusion matrices, reliability and class scores travel for each cell, each list of classes once."""
    data = data_of(written.html.read_text(encoding="utf-8"))
    comparison = make_comparison()
    assert set(data["cells"]) == {cell.cell_id for cell in comparison.cells}
    assert data["classes"] == [list("0123456789")]
    first = comparison.cells[0]
    assert first.confusion is not None
    assert sum(entry[2] for entry in data["cells"][first.cell_id]["confusion"]) == sum(map(sum, first.confusion.counts))
    assert data["chosen"] == comparison.recommendations[0].cell_id


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_both_schemes(scheme: str) -> None:
    """Ink, quiet text and links have at least 4.5 to 1 on their paper."""
    blocks = re.findall(r":root \{([^}]*--paper[^}]*)\}", (templates_folder() / "report" / "report.css").read_text())
    colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", blocks[0 if scheme == "light" else 1]))
    for name in ("ink", "quiet", "accent"):
        assert contrast(colours[name], colours["paper"]) >= 4.5, name
        assert contrast(colours[name], colours["soft"]) >= 4.5, name


def make_missing(count: int) -> tuple[PlannedTrial, ...]:
    """Trials that are planned and not there."""
    return tuple(
        PlannedTrial(
            trial_id=f"t{seed}", cell_id="k", model="vgg_tiny", dataset="digits_photo", strategy="knn",
            strategy_name="knn", phase="final", seed=seed,
        )
        for seed in range(count)
    )  # fmt: skip


def small_cases() -> Iterator[Any]:
    """Comparisons at the edges."""
    nothing = make_comparison(models=(), strategies=(), sets=(), missing=make_missing(3))
    nothing = nothing.model_copy(update={"environments": (), "data": ()})
    yield pytest.param(nothing, 0, id="zero finished trials")
    yield pytest.param(make_comparison(models=("a",), strategies=("knn",), sets=()), 1, id="one cell, no further set")
    several = make_comparison(models=("a", "b"), strategies=("knn",), datasets=("one", "two"), sets=("x", "y"))
    yield pytest.param(several, 4, id="two data sets, two further sets")


@pytest.mark.parametrize(("comparison", "rows"), small_cases())
def test_a_report_at_the_edges(comparison: Comparison, rows: int, tmp_path: Path) -> None:
    """The page is whole and every cell has its row, whatever is missing."""
    files = write_report(comparison, tmp_path)
    html = files.html.read_text(encoding="utf-8")
    assert html.count("<tr data-cell=") == rows
    assert len(re.findall(r"<h2>", body_of(files.html))) == len(make_page(comparison).contents) - 1
    assert ('<p class="none">None.</p>' in html) or comparison.evaluation_sets


def test_the_middle_of_a_run_says_what_is_missing() -> None:
    """A sentence under the answer, a number among the facts, a table under failures."""
    page = make_page(make_comparison(missing=make_missing(3)))
    assert "3 trials of 63 are missing, in 1 cell" in page.remarks[0]
    assert "3 missing" in page.facts[1].note
    failures = next(section for section in page.after if section.id == "failures")
    assert [table.title for table in failures.tables] == ["Not there yet"]
    assert [box.text for box in failures.tables[0].rows[0]] == ["vgg_tiny", "digits_photo", "knn", "0", "3"]


SIX = tuple(f"set {index}" for index in range(6))


def test_several_data_sets_have_a_section_of_their_own(tmp_path: Path) -> None:
    """After the leaderboard: diagram, ranks, table and sentences, in both files; with one data set there is none."""
    comparison = make_comparison(models=("vgg", "vit"), strategies=("knn", "linear_probe"), datasets=SIX)
    across = comparison.across
    assert across is not None
    files = write_report(comparison, tmp_path)
    html, markdown = unescape(files.html.read_text("utf-8")), files.markdown.read_text("utf-8")
    titles = re.findall(r"<h2>(.*?)</h2>", body_of(files.html))
    assert titles[:2] == ["Leaderboard", "Across data sets"]
    assert titles == re.findall(r"^## (.*)$", markdown, re.MULTILINE)
    assert {"critical_difference.svg", "ranks.svg"} <= {path.name for path in files.images}
    for said in across.sentences:
        assert said[:40] in html
        assert said[:40] in markdown
    for method in across.methods:
        assert f"| {method.model} | {method.strategy} | {method.mean_rank.value:.2f} |" in markdown
    assert "| 6/6 |" in markdown
    assert "across" not in {section.id for section in make_page(make_comparison()).before}


def test_every_number_of_the_section_s_twin_is_in_the_page(tmp_path: Path) -> None:
    """As on the rest of the page."""
    comparison = make_comparison(models=("a", "b", "c"), strategies=("knn",), datasets=SIX, sets=())
    files = write_report(comparison, tmp_path)
    part = files.markdown.read_text("utf-8").split("## Across data sets")[1].split("\n## ")[0]
    numbers = set(re.findall(r"\d+\.\d+", part))
    html = files.html.read_text("utf-8")
    assert len(numbers) > 10
    assert not [one for one in numbers if one not in html]


def test_the_answer_over_all_data_sets_opens_both_files(tmp_path: Path) -> None:
    """Before the answers of single data sets, which open on demand where there are many."""
    comparison = make_comparison(models=("a", "b", "c"), strategies=("knn",), datasets=SIX, sets=())
    assert comparison.across is not None
    files = write_report(comparison, tmp_path)
    for path in (files.html, files.markdown):
        text = path.read_text(encoding="utf-8")
        assert text.index(comparison.across.answer or "none") < text.index(comparison.recommendations[0].take)
    opening = body_of(files.html).split('id="answer"')[1].split("</section>")[0]
    assert opening.count("<details>") == 6
    assert "2,160" in opening
    assert make_page(make_comparison()).overall == ""


def test_a_mean_over_fewer_data_sets_says_so() -> None:
    """Where all methods are equal on one of two data sets, the normalised score is over the other."""
    cells = make_comparison(models=("a", "b"), strategies=("knn",), datasets=("one", "two")).cells
    level = tuple(
        cell.model_copy(update={"headline": cell.headline.model_copy(update={"value": 0.5})})
        if cell.dataset == "two" and cell.headline
        else cell
        for cell in cells
    )
    comparison = make_comparison(models=("a", "b"), strategies=("knn",), datasets=("one", "two"))
    across = across_datasets(level, comparison.datasets, comparison.headline, {})
    page = make_page(comparison.model_copy(update={"across": across}))
    table = page.before[0].first
    assert table is not None
    place = [column.title for column in table.columns].index("normalised")
    assert [row[place].text for row in table.rows] == ["1.000 (1/2)", "0.000 (1/2)"]
    assert table.rows[0][-1].text == "2/2"


def test_a_long_table_of_methods_is_shown_in_part(tmp_path: Path) -> None:
    """With a button for all of it; a short one has none."""
    models = tuple(f"model {index}" for index in range(41))
    comparison = make_comparison(models=models, strategies=("knn",), datasets=("one", "two"), sets=(), classes=("a",))
    body = body_of(write_report(comparison, tmp_path).html)
    assert '<table class="sorts short" id="across-table">' in body
    assert 'data-table="across-table">Show all 41 rows</button>' in body


def test_methods_that_lack_data_sets_are_listed_apart() -> None:
    """With what is missing and why."""
    comparison = make_comparison(models=("a", "b", "c"), strategies=("knn",), datasets=("one", "two"))
    kept = [cell for cell in comparison.cells if (cell.model, cell.dataset) != ("b", "two")]
    reasons = {("b", "knn", "two"): "failed: no memory."}
    across = across_datasets(kept, comparison.datasets, comparison.headline, reasons)
    section = make_page(comparison.model_copy(update={"across": across})).before[0]
    apart = next(table for table in section.tables if table.title.startswith("Not compared"))
    assert [box.text for box in apart.rows[0]] == ["b", "knn", "1/2", "two (failed: no memory)"]


def test_forty_models_have_a_row_each() -> None:
    """A large comparison is arranged in full; only images are cut."""
    comparison = make_comparison(models=tuple(f"model {index}" for index in range(40)), strategies=("knn", "probe"))
    page = make_page(comparison)
    assert len(page.boards[0].rows) == 80
    assert "The first 30 cells are drawn." in next(one for one in page.before if one.id == "training").read


def test_a_real_run_fills_every_section(sample: Comparison, tmp_path: Path) -> None:
    """Every chart of the suite finds something to draw in a run, and every failure is told with its reason."""
    page = make_page(sample)
    drawn = {drawing.key for drawing in page.drawings}
    asked_for = {"calibration", "corruptions", "cross_data", "labels", "out_of_class", "robustness", "severity"}
    asked_for |= {"exports_latency", "exports_size"}
    assert drawn == set(CHARTS.names()) - {"critical_difference", "ranks"} - asked_for
    files = write_report(sample, tmp_path)
    html = unescape(files.html.read_text(encoding="utf-8"))
    assert all(failed.reason in html for failed in sample.failures)
    assert all(reason.text in html for answer in sample.recommendations for reason in answer.reasons)
    assert page.remarks[0].startswith("This is the middle of a run: 1 trial of 57 is missing")


def test_the_same_comparison_gives_the_same_files(written: Written, tmp_path: Path) -> None:
    """Nothing depends on the time or on chance, so that a rebuilt report shows no difference."""
    again = write_report(make_comparison(), tmp_path)
    assert again.markdown.read_bytes() == written.markdown.read_bytes()
    assert again.html.read_bytes() == written.html.read_bytes()


def test_a_plugin_s_chart_has_a_place_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A registered chart that returns a Vega-Lite dictionary stands under further charts, with its own words."""

    class Ranks:
        """How many cells there are."""

        summary = "Cells."
        title = "Cells in all"
        how_to_read = "One bar."

        @classmethod
        def build(cls, comparison: Comparison) -> dict[str, Any]:
            """A bar."""
            values = [{"cells": len(comparison.cells)}]
            return {"data": {"values": values}, "mark": "bar", "encoding": {"x": {"field": "cells"}}}

    monkeypatch.setitem(CHARTS._entries, "odd name/..", Ranks)
    files = write_report(make_comparison(models=("a",), strategies=("knn",), sets=()), tmp_path)
    assert tmp_path / "charts" / "odd-name---.svg" in files.images
    assert '<h3>Cells in all</h3><p class="read">One bar.</p>' in body_of(files.html)


def test_a_second_report_removes_images_without_successor(written: Written, tmp_path: Path) -> None:
    """Images of an earlier report do not stay to confuse."""
    old = tmp_path / "charts" / "gone.svg"
    old.parent.mkdir()
    old.write_text("<svg/>")
    write_report(make_comparison(models=(), strategies=(), sets=()), tmp_path)
    assert not old.exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file where the folder should be ends in one sentence."""
    place = tmp_path / "report"
    place.write_text("a file")
    with pytest.raises(StoreError, match="cannot be written"):
        write_report(make_comparison(models=(), strategies=(), sets=()), place)


PLAY = """
<script>
const wait = setInterval(() => {
  if (document.documentElement.dataset.ready !== "true") return;
  clearInterval(wait);
  const rows = () => [...document.querySelectorAll("#board-1 tbody tr")].filter((row) => !row.hidden);
  const head = [...document.querySelectorAll("#board-1 th")].find((th) => th.textContent.startsWith("latency"));
  const told = {};
  head.querySelector("button").click();
  told.sorted = rows().map((row) => Number(row.cells[head.cellIndex].dataset.v));
  told.aria = head.getAttribute("aria-sort");
  head.querySelector("button").click();
  told.reversed = rows().map((row) => Number(row.cells[head.cellIndex].dataset.v));
  const filter = document.querySelector("select[data-facet=model]");
  filter.value = "vgg_tiny";
  filter.dispatchEvent(new Event("change", { bubbles: true }));
  told.models = [...new Set(rows().map((row) => row.dataset.model))];
  const last = rows().at(-1);
  last.querySelector(".pick").click();
  document.querySelector("[role=tab][aria-controls=panel-quality_training]").click();
  setTimeout(() => {
    told.wanted = last.dataset.cell;
    told.chosen = document.getElementById("cell-choice").value;
    told.precision = document.querySelector("#per-class tbody tr").cells[1].textContent;
    told.panels = [...document.querySelectorAll("[role=tabpanel]")].map((panel) => panel.hidden);
    const note = document.createElement("pre");
    note.id = "told";
    note.textContent = JSON.stringify(told);
    document.body.append(note);
  }, 1500);
}, 100);
</script>
"""


@needs_browser
def test_a_reader_can_sort_filter_and_choose(written: Written, tmp_path: Path) -> None:
    """Headings sort both ways, the filter hides rows, a row chooses the cell below, tabs open their panel."""
    page = tmp_path / "played.html"
    before, end, after = written.html.read_text(encoding="utf-8").rpartition("</body>")
    page.write_text(before + PLAY + end + after, encoding="utf-8")
    document, complaints = browse(page, tmp_path / "profile")
    assert not complaints
    found = re.search(r'<pre id="told">(.*?)</pre>', document)
    assert found
    told = json.loads(found.group(1))
    assert told["sorted"] == sorted(told["sorted"])
    assert told["reversed"] == sorted(told["sorted"], reverse=True)
    assert told["aria"] == "ascending"
    assert told["models"] == ["vgg_tiny"]
    assert told["chosen"] == told["wanted"]
    precision = make_comparison().cell(told["wanted"]).classes[0].precision
    assert told["precision"] == score(precision)
    assert told["panels"] == [True, True, False]


def test_a_printed_section_keeps_its_line_with_its_chart() -> None:
    """How to read a chart is not torn apart by the end of a page."""
    style = (templates_folder() / "report" / "report.css").read_text(encoding="utf-8")
    printed = style.split("@media print {")[1]
    assert re.search(r"\.read \{[^}]*break-inside: avoid", printed)
