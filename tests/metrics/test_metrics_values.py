"""Metrics against scikit-learn, cases worked by hand, and properties that must hold for any predictions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_predictions import predictions_of, random_predictions
from sklearn import metrics as sklearn_metrics

from suite.errors import SuiteError
from suite.metrics import MissingScore, metric, metrics_answering, metrics_named, score_all
from suite.metrics.calibration import reliability_bins
from suite.metrics.confusion import class_table, confusion_matrix
from suite.registry import METRICS
from suite.store.records.result import Predictions


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_shares_are_those_of_scikit_learn(seed: int):
    """Every count-based metric equals scikit-learn's own call."""
    made = random_predictions(seed)
    true, guessed = made.targets, made.labels
    expected = {
        "accuracy": sklearn_metrics.accuracy_score(true, guessed),
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(true, guessed),
        "precision_macro": sklearn_metrics.precision_score(true, guessed, average="macro", zero_division=0),
        "recall_macro": sklearn_metrics.recall_score(true, guessed, average="macro", zero_division=0),
        "f1_macro": sklearn_metrics.f1_score(true, guessed, average="macro"),
        "f1_weighted": sklearn_metrics.f1_score(true, guessed, average="weighted"),
    }
    for name, value in expected.items():
        assert METRICS.get(name)(made) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("classes", [2, 7])
def test_probability_metrics_are_those_of_scikit_learn(classes: int):
    """Log loss, ROC-AUC and top-5 equal scikit-learn's own call."""
    made = random_predictions(5, classes=classes)
    probabilities = made.probabilities.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    labels = np.arange(classes)
    assert METRICS.get("log_loss")(made) == pytest.approx(
        sklearn_metrics.log_loss(made.targets, probabilities, labels=labels)
    )
    score = probabilities[:, 1] if classes == 2 else probabilities
    area = sklearn_metrics.roc_auc_score(made.targets, score, multi_class="ovr", labels=labels)
    assert METRICS.get("roc_auc")(made) == pytest.approx(area)
    if classes > 5:
        top = sklearn_metrics.top_k_accuracy_score(made.targets, probabilities, k=5, labels=labels)
        assert METRICS.get("top5_accuracy")(made) == pytest.approx(top)


def test_brier_worked_by_hand():
    """Two examples: (0.1² + 0.1²) and (0.8² + 0.8²), averaged: 0.65."""
    made = predictions_of([0, 1], [[0.9, 0.1], [0.8, 0.2]])
    assert METRICS.get("brier")(made) == pytest.approx(0.65, abs=1e-6)


def test_calibration_error_worked_by_hand():
    """Four examples at 0.75 of which two are right, four at 0.95 all right: 0.5 * 0.25 + 0.5 * 0.05 = 0.15."""
    rows = [[0.75, 0.25]] * 4 + [[0.95, 0.05]] * 4
    made = predictions_of([0, 0, 1, 1, 0, 0, 0, 0], rows)
    assert METRICS.get("expected_calibration_error")(made) == pytest.approx(0.15, abs=1e-6)


def test_reliability_bins_hold_every_example_once():
    """Counts add up; the edges of the unit interval belong to the first and last bin."""
    made = predictions_of([0, 1, 0], [[1.0, 0.0], [0.5, 0.5], [0.2, 0.8]])
    bins = reliability_bins(made)
    assert bins.count.sum() == 3
    assert bins.count[-1] == 1
    assert np.isnan(bins.accuracy[0])


def test_confusion_matrix_rows_are_true_classes():
    """One example of class 0 named 1 stands in row 0, column 1; a class never predicted has no precision."""
    made = predictions_of([0, 1, 2], [[0.1, 0.8, 0.1], [0.1, 0.8, 0.1], [0.1, 0.8, 0.1]])
    counts = confusion_matrix(made)
    assert counts.tolist() == [[0, 1, 0], [0, 1, 0], [0, 1, 0]]
    table = class_table(counts)
    assert table.recall.tolist() == [0, 1, 0]
    assert np.isnan(table.precision[0])
    assert table.precision[1] == pytest.approx(1 / 3)


