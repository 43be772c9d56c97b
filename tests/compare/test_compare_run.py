"""Whole comparisons of a small honest run: complete, in the middle, and with hardly anything there."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import numpy as np
import pytest
from sample_run import load_from, make_sample_results
from threadpoolctl import threadpool_info, threadpool_limits

from suite.compare.compare import compare
from suite.compare.comparison import Comparison, PlanSummary
from suite.compare.facts import wall_seconds
from suite.compare.planned import summarise_plan
from suite.compare.statistics.paired_tests import Z_POWER
from suite.errors import StoreError
from suite.metrics.intervals import agresti_coull, interval_of, luck_of
from suite.registry import METRICS
from suite.report.tables import metrics_table
from suite.spec.plan import make_plan
from suite.spec.spec import parse_spec
from suite.store.records.result import Predictions, Result, Score

Load = Callable[[Result, str], Predictions | None]
Sample = tuple[PlanSummary, list[Result], Load]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Plan, results and the function that loads predictions."""
    folder = tmp_path_factory.mktemp("sample")
    plan, results = make_sample_results(folder)
    return plan, results, load_from(folder)


@pytest.fixture(scope="module")
def comparison(sample: Sample) -> Comparison:
    """The comparison of the whole sample."""
    plan, results, load = sample
    return compare(results, plan_summary=plan, load_predictions=load)


def test_ranks_follow_the_scores(comparison: Comparison):
    """Best first, inside their intervals, the spread over seeds beside them."""
    ranking = comparison.ranking("digits")
    values = [cell.headline.value for cell in ranking]
    assert values == sorted(values, reverse=True)
    assert ranking[0].rank == 1
    assert ranking[0].best.verdict == "may_be_best"
    for cell in ranking:
        score = cell.headline
        assert score.low <= score.value <= score.high
        assert score.lowest_seed <= score.value <= score.highest_seed


def test_a_verdict_agrees_with_its_interval(comparison: Comparison):
    """Worse exactly where the interval of what a cell is behind leaves out 0; unsettled only below such a cell."""
    ranking = comparison.ranking("digits")
    found = [cell.best for cell in ranking]
    assert {one.against for one in found} == {ranking[0].cell_id}
    for place, one in enumerate(found):
        assert one.low <= one.behind <= one.high
        assert one.behind == pytest.approx(ranking[0].headline.value - ranking[place].headline.value)
        assert (one.verdict == "worse") == (one.low > 0)
        if one.verdict != "worse":
            above = any(other.verdict == "worse" for other in found[:place])
            assert one.verdict == ("unsettled" if above else "may_be_best")
    assert {"may_be_best", "worse"} <= {one.verdict for one in found}


def test_every_pair_says_how_sure_its_order_is(comparison: Comparison):
    """The better is at least as probably better as not; it says what it would have shown."""
    for pair in comparison.pairs:
        assert 0.5 <= pair.probability_better <= 1
        assert pair.smallest_detectable == pytest.approx(pair.high - pair.difference + Z_POWER * pair.standard_error)
        assert (pair.low > 0) == pair.different == (pair.p_adjusted < 0.05)
        assert pair.probability_better >= 1 - pair.p_value / 2 - 1e-12


def test_intervals_cover_seeds_where_there_are_several(comparison: Comparison, sample: Sample):
    """With two seeds or three the interval is no narrower than that over the same examples, and says what it covers."""
    _, results, load = sample
    accuracy = METRICS.get("accuracy")
    for cell in comparison.ranking("digits"):
        score = cell.headline
        fits = [
            load(one, "test")
            for one in results
            if (one.cell_id, one.phase, one.status) == (cell.cell_id, "final", "done")
        ]
        low, high = interval_of(luck_of(accuracy, fits))
        assert 0 <= score.low <= low < high <= score.high <= 1
        assert score.covers == "test examples and seeds"
        assert score.seed_deviation == pytest.approx(np.std([one.value for one in score.seeds], ddof=1))


def test_every_metric_has_its_interval(comparison: Comparison):
    """Each score of the table of metrics stands in an interval that is printed with two ends that differ."""
    for cell in comparison.ranking("digits"):
        for found in cell.metrics.values():
            assert found.low <= found.mean <= found.high
            assert found.low < found.high
        assert cell.metrics["accuracy"].low == cell.headline.low
    table = metrics_table(comparison, comparison.ranking("digits"))
    ends = [box.ends.split(" to ") for row in table.rows for box in row[2:]]
    assert all(low != high for low, high in ends)
    assert table.remarks == ()


