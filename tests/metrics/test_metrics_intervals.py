"""The interval of any metric: against statsmodels, against known variances, and by how often it holds the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from benchmarks.interval_coverage import METRICS_COVERED, covered, simulated
from suite.compare.statistics.intervals import luck_spreads, overall_interval
from suite.metrics.intervals import (
    Luck,
    agresti_coull,
    difference_intervals,
    difference_of,
    interval_of,
    luck_of,
    share_intervals,
    with_interval,
)
from suite.metrics.metric import Metric
from suite.metrics.resampling import resampled_scores
from suite.registry import METRICS
from suite.store.records.result import Predictions

BY_CLASSES = [name for name in METRICS.names() if METRICS.get(name).answers == "class"]


def predictions_of(seed: int, *, examples: int = 300, classes: int = 3, share: float = 0.8) -> Predictions:
    """Right with this probability, sure of it more often than not."""
    dice = np.random.default_rng(seed)
    targets = np.arange(examples) % classes
    scores = dice.gumbel(size=(examples, classes))
    scores[np.arange(examples), targets] += math.log((classes - 1) * share / (1 - share))
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    names = tuple(f"class-{index}" for index in range(classes))
    return Predictions(np.arange(examples).astype(str), targets, probabilities.astype(np.float32), names)


def answers_of(right: np.ndarray) -> Predictions:
    """Two classes, named rightly where ``right``."""
    targets = np.arange(len(right)) % 2
    labels = np.where(right, targets, 1 - targets)
    return Predictions(targets.astype(str), targets, np.eye(2, dtype=np.float32)[labels], ("a", "b"))


@pytest.mark.parametrize(("right", "examples"), [(20, 20), (19, 20), (49, 50), (250, 300), (3, 40)])
def test_a_share_has_the_interval_of_agresti_and_coull(right: int, examples: int):
    """As statsmodels has it, but for the 4 that Agresti and Coull add where it adds 3.84."""
    found = interval_of(luck_of(METRICS.get("accuracy"), [answers_of(np.arange(examples) < right)]))
    expected = np.clip(proportion_confint(right, examples, method="agresti_coull"), 0, 1)
    assert found == pytest.approx(expected, abs=0.01)


def test_no_error_is_no_certainty():
    """20 of 20 right, and 2,000 of 2,000, by one seed or three: never 1 to 1."""
    for examples in (20, 2_000):
        right = answers_of(np.ones(examples, dtype=bool))
        for fits in ([right], [right] * 3):
            luck = luck_of(METRICS.get("accuracy"), fits)
            low, high = overall_interval(luck, luck_spreads([luck])[0])
            assert low < 1 - 2 / examples
            assert high == 1


@pytest.mark.parametrize("name", BY_CLASSES)
def test_luck_is_what_resampling_says(name: str):
    """The standard error of every metric of classes, of the mean of two fits, by formula and by the bootstrap."""
    fits = [predictions_of(1), predictions_of(2)]
    if name == "top5_accuracy":
        fits = [predictions_of(1, classes=7, share=0.3), predictions_of(2, classes=7, share=0.3)]
    found = METRICS.get(name)
    luck = luck_of(found, fits)
    assert luck.value == pytest.approx(np.mean([found(one) for one in fits]))
    if name == "expected_calibration_error":
        return  # resampling adds luck that is there already
    assert math.sqrt(luck.variance) == pytest.approx(float(np.nanstd(resampled_scores(found, fits))), rel=0.15)


@pytest.mark.parametrize(("name", "classes"), [("roc_auc", 2), ("roc_auc", 5), ("expected_calibration_error", 3)])
def test_influences_average_to_the_metric(name: str, classes: int):
    """What each example adds, together, is the score: DeLong's placements, and the gaps of the bins."""
    made, found = predictions_of(3, classes=classes), METRICS.get(name)
    assert found.influences(made).mean() == pytest.approx(found(made))


def test_a_metric_that_declares_nothing_has_an_interval():
    """By leaving out groups of examples: its standard error is near that of the same metric as a mean."""
    accuracy = METRICS.get("accuracy")
    plain = Metric("plain", "plain", True, "", accuracy.function, bounds=(0.0, 1.0))
    found, expected = (luck_of(one, [predictions_of(4)]) for one in (plain, accuracy))
    assert found.value == expected.value
    assert math.sqrt(found.variance) == pytest.approx(math.sqrt(expected.variance), rel=0.4)


def test_a_skewed_mean_reaches_further_up():
    """Hall's interval of a mean: as scipy's bootstrap, which corrects for skewness as well, has it."""
    values = np.random.default_rng(5).exponential(size=200)
    made = Metric("loss", "loss", False, "", lambda _: float(values.mean()), per_example=lambda _: values)
    low, high = interval_of(luck_of(made, [answers_of(np.arange(200) % 4 > 0)]))
    expected = stats.bootstrap((values,), np.mean, method="BCa", rng=np.random.default_rng(6)).confidence_interval
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.03)
    assert high - values.mean() > values.mean() - low