def test_an_absent_class_is_named_and_its_scores_are_missing():
    """ROC-AUC and balanced accuracy of a test set without class-1 are missing, never 0."""
    made = predictions_of([0, 2, 0], [[0.6, 0.2, 0.2], [0.1, 0.2, 0.7], [0.5, 0.3, 0.2]])
    scores = score_all(made, metrics_named(["accuracy", "roc_auc", "balanced_accuracy", "f1_macro"]))
    assert scores["accuracy"].value == 1
    for name in ("roc_auc", "balanced_accuracy", "f1_macro"):
        assert scores[name].value is None
        assert "'class-1'" in (scores[name].reason or "")


def test_top_five_of_five_classes_is_missing():
    """With five classes, every answer would be right."""
    score = METRICS.get("top5_accuracy").score(random_predictions(0, classes=5))
    assert score.value is None
    assert score.reason == "top-5 needs more than 5 classes; there are 5."


@pytest.mark.parametrize("name", metrics_answering("class"))
def test_no_examples_give_no_score(name: str):
    """An empty set has a reason instead of a value, for every metric."""
    empty = Predictions(
        np.array([], dtype=str), np.array([], dtype=np.int64), np.zeros((0, 3), np.float32), tuple("abc")
    )
    score = METRICS.get(name).score(empty)
    assert (score.value, score.reason) == (None, "there are no examples.")


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 8), st.integers(8, 40))
def test_metrics_stay_in_bounds_and_ignore_order(seed: int, classes: int, examples: int):
    """Shares lie in [0, 1], losses at 0 or above, and shuffled examples change nothing."""
    made = random_predictions(seed, examples=examples, classes=classes)
    order = np.random.default_rng(seed).permutation(examples)
    shuffled = Predictions(made.example_ids[order], made.targets[order], made.probabilities[order], made.class_names)
    for name in metrics_answering("class"):
        score, again = METRICS.get(name).score(made), METRICS.get(name).score(shuffled)
        if score.value is None:
            assert again.value is None
            continue
        assert again.value == pytest.approx(score.value, abs=1e-9)
        assert score.value >= 0
        assert score.value <= {"log_loss": math.inf, "brier": 2.0}.get(name, 1.0) + 1e-9


@pytest.mark.parametrize(
    "name", [name for name in metrics_answering("class") if METRICS.get(name).per_example is not None]
)
def test_per_example_values_average_to_the_metric(name: str):
    """What the bootstrap resamples is the metric itself."""
    made = random_predictions(3)
    values = METRICS.get(name).per_example(made)
    assert values.mean() == pytest.approx(METRICS.get(name)(made), abs=1e-12)


@pytest.mark.parametrize("name", [name for name in METRICS if METRICS.get(name).from_counts is not None])
def test_counts_give_the_metric(name: str):
    """The function over confusion matrices equals the metric."""
    made = random_predictions(4, examples=25)
    counts = confusion_matrix(made)[None].astype(np.float64)
    assert METRICS.get(name).from_counts(counts)[0] == pytest.approx(METRICS.get(name)(made), abs=1e-12)


def test_a_metric_may_say_that_it_is_missing(monkeypatch):
    """A function that raises ``MissingScore`` or returns None gives a score with a reason."""
    monkeypatch.setattr(METRICS, "_entries", dict(METRICS._entries))

    @metric("tests_only_never", higher_is_better=True)
    def never(predictions: Predictions) -> float:
        """Never there."""
        raise MissingScore("it is never there.")

    score = never.score(random_predictions(0))
    assert (score.value, score.reason) == (None, "it is never there.")
    assert (never.label, never.summary) == ("tests only never", "Never there.")


def test_a_taken_name_is_refused():
    """A second metric of the same name is an error."""
    with pytest.raises(SuiteError, match="registered already"):

        @metric("accuracy", higher_is_better=True)
        def accuracy(predictions: Predictions) -> float:
            return 1.0


def test_an_unknown_metric_names_the_nearest():
    """The complaint carries a guess."""
    with pytest.raises(SuiteError, match="Did you mean 'balanced_accuracy'"):
        metrics_named(["balanced_acuracy"])
