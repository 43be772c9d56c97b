"""Ranks and tests over data sets: a published example, and the libraries that compute the same."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest
import scikit_posthocs
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from suite.compare.across_datasets.summary import Scored, compare_methods
from suite.compare.statistics.paired_tests import holm
from suite.compare.statistics.rank_tests import (
    FEWEST_DATASETS,
    critical_difference,
    fewest_datasets,
    friedman,
    groups_of,
    nemenyi_p_values,
    normalised,
    ranks_of,
    signed_rank_p_values,
    z_scores,
)

# Demšar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7 (2006), table 6: AUC and, in
# parentheses there, rank of C4.5, C4.5+m, C4.5+cf and C4.5+m+cf.
DEMSAR = {
    "adult (sample)": ((0.763, 0.768, 0.771, 0.798), (4, 3, 2, 1)),
    "breast cancer": ((0.599, 0.591, 0.590, 0.569), (1, 2, 3, 4)),
    "breast cancer wisconsin": ((0.954, 0.971, 0.968, 0.967), (4, 1, 2, 3)),
    "cmc": ((0.628, 0.661, 0.654, 0.657), (4, 1, 3, 2)),
    "ionosphere": ((0.882, 0.888, 0.886, 0.898), (4, 2, 3, 1)),
    "iris": ((0.936, 0.931, 0.916, 0.931), (1, 2.5, 4, 2.5)),
    "liver disorders": ((0.661, 0.668, 0.609, 0.685), (3, 2, 4, 1)),
    "lung cancer": ((0.583, 0.583, 0.563, 0.625), (2.5, 2.5, 4, 1)),
    "lymphography": ((0.775, 0.838, 0.866, 0.875), (4, 3, 2, 1)),
    "mushroom": ((1.000, 1.000, 1.000, 1.000), (2.5, 2.5, 2.5, 2.5)),
    "primary tumor": ((0.940, 0.962, 0.965, 0.962), (4, 2.5, 1, 2.5)),
    "rheum": ((0.619, 0.666, 0.614, 0.669), (3, 2, 4, 1)),
    "voting": ((0.972, 0.981, 0.975, 0.975), (4, 1, 2, 3)),
    "wine": ((0.957, 0.978, 0.946, 0.970), (3, 1, 4, 2)),
}
SCORES = np.array([scores for scores, _ in DEMSAR.values()])
RANKS = np.array([ranks for _, ranks in DEMSAR.values()], dtype=np.float64)


def whole(shape: tuple[int, int], *, most: int = 6) -> st.SearchStrategy[np.ndarray]:
    """Tables of few different scores, so that many are tied."""
    return arrays(np.float64, shape, elements=st.integers(0, most).map(lambda value: value / most))


def test_the_published_ranks_are_those_of_the_published_scores() -> None:
    """In 13 of 14 rows to the digit; on 'voting' the paper parts two scores that round to 0.975."""
    found = ranks_of(SCORES, higher_is_better=True)
    same = [name for name, row, published in zip(DEMSAR, found, RANKS, strict=True) if (row == published).all()]
    assert set(DEMSAR) - set(same) == {"voting"}
    assert RANKS.mean(axis=0).round(3).tolist() == [3.143, 2.000, 2.893, 1.964]


def test_friedman_gives_the_published_statistics() -> None:
    """Section 3.2.2: chi-square 9.28, which ignores ties, and F 3.69 above 2.85, the critical value of F(3, 39)."""
    found = friedman(RANKS)
    assert found is not None
    assert (round(found.chi_square_plain, 2), round(found.f_plain or 0, 2)) == (9.28, 3.69)
    assert found.f_degrees == (3, 39)
    assert round(stats.f.isf(0.05, 3, 39), 2) == 2.85


def test_nemenyi_gives_the_published_differences() -> None:
    """CD 1.25 at 5 %, where nothing differs, and 1.12 at 10 %, where plain C4.5 leaves the group of two."""
    means = np.sort(RANKS.mean(axis=0))
    at_5, at_10 = critical_difference(4, 14), critical_difference(4, 14, alpha=0.10)
    assert (round(at_5, 2), round(at_10, 2)) == (1.25, 1.12)
    assert groups_of(means, at_5) == ((0, 3),)
    assert groups_of(means, at_10) == ((0, 2), (2, 3))


@pytest.mark.parametrize(("methods", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)])
def test_critical_values_are_demsar_s_table_5(methods: int, q: float) -> None:
    """With k (k + 1) = 6 N the critical difference is q itself."""
    assert critical_difference(methods, 1) / math.sqrt(methods * (methods + 1) / 6) == pytest.approx(q, abs=1e-3)


@given(whole((7, 4)))
def test_friedman_is_scipy_s(scores: np.ndarray) -> None:
    """With ties too; where everything is tied there is nothing to test."""
    found = friedman(ranks_of(scores, higher_is_better=True))
    if (np.ptp(scores, axis=1) == 0).all():
        assert found is None
        return
    assert found is not None
    wanted = stats.friedmanchisquare(*scores.T)
    assert found.chi_square == pytest.approx(wanted.statistic)
    assert found.chi_square_p == pytest.approx(wanted.pvalue)


def test_f_is_the_analysis_of_variance_on_ranks() -> None:
    """Iman and Davenport's F is that of a two-way layout whose values are ranks, ties included."""
    found = friedman(RANKS)
    methods = 14 * ((RANKS.mean(axis=0) - 2.5) ** 2).sum()
    rest = ((RANKS - RANKS.mean(axis=0)) ** 2).sum()
    assert found is not None
    assert found.f == pytest.approx((methods / 3) / (rest / 39))
    assert found.p_value == pytest.approx(stats.f.sf(found.f, 3, 39))


