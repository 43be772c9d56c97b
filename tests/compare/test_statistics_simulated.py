"""The simulation of ``benchmarks/statistics.py``, small: a defect of the statistics shows in seconds."""

from __future__ import annotations

import pytest

from benchmarks.interval_coverage import INTRODUCTION
from benchmarks.simulated import Finding
from benchmarks.statistics import (
    ERROR,
    GIVEN,
    HOLM,
    differences_found,
    familywise_error,
    intervals_hold,
    kept_intervals,
    near_limit,
    page,
    split_error,
)


@pytest.mark.parametrize("seed_points", [0.0, 2.0])
def test_equal_models_are_seldom_called_worse(seed_points: float):
    """At most 5 of 100 comparisons of five equal models call one worse, also where seeds differ."""
    assert familywise_error(5, 500, seed_points=seed_points, trials=100).met


def test_without_the_seeds_equal_models_are_told_apart():
    """What the simulation is for: tests of the models as given err in half of the comparisons, where seeds differ."""
    assert familywise_error(5, 500, seed_points=2.0, trials=60).others[GIVEN] > 0.2


def test_a_metric_that_is_no_mean_counts_seeds_too():
    """Like F1: without the exact test the error is kept as well."""
    assert familywise_error(5, 500, seed_points=2.0, is_mean=False, trials=100).met


def test_true_differences_are_found():
    """Steady seeds: three points are found by most comparisons on 2,000 examples, more than by Holm over all pairs."""
    found = differences_found((0.92, *[0.89] * 9), 2_000, seeds=3, seed_points=0.0, said="ten", trials=20)
    assert found.share > 0.8
    assert found.share >= found.others[HOLM]


def test_the_intervals_of_a_leaderboard_hold_together():
    """Also where most models are found worse, so that fewer pairs are looked at."""
    assert intervals_hold((0.92, *[0.85] * 6), 500, seeds=3, seed_points=1.0, said="seven", trials=100).met


def test_seeds_with_splits_of_their_own_are_seldom_called_worse():
    """All models together, and no certainty from scores that happen to differ by the same amount."""
    found = split_error(4, 2, pool=400, trials=100)
    assert found.met
    assert found.share < found.others["resampled t"]


def test_a_missed_target_is_said():
    """Two standard errors beyond the border are too many; without a promise nothing is met or missed."""
    assert Finding("what", "where", 0.10, 1_000, None, ERROR).met is False
    assert Finding("what", "where", 0.90, 1_000, 0.95, None).met is False
    assert Finding("what", "where", 0.06, 1_000, None, ERROR).met
    missed = Finding("what", "where", 0.10, 1_000, None, ERROR, {GIVEN: 0.5})
    text = page([("Some rows.", [missed, Finding("it", "here", 0.5, 9, None, None)])], 1.0)
    assert "| what | where | 10.0% | 50.0% | at most 5% | 1,000 | **no** |" in text
    assert "| it | here | 50.0% | - | - | 9 | - |" in text


def test_a_setting_near_the_limit_runs_on():
    """While its errors cannot be told from the limit, and no further than asked; a strict target allows no noise."""
    assert near_limit(0.06, 500)
    assert not near_limit(0.06, 4_000)
    assert not near_limit(0.02, 500)
    found = familywise_error(2, 200, seeds=1, trials=10, most=30)
    assert found.trials == 30
    assert found.is_strict
    assert Finding("what", "where", 0.051, 4_000, None, ERROR, is_strict=True).met is False


def test_the_intervals_of_a_page_can_be_kept():
    """Word for word, so that the other half can be measured by itself."""
    intervals = INTRODUCTION + "\n\n| a table |"
    first = "Of equally good models some is called worse in at most 5 % of the comparisons, all models together."
    text = page([(first, [Finding("what", "where", 0.01, 100, None, ERROR)])], 1.0, intervals=intervals)
    assert kept_intervals(text) == intervals.strip()
