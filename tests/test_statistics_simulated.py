"""The simulation of ``benchmarks/statistics.py``, small: a defect of the statistics shows in seconds."""

from __future__ import annotations

import pytest

from benchmarks.statistics import (
    ERROR,
    Finding,
    balanced_coverage,
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
    assert hierarchical_coverage(0.9, 500, seeds, seed_points=2.0, trials=300).met


def test_equal_models_are_seldom_told_apart():
    """At most 5 of 100 comparisons of five equal models find any difference."""
    assert familywise_error(5, 200, trials=150).met


def test_seeds_with_splits_of_their_own_are_seldom_told_apart():
    """The corrected resampled t-test, all pairs together."""
    assert split_error(4, 4, pool=400, trials=200).met


def test_a_missed_target_is_said():
    """Two standard errors beyond the border are too many; without a promise nothing is met or missed."""
    assert Finding("what", "where", 0.10, 1_000, None, ERROR).met is False
    assert Finding("what", "where", 0.90, 1_000, 0.93, 0.97).met is False
    assert Finding("what", "where", 0.06, 1_000, None, ERROR).met
    text = page([Finding("what", "where", 0.10, 1_000, None, ERROR), Finding("it", "here", 0.5, 9, None, None)], 1.0)
    assert "| what | where | 10.0% | at most 5% | 1,000 | **no** |" in text
    assert "| it | here | 50.0% | - | 9 | not promised |" in text
