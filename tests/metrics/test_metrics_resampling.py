"""The bootstrap: against SciPy, and its determinism."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sample_predictions import random_predictions
from scipy import stats
from sklearn import metrics as sklearn_metrics

from suite.metrics import metrics_named, resampling, score_all
from suite.metrics.resampling import interval, resampled_means, resampled_scores
from suite.registry import METRICS
from suite.store.records.result import Predictions


def test_the_interval_is_scipys():
    """Percentile interval of a mean, within the noise of 2,000 resamples."""
    values = np.random.default_rng(0).random(200)
    ours = interval(resampled_means(values[:, None])[:, 0])
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.004)


def test_two_calls_see_the_same_resamples():
    """Differences between models are paired: the same examples are drawn for both."""
    values = np.random.default_rng(3).random((50, 1))
    together = resampled_means(np.hstack([values, values + 1]))
    np.testing.assert_allclose(together[:, 1] - together[:, 0], 1, atol=1e-5)
    np.testing.assert_array_equal(resampled_means(values)[:, 0], resampled_means(values)[:, 0])


def test_many_examples_are_resampled_in_parts(monkeypatch):
    """The parts give the same resamples as the whole."""
    values = np.random.default_rng(4).random((64, 2))
    whole = resampled_means(values)
    monkeypatch.setattr(resampling, "WEIGHTS_AT_ONCE", 640)
    np.testing.assert_allclose(resampled_means(values), whole, atol=1e-6)


def test_an_interval_with_too_few_resamples_is_missing():
    """More than 1 in 20 resamples without a score: no interval."""
    assert interval(np.array([np.nan] * 10 + [0.5] * 90)) is None


@pytest.mark.parametrize("name", ["f1_macro", "balanced_accuracy", "precision_macro"])
def test_resampled_counts_are_the_metric_of_each_resample(name: str):
    """One resample drawn by hand scores what scikit-learn says with its counts as weights."""
    made = random_predictions(6, examples=200)
    weights = next(resampling._weights(200, made.targets))[0]
    expected = {
        "f1_macro": lambda: sklearn_metrics.f1_score(made.targets, made.labels, average="macro", sample_weight=weights),
        "balanced_accuracy": lambda: sklearn_metrics.balanced_accuracy_score(
            made.targets, made.labels, sample_weight=weights
        ),
        "precision_macro": lambda: sklearn_metrics.precision_score(
            made.targets, made.labels, average="macro", sample_weight=weights, zero_division=0
        ),
    }[name]()
    assert resampled_scores(METRICS.get(name), [made])[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", ["balanced_accuracy", "recall_macro", "f1_macro", "precision_macro", "roc_auc"])
def test_a_stratified_metric_loses_no_class(monkeypatch, name: str):
    """A class of two examples is in every resample, so that every resample has a score."""
    monkeypatch.setattr(resampling, "SLOW_RESAMPLES", 20)
    made = random_predictions(12, examples=40, classes=4)
    made.targets[:] = np.repeat([0, 1, 2, 3], [20, 10, 8, 2])
    assert METRICS.get(name).stratified
    assert np.isfinite(resampled_scores(METRICS.get(name), [made])).all()


def test_strata_keep_their_numbers_and_leave_one_out():
    """Every class keeps its count; of each class with several examples one is never drawn; a single one always is."""
    strata = np.array([2, 0, 0, 1, 0, 1, 0, 1])
    weights = next(resampling._weights(8, strata))
    for label, size in ((0, 4), (1, 3), (2, 1)):
        of_class = weights[:, strata == label]
        assert (of_class.sum(axis=1) == size).all()
        assert ((of_class == 0).any(axis=1) == (size > 1)).all()


def test_small_classes_have_an_unbiased_variance():
    """Of a mean within a class of 5: s^2 / 5, where drawing 5 of 5 would give four fifths of it."""
    values = np.array([0.0, 0.0, 1.0, 1.0, 1.0] * 2)
    strata = np.repeat([0, 1], 5)
    resampled = resampled_means(values[:, None], strata=strata)[:, 0]
    assert resampled.var() == pytest.approx(values[:5].var(ddof=1) / 10, rel=0.1)


def test_many_examples_of_many_classes_are_resampled_in_parts(monkeypatch):
    """Stratified or not, the parts give the same resamples as the whole."""
    values, strata = np.random.default_rng(14).random((64, 2)), np.arange(64) % 5
    whole = resampled_means(values, strata=strata)
    monkeypatch.setattr(resampling, "WEIGHTS_AT_ONCE", 640)
    np.testing.assert_allclose(resampled_means(values, strata=strata), whole, atol=1e-6)


def test_many_classes_count_the_same(monkeypatch):
    """The path for many classes gives the same numbers as the matrix product."""
    made = random_predictions(7, examples=50, classes=4)
    metric = METRICS.get("f1_macro")
    dense = resampled_scores(metric, [made])
    monkeypatch.setattr(sys.modules["suite.metrics.metric"], "DENSE_CLASSES", 2)
    np.testing.assert_allclose(resampled_scores(metric, [made]), dense, atol=1e-6)


def test_a_metric_that_is_no_mean_is_scored_anew(monkeypatch):
    """The calibration error has an interval too, around its own value."""
    monkeypatch.setattr(resampling, "SLOW_RESAMPLES", 60)
    made = random_predictions(8, examples=100)
    found = resampled_scores(METRICS.get("expected_calibration_error"), [made])
    assert found.shape == (60,)
    assert found.std() > 0


def test_seeds_are_averaged_before_the_interval():
    """The mean of two fits has the mean of their resampled scores."""
    first, second = random_predictions(9), random_predictions(10)
    second = Predictions(first.example_ids, first.targets, second.probabilities, first.class_names)
    metric = METRICS.get("accuracy")
    both = resampled_scores(metric, [first, second])
    single = (resampled_scores(metric, [first]) + resampled_scores(metric, [second])) / 2
    np.testing.assert_allclose(both, single, atol=1e-6)


def test_only_the_headline_has_an_interval():
    """``score_all`` gives low and high to the headline and to nothing else."""
    scores = score_all(random_predictions(11), metrics_named(["accuracy", "brier"]), headline="brier")
    assert scores["accuracy"].low is None
    assert scores["brier"].low < scores["brier"].value < scores["brier"].high
