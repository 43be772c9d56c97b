"""Seeds with splits of their own: pairing by seed, the correction for overlap, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sample_run import load_from, make_sample_results

from suite.compare.compare import compare
from suite.compare.comparison import CellSummary, Comparison, PlanSummary
from suite.compare.statistics.paired_tests import Z_POWER
from suite.store.records.result import Predictions, Result

Load = Callable[[Result, str], Predictions | None]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[PlanSummary, list[Result], Load]:
    """Three models of the sample, where each seed is scored on two thirds of the test examples."""
    folder = tmp_path_factory.mktemp("resplit")
    plan, results = make_sample_results(folder)
    kept = tuple(trial for trial in plan.trials if trial.strategy == "linear_probe")
    load = load_from(folder)

    def own_split(result: Result, name: str) -> Predictions | None:
        found = load(result, name)
        if found is None or name != "test":
            return found
        drawn = np.random.default_rng(result.seed).permutation(len(found.targets))[:240]
        return Predictions(
            found.example_ids[drawn], found.targets[drawn], found.probabilities[drawn], found.class_names
        )

    return plan.model_copy(update={"trials": kept, "resample": True}), results, own_split


def scored(results: list[Result], load: Load) -> list[Result]:
    """The results with the accuracy of the predictions that ``load`` gives."""
    changed = []
    for result in results:
        found = load(result, "test")
        if found is None:
            changed.append(result)
            continue
        score = result.scores["test"]["accuracy"].model_copy(
            update={"value": float((found.labels == found.targets).mean())}
        )
        changed.append(result.model_copy(update={"scores": {**result.scores, "test": {"accuracy": score}}}))
    return changed


@pytest.fixture(scope="module")
def comparison(sample: tuple[PlanSummary, list[Result], Load]) -> Comparison:
    """The comparison of the sample."""
    plan, results, load = sample
    return compare(scored(results, load), plan_summary=plan, load_predictions=load)


def least_error(first: CellSummary, second: CellSummary) -> float:
    """The standard error of a difference that luck with 240 examples of each seed alone gives, overlap counted.

    Where two models disagree on a share of the answers at least their difference, its variance is no less than this.
    """
    gap = first.headline.value - second.headline.value
    return float(np.sqrt((1 / 3 + 360 / 1150) * gap * (1 - gap) / 240))


def test_every_seed_is_kept_and_pairs_are_made_seed_by_seed(comparison: Comparison):
    """No seed is left out for having other examples; the test is the corrected one with the recorded sizes."""
    best, second = comparison.ranking("digits")[:2]
    assert best.finished == len(best.headline.seeds) == best.confusion.seeds == 3
    pair = next(pair for pair in comparison.pairs if (pair.better, pair.worse) == (best.cell_id, second.cell_id))
    gaps = [a.value - b.value for a, b in zip(best.headline.seeds, second.headline.seeds, strict=True)]
    assert pair.difference == pytest.approx(np.mean(gaps))
    assert pair.low <= pair.high - 2 * 1.95 * least_error(best, second)
    assert pair.smallest_detectable >= (1.95 + Z_POWER) * least_error(best, second)
    assert pair.probability_better == pytest.approx(1 - pair.p_value / 2)


def test_the_interval_over_seeds_is_there_and_the_remark_too(comparison: Comparison):
    """The interval counts that splits overlap, and the page says how it was compared."""
    for cell in comparison.ranking("digits"):
        score = cell.headline
        assert score.low < score.value < score.high
        assert score.covers == "test examples and seeds"
    assert comparison.resample
    assert any("the splits overlap" in remark for remark in comparison.remarks)
    assert comparison.facts.tests[0].smallest_difference > 0


def test_fewer_than_two_common_seeds_give_no_test(sample: tuple[PlanSummary, list[Result], Load]):
    """With one seed each there is a score, no test, and a reason."""
    plan, results, load = sample
    one = plan.model_copy(update={"trials": tuple(trial for trial in plan.trials if trial.seed == 1)})
    found = compare(scored(results, load), plan_summary=one, load_predictions=load)
    assert {pair.reason for pair in found.pairs} == {"1 seed of the two has the same test examples; a test needs 2."}
    assert not any(pair.different for pair in found.pairs)


def test_unknown_sizes_give_no_test(sample: tuple[PlanSummary, list[Result], Load]):
    """The correction needs the sizes of the splits: without them there is no test, and a reason."""
    plan, results, load = sample
    unsized = [result.model_copy(update={"data": ()}) for result in scored(results, load)]
    found = compare(unsized, plan_summary=plan, load_predictions=load)
    assert {pair.p_value for pair in found.pairs} == {None}
    assert all("sizes of the splits" in pair.reason for pair in found.pairs)


def test_a_missing_seed_leaves_the_common_ones(sample: tuple[PlanSummary, list[Result], Load]):
    """A cell with two of three seeds is compared on these two; with the best as on the leaderboard."""
    plan, results, load = sample
    lost = plan.trials[0].trial_id
    found = compare(
        [result for result in scored(results, load) if result.id != lost], plan_summary=plan, load_predictions=load
    )
    odd = plan.trials[0].cell_id
    of_odd = [pair for pair in found.pairs if odd in (pair.better, pair.worse)]
    assert of_odd
    assert all(pair.p_value is not None for pair in of_odd)
    best = found.ranking("digits")[0].cell_id
    for pair in found.pairs:
        if pair.better == best:
            held = found.cell(pair.worse).best
            assert (pair.low, pair.high, pair.different) == (held.low, held.high, held.verdict == "worse")


def test_without_resampling_other_examples_are_left_out(sample: tuple[PlanSummary, list[Result], Load]):
    """The same predictions in a plan whose seeds share their splits: one seed stays, with the reason."""
    plan, results, load = sample
    shared = plan.model_copy(update={"resample": False})
    found = compare(scored(results, load), plan_summary=shared, load_predictions=load)
    headline = found.ranking("digits")[0].headline
    assert headline.reason == "2 of 3 seeds were scored on other examples and are left out."
    assert headline.low < headline.value < headline.high
