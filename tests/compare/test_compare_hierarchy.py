"""Examples and seeds together: the interval of a score and the variance of a difference, against formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from suite.compare.statistics.evidence import SetEvidence
from suite.compare.statistics.intervals import example_variances, luck_spreads, overall_interval, spread_of
from suite.compare.statistics.seed_variance import WEIGHTS, Seeds, seed_spread
from suite.metrics.intervals import interval_of, luck_of
from suite.metrics.resampling import resampled_means
from suite.registry import METRICS
from suite.store.records.result import Predictions


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


def overall(answers: np.ndarray) -> tuple[float, float]:
    """The interval of accuracy over examples and seeds of a cell alone."""
    luck = luck_of(METRICS.get("accuracy"), predicted(answers))
    return overall_interval(luck, luck_spreads([luck])[0])


def predicted(answers: np.ndarray) -> list[Predictions]:
    """Predictions of two classes, right where the answer is 1."""
    targets = np.arange(answers.shape[1]) % 2
    ids = targets.astype(str)
    return [
        Predictions(ids, targets, np.eye(2, dtype=np.float32)[np.where(one > 0, targets, 1 - targets)], ("a", "b"))
        for one in answers
    ]


def test_the_spread_is_that_beyond_the_interaction():
    """What the table of answers has for examples and seeds together is taken off what the seeds vary."""
    answers = answers_of(0, seeds=10)
    answers[0, :60] = 0
    seeds, examples = answers.shape
    rest = answers - answers.mean(axis=0) - answers.mean(axis=1, keepdims=True) + answers.mean()
    luck = (rest**2).sum() / ((seeds - 1) * examples**2)
    expected = seed_spread(Seeds(np.array([answers.mean(axis=1).var(ddof=1)]), np.array([luck]), np.array([9])))
    found = spread_of({"cell": evidence_of(answers)})["cell"]
    assert found @ WEIGHTS == pytest.approx((expected @ WEIGHTS)[0], rel=0.08)


def test_one_seed_is_over_examples_only():
    """No spread is invented."""
    answers = answers_of(1, seeds=1)
    luck = luck_of(METRICS.get("accuracy"), predicted(answers))
    assert overall_interval(luck, np.full(len(WEIGHTS), 0.1)) == interval_of(luck)


def test_the_interval_holds_the_one_over_examples():
    """Seeds that agree to the last answer add nothing; seeds far apart add several of their standard errors."""
    same = np.tile(answers_of(2, seeds=1), (3, 1))
    assert overall(same) == pytest.approx(overall(same[:1]))
    apart = answers_of(3)
    apart[0, :60] = 0
    ends = overall(apart)
    inner = interval_of(luck_of(METRICS.get("accuracy"), predicted(apart)))
    assert ends[0] < inner[0] < inner[1] < ends[1]
    assert 2 < (ends[1] - ends[0]) / 2 / stats.sem(apart.mean(axis=1)) < 6


def test_the_spread_of_any_metric_is_that_of_the_resamples():
    """What luck with examples makes of the spread between seeds, by formula and by resampling."""
    answers = answers_of(4, seeds=5)
    answers[0, :40] = 0
    by_formula = luck_spreads([luck_of(METRICS.get("accuracy"), predicted(answers))])[0] @ WEIGHTS
    assert by_formula == pytest.approx(spread_of({"cell": evidence_of(answers)})["cell"] @ WEIGHTS, rel=0.08)


def test_seeds_count_where_examples_do_not_vary():
    """One seed has every answer wrong, the others every answer right: the interval leaves hardly anything out."""
    answers = np.ones((3, 40))
    answers[0] = 0
    low, high = overall(answers)
    assert 0 <= low < 0.3
    assert high > 0.9


def test_a_pair_varies_over_examples_as_its_differences_do():
    """The variance of the mean of paired differences, whatever the models have in common."""
    first = answers_of(4)
    second = np.where(np.random.default_rng(5).random(first.shape) < 0.1, 1 - first, first)
    found = example_variances([evidence_of(first), evidence_of(second)])
    expected = (first - second).mean(axis=0).var() / first.shape[1]
    assert found[0, 1] == pytest.approx(expected, rel=0.08)


def test_splits_of_their_own_overlap():
    """Variances grow from 1 / seeds to 1 / seeds and test per training example: Nadeau and Bengio's correction."""
    cells = [answers_of(place) for place in (6, 7)]
    plain, grown = (
        example_variances([evidence_of(one, test_to_train=ratio) for one in cells]) for ratio in (0.0, 0.25)
    )
    np.testing.assert_allclose(grown, plain * 3 * (1 / 3 + 0.25))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 4))
def test_the_variance_of_a_pair_has_no_direction(dice: int, first_seeds: int, second_seeds: int):
    """A against B is B against A, a cell does not differ from itself, and no variance is negative."""
    found = example_variances(
        [
            evidence_of(answers_of(dice + place, seeds=many, examples=40))
            for place, many in enumerate((first_seeds, second_seeds))
        ]
    )
    np.testing.assert_allclose(found, found.T)
    assert (found >= 0).all()
    assert not np.diagonal(found).any()
