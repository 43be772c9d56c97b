"""What would settle an open comparison: one source for the next steps and for the check of test sets."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lint_results import checked, epochs, make_result, predictions, run_of

from suite.compare.advice.settle import what_settles
from suite.compare.advice.wording import THIN


def answered(shares: dict[str, tuple[float, ...]], examples: int, strategy: str = "linear_probe", **more: object):
    """Results with a share of right answers for each seed, and predictions to go with them; no seed moves a probe."""
    results, kept = [], {}
    for place, (model, by_seed) in enumerate(shares.items()):
        for seed, share in enumerate(by_seed, start=1):
            one = make_result(model, strategy=strategy, seed=seed, score=share, **more)
            right = [(7 * index + 31 * place) % examples < share * examples for index in range(examples)]
            results.append(one)
            kept[one.id] = predictions(right)
    return results, kept


def test_next_steps_and_check_say_the_same_sentence():
    """Two linear probes whose seeds coincide, half a point apart: both ask for test examples, neither for seeds."""
    results, kept = answered({"wide": (0.80, 0.80), "net": (0.77, 0.77)}, 100)
    found = run_of(results, kept).comparison
    (step,) = [one for one in found.recommendation.next_steps if one.kind == "settle"]
    (finding,) = [one for one in checked(results, kept).findings if one.check == "test_size"]
    assert step.text in finding.what
    assert "test examples instead of 100" in step.text
    assert "seed" not in step.text + finding.mend
    assert "more test examples" in finding.mend


def test_a_twin_of_the_best_is_passed_over():
    """Two models with the very same answers differ in nothing; what is asked for tells them from the next."""
    results, kept = answered({"wide": (0.80, 0.80), "twin": (0.80, 0.80), "net": (0.77, 0.77)}, 100)
    first = {one.seed: kept[one.id] for one in results if one.model == "wide"}
    kept |= {one.id: first[one.seed] for one in results if one.model == "twin"}
    (step,) = [one for one in run_of(results, kept).comparison.recommendation.next_steps if one.kind == "settle"]
    assert "from net, with a linear probe" in step.text


def test_seeds_that_scatter_are_asked_for():
    """Trained cells whose seeds move by more than their distance: more seeds, in both places."""
    results, kept = answered(
        {"wide": (0.92, 0.90, 0.91), "net": (0.865, 0.885, 0.875)}, 2000, strategy="fine_tune", history=epochs(1.0, 0.5)
    )
    found = run_of(results, kept).comparison
    (step,) = [one for one in found.recommendation.next_steps if one.kind == "settle"]
    (finding,) = [one for one in checked(results, kept).findings if one.check == "test_size"]
    assert "seeds each instead of 3" in step.text
    assert step.text in finding.what


def test_one_seed_of_a_trained_cell_is_told():
    """Nothing is known of its seeds, so that a second comes before more examples."""
    results, kept = answered({"wide": (0.80,), "net": (0.77,)}, 100, strategy="fine_tune", history=epochs(1.0, 0.5))
    (step,) = [one for one in run_of(results, kept).comparison.recommendation.next_steps if one.kind == "settle"]
    assert "there is one seed, so that a second one comes first" in step.text


def test_what_is_told_apart_needs_nothing():
    """No step where the best is beyond doubt."""
    results, kept = answered({"wide": (0.95,), "net": (0.40,)}, 500)
    assert all(one.kind != "settle" for one in run_of(results, kept).comparison.recommendation.next_steps)


def test_half_the_difference_takes_four_times_the_examples():
    """Errors shrink with the square root of the number."""
    found = what_settles(0.02, 0.04, examples=100, seeds=3, seed_share=0.0)
    assert (found.examples, found.seeds, found.ask) == (400, None, "more test examples")
    assert found.words == "about 400 test examples instead of 100"


def test_examples_do_not_make_up_for_seeds():
    """Half of the variance from seeds: 3 of 4 points take eight times the examples, 2 of 4 no number of them alone."""
    assert what_settles(0.03, 0.04, examples=100, seeds=3, seed_share=0.5).examples == 800
    both = what_settles(0.02, 0.04, examples=100, seeds=3, seed_share=0.5)
    assert (both.examples, both.seeds) == (None, None)
    assert both.words == "12 seeds each instead of 3 together with about 400 test examples instead of 100"


@pytest.mark.parametrize("difference", [0.001, 1e-200])
def test_a_difference_that_never_matters_is_said_to_be_none(difference: float):
    """Nobody is sent for a hundred times as many examples; the square of the smallest differences is 0."""
    found = what_settles(difference, 0.04, examples=360, seeds=3, seed_share=0.0)
    assert (found.ask, found.examples) == ("nothing", None)
    assert found.words == "more than 100 times as many test examples"


@pytest.mark.parametrize("difference", [0.0, 0.05])
def test_nothing_settles_what_is_equal_or_shows(difference: float):
    """No difference at all, and one that shows already."""
    assert what_settles(difference, 0.04, examples=100, seeds=3, seed_share=0.2) is None


@given(
    difference=st.floats(1e-3, 0.5),
    times=st.floats(1.01, 9.0),
    examples=st.integers(10, 10_000),
    seeds=st.integers(1, 9),
    share=st.floats(0.0, 1.0),
)
def test_what_is_asked_for_is_enough_and_not_more(difference, times, examples, seeds, share):
    """With as many as are asked for the difference shows; with one less it does not."""
    detectable = difference * times
    found = what_settles(difference, detectable, examples=examples, seeds=seeds, seed_share=share)
    share = share if share > 0.01 else 0.0

    def shows(n: float, m: float) -> bool:
        left = math.sqrt((1 - share) * examples / n + share * seeds / m)
        return detectable * left <= difference * (1 + 1e-9)

    if found.examples is not None:
        assert shows(found.examples, seeds)
        assert not shows(found.examples - 1, seeds)
    if found.seeds is not None:
        assert shows(examples, found.seeds)
        assert not shows(examples, found.seeds - 1)


def test_large_numbers_are_said_with_two_digits():
    """The estimate is no better."""
    found = what_settles(0.02, 0.1, examples=1234, seeds=1, seed_share=0.0)
    assert found.words == f"about 31{THIN}000 test examples instead of 1{THIN}234"
