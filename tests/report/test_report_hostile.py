"""Names that try to get loose: in the page, in its data, in images and in Markdown they stay text."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from beyond_sample import with_beyond
from page_reader import Elements, browse, data_of, needs_browser
from report_sample import make_comparison, with_labels

from suite.compare.across_datasets.summary import across_datasets
from suite.compare.comparison import FailureRecord
from suite.report.charts.render import drawable, svg
from suite.report.markdown import fenced, literal
from suite.report.writing import Written, write_report

HOSTILE = (
    "</script><script>document.title='taken'</script>",
    "<img src=x onerror=\"document.title='taken'\">",
    "quote \" and ' and & and \\",
    "pipe | and `code` and *stars*",
    "[link](javascript:alert(1)) http://evil.example www.evil.example",
    "<!-- {{ 7 * 7 }} ${7 * 7} %}",
    "line\nbreak \u202e reversed",
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The report of a comparison whose every name tries to get loose."""
    one = FailureRecord(
        trial_id="t", cell_id="c", model=HOSTILE[1], dataset=HOSTILE[0], strategy=HOSTILE[3], seed=1, phase="final",
        status="failed", reason=HOSTILE[0], log_tail=HOSTILE[1],
    )  # fmt: skip
    comparison = make_comparison(
        models=HOSTILE[:4],
        strategies=(HOSTILE[0], HOSTILE[4]),
        datasets=(HOSTILE[1],),
        sets=(HOSTILE[5],),
        classes=HOSTILE,
        title=HOSTILE[0],
        failures=(one,),
        remarks=HOSTILE,
        command="suite run 'a```b'\n</script>",
    )
    both = with_labels(with_beyond(comparison, unknown=HOSTILE[2]))
    return write_report(both, tmp_path_factory.mktemp("hostile"))


def test_hostile_names_stay_text_in_the_page(hostile: Written) -> None:
    """No name becomes an element, an attribute or the end of a script."""
    text = hostile.html.read_text(encoding="utf-8")
    elements = Elements(text).found
    assert sum(tag == "script" for tag, _ in elements) == 3
    assert not [attributes for _, attributes in elements if any(name.startswith("on") for name in attributes)]
    assert not [attributes for tag, attributes in elements if tag == "img" and attributes.get("src") == "x"]
    assert data_of(text)["classes"] == [list(HOSTILE)]


def test_hostile_names_stay_text_in_images(hostile: Written) -> None:
    """SVG text is escaped: each image is XML whose elements are drawing ones."""
    from xml.etree import ElementTree as ET

    for path in hostile.images:
        tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(path.read_text("utf-8")).iter()}
        assert tags <= {"svg", "g", "path", "text", "tspan", "rect", "line", "defs", "clipPath", "title"}


def test_hostile_names_stay_text_in_markdown(hostile: Written) -> None:
    """Tables keep their columns, nothing becomes a link, a tag or code."""
    text = hostile.markdown.read_text(encoding="utf-8")
    body = text.split("## Reproduce")[0]
    assert not re.search(r"<(?!/?(details|summary)>)", body)
    assert "](javascript" not in body.replace("\\]", "")
    assert "http://" not in body
    assert "www." not in body
    rows = re.findall(r"^\|.*\|$", body.split("## Leaderboard")[1].split("##")[0], re.MULTILINE)
    boards = [row for row in rows if re.match(r"\| (rank|---:|\d+) \|", row)]
    assert len({row.count("|") for row in boards}) == 1
    assert "````text\n" in text


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The same for a comparison over data sets, whose names are in its sentences, columns and tool tips."""
    comparison = make_comparison(
        models=HOSTILE[:3], strategies=(HOSTILE[3],), datasets=(*HOSTILE[:6], "plain"), sets=(), classes=("a", "b")
    )
    kept = [cell for cell in comparison.cells if cell.dataset != HOSTILE[0] or cell.model == HOSTILE[0]]
    reasons = dict.fromkeys(((model, HOSTILE[3], HOSTILE[1]) for model in HOSTILE), HOSTILE[4])
    kept = [cell for cell in kept if (cell.model, cell.dataset) != (HOSTILE[2], HOSTILE[1])]
    across = across_datasets(kept, comparison.datasets, comparison.headline, reasons)
    beyond = with_beyond(comparison, unknown=HOSTILE[5])
    return write_report(beyond.model_copy(update={"across": across}), tmp_path_factory.mktemp("several"))


def test_hostile_data_sets_stay_text(several: Written) -> None:
    """In the section on all data sets too: elements, Markdown tables and sentences hold."""
    text = several.html.read_text(encoding="utf-8")
    elements = Elements(text).found
    assert sum(tag == "script" for tag, _ in elements) == 3
    assert not [attributes for _, attributes in elements if any(name.startswith("on") for name in attributes)]
    part = several.markdown.read_text("utf-8").split("## Across data sets")[1].split("\n## ")[0]
    assert "does not count: 1 of 3 methods" in part
    assert not re.search(r"<(?!/?(details|summary)>)", part)
    assert "http://" not in part
    for table in re.findall(r"(?:^\|.*\|\n)+", part, re.MULTILINE):
        assert len({row.count("|") for row in table.splitlines()}) == 1


@pytest.mark.parametrize("name", HOSTILE)
def test_literal_markdown_is_one_line_without_markup(name: str) -> None:
    """Every mark that means something to Markdown is escaped."""
    text = str(literal(name))
    assert "\n" not in text
    assert "\u202e" not in text
    assert not re.search(r"(?<!\\)[`*\[\]~]|<|>|\|", text)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("resnet_tiny", "resnet_tiny"), ("_x_", "\\_x\\_"), ("- a", "\\- a"), ("1. a", "1\\. a"), ("0.957", "0.957")],
)
def test_literal_markdown_leaves_plain_names_alone(name: str, meant: str) -> None:
    """Ordinary names stay readable in the source."""
    assert str(literal(name)) == meant


def test_a_fence_is_longer_than_what_it_holds() -> None:
    """Backticks inside a command cannot end its code block."""
    assert str(fenced("a ```` b")).startswith("`````text\n")


@needs_browser
@pytest.mark.parametrize("which", ["hostile", "several"])
def test_a_browser_draws_hostile_names_without_complaint(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Chromium reports no error, draws every chart, and no name has become code."""
    page: Written = request.getfixturevalue(which)
    document, complaints = browse(page.html, tmp_path)
    assert not complaints
    assert 'data-ready="true"' in document
    assert "<title>taken</title>" not in document
    figures = len(re.findall(r"<figure[^>]*data-chart", document))
    assert figures == len(re.findall(r'<svg [^>]*class="marks"', document))


@pytest.mark.parametrize("letter", ["\x00", "\x08", "\x0b", "\x7f", "\u2028", "\ufffe", "\uffff", "\ud800"])
def test_a_letter_that_no_image_can_hold_is_replaced_in_it(letter: str) -> None:
    """Drawing one would end the process."""
    rows = [{"name": f"a{letter}b", "score": 1}]
    encoding = {"x": {"field": "name", "type": "nominal"}, "y": {"field": "score", "type": "quantitative"}}
    drawn = svg({"data": {"values": rows}, "mark": "bar", "encoding": encoding})
    assert "a\ufffdb" in drawn


def test_letters_that_a_image_can_hold_stay_in_it() -> None:
    """Also those beyond the first plane, and what only looks like an escape."""
    text = 'a\\u0000 \\b 😀 é\t"'
    assert json.loads(drawable(json.dumps(text))) == text
