"""Models that write, compared and reported: ranks, pairs, what is left out, and examples side by side."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from page_reader import Elements
from sample_predictions import random_predictions
from sample_writing import load_from, make_writing_results

from suite.compare.advice.wording import change, points, quality
from suite.compare.compare import compare
from suite.compare.comparison import Comparison
from suite.compare.statistics.evidence import gather
from suite.errors import StoreError
from suite.metrics import metrics_named
from suite.report.writing import Written, write_report
from suite.store.records.example_files import LONGEST, PASSAGES, Passages
from suite.store.records.result import Predictions


def compared(folder: Path, headline: str = "bits_per_byte") -> Comparison:
    """The small run, compared."""
    plan, results = make_writing_results(folder, headline=headline)
    return compare(results, plan_summary=plan, load_predictions=load_from(folder))


@pytest.fixture(scope="module")
def bits(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Ranked by bits per byte."""
    return compared(tmp_path_factory.mktemp("writing"))


@pytest.fixture(scope="module")
def written(bits: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Its report."""
    return write_report(bits, tmp_path_factory.mktemp("report"))


def test_the_lowest_is_first(bits: Comparison) -> None:
    """Ranks follow the direction, and differences are turned so that positive means better."""
    values = [cell.headline.value for cell in bits.cells]
    assert values == sorted(values)
    assert all(pair.difference >= 0 for pair in bits.pairs)
    assert all(cell.headline.low < cell.headline.value < cell.headline.high for cell in bits.cells)
    assert bits.recommendation is not None


def test_clear_differences_are_told_apart(bits: Comparison) -> None:
    """First and last of the ranking differ beyond doubt; the interval of their difference holds it."""
    pair = next(one for one in bits.pairs if (one.better, one.worse) == (bits.cells[0].cell_id, bits.cells[-1].cell_id))
    assert pair.different
    assert 0 < pair.low < pair.difference < pair.high


@pytest.mark.parametrize("headline", ["chrf", "perplexity", "bleu", "distinct_2", "rouge_l"])
def test_any_metric_of_texts_can_rank(tmp_path: Path, headline: str) -> None:
    """Sums, means and values of the jackknife give intervals, tests and an answer."""
    found = compared(tmp_path, headline)
    assert all(cell.headline.interval is not None for cell in found.cells)
    assert all(pair.p_adjusted is not None for pair in found.pairs)
    assert found.recommendation is not None


def test_nothing_is_said_of_classes(bits: Comparison) -> None:
    """No confusion, no reliability, no chance level, no curve of risk."""
    for cell in bits.cells:
        assert cell.confusion is None
        assert (cell.panels, cell.selective) == ((), None)
    assert bits.facts.tests[0].chance is None
    assert bits.facts.tests[0].examples == 60
    assert bits.disagreements == ()


def test_the_same_examples_are_shown_whatever_is_written(bits: Comparison, tmp_path: Path) -> None:
    """Another headline ranks otherwise and shows the same sources; every model has its text."""
    (shown,) = bits.generations
    (other,) = compared(tmp_path, "distinct_1").generations
    assert [one.source for one in shown.shown] == [one.source for one in other.shown]
    assert len(shown.shown) == 8
    assert {bits.cell(cell).model for cell in shown.cells} == {"careful", "middling", "vague"}
    assert all(len(one.texts) == len(shown.cells) for one in shown.shown)


def test_other_references_cannot_be_paired(tmp_path: Path) -> None:
    """Two fits on the same ids with another reference are told from each other."""
    plan, results = make_writing_results(tmp_path)
    load = load_from(tmp_path)

    def changed(result, name):
        found = load(result, name)
        return replace(found, references=("other", *found.references[1:])) if result.seed == 2 else found

    (metric,) = metrics_named([plan.headline])
    found = gather(metric, [one for one in results if one.model == "vague"][:2], "test", changed)
    assert found.seeds == (1,)
    assert "other examples" in found.reason


def test_perplexity_of_unlike_tokenisers_is_warned_of(tmp_path: Path) -> None:
    """Only where the vocabularies differ, and only for the number whose unit they are."""
    plan, results = make_writing_results(tmp_path, headline="perplexity")
    unlike = [
        one.model_copy(update={"tokens": one.tokens.model_copy(update={"vocabulary": len(one.model)})})
        for one in results
    ]
    load = load_from(tmp_path)
    warned = compare(unlike, plan_summary=plan, load_predictions=load).remarks
    alike = compare(results, plan_summary=plan, load_predictions=load).remarks
    assert sum("own tokeniser" in remark for remark in warned) == 1
    assert not any("own tokeniser" in remark for remark in alike)


def test_words_fit_the_metric(bits: Comparison) -> None:
    """Shares are said in per cent, bits as they are, perplexities with four digits, and lower is not a gain."""
    share = bits.headline.model_copy(update={"name": "chrf", "higher_is_better": True, "unit": "%"})
    assert quality(0.312, share) == "31.2\u202f%"
    assert change(0.049, share) == "loses 4.9 points"
    assert quality(1.2345, bits.headline) == "1.234"
    assert points(1234.56, bits.headline) == "1235"
    assert change(0.12, bits.headline) == "is 0.120 worse"


def test_the_report_shows_what_they_write(bits: Comparison, written: Written) -> None:
    """Source, reference and each model's text, in the page and in its twin."""
    one = bits.generations[0].shown[0]
    for path in (written.html, written.markdown):
        text = path.read_text(encoding="utf-8")
        assert "What they write" in text
        assert one.reference in text
        assert one.texts[0] in text
    cards = [attributes for tag, attributes in Elements(written.html.read_text("utf-8")).found if tag == "article"]
    assert len(cards) == 8


def test_the_report_leaves_out_what_makes_no_sense(written: Written) -> None:
    """No heading on confusion, reliability or classes; nothing of pixels or images."""
    for path in (written.html, written.markdown):
        body = path.read_text(encoding="utf-8").split('<script type="application/json"')[0]
        body = body.split("<body>")[-1]
        for word in ("Errors and confidence", "Confusion", "Reliability", "pixels", " images", "naming one class"):
            assert word not in body, word
        assert "Lower bits per byte is better" in body
        assert "Down and to the left is better" in body


def test_the_report_says_how_texts_were_read_and_written(written: Written) -> None:
    """Padding, truncated texts, sequence length, time to the first token and tokens per second."""
    page = written.html.read_text(encoding="utf-8")
    assert "vague reads at most 64 tokens: 3 texts of test lost their end." in page
    assert "beam, beams 4, separator &#34;\\n&#34;<" in page
    for title in ("padding", "cut in test", "first token", "tokens/s", "reads at most"):
        assert title in page


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    """What a model writes never becomes an element or a link; long texts open on demand without a script."""
    plan, results = make_writing_results(tmp_path)
    load = load_from(tmp_path)
    attack = "<img src=x onerror=\"document.title='taken'\"> [link](javascript:alert(1)) \u202e " + "word " * 200

    def attacked(result, name):
        found = load(result, name)
        return replace(found, texts=tuple(attack for _ in found.texts), references=tuple(attack for _ in found.texts))

    out = write_report(compare(results, plan_summary=plan, load_predictions=attacked), tmp_path / "report")
    elements = Elements(out.html.read_text("utf-8")).found
    assert not [one for tag, one in elements if tag == "img" and one.get("src") == "x"]
    assert [one for tag, one in elements if tag == "details" and one.get("class") == "more"]
    markdown = out.markdown.read_text("utf-8").split("## Reproduce")[0]
    assert not re.search(r"<(?!/?(details|summary)>)", markdown)
    assert "](javascript" not in markdown.replace("\\]", "")


def classified(folder: Path, *, task: str = "text_classification", passages: bool = True) -> Comparison:
    """The same plan with models that name classes; 'vague' is often wrong."""
    plan, results = make_writing_results(folder)
    made: dict[str, Predictions] = {}
    truth = random_predictions(0, examples=40, classes=4)
    for result in results:
        own = random_predictions(1 + len(result.model), examples=40, classes=4)
        made[result.id] = Predictions(truth.example_ids, truth.targets, own.probabilities, truth.class_names)
    ids = truth.example_ids
    Passages.cut(ids, [(f"first of {one}", "the second") for one in ids]).save(folder / "passages.npz")
    return compare(
        _scored(results, made),
        plan_summary=plan.model_copy(update={"task": task, "headline": "accuracy", "answers": "class"}),
        load_predictions=lambda result, name: made[result.id] if name == "test" else None,
        find_file=lambda _, name: folder / "passages.npz" if name == PASSAGES and passages else None,
    )


def _scored(results, made):
    metrics = metrics_named(["accuracy"])
    return [
        one.model_copy(update={"scores": {"test": {metric.name: metric.score(made[one.id]) for metric in metrics}}})
        for one in results
    ]


def test_classifiers_are_shown_where_they_disagree_most(tmp_path: Path) -> None:
    """Every shown example has different answers, those with the most first; text, truth and confidence are there."""
    (found,) = classified(tmp_path).disagreements
    different = [len({answer.answer for answer in one.answers}) for one in found.shown]
    assert len(found.shown) == 12
    assert different == sorted(different, reverse=True)
    assert min(different) > 1
    assert found.differing >= 12
    for one in found.shown:
        assert one.texts == (f"first of {one.example_id}", "the second")
        assert [answer.right for answer in one.answers] == [answer.answer == one.truth for answer in one.answers]
        assert all(0 < answer.confidence <= 1 for answer in one.answers)


def test_the_report_tells_right_from_wrong_in_words(tmp_path: Path) -> None:
    """Verdicts are words and marks, not colours alone; the second text of a pair is there."""
    out = write_report(classified(tmp_path), tmp_path / "report")
    page = out.html.read_text(encoding="utf-8")
    assert "Where they disagree" in page
    assert "✗</span> wrong" in page
    assert "Text 2" in page
    assert "Errors and confidence" in page
    assert "(wrong, " in out.markdown.read_text(encoding="utf-8")


def test_images_are_named_by_their_id(tmp_path: Path) -> None:
    """Without texts an example is told by its id."""
    comparison = classified(tmp_path, task="image_classification", passages=False)
    one = comparison.disagreements[0].shown[0]
    assert one.texts == ()
    page = write_report(comparison, tmp_path / "report").html.read_text(encoding="utf-8")
    assert f'<dt>Image</dt><dd><div class="whole" dir="auto">{one.example_id}</div>' in page


def test_passages_come_back_cut(tmp_path: Path) -> None:
    """One or two texts each, the longer ones with an ellipsis; a damaged file is named."""
    made = Passages.cut(np.array(["a", "b"]), [("short",), ("x" * 700, "é")])
    made.save(tmp_path / "passages.npz")
    loaded = Passages.load(tmp_path / "passages.npz").by_id()
    assert loaded["a"] == ("short",)
    assert loaded["b"] == ("x" * (LONGEST - 1) + "…", "é")
    (tmp_path / "torn.npz").write_bytes(b"PK")
    with pytest.raises(StoreError, match=r"torn\.npz"):
        Passages.load(tmp_path / "torn.npz")