def test_a_small_test_set_says_what_it_is_too_small_for(sample: Sample):
    """Of 20 examples shares have an interval; log loss has a sentence, in the comparison and below the table."""
    plan, results, load = sample
    first = load(results[0], "test")
    rows = np.flatnonzero(first.labels == first.targets)[:20]
    found = compare(results, plan_summary=plan, load_predictions=lambda one, name: load(one, name).take(rows))
    cell = next(cell for cell in found.cells if cell.cell_id == results[0].cell_id)
    assert cell.headline.interval[0] < 0.9
    assert "are answered wrongly; with fewer than 3" in cell.metrics["log_loss"].no_interval
    remarks = metrics_table(found, found.ranking("digits")).remarks
    assert any(remark.startswith("log loss has no interval (") for remark in remarks)


def test_a_metric_that_is_not_registered_has_no_interval(sample: Sample):
    """The metric of a plugin that is not loaded: its stored values stay, and the reason stands beside them."""
    plan, results, load = sample
    odd = [
        result.model_copy(update={"scores": {"test": {**result.scores["test"], "odd": Score(value=0.5)}}})
        for result in results
        if "test" in result.scores
    ]
    cell = compare(odd, plan_summary=plan, load_predictions=load).ranking("digits")[0]
    assert (cell.metrics["odd"].mean, cell.metrics["odd"].low) == (0.5, None)
    assert "not loaded" in cell.metrics["odd"].no_interval


def test_recall_and_precision_of_a_class_have_intervals(comparison: Comparison):
    """Each holds its value; the seeds' answers to one example count as one."""
    one = comparison.ranking("digits")[0].classes[0]
    assert one.recall_low < one.recall <= one.recall_high
    assert one.precision_low <= one.precision <= one.precision_high
    assert (one.recall_low, one.recall_high) == pytest.approx(
        tuple(agresti_coull(np.array([one.recall]), np.array([one.support]))[0])
    )


def test_counts_say_how_many_of_how_many(comparison: Comparison):
    """56 of 57 trials are there, 3 of them without a score; a mean over two seeds says so."""
    facts = comparison.facts
    assert (facts.trials_planned, facts.trials_finished, facts.trials_failed, facts.trials_missing) == (57, 53, 3, 1)
    short = next(cell for cell in comparison.cells if cell.name == "perceptron_8, fine_tune: all")
    assert (short.finished, short.planned) == (2, 3)
    assert (short.metrics["accuracy"].count, short.metrics["accuracy"].of) == (2, 2)
    assert {failure.status for failure in comparison.failures} == {"failed", "diverged", "timeout"}
    assert len(comparison.missing) == len(comparison.skips) == 1
    assert "1 of 57 trials have not run yet" in comparison.remarks[0]


def test_confusion_and_classes_add_up(comparison: Comparison):
    """Three seeds of 360 examples are summed; support counts every example once."""
    cell = comparison.ranking("digits")[0]
    counts = np.array(cell.confusion.counts)
    assert counts.sum() == 3 * 360
    assert sum(one.support for one in cell.classes) == 360
    assert np.trace(counts) / counts.sum() == pytest.approx(cell.headline.value)
    assert sum(one.count for one in cell.reliability) == 3 * 360


def test_the_drop_is_the_difference_of_the_means(comparison: Comparison):
    """Positive means worse elsewhere; validation has no interval and says why."""
    cell = comparison.ranking("digits")[0]
    noisy, validation = cell.on("digits_noisy"), cell.on("validation")
    assert noisy.drop == pytest.approx(cell.headline.value - noisy.headline.mean)
    assert noisy.drop_low <= noisy.drop <= noisy.drop_high
    assert noisy.examples == 360
    assert validation.low is None
    assert "validation chose" in validation.reason


def test_the_ledger_counts_what_was_tried(comparison: Comparison):
    """Three strengths tried with each of three seeds; nothing searched for the probe."""
    searched = next(cell for cell in comparison.cells if cell.name == "perceptron_32, fine_tune: all").ledger
    assert (searched.candidates, searched.fits, searched.epochs) == (3, 12, 36)
    assert searched.space == {"strength": (1e-4, 1e-3, 1e-2)}
    assert searched.worst <= searched.median <= searched.best
    probe = next(cell for cell in comparison.cells if cell.strategy == "linear_probe").ledger
    assert (probe.candidates, probe.best) == (1, None)


def test_fronts_hold_the_best_cell(comparison: Comparison):
    """One front per cost, cheapest first, ending with the highest score."""
    assert [front.axis for front in comparison.pareto] == ["latency", "parameters", "training_time"]
    best = comparison.ranking("digits")[0].headline.value
    for front in comparison.pareto:
        values = [comparison.cell(cell_id).headline.value for cell_id in front.cell_ids]
        assert values == sorted(values)
        assert values[-1] == best


