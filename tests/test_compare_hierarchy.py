"""The interval over examples and seeds, and the probability of being better: against formulas and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from suite.compare.evidence import SetEvidence
from suite.compare.hierarchy import ONE_SEED, hierarchical, noise_of, noise_of_pairs, overall_interval
from suite.metrics.resampling import resampled_means


def evidence_of(
    answers: np.ndarray, *, seeds: tuple[int, ...] | None = None, test_to_train: float = 0.0
) -> SetEvidence:
    """What is gathered of right and wrong answers, shape ``(seeds, examples)``."""
    by_seed = resampled_means(answers.T).T
    return SetEvidence(
        predictions=(),
        seeds=seeds or tuple(range(len(answers))),
        keys=("same",) * len(answers),
        scores=answers.mean(axis=1),
        values=answers.mean(axis=0),
        by_seed=by_seed,
        resampled=by_seed.mean(axis=0),
        reason=None,
        test_to_train=test_to_train,
    )


def answers_of(seed: int, *, seeds: int = 3, examples: int = 200) -> np.ndarray:
    """Answers that are right 8 times in 10."""
    return (np.random.default_rng(seed).random((seeds, examples)) < 0.8).astype(np.float64)


def test_the_parts_are_those_of_a_two_way_table():
    """Examples, seeds and their interaction: the mean squares of the table of answers, over their counts."""
    answers = answers_of(0)
    seeds, examples = answers.shape
    noise = noise_of([evidence_of(answers)])
    rest = answers - answers.mean(axis=0) - answers.mean(axis=1, keepdims=True) + answers.mean()
    assert noise.examples[0] == pytest.approx(answers.mean(axis=0).var() / examples, rel=0.08)
    assert noise.seeds[0] == pytest.approx(stats.sem(answers.mean(axis=1)) ** 2)
    assert noise.mixed[0] == pytest.approx((rest**2).sum() / (seeds * (seeds - 1) * examples**2), rel=0.08)


def test_one_seed_has_no_overall_interval():
    """No spread is invented: None, and the reason."""
    assert overall_interval(evidence_of(answers_of(1, seeds=1)), None) == (None, ONE_SEED)


def test_the_overall_interval_holds_the_one_over_examples():
    """Seeds that agree add nothing; seeds far apart add Student's quantile times their standard error."""
    same = evidence_of(np.tile(answers_of(2, seeds=1), (3, 1)))
    assert overall_interval(same, None) == (same.interval, None)
    apart = answers_of(3)
    apart[0, :60] = 0
    ends, _ = overall_interval(evidence_of(apart), None)
    reach = stats.t.ppf(0.975, 2) * stats.sem(apart.mean(axis=1))
    assert (ends[1] - ends[0]) / 2 == pytest.approx(reach, rel=0.12)


def test_the_overall_interval_stays_within_the_bounds_of_the_metric():
    """Two seeds far apart leave everything open: 0 to 1, not beyond."""
    answers = np.zeros((2, 50))
    answers[0] = 1
    answers[1, :10] = 1
    assert overall_interval(evidence_of(answers), (0.0, 1.0)) == ((0.0, 1.0), None)


def test_a_pair_is_paired_seed_by_seed():
    """Where a seed is worse for both models alike, the difference does not vary over seeds."""
    first, second = answers_of(4), answers_of(5)
    first[0, :80] = second[0, :80] = 0
    noise = noise_of_pairs([evidence_of(first), evidence_of(second)])
    expected = np.var((first - second).mean(axis=1), ddof=1) / 3
    assert noise.seeds[0, 1] == pytest.approx(expected)
    assert noise.freedom[0, 1] == 2


def test_other_seeds_are_not_paired():
    """Where a seed is missing in one, the variances over seeds add up and the fewer seeds count."""
    first, second = evidence_of(answers_of(6)), evidence_of(answers_of(7, seeds=2), seeds=(1, 2))
    both, own = noise_of_pairs([first, second]), noise_of([first, second])
    assert both.seeds[0, 1] == pytest.approx(own.seeds.sum())
    assert both.freedom[0, 1] == 1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 4))
def test_the_noise_of_a_pair_has_no_direction(dice: int, first_seeds: int, second_seeds: int):
    """A against B is B against A, a cell does not differ from itself, and no variance is negative."""
    cells = [
        evidence_of(answers_of(dice + place, seeds=many, examples=40))
        for place, many in enumerate((first_seeds, second_seeds))
    ]
    noise = noise_of_pairs(cells)
    for part in (noise.examples, noise.mixed, noise.seeds, noise.freedom):
        np.testing.assert_allclose(part, part.T)
        assert (part >= 0).all()
    assert noise.examples[0, 0] == noise.mixed[0, 0] == 0


def test_a_resample_keeps_its_centre_and_sums_the_variances():
    """Spread around the difference, with the variance of examples and seeds less their interaction."""
    answers = answers_of(8, seeds=40, examples=60)
    cell = evidence_of(answers)
    noise = noise_of([cell])
    spread = hierarchical(cell.resampled.astype(np.float32)[None], np.array([answers.mean()]), noise)[0]
    total = noise.examples + noise.seeds - noise.mixed
    assert spread.mean() == pytest.approx(answers.mean(), abs=0.002)
    assert spread.var() == pytest.approx(total[0], rel=0.1)
