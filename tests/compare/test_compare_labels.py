"""Label budgets in a comparison: each ranked by itself, the leaderboard of the largest, and what to take when."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from label_results import compared, labelled, plan_of
from lint_results import epochs, make_result

from suite.compare.advice.advice import advise_again
from suite.compare.comparison import Comparison
from suite.lint.examine import check_run
from suite.lint.subjects import Run
from suite.report.charts.labels import LabelsChart
from suite.report.page import make_page
from suite.report.writing import write_report
from suite.spec.constraints import Constraints

QUICK = {2: 0.5, 5: 0.7, "all": 0.8}
"""Good with few labels."""
DEEP = {2: 0.3, 5: 0.5, "all": 0.95}
"""Better with all of them."""


@pytest.fixture(scope="module")
def crossing() -> Comparison:
    """Two models whose curves cross."""
    return compared(labelled("quick", QUICK), labelled("deep", DEEP, milliseconds=9.0))


def test_the_answer_says_from_how_many_labels_on(crossing: Comparison):
    """Neighbours with the same answer are one sentence; the best score at both ends follows."""
    (labels,) = crossing.labels
    assert labels.answers == (
        "From 2 to 5 labels per class, take quick fine-tuned.",
        "With all labels (50 per class), take deep fine-tuned.",
    )
    assert labels.sentences == (
        "The best accuracy is 50.0\u202f% with 2 labels per class and 95.0\u202f% with all labels (50 per class).",
    )
    assert crossing.recommendation is not None
    assert crossing.recommendation.labels == labels.answers
    assert crossing.recommendation.cell_id == labels.points[-1].take


def test_the_rest_of_the_comparison_is_that_of_the_largest_budget(crossing: Comparison):
    """A budget is no data set: ranks, pairs, fronts and data are as if the others had never been asked for."""
    alone = compared(labelled("quick", {"all": 0.8}), labelled("deep", {"all": 0.95}, milliseconds=9.0))
    for name in ("cells", "pairs", "pareto", "data", "datasets", "across", "metrics"):
        assert getattr(crossing, name) == getattr(alone, name)
    assert alone.labels == ()
    assert (crossing.facts.trials_planned, alone.facts.trials_planned) == (6, 2)


def test_budgets_do_not_count_as_data_sets():
    """Means over data sets are over the leaderboards."""
    made = [labelled(model, scores, dataset=d) for model, scores in (("a", QUICK), ("b", DEEP)) for d in ("x", "y")]
    comparison = compared(*made)
    assert comparison.across is not None
    assert comparison.across.datasets == ("x", "y")
    assert [one.dataset for one in comparison.labels] == ["x", "y"]


def test_who_else_may_be_the_best_is_told_and_the_cheaper_taken():
    """With two labels the cheap one may be the best as well; the rule is the leaderboard's."""
    slow = labelled("slow", {2: 0.505, "all": 0.95}, milliseconds=9.0)
    labels = compared(labelled("fast", {2: 0.5, "all": 0.6}), slow).labels[0]
    assert labels.answers[0] == "With 2 labels per class, take fast fine-tuned; slow fine-tuned may be the best too."
    assert len(labels.points[0].tied) == 2


def test_one_answer_for_all_budgets_is_one_sentence():
    """Then the number of labels does not matter for the choice."""
    (labels,) = compared(labelled("quick", QUICK), labelled("poor", {2: 0.1, 5: 0.2, "all": 0.3})).labels
    (said,) = labels.answers
    assert said.startswith("The number of labels does not change the answer: from 2 labels per class to all labels")
    assert said.endswith("(50 per class), take quick fine-tuned.")


def test_points_go_from_the_fewest_examples_to_the_most():
    """By what the trials had, not by how the budgets are written: 25 % are 25 here, 20 per class are 40."""
    (labels,) = compared(labelled("quick", {"all": 0.8, 20: 0.7, "25%": 0.6, 2: 0.5})).labels
    assert [(one.budget, one.train) for one in labels.points] == [(2, 4), ("25%", 25), (20, 40), ("all", 100)]
    assert [one.front for one in labels.points] == [False, False, False, True]


def test_without_all_the_leaderboard_says_with_how_many_labels_it_is():
    """The largest that the spec asks for; a single one has no curve."""
    comparison = compared(labelled("quick", {2: 0.5}), labelled("deep", {2: 0.3}))
    assert comparison.labels == ()
    assert "Every model of the leaderboard was fitted with 2 labels per class, as the spec asks." in comparison.remarks