@pytest.mark.parametrize("name", ["log_loss", "roc_auc", "brier", "expected_calibration_error"])
def test_too_few_errors_are_said(name: str):
    """One error among 50 says nothing of how wrong the next would be: a sentence, and no interval."""
    made = answers_of(np.arange(50) > 0)
    score = with_interval(METRICS.get(name), made)
    assert score.value is not None
    assert (score.low, score.high) == (None, None)
    assert score.reason.startswith("1 of 50 test examples is answered wrongly; with fewer than 3")


def test_a_class_of_one_example_is_said():
    """It names the class and the number."""
    made = predictions_of(7, examples=100)
    targets = np.where(made.targets == 2, 0, made.targets)
    targets[5] = 2
    found = luck_of(
        METRICS.get("roc_auc"), [Predictions(made.example_ids, targets, made.probabilities, made.class_names)]
    )
    assert found == "1 test example of class 'class-2' is too few for an interval of ROC-AUC; it takes 3."


@pytest.mark.parametrize(("name", "value"), [("precision_macro", 0.5), ("precision_weighted", 1.0)])
def test_what_no_example_can_move_is_said(name: str, value: float):
    """Where one class is there its precision is 1 whatever is answered: a sentence, no division by nothing."""
    answers = np.eye(2, dtype=np.float32)[np.arange(20) % 4 // 3]
    made = Predictions(np.arange(20).astype(str), np.zeros(20, dtype=np.int64), answers, ("a", "b"))
    score = with_interval(METRICS.get(name), made)
    assert (score.value, score.low) == (value, None)
    assert "alike for all 20 test examples" in score.reason


def test_fits_that_err_together_are_no_more_examples():
    """Three copies of one fit have its interval; three that err apart have a narrower one."""
    accuracy = METRICS.get("accuracy")
    one = predictions_of(8)
    alone, copied = (interval_of(luck_of(accuracy, fits)) for fits in ([one], [one] * 3))
    assert copied == pytest.approx(alone)
    low, high = interval_of(luck_of(accuracy, [predictions_of(place) for place in (8, 9, 10)]))
    assert high - low < 0.75 * (alone[1] - alone[0])


def test_fits_on_examples_of_their_own_have_luck_of_their_own():
    """The variance of their mean is that of one, divided."""
    accuracy = METRICS.get("accuracy")
    fits = [predictions_of(place) for place in (11, 12, 13)]
    each = [luck_of(accuracy, [one]).variance for one in fits]
    assert luck_of(accuracy, fits, shared=False).variance == pytest.approx(sum(each) / 9)


def test_columns_of_shares_are_single_shares():
    """Many columns at once are as many calls."""
    right = np.random.default_rng(14).random((120, 3)) < [0.5, 0.9, 1.0]
    ends = share_intervals(right.astype(np.float64))
    np.testing.assert_allclose(ends, agresti_coull(right.mean(axis=0), np.full(3, 120.0)))


def test_the_difference_of_two_shares_is_newcombes():
    """Newcombe (1998), Statistics in Medicine 17, example: 56/70 less 48/80 is 0.20, 0.0524 to 0.3339 with Wilson's."""
    ends = [np.array([proportion_confint(*one, method="wilson")]) for one in ((56, 70), (48, 80))]
    found = difference_intervals(np.array([56 / 70]), ends[0], np.array([48 / 80]), ends[1], np.zeros(1))
    np.testing.assert_allclose(found[0], [0.0524, 0.3339], atol=1e-4)


def test_shared_luck_narrows_a_difference():
    """The same answers to the same examples, and to others."""
    luck = luck_of(METRICS.get("accuracy"), [predictions_of(15)])
    paired, apart = (difference_of(luck, luck, paired=paired) for paired in (True, False))
    assert 0 < paired[1] - paired[0] < 0.2 * (apart[1] - apart[0])
    assert difference_of(luck, "too few.", paired=True) is None


@pytest.mark.parametrize(
    ("name", "share", "examples", "before"),
    [
        ("accuracy", 0.95, 20, 0.63),
        ("accuracy", 0.98, 50, 0.61),
        ("accuracy", 0.99, 100, 0.63),
        ("accuracy", 0.99, 300, 0.78),
        ("f1_macro", 0.95, 50, 0.9),
        ("balanced_accuracy", 0.98, 50, 0.9),
        ("log_loss", 0.95, 300, 0.92),
        ("roc_auc", 0.95, 300, 0.93),
        ("bits_per_byte", 0.98, 50, 0.93),
    ],
)
def test_intervals_hold_where_models_are_good(name: str, share: float, examples: int, before: float):
    """The settings in which the percentile bootstrap covered ``before``: now 93 of 100 and more."""
    found = covered(name, share, examples, 1, trials=400)
    assert found.held > max(before, 0.93 - 2 * math.sqrt(0.93 * 0.07 / 400))
    assert found.given > 0.9


@pytest.mark.parametrize("name", METRICS_COVERED)
def test_an_interval_is_never_a_point(name: str):
    """Over small sets of good models: there is a reason, or low below high with the score between."""
    dice = np.random.default_rng(16)
    for examples in (20, 50):
        for _ in range(40):
            luck = luck_of(METRICS.get(name), simulated(name, 0.98, examples, 1, dice))
            if isinstance(luck, Luck):
                low, high = interval_of(luck)
                assert low <= luck.value <= high
                assert low < high
