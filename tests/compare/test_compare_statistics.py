"""Paired tests, correction and fronts: against SciPy, published and hand-worked examples."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from benchmarks.peers import sign_flip_p_values
from suite.compare.statistics.paired_tests import holm, reach_of, spread_p_values
from suite.compare.statistics.pareto import front


def one_p_value(differences: np.ndarray, *, steps: int = 1) -> float:
    """The p-value of a single pair."""
    return float(sign_flip_p_values(differences[None], steps=steps)[0])


def test_holm_worked_by_hand():
    """0.01, 0.04, 0.03 of three become 0.03, 0.06, 0.06: times 3, times 2, and never below the one before."""
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])


def test_holm_never_exceeds_one_and_takes_nothing():
    """Large p-values stop at 1; no pairs give no p-values."""
    assert holm(np.array([0.6, 0.9])).tolist() == [1.0, 1.0]
    assert holm(np.array([])).tolist() == []


@pytest.mark.parametrize(("only_first", "only_second"), [(8, 2), (5, 5), (12, 0), (0, 1)])
def test_one_seed_is_mcnemars_exact_test(only_first: int, only_second: int):
    """For right-or-wrong answers of one seed the sign-flip test is the binomial test on the disagreements."""
    differences = np.array([1.0] * only_first + [-1.0] * only_second + [0.0] * 30)
    expected = stats.binomtest(only_first, only_first + only_second).pvalue
    assert one_p_value(differences) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 200))
def test_one_seed_is_statsmodels_mcnemar(only_first: int, only_second: int, both: int):
    """The exact test of the table of agreements, to 1e-12."""
    expected = mcnemar([[both, only_first], [only_second, 7]], exact=True).pvalue
    differences = np.array([1.0] * only_first + [-1.0] * only_second + [0.0] * (both + 7))
    assert one_p_value(differences) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([-1, -2 / 3, -1 / 3, 0, 1 / 3, 2 / 3, 1]), min_size=2, max_size=10))
def test_three_seeds_are_scipys_permutation_test(values: list[float]):
    """Every flip of every example's difference: SciPy's exact permutation test, to 1e-12."""
    differences = np.array(values, dtype=np.float64)

    def total(sample: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.rint(3 * sample).sum(axis=axis)

    expected = stats.permutation_test((differences,), total, permutation_type="samples", n_resamples=np.inf).pvalue
    assert one_p_value(differences, steps=3) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_is_statsmodels(p_values: list[float]):
    """Adjusted p-values of any list, to 1e-12."""
    expected = multipletests(p_values, method="holm")[1]
    np.testing.assert_allclose(holm(np.array(p_values)), expected, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]), min_size=1, max_size=40))
def test_the_test_has_no_direction(values: list[float]):
    """A against B is B against A, and a probability."""
    forth, back = sign_flip_p_values(np.array([values, [-value for value in values]]), steps=2)
    assert forth == back
    assert 0 < forth <= 1


def test_three_seeds_are_every_flip_enumerated():
    """Differences in thirds: the exact p-value is the share of all sign choices that are as extreme."""
    differences = np.array([1.0, 2 / 3, 2 / 3, 1 / 3, -1 / 3, 1 / 3, 0.0, 1.0])
    flips = np.array(list(product([-1, 1], repeat=len(differences))))
    expected = (np.abs(flips @ differences) >= abs(differences.sum()) - 1e-9).mean()
    assert one_p_value(differences, steps=3) == pytest.approx(expected, abs=1e-12)


def test_values_that_are_no_steps_use_the_normal_distribution():
    """Log losses: close to SciPy's permutation test."""
    differences = np.random.default_rng(0).normal(0.2, 1.0, 200)
    expected = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=9999, rng=np.random.default_rng(1)
    ).pvalue
    assert one_p_value(differences) == pytest.approx(expected, abs=0.01)


def test_equal_models_have_p_one():
    """No difference anywhere, and differences that cancel."""
    assert one_p_value(np.zeros(10)) == 1.0
    assert one_p_value(np.array([1.0, -1.0])) == 1.0


def test_the_test_is_wrong_as_seldom_as_it_says():
    """Of 400 pairs of equally good models about 1 in 20, and not more, are called different."""
    generator = np.random.default_rng(3)
    right = (generator.random((400, 2, 3, 120)) < 0.85).mean(axis=2)
    p_values = sign_flip_p_values(right[:, 0] - right[:, 1], steps=3)
    assert (p_values < 0.05).mean() <= 0.08
    assert (p_values < 0.5).mean() > 0.35


def test_a_known_variance_is_a_z_test():
    """Two standard errors from 0: p = 0.0455, and the interval reaches 1.96 of them."""
    variances = np.full((1, 3), 0.01)
    assert spread_p_values(np.array([-0.2]), variances, np.full(3, 1 / 3))[0] == pytest.approx(0.0455, abs=1e-4)
    assert reach_of(variances, np.full(3, 1 / 3))[0] == pytest.approx(0.196, abs=1e-4)


def test_a_chi_square_variance_is_students_t_test():
    """Variances spread as chi-square over 4 leaves open: SciPy's t with 4 degrees of freedom, p and interval."""
    parts = (np.arange(20_000) + 0.5) / 20_000
    variances = (4 / stats.chi2.ppf(parts, 4))[None]
    weights = np.full(20_000, 1 / 20_000)
    for difference in (0.5, 2.0, 4.0):
        expected = 2 * stats.t.sf(difference, 4)
        assert spread_p_values(np.array([difference]), variances, weights)[0] == pytest.approx(expected, rel=0.01)
    assert reach_of(variances, weights)[0] == pytest.approx(stats.t.ppf(0.975, 4), rel=0.001)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(1e-9, 1e3), min_size=6, max_size=6), st.floats(0, 10))
def test_the_interval_leaves_out_what_the_test_refuses(variances: list[float], difference: float):
    """At the end of the interval p is 0.05; a difference beyond it has less."""
    rows = np.sort(np.array([variances]), axis=1)
    reach = reach_of(rows)
    assert spread_p_values(reach, rows)[0] == pytest.approx(0.05, rel=1e-4)
    p_value = spread_p_values(np.array([difference]), rows)[0]
    assert (p_value < 0.0499) <= (difference > reach[0]) <= (p_value < 0.0501)


def test_models_that_never_differ_have_p_one():
    """No variance: p is 1 without a difference and 0 with one, and the interval is a point."""
    nothing = np.zeros((2, 6))
    assert spread_p_values(np.array([0.0, 0.1]), nothing).tolist() == [pytest.approx(1), 0.0]
    assert reach_of(nothing).tolist() == [0.0, 0.0]


def test_the_front_holds_what_nothing_beats():
    """Cheapest first; a point that is dearer and no better is left out, an equal one stays."""
    points = [("slow", 3.0, 0.9), ("fast", 1.0, 0.7), ("bad", 2.0, 0.6), ("twin", 1.0, 0.7), ("dear", 4.0, 0.9)]
    assert front(points) == ("fast", "twin", "slow")
    assert front([]) == ()
