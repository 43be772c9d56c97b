"""How much seeds vary, learned from all cells together: against a slow evaluation, against Smyth, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from benchmarks.peers import moderated_t, squeezed_as_smyth
from suite.compare.statistics import seed_variance as spread
from suite.compare.statistics.seed_variance import WEIGHTS, Seeds, seed_spread, squeezed


def seeds_of(variance: list[float], *, luck: float = 1e-5, freedom: int = 2) -> Seeds:
    """Cells with the same luck and as many seeds."""
    many = len(variance)
    return Seeds(np.array(variance), np.full(many, luck), np.full(many, freedom))


def seen(generator: np.random.Generator, true: np.ndarray, freedom: int) -> np.ndarray:
    """Variances between seeds whose true ones are given."""
    return true * generator.chisquare(freedom, len(true)) / freedom


def test_the_posterior_is_that_of_a_slow_evaluation():
    """Every centre, width and value in a loop, straight from the model: the same means, to 1e-9."""
    variance, luck, freedom = [4e-4, 1e-4, 2e-5], 1e-5, 2
    low, high = spread.LEAST * math.sqrt(luck), spread.MOST * math.sqrt(max(variance))
    grid = np.linspace(math.log(low), math.log(high), spread.POINTS)
    step, odd = grid[1] - grid[0], min(spread.MOST_ODD, spread.ODD_OF_FEW / 3**2)
    sums, total = np.zeros(len(variance)), 0.0
    for centre in np.linspace(grid[0], grid[-1], spread.CENTRES):
        for width in spread.WIDTHS:
            bell = [math.exp(-0.5 * ((x - centre) / max(width, step / 2)) ** 2) for x in grid]
            prior = [(1 - odd) * one / sum(bell) + odd / len(grid) for one in bell]
            evidence, means = 1.0, []
            for own in variance:
                true = [luck + math.exp(2 * x) for x in grid]
                joint = [
                    p * v ** (-freedom / 2) * math.exp(-freedom * own / (2 * v))
                    for p, v in zip(prior, true, strict=True)
                ]
                evidence *= sum(joint)
                means.append(sum(j * math.exp(2 * x) for j, x in zip(joint, grid, strict=True)) / sum(joint))
            sums, total = sums + evidence * np.array(means), total + evidence
    found = squeezed(np.array(variance), np.full(3, luck), np.full(3, freedom)) @ WEIGHTS
    np.testing.assert_allclose(found, sums / total, rtol=1e-9)


def test_smyths_moderated_variance_worked_by_hand():
    """The peer of the benchmark: moments of log variances give d0 and s0, and the mean of both is taken."""
    variance = np.array([1.0, 4.0, 0.05, 20.0, 0.3])
    logs = np.log(variance) - special.digamma(1.0) + math.log(1.0)
    found, degrees = squeezed_as_smyth(variance, 2)
    prior = degrees - 2
    assert special.polygamma(1, prior / 2) == pytest.approx(logs.var(ddof=1) - special.polygamma(1, 1.0))
    centre = math.exp(logs.mean() + special.digamma(prior / 2) - math.log(prior / 2))
    np.testing.assert_allclose(found, (prior * centre + 2 * variance) / degrees)
    assert squeezed_as_smyth(np.array([1.0, 1.1, 0.9]), 2) == (pytest.approx(np.ones(3)), 6.0)


def test_with_many_cells_it_agrees_with_smyth():
    """With 300 cells little hangs on the prior: mean posterior variances are the same within a sixth on average."""
    generator = np.random.default_rng(0)
    true = 1e-4 * np.exp(2 * generator.normal(0, 0.5, 300))
    variance = seen(generator, true, 4)
    ours = seed_spread(Seeds(variance, np.full(300, 1e-9), np.full(300, 4))) @ WEIGHTS
    squeezed_to, degrees = squeezed_as_smyth(variance, 4)
    # His is one over the mean of 1 / variance; the mean of an inverse chi-square variance is larger.
    assert np.abs(np.log(ours / (squeezed_to * degrees / (degrees - 2)))).mean() < 0.15
    assert np.abs(np.log(ours / true)).mean() < np.abs(np.log(variance / true)).mean()


def test_alike_cells_borrow_and_an_odd_one_is_left_alone():
    """Five cells of 0.5 points: a chance agreement is not believed, and a cell of 5 points keeps its own."""
    agreed = seed_spread(seeds_of([1e-8, 2.5e-5, 3e-5, 2e-5, 2.5e-5])) @ WEIGHTS
    assert agreed[0] > 3e-6
    odd = seed_spread(seeds_of([2.5e-3, 2.5e-5, 3e-5, 2e-5, 2.5e-5])) @ WEIGHTS
    assert odd[0] > 1e-3
    assert odd[1:].max() < 1e-4


def test_one_seed_takes_what_the_others_have_in_common():
    """Its own variance is unknown, not 0; where no cell has two seeds nothing is known."""
    mixed = seeds_of([0.0, 4e-4, 5e-4, 3e-4])
    one = Seeds(mixed.variance, np.array([0.0, 1e-5, 1e-5, 1e-5]), np.array([0, 2, 2, 2]))
    assert (seed_spread(one) @ WEIGHTS)[0] > 1e-4
    alone = Seeds(np.zeros(2), np.zeros(2), np.zeros(2, dtype=np.int64))
    assert not seed_spread(alone).any()
    assert seed_spread(Seeds(np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64))).shape == (0, len(WEIGHTS))


def test_cells_without_random_choices_keep_their_own():
    """Probes whose seeds agree add nothing, and do not make others look steadier."""
    fits = seeds_of([4e-4, 5e-4, 3e-4])
    both = Seeds(np.append(fits.variance, 0.0), np.append(fits.luck, 0.0), np.full(4, 2))
    found = seed_spread(both)
    assert not found[3].any()
    np.testing.assert_array_equal(found[:3], seed_spread(fits))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.1), st.integers(0, 9)), min_size=1, max_size=8))
def test_a_spread_is_a_spread(cells: list[tuple[float, float, int]]):
    """Whatever was seen: finite, never negative, ascending, and of the weights of a distribution."""
    variance, luck, freedom = (np.array(column) for column in zip(*cells, strict=True))
    found = seed_spread(Seeds(variance, luck, freedom.astype(np.int64)))
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (np.diff(found, axis=1) >= -1e-12 * found.max(initial=0.0)).all()
    assert WEIGHTS.sum() == pytest.approx(1)


def test_the_moderated_peer_is_a_t_test():
    """One seed pair worked by hand is Smyth's with Satterthwaite's degrees: a p-value, and 1 for equal answers."""
    answers = np.zeros((2, 3, 50))
    answers[:, 0, :30] = answers[:, 1, :32] = answers[:, 2, :31] = 1
    assert moderated_t(answers)[0] == pytest.approx(1)
