"""Scores on slices of the test set: as scikit-learn gives them, with intervals, in the report and as a limit."""

from __future__ import annotations

import numpy as np
import pytest
from sample_run import load_from, make_sample_results
from sklearn.metrics import accuracy_score

from suite.compare.advice.advice import advise_again
from suite.compare.compare import compare
from suite.compare.comparison import Comparison, Recommendation
from suite.errors import UnknownNameError
from suite.report.page import make_page
from suite.report.sections.slices import slices_section
from suite.spec.constraints import Constraints
from suite.store.records.slices import DatasetSlices, SliceRecord, examples_digest, read_slices, slices_text

VALUES = ("ink", "paper", "blot")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory):
    """Plan, results and the function that loads predictions."""
    folder = tmp_path_factory.mktemp("sample")
    plan, results = make_sample_results(folder)
    return plan, results, load_from(folder)


def kept_of(sample, *, digest: str | None = None) -> DatasetSlices:
    """Every third example is on paper; the first 4 are blots."""
    _, results, load = sample
    ids = next(found.example_ids for one in results if (found := load(one, "test")) is not None)
    codes = (np.arange(len(ids)) % 3 == 0).astype(np.int64)
    codes[:4] = 2
    record = SliceRecord.of("material", VALUES, codes)
    return DatasetSlices(dataset="digits", key="k", examples=digest or examples_digest(ids.tolist()), slices=(record,))


@pytest.fixture(scope="module")
def comparison(sample) -> Comparison:
    """The comparison with slices."""
    plan, results, load = sample
    return compare(results, plan_summary=plan, load_predictions=load, slices=[kept_of(sample)])


def test_scores_are_those_of_scikit_learn_on_the_part(sample, comparison):
    """Mean over seeds; the interval holds it and is wider than that of all examples."""
    _, results, load = sample
    cell = comparison.ranking("digits")[0]
    (found,) = cell.slices
    codes = kept_of(sample).slices[0].numbers()
    parts = [load(one, "test") for one in results if one.cell_id == cell.cell_id and one.status == "done"]
    for at, one in enumerate(found.scores):
        rows = codes == at
        scores = [accuracy_score(part.targets[rows], part.labels[rows]) for part in parts if part is not None]
        assert one.value == pytest.approx(np.mean(scores))
        assert one.examples == rows.sum()
        assert one.low <= one.value <= one.high
        assert one.high - one.low > cell.headline.high - cell.headline.low


def test_the_worst_slice_is_one_with_enough_examples(comparison):
    """Four blots say nothing, however they are answered."""
    for cell in comparison.ranking("digits"):
        (found,) = cell.slices
        by_name = {one.name: one.value for one in found.scores}
        assert {found.worst, found.best} == {"ink", "paper"}
        assert found.gap == pytest.approx(by_name[found.best] - by_name[found.worst])
        assert found.gap >= 0
        assert cell.min_slice_accuracy == pytest.approx(min(by_name["ink"], by_name["paper"]))


def test_nothing_else_of_a_comparison_hangs_on_slices(sample, comparison):
    """Ranks, intervals and the answer are those without."""
    plan, results, load = sample
    without = compare(results, plan_summary=plan, load_predictions=load)
    assert slices_section(without) == ()
    bare = [cell.model_copy(update={"slices": (), "min_slice_accuracy": None}) for cell in comparison.cells]
    assert tuple(bare) == without.cells
    assert comparison.recommendations == without.recommendations


def test_slices_of_other_examples_are_told_and_not_used(sample):
    """As after the data set has changed."""
    plan, results, load = sample
    found = compare(results, plan_summary=plan, load_predictions=load, slices=[kept_of(sample, digest="0" * 64)])
    (section,) = slices_section(found)
    assert section.first is None
    assert "other test examples" in " ".join(section.sentences)
    assert found.cells[0].min_slice_accuracy is None


def test_a_limit_on_the_worst_slice_excludes_cells(comparison):
    """The next better cell is taken; without slices the limit is refused."""
    ranked = comparison.ranking("digits")
    least = max(cell.min_slice_accuracy for cell in ranked)
    (answer,) = advise_again(comparison, Constraints(min_slice_accuracy=least))
    assert isinstance(answer, Recommendation)
    taken = next(cell for cell in ranked if cell.cell_id == answer.cell_id)
    assert taken.min_slice_accuracy == pytest.approx(least)
    bare = comparison.model_copy(update={"cells": tuple(c.model_copy(update={"slices": ()}) for c in comparison.cells)})
    with pytest.raises(UnknownNameError, match="name some as 'slices'"):
        advise_again(bare, Constraints(min_slice_accuracy=0.5))


def test_the_report_has_a_table_and_says_where_the_answer_is_weak(comparison):
    """Each property is a table, with the number of examples of each slice."""
    page = make_page(comparison)
    (section,) = [one for one in (*page.before, *page.after) if one.id == "slices"]
    assert [column.title for column in section.first.columns][2:] == [*VALUES, "worst", "gap"]
    assert len(section.first.rows) == len(comparison.ranking("digits"))
    assert "By material," in section.sentences[0]
    assert "is worst on" in section.sentences[0]


def test_what_is_kept_is_read_again_and_damage_is_nothing(sample):
    """A document that cannot be read is made anew by the next run."""
    kept = kept_of(sample)
    assert read_slices(slices_text([kept])) == (kept,)
    assert [read_slices(text) for text in (None, "", "{}", "[1]", '[{"dataset": 1}]')] == [()] * 5
