"""The simulation of ``benchmarks/statistics.py``, small: a defect of the statistics shows in seconds."""

from __future__ import annotations

import pytest

from benchmarks.simulated import Finding
from benchmarks.statistics import (
    ERROR,
    GIVEN,
    balanced_coverage,
    differences_found,
    example_coverage,
    familywise_error,
    hierarchical_coverage,
    page,
    split_error,
)


@pytest.mark.parametrize("accuracy", [0.6, 0.9])
def test_intervals_over_examples_cover(accuracy: float):
    """93 to 97 of 100, within the noise of the simulation."""
    assert example_coverage(accuracy, 200, trials=500).met


def test_stratified_intervals_cover():
    """Balanced accuracy with a class of 20 examples."""
    assert balanced_coverage((0.95, 0.85, 0.7), 200, trials=150).met


@pytest.mark.parametrize("seeds", [3, 5])
def test_intervals_over_examples_and_seeds_cover(seeds: int):
    """Also with three seeds, where resampling the seeds would cover far too seldom."""
    assert hierarchical_coverage(0.9, 500, seeds, seed_points=2.0, trials=100).met


@pytest.mark.parametrize("seed_points", [0.0, 2.0])
def test_equal_models_are_seldom_told_apart(seed_points: float):
    """At most 5 of 100 comparisons of five equal models find any difference, also where seeds differ."""
    assert familywise_error(5, 500, seed_points=seed_points, trials=100).met


def test_without_the_seeds_equal_models_are_told_apart():
    """What the simulation is for: tests of the models as given err in half of the comparisons, where seeds differ."""
    assert familywise_error(5, 500, seed_points=2.0, trials=60).others[GIVEN] > 0.2


def test_a_metric_that_is_no_mean_counts_seeds_too():
    """Like F1: without the exact test the error is kept as well."""
    assert familywise_error(5, 500, seed_points=2.0, is_mean=False, trials=100).met


def test_true_differences_are_found():
    """Steady seeds: three points are found by most comparisons on 2,000 examples."""
    assert differences_found(2_000, seeds=3, seed_points=0.0, trials=20).share > 0.8


def test_seeds_with_splits_of_their_own_are_seldom_told_apart():
    """All pairs together, and no certainty from scores that happen to differ by the same amount."""
    found = split_error(4, 2, pool=400, trials=100)
    assert found.met
    assert found.share < found.others["resampled t"]


def test_a_missed_target_is_said():
    """Two standard errors beyond the border are too many; without a promise nothing is met or missed."""
    assert Finding("what", "where", 0.10, 1_000, None, ERROR).met is False
    assert Finding("what", "where", 0.90, 1_000, 0.93, 0.97).met is False
    assert Finding("what", "where", 0.06, 1_000, None, ERROR).met
    missed = Finding("what", "where", 0.10, 1_000, None, ERROR, {GIVEN: 0.5})
    text = page([("Some rows.", [missed, Finding("it", "here", 0.5, 9, None, None)])], 1.0)
    assert "| what | where | 10.0% | 50.0% | at most 5% | 1,000 | **no** |" in text
    assert "| it | here | 50.0% | - | - | 9 | - |" in text
