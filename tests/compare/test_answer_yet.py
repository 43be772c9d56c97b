"""Whether there is an answer yet, and what is read with it: one rule, said in every place where an answer is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from label_results import labelled, plan_of
from lint_results import make_result, predictions, run_of

from suite.cli.leaderboard import print_leaderboard
from suite.compare.advice.advice import advise_again
from suite.compare.advice.next_steps import with_findings
from suite.compare.advice.readiness import dataset_answers
from suite.compare.compare import compare
from suite.compare.comparison import Comparison, PlannedTrial, PlanSummary
from suite.export.choose import NoAnswerYetError, NothingKeptError, chosen_results
from suite.publish.recording import record_of
from suite.report.notebook import ComparisonView
from suite.report.page import make_page
from suite.report.writing import render_markdown
from suite.spec.constraints import Constraints
from suite.spec.funnel.record import DatasetFunnel, Drop, FunnelState, StageState
from suite.store.records.check import Checks, DataChecks, Finding
from suite.store.records.result import Result
from suite.store.store import open_store

MODELS = ("wide", "net", "thin")
YET = "No answer yet: 2 of 6 trials are done; 2 of 3 cells have no score."
COPIES = Finding(
    check="duplicates", severity="error", what="112 of 557 test messages are in train too.", where="photos, test",
    why="Their scores are too high.", mend="Drop the copies.",
)  # fmt: skip
BELOW = Finding(
    check="below_probe", severity="warning", what="Fine-tuned scores 0.60 where its linear probe has 0.94.",
    where="wide x photos x fine_tune", why="The setting is wrong, not the model.", mend="Search learning rates.",
)  # fmt: skip


def trial(model: str, seed: int, **more: object) -> Result:
    """A final trial of one model."""
    return make_result(model, seed=seed, score=0.6 + 0.1 * MODELS.index(model), **more)


def compared(there: Sequence[Result], planned: Sequence[Result], **more: object) -> Comparison:
    """The comparison of some trials of a plan."""
    trials = tuple(
        PlannedTrial(
            trial_id=one.id, cell_id=one.cell_id, model=one.model, dataset=one.dataset, strategy=one.strategy,
            strategy_name=one.strategy, phase=one.phase, seed=one.seed,
        )
        for one in planned
    )  # fmt: skip
    plan = PlanSummary(
        spec_name="made", title=None, task="image_classification", headline="accuracy", command="suite run",
        trials=trials, **more,
    )  # fmt: skip
    kept = {one.id: predictions([True] * 60 + [False] * (40 - one.seed)) for one in there}
    return compare(there, plan_summary=plan, load_predictions=lambda one, _: kept.get(one.id))


def everything() -> list[Result]:
    """Three models with two seeds each."""
    return [trial(model, seed) for model in MODELS for seed in (1, 2)]


def printed(comparison: Comparison) -> str:
    """What the terminal shows at the end of a run."""
    import click

    return CliRunner().invoke(click.command()(lambda: print_leaderboard(comparison))).output


def places(comparison: Comparison) -> dict[str, str]:
    """Every place where an answer is printed, as text."""
    page = make_page(comparison)
    record, _ = record_of(comparison, {})
    return {
        "page": f"{page.answers[0].take}\n{page.answers[0].leading}",
        "Markdown": render_markdown(page).replace("\u202f", " "),
        "terminal": printed(comparison),
        "notebook": ComparisonView(comparison)._repr_html_(),
        "site": f"{record.answer}\n{record.leading}",
        "Python": f"{advise_again(comparison, None)[0].take}\n{advise_again(comparison, None)[0].leading}",
    }


def test_there_is_no_answer_while_a_cell_may_still_win():
    """Each place says how far it is, and what leads only in second place; nothing is marked as taken."""
    planned = everything()
    found = compared(planned[:2], planned)
    for place, text in places(found).items():
        assert YET.rstrip(".") in text, place
        assert "Leading so far: wide, fine-tuned, accuracy" in text.replace("\u202f", " "), place
        assert text.index("No answer yet") < text.index("Leading so far"), place
        assert "Take wide" not in text, place
    assert not found.taken
    assert not any(cell.taken for cell in record_of(found, {})[0].cells)


def test_cells_with_a_score_of_some_seeds_are_in_the_ranking():
    """The second seeds are missing: there is an answer, and a remark."""
    planned = everything()
    found = compared(planned[::2], planned)
    assert found.recommendation.settled
    assert found.recommendation.take.startswith("Take ")
    assert "ranks may change" in found.remarks[0]


def test_a_cell_that_failed_cannot_win_any_more():
    """Its trials ended without a score: nothing is waited for."""
    planned = everything()
    ended = [one if one.model == "wide" else trial(one.model, one.seed, status="failed") for one in planned]
    assert compared(ended, planned).recommendation.settled


def test_a_cell_that_the_funnel_dropped_is_not_missing():
    """What is left out on purpose is not waited for."""
    planned = everything()
    gone = [one for one in planned if one.model == "thin"]
    drop = Drop(model="thin", strategy=None, cell_ids=(gone[0].cell_id,), reason="last")
    stage = StageState(kind="rank", judged_by="x", entrants=MODELS, trial_ids=(), drops=(drop,), decided=True)
    funnel = FunnelState(
        datasets=(DatasetFunnel(dataset="photos", stages=(stage,), left_out=tuple(g.id for g in gone)),)
    )
    found = compared(planned[:4], planned, funnel=funnel)
    assert found.recommendation.settled
    assert not compared(planned[:4], planned).recommendation.settled


def test_without_any_score_each_place_says_how_far_it_is():
    """Nothing leads; nothing is invented."""
    planned = everything()
    found = compared([], planned)
    page, record = make_page(found), record_of(found, {})[0]
    said = {page.answers[0].take, dataset_answers(found)[0].take, record.answer}
    assert said == {"No answer yet: 0 of 6 trials are done."}
    assert "No answer yet: 0 of 6 trials are done." in printed(found)


def test_where_all_ended_without_a_score_nothing_is_waited_for():
    """It is not said that an answer is to come."""
    planned = everything()
    found = compared([trial(one.model, one.seed, status="failed", scores={}) for one in planned], planned)
    assert dataset_answers(found)[0].take == "No answer: no trial has ended with a score."


def test_limits_that_nothing_keeps_so_far_may_be_kept_yet():
    """In the middle of a run it is not said that no model keeps them."""
    planned = everything()
    found = compared(planned[:2], planned, constraints=Constraints(minimum={"accuracy": 0.99}))
    assert found.unmet[0].take == YET
    assert found.unmet[0].text.startswith(f"{YET} So far: No cell keeps the limits")
    assert make_page(found).answers[0].take == YET


def test_over_several_data_sets_there_is_no_answer_before_each_has_one():
    """One data set is done, one has not begun: what they say together is said as so far."""
    planned = [make_result(model, name, "probe") for model in MODELS for name in ("photos", "drawings", "maps")]
    there = [one for one in planned if one.dataset != "maps"]
    assert compared(planned, planned).across.answer.startswith("Across data sets")
    said = compared(there, planned).across.answer
    assert said.startswith("No answer over all data sets yet: 1 of 3 data sets has none. So far: ")


def test_a_label_budget_whose_cells_are_to_come_has_no_answer():
    """The other budgets are done: what more labels bring is not said before all of them are."""
    made = [labelled(model, {2: 0.6, 20: 0.8 + 0.1 * at}) for at, model in enumerate(("net", "wide"))]
    results, kept = (
        [one for model in made for one, _ in model],
        {one.id: found for model in made for one, found in model},
    )
    load = lambda one, _: kept.get(one.id)  # noqa: E731 - in place of a nested function
    for there, words in ((results, "take "), (results[1:], "No answer yet: 3 of 4 trials are done; 1 of 4 cells has")):
        found = compare(there, plan_summary=plan_of(results), load_predictions=load)
        assert words in found.labels[0].answers[0]
        assert advise_again(found, None)[0].labels == found.labels[0].answers


@pytest.fixture(scope="module")
def alarming() -> Comparison:
    """A finished comparison with an error in its data, a warning of its results and a note."""
    planned = everything()
    found = compared(planned, planned)
    note = COPIES.model_copy(update={"severity": "note", "what": "Good to know."})
    data = DataChecks(spec_name="made", checked_at="2026-12-01", fingerprints={}, findings=(COPIES, note))
    checked = found.model_copy(update={"checks": Checks(findings=(BELOW,), ran=("below_probe",), data=data)})
    return checked.model_copy(update={"recommendations": with_findings(checked.recommendations, checked)})


def test_errors_and_warnings_stand_beside_the_answer(alarming: Comparison):
    """In the terminal, on the page and its twin, in a notebook and in what a site keeps; notes do not."""
    page = make_page(alarming)
    text = render_markdown(page)
    assert [one.what for one in page.alarms] == [COPIES.what, BELOW.what]
    assert text.index(page.answers[0].take) < text.index(COPIES.what) < text.index("## Leaderboard")
    for place in (printed(alarming), ComparisonView(alarming)._repr_html_()):
        assert COPIES.sentence in place
        assert BELOW.sentence in place
        assert "Good to know" not in place
    assert record_of(alarming, {})[0].findings == (COPIES, BELOW)
    assert alarming.recommendation.findings == advise_again(alarming, None)[0].findings == (COPIES, BELOW)


def test_what_to_mend_is_the_first_of_the_next_steps(alarming: Comparison):
    """Each finding names its cell, and comes before anything else is tried."""
    steps = alarming.recommendation.next_steps
    assert [step.kind for step in steps[:2]] == ["finding", "finding"]
    assert steps[1].text == f"Mend first, {BELOW.where}: {BELOW.mend}"
    assert [alarming.cell(name).model for name in steps[1].cell_ids] == ["wide"]
    assert steps == advise_again(alarming, None)[0].next_steps


def test_a_finding_about_one_data_set_is_not_told_of_another():
    """Two data sets: each answer has its own."""
    results = [make_result("net", name, score=0.9) for name in ("photos", "drawings")]
    found = run_of(results).comparison
    checked = found.model_copy(update={"checks": Checks(findings=(COPIES,), ran=())})
    by_name = {one.dataset: one.findings for one in with_findings(checked.recommendations, checked)}
    assert by_name == {"photos": (COPIES,), "drawings": ()}


def test_while_there_is_no_answer_nothing_recommended_is_exported(tmp_path: Path):
    """The message is that of every page, and says how to have a file all the same; naming the best still works."""
    planned = [trial(model, seed) for model in MODELS for seed in (1, 2)]
    comparison = compared(planned[:2], planned)
    with open_store(tmp_path) as store, pytest.raises(NoAnswerYetError, match=r"No answer yet.*--best.*--trial ID"):
        chosen_results(comparison, store, "recommended", ())
    with open_store(tmp_path) as store, pytest.raises(NothingKeptError):
        chosen_results(comparison, store, "best", ())
