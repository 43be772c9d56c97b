"""Risk-coverage curves and unknown classes, against definitions and other implementations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from suite.metrics.selective import COVERAGES, false_positive_rate, placements, risk_coverage
from suite.store.records.result import Predictions


def answers(confidences, right) -> Predictions:
    """Two classes: the first is named with these confidences, rightly or not."""
    first = np.asarray(confidences, np.float32)
    targets = np.where(right, 0, 1).astype(np.int64)
    ids = np.array([str(index) for index in range(len(first))], dtype=np.str_)
    return Predictions(ids, targets, np.stack([first, 1 - first], axis=1), ("a", "b"))


def test_the_curve_is_the_definition():
    """Wrong among the surest k, for every k, by hand."""
    dice = np.random.default_rng(1)
    confidences, right = 0.5 + 0.5 * dice.permutation(200) / 200 + 0.001, dice.random(200) < 0.7
    order = np.argsort(-confidences)
    by_hand = [float(np.mean(~right[order[:k]])) for k in range(1, 201)]
    found = risk_coverage(answers(confidences, right))
    assert found.area == pytest.approx(np.mean(by_hand))
    assert found.risks == pytest.approx([by_hand[round(200 * coverage) - 1] for coverage in COVERAGES])


def test_equal_confidences_have_no_order():
    """The mean over all orders of equal ones: a constant confidence tells nothing."""
    found = risk_coverage(answers([0.9] * 10, [True] * 7 + [False] * 3))
    assert found.risks == pytest.approx([0.3] * len(COVERAGES))
    assert found.area == pytest.approx(0.3)


def test_knowing_when_one_errs_is_the_best_there_is():
    """All errors last: no risk before them."""
    found = risk_coverage(answers([0.9] * 8 + [0.6] * 2, [True] * 8 + [False] * 2))
    assert found.risks[15] == 0
    assert found.risks[-1] == pytest.approx(0.2)
    assert risk_coverage(answers([], [])) is None


@given(
    known=st.lists(st.integers(0, 8), min_size=1, max_size=30),
    unknown=st.lists(st.integers(0, 8), min_size=1, max_size=30),
)
@settings(max_examples=60, deadline=None)
def test_auroc_and_false_positives_are_those_of_scikit_learn(known, unknown):
    """Ties included."""
    ours, theirs = np.array(known, float), np.array(unknown, float)
    truth, scores = np.repeat([1, 0], [len(ours), len(theirs)]), np.concatenate([ours, theirs])
    found = placements(ours, theirs)
    assert found.auroc == pytest.approx(roc_auc_score(truth, scores))
    assert found.unknown.mean() == pytest.approx(found.auroc)
    rates, passed, _ = roc_curve(truth, scores, drop_intermediate=False)
    assert false_positive_rate(ours, theirs) == pytest.approx(rates[np.argmax(passed >= 0.95 - 1e-12)])


def test_the_standard_error_is_that_of_repeated_draws():
    """DeLong's formula against the deviation over 2,000 draws of both kinds."""
    dice = np.random.default_rng(5)
    drawn = [placements(dice.normal(1, 1, 80), dice.normal(0, 1, 60)) for _ in range(2000)]
    spread = np.std([one.auroc for one in drawn])
    assert np.mean([one.standard_error() for one in drawn]) == pytest.approx(spread, rel=0.06)
    assert placements(np.ones(1), np.zeros(5)).standard_error() is None