def test_a_budget_that_the_data_cannot_give_is_told_once_and_leads_nothing():
    """All its trials were skipped: it is in no table of failures, and the leaderboard is of the next smaller one."""
    why = "class 'rare' of 'photos' has 3 training examples, and train_examples asks for 20 per class"
    skipped = {"status": "skipped", "reason": why, "data": ()}
    comparison = compared(labelled("quick", {2: 0.5, 5: 0.6}), labelled("quick", {20: None}, **skipped))
    assert [(one.budget, one.front) for one in comparison.labels[0].points] == [(2, False), (5, True), (20, False)]
    assert comparison.labels[0].sentences[-1] == f"20 labels per class: {why}."
    assert comparison.failures == ()
    assert comparison.ranking("photos")[0].headline.value == 0.6


def test_under_limits_every_budget_is_asked_again(crossing: Comparison):
    """The stored comparison is enough."""
    (answer,) = advise_again(crossing, Constraints(max_latency_ms=5.0))
    (said,) = answer.labels
    assert said.startswith("Within the limits, the number of labels does not change the answer")
    assert said.endswith("take quick fine-tuned.")


def test_the_steps_of_a_fit_are_counted():
    """Three epochs of ten examples in batches of four are six steps; a probe has none."""
    history = epochs(1.0, 0.9, 0.8)
    (labels,) = compared(labelled("quick", {5: 0.5}, history=history), labelled("quick", {"all": 0.8})).labels
    assert [list(point.steps.values()) for point in labels.points] == [[6.0], []]


def test_few_steps_are_told():
    """The same epochs are fewer steps with fewer labels, which may be all that is wrong with them."""
    history = epochs(1.0, 0.9, 0.8)
    made = [
        labelled(model, {5: 0.5, "all": 0.8}, history=history, batch_size=size) for model, size in (("a", 4), ("b", 8))
    ]
    said = compared(*made).labels[0].sentences[1]
    assert "took 3 to 6 steps with 5 labels per class and 36 to 75 with all labels" in said


def test_more_labels_that_make_worse_are_found_in_the_runs_of_the_suite():
    """A model that loses forty points with all labels has a problem, and the check says where."""
    made = [*labelled("broken", {5: 0.8, "all": 0.4}), *labelled("sound", {5: 0.5, "all": 0.9})]
    findings = check_run(Run(compared(made), [one for one, _ in made], lambda _result, _name: None)).findings
    (found,) = [one for one in findings if one.check == "more_data"]
    assert found.where == "broken x photos x fine_tune"
    assert "With 100 training examples the score is 40.0" in found.what.replace("\u202f", " ")


def test_the_chart_has_a_row_for_each_score_and_a_place_for_each_budget(crossing: Comparison):
    """Models at one number of labels stand beside it, in its middle; colours are those of the whole report."""
    chart = LabelsChart.build(crossing).to_dict()
    rows = chart["datasets"]["labels"]
    assert len(rows) == 6
    assert {row["labels"] for row in rows} == {2.0, 5.0, 50.0}
    first = [row["at"] for row in rows if row["labels"] == 2.0]
    assert first[0] * first[1] == pytest.approx(4.0)
    assert LabelsChart.build(compared(labelled("quick", {"all": 0.8}))) is None


def test_the_page_answers_before_it_draws(crossing: Comparison, tmp_path: Path):
    """The section opens with what to take, and the answer at the top says it too; without budgets there is none."""
    page = make_page(crossing)
    (section,) = [one for one in page.before if one.id == "labels"]
    assert section.opening[0].startswith("From 2 to 5 labels per class")
    assert [row[0].text for row in section.first.rows][:2] == ["2 labels per class", "5 labels per class"]
    html = write_report(crossing, tmp_path).html.read_text(encoding="utf-8")
    body = html[html.index('<section id="labels">') :]
    assert body.index("take quick fine-tuned") < body.index('data-chart="labels"')
    assert re.search(r"What would change the answer.*?take quick fine-tuned.*?</ul>", html, flags=re.DOTALL)
    assert "labels" not in [one.id for one in make_page(compared(labelled("quick", {"all": 0.8}))).before]


def test_a_trial_that_failed_says_with_how_many_labels():
    """The table of failures has a column for it, where there are budgets."""
    failed = labelled("broken", {2: None}, status="failed", reason="no memory", data=())
    comparison = compared(labelled("quick", QUICK), failed, labelled("broken", {"all": 0.5}))
    (section,) = [one for one in make_page(comparison).after if one.id == "failures"]
    assert [box.text for box in section.tables[0].rows[0]][:5] == ["broken", "photos", "fine_tune", "2", "final"]


def test_in_the_middle_of_a_run_the_missing_budgets_are_named():
    """The largest budget leads also before it has a score."""
    made = labelled("quick", {2: 0.5})
    planned = [one for one, _ in made] + [make_result("quick", id="later", cell_id="later", trial={})]
    from suite.compare.compare import compare

    comparison = compare(
        [one for one, _ in made], plan_summary=plan_of(planned), load_predictions=lambda _result, _name: None
    )
    assert [point.front for point in comparison.labels[0].points] == [False, True]
    assert comparison.labels[0].sentences == ("All labels: no trial has finished with a score.",)