def test_the_recommendation_is_the_cheapest_of_the_tied(comparison: Comparison):
    """What is taken cannot be told apart from the best, and every number in its reasons is there."""
    answer = comparison.recommendation
    chosen = comparison.cell(answer.cell_id)
    assert answer.cell_id in answer.tied
    may_be = {cell.cell_id for cell in comparison.ranking("digits") if cell.best.verdict == "may_be_best"}
    assert set(answer.tied) == may_be
    assert answer.take.startswith(f"Take {chosen.model}, ")
    assert 1 <= len(answer.reasons) <= 5
    assert answer.reasons[0].numbers["value"] == chosen.headline.value
    assert all(np.isfinite(number) for sentence in answer.reasons for number in sentence.numbers.values())


def test_the_order_of_results_changes_nothing(sample: Sample, comparison: Comparison):
    """Shuffled results give the same comparison, to the last digit."""
    plan, results, load = sample
    shuffled = random.Random(0).sample(results, len(results))
    again = compare(shuffled, plan_summary=plan, load_predictions=load)
    assert again.model_dump_json() == comparison.model_dump_json()


def test_a_comparison_reads_its_own_json(comparison: Comparison):
    """What is exported can be read back."""
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison


def test_nothing_finished_is_said(sample: Sample):
    """No results at all: no ranks, no recommendation, everything missing."""
    plan, _, load = sample
    found = compare([], plan_summary=plan, load_predictions=load)
    assert found.recommendation is None
    assert all(cell.rank is None and cell.best is None for cell in found.cells)
    assert "No trial has finished with a score, so nothing can be compared." in found.remarks
    assert len(found.missing) == 57


def test_one_trial_is_enough(sample: Sample):
    """A single cell with a single seed has a score, an interval and a recommendation, and no pairs."""
    plan, results, load = sample
    one = plan.model_copy(update={"trials": plan.trials[:1]})
    found = compare(results, plan_summary=one, load_predictions=load)
    assert found.pairs == ()
    assert found.recommendation.chosen_by == "score"
    assert {sentence.kind for sentence in found.recommendation.reasons} == {"quality", "weakness"}
    assert any("one seed" in remark for remark in found.remarks)
    headline = found.ranking("digits")[0].headline
    assert headline.low < headline.value < headline.high
    assert (headline.covers, headline.seed_deviation) == ("test examples", None)
    assert found.facts.tests[0].smallest_difference is None


def test_lost_predictions_leave_the_score_without_interval(sample: Sample):
    """The mean stays, the interval is missing with a reason, and nothing is paired."""
    plan, results, _ = sample
    found = compare(results, plan_summary=plan, load_predictions=lambda *_: None)
    best = found.ranking("digits")[0]
    assert best.headline.low is None
    assert best.headline.reason == "the predictions were not kept."
    assert not any(pair.different for pair in found.pairs)
    assert all(pair.p_value is None and pair.reason for pair in found.pairs)
    assert found.recommendation.tied == (best.cell_id,)


def test_other_examples_are_not_paired(sample: Sample):
    """A cell scored on other examples is held against the best alone, as on its leaderboard; others say why not."""
    plan, results, load = sample
    odd = results[0].cell_id

    def renamed(result: Result, name: str) -> Predictions | None:
        found = load(result, name)
        if found is None or result.cell_id != odd:
            return found
        ids = np.char.add(found.example_ids, "-other")
        return Predictions(ids, found.targets, found.probabilities, found.class_names)

    found = compare(results, plan_summary=plan, load_predictions=renamed)
    best = found.ranking("digits")[0].cell_id
    assert odd != best
    of_odd = [pair for pair in found.pairs if odd in (pair.better, pair.worse) and pair.better != best]
    assert {pair.reason for pair in of_odd} == {"the two were scored on different examples and cannot be paired."}
    assert sum(pair.p_value is not None for pair in found.pairs) == len(found.pairs) - len(of_odd)
    (held,) = [pair for pair in found.pairs if (pair.better, pair.worse) == (best, odd)]
    assert (held.low, held.high) == (found.cell(odd).best.low, found.cell(odd).best.high)


def test_a_missing_score_is_never_zero(sample: Sample):
    """Where one of three seeds has no score, the mean covers two and says of how many."""
    plan, results, load = sample
    first = results[0]
    scores = {**first.scores, "test": {"accuracy": Score(value=None, reason="it was lost.")}}
    changed = [first.model_copy(update={"scores": scores}), *results[1:]]
    found = compare(changed, plan_summary=plan, load_predictions=load).cell(first.cell_id)
    assert (found.metrics["accuracy"].count, found.metrics["accuracy"].of) == (2, 3)
    assert found.metrics["accuracy"].reason == "it was lost."
    assert found.headline.lowest_seed > 0.5


@pytest.mark.parametrize("headline", ["log_loss", "f1_macro"])
def test_any_metric_can_rank(sample: Sample, headline: str):
    """A loss ranks upwards; a metric that is no mean is paired by the bootstrap."""
    plan, results, load = sample
    found = compare(results, plan_summary=plan.model_copy(update={"headline": headline}), load_predictions=load)
    values = [cell.headline.value for cell in found.ranking("digits")]
    assert values == sorted(values, reverse=headline == "f1_macro")
    assert any(pair.different for pair in found.pairs)
    assert all(pair.difference >= 0 for pair in found.pairs)