def test_complete_agreement_has_an_exact_chance() -> None:
    """F has no bound where 6 data sets rank 3 methods alike; that happens once in 6 to the 5."""
    found = friedman(np.tile([1.0, 2.0, 3.0], (6, 1)))
    assert found is not None
    assert (found.f, found.f_plain) == (None, None)
    assert found.p_value == pytest.approx(6.0**-5)


@given(whole((9, 5)))
def test_nemenyi_is_scikit_posthocs_s(scores: np.ndarray) -> None:
    """All pairs of a table with ties."""
    wanted = scikit_posthocs.posthoc_nemenyi_friedman(-scores).to_numpy()
    means = ranks_of(scores, higher_is_better=True).mean(axis=0)
    found = nemenyi_p_values(means[:, None] - means[None, :], 5, 9)
    assert np.allclose(found, wanted, atol=1e-6)


@given(arrays(np.float64, (3, 12), elements=st.integers(-(10**6), 10**6).map(float)))
def test_signed_ranks_are_scipy_s_where_nothing_is_tied(differences: np.ndarray) -> None:
    """Exact p-values of several pairs at once."""
    untied = [row for row in differences if len(set(np.abs(row))) == 12 and np.all(row)]
    if untied:
        found, _ = signed_rank_p_values(np.array(untied))
        assert found == pytest.approx([stats.wilcoxon(row, method="exact").pvalue for row in untied])


@settings(max_examples=30)
@given(arrays(np.float64, (1, 8), elements=st.integers(-3, 3).map(float)))
def test_signed_ranks_are_exact_with_ties(differences: np.ndarray) -> None:
    """All 2**n sign patterns counted by hand; differences of 0 are left out."""
    kept = differences[0][differences[0] != 0]
    ranks = stats.rankdata(np.abs(kept))
    observed = abs((ranks * np.sign(kept)).sum())
    sums = [abs((ranks * signs).sum()) for signs in itertools.product((-1, 1), repeat=len(kept))]
    found, favours = signed_rank_p_values(differences)
    assert found[0] == pytest.approx(np.mean(np.array(sums) >= observed - 1e-9))
    assert favours[0] == np.sign((ranks * np.sign(kept)).sum())


def test_many_tied_data_sets_use_the_normal_distribution() -> None:
    """Beyond 25 data sets with ties, as SciPy does beyond 13."""
    differences = np.round(np.random.default_rng(0).normal(0.1, 1, (4, 60)), 1)
    wanted = [stats.wilcoxon(row[row != 0], method="asymptotic").pvalue for row in differences]
    assert signed_rank_p_values(differences)[0] == pytest.approx(wanted)