def test_an_unknown_headline_is_refused(sample: Sample):
    """The complaint names the nearest metric."""
    plan, _, load = sample
    with pytest.raises(StoreError, match="Did you mean 'accuracy'"):
        compare([], plan_summary=plan.model_copy(update={"headline": "acuracy"}), load_predictions=load)


def test_every_data_set_has_a_ranking_of_its_own(sample: Sample):
    """The same cells under a second data set are ranked apart and never paired across."""
    plan, results, load = sample
    other = {trial.cell_id for trial in plan.trials if trial.model == "gaussian"}
    moved = tuple(
        trial.model_copy(update={"dataset": "second"}) if trial.cell_id in other else trial for trial in plan.trials
    )
    found = compare(results, plan_summary=plan.model_copy(update={"trials": moved}), load_predictions=load)
    assert found.datasets == ("digits", "second")
    assert [answer.dataset for answer in found.recommendations] == ["digits", "second"]
    assert found.ranking("second")[0].rank == 1
    assert all((pair.better in other) == (pair.worse in other) for pair in found.pairs)


def test_two_data_sets_are_compared_over_methods(sample: Sample):
    """The same scores under a second name, one method missing there: it is listed apart, the others have two of two."""
    plan, results, load = sample
    mirrored = tuple(
        trial.model_copy(update={"trial_id": f"{trial.trial_id}x", "cell_id": f"{trial.cell_id}x", "dataset": "second"})
        for trial in plan.trials
    )
    copies = [
        result.model_copy(update={"id": f"{result.id}x", "cell_id": f"{result.cell_id}x", "dataset": "second"})
        for result in results
        if (result.model, result.strategy) != ("logistic", "linear_probe")
    ]
    both = plan.model_copy(update={"trials": (*plan.trials, *mirrored)})
    originals = {f"{result.id}x": result for result in results}
    found = compare(
        [*results, *copies],
        plan_summary=both,
        load_predictions=lambda result, name: load(originals.get(result.id, result), name),
    )
    assert found.across.datasets == ("digits", "second")
    assert len(found.across.methods) == 18
    (apart,) = found.across.lacking
    assert (apart.model, apart.missing[0].reason) == ("logistic", "not there yet")
    best = found.across.methods[0]
    assert best.score.value == pytest.approx(found.cell(best.cell_ids[1]).headline.value)
    assert best.cell_ids[1] == f"{best.cell_ids[0]}x"
    assert "on 2 of 2 data sets" in found.across.answer
    assert Comparison.model_validate_json(found.model_dump_json()) == found


def test_pauses_between_runs_cost_nothing(sample: Sample):
    """Two trials of a second each, an hour apart, overlap nothing: two seconds."""
    _, results, _ = sample
    stamps = [(f"2026-01-01T{hour}:00:00+00:00", f"2026-01-01T{hour}:00:01+00:00") for hour in (10, 11)]
    two = [
        result.model_copy(update={"started_at": start, "finished_at": end})
        for result, (start, end) in zip(results, stamps, strict=False)
    ]
    assert wall_seconds(two) == pytest.approx(2.0)


def test_a_plan_is_summarised_with_its_labels():
    """Ids of the plan, labels as reports print them, the registered name beside them."""
    spec = {
        "name": "small",
        "task": "image_classification",
        "models": [{"source": "applications", "name": "MobileNetV2"}],
        "datasets": [{"source": "sklearn", "name": "digits_photo"}],
        "strategies": [{"strategy": "linear_probe"}, {"strategy": "fine_tune", "unfreeze": "all"}],
    }
    plan = make_plan(parse_spec(json.dumps(spec)))
    summary = summarise_plan(plan)
    assert [trial.trial_id for trial in summary.trials] == [trial.id for trial in plan.trials]
    assert {trial.strategy_name for trial in summary.trials} == {"linear_probe", "fine_tune"}
    assert {trial.model for trial in summary.trials} == {"MobileNetV2"}
    assert summary.command == "suite run specs/small.json"


def test_the_threads_of_a_comparison_start_none_of_their_own(sample: Sample):
    """While cells are looked at side by side BLAS has one thread, and afterwards as many as before."""
    plan, results, load = sample
    seen: set[int] = set()

    def threads() -> set[int]:
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    def load_and_look(result: Result, name: str) -> Predictions | None:
        seen.update(threads())
        return load(result, name)

    with threadpool_limits(2, user_api="blas"):
        compare(results, plan_summary=plan, load_predictions=load_and_look)
        assert threads() == {2}
    assert seen == {1}