def test_fewer_data_sets_could_never_tell_a_pair_apart() -> None:
    """One pair takes 6, since five wins in a row have p = 0.0625; with more pairs the correction asks for more."""
    assert [fewest_datasets(pairs) for pairs in (1, 3, 10, 45, 190)] == [6, 7, 9, 11, 13]
    for methods in (2, 3, 5):
        pairs = methods * (methods - 1) // 2
        for count in (fewest_datasets(pairs) - 1, fewest_datasets(pairs)):
            gaps = np.arange(1.0, count + 1) * np.ones((pairs, 1))
            told = holm(signed_rank_p_values(gaps)[0]) < 0.05
            assert told.all() == (count == fewest_datasets(pairs))


@pytest.mark.parametrize("methods", [3, 4, 8, 20])
def test_equal_methods_are_rarely_told_apart(methods: int) -> None:
    """From six data sets on both tests keep to their 5 %; with three, F calls equal methods different too often."""
    dice = np.random.default_rng(methods)

    def rates(count: int) -> tuple[float, float]:
        draws = dice.permuted(np.tile(np.arange(1.0, methods + 1), (2000, count, 1)), axis=-1)
        found = [friedman(ranks) for ranks in draws]
        means = draws.mean(axis=1)
        spread = means.max(axis=1) - means.min(axis=1)
        by_f = np.mean([test is not None and test.p_value < 0.05 for test in found])
        return float(by_f), float(np.mean(spread >= critical_difference(methods, count)))

    by_f, by_ranks = rates(FEWEST_DATASETS)
    assert by_f < 0.065
    assert by_ranks < 0.055
    if methods == 3:
        assert rates(3)[0] > 0.15


@given(whole((5, 4)), st.booleans())
def test_side_by_side_numbers_agree_with_their_definitions(scores: np.ndarray, higher: bool) -> None:
    """Normalised from 0 to 1, z-scores as SciPy's, contests as counted one by one."""
    sign = 1.0 if higher else -1.0
    tied = np.ptp(scores, axis=1) == 0
    stretched = normalised(scores, higher_is_better=higher)
    assert np.isnan(stretched[tied]).all()
    assert (stretched[~tied].min(axis=1) == 0).all()
    assert (stretched[~tied].max(axis=1) == 1).all()
    wanted = stats.zscore(sign * scores[~tied], axis=1)
    assert np.allclose(z_scores(scores, higher_is_better=higher)[~tied], wanted, atol=1e-8)
    ranks = ranks_of(scores, higher_is_better=higher)
    gaps = sign * (scores[:, :, None] - scores[:, None, :])
    won = ((gaps > 0) + 0.5 * (gaps == 0)).sum(axis=2) - 0.5
    assert np.allclose((4 - ranks), won)


def test_equal_scores_are_equal_whatever_the_order_of_their_seeds() -> None:
    """0.1 + 0.2 is not 0.3 to the last digit, and shares its rank."""
    assert ranks_of(np.array([[0.1 + 0.2, 0.3, 0.2]]), higher_is_better=True).tolist() == [[1.5, 1.5, 3.0]]


@given(arrays(np.float64, 8, elements=st.integers(0, 40).map(lambda value: value / 4)), st.floats(0.2, 5))
def test_groups_join_exactly_what_is_close(means: np.ndarray, difference: float) -> None:
    """Two methods share a group exactly where they are closer than the critical difference, and no group is spare."""
    ranks = np.sort(means)
    groups = groups_of(ranks, difference)
    for first, second in itertools.combinations(range(8), 2):
        joined = any(start <= first and second <= end for start, end in groups)
        assert joined == (ranks[second] - ranks[first] < difference - 1e-9)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in itertools.pairwise(groups))


def test_a_hundred_methods_on_fifty_data_sets_are_quick() -> None:
    """Well under a second on a quiet machine; the bound leaves room for a busy one."""
    table = np.random.default_rng(0).normal(size=(100, 50)) + np.linspace(0, 3, 100)[:, None]
    names = [f"data set {index}" for index in range(50)]
    methods = [
        Scored(f"model {index}", "knn", "knn", dict(zip(names, row.tolist(), strict=True)), dict.fromkeys(names, "c"))
        for index, row in enumerate(table)
    ]
    started = time.process_time()
    found = compare_methods(methods, names, higher_is_better=True)
    assert time.process_time() - started < 2
    assert len(found.pairs) == 4950
