"""Luck where examples come in groups: intervals and resamples count groups, not examples."""

from __future__ import annotations

import numpy as np
import pytest

from suite.errors import StoreError
from suite.metrics import metrics_named
from suite.metrics.intervals import Luck, difference_of, interval_of, luck_of, share_intervals, with_interval
from suite.metrics.resampling import resampled_by_fit
from suite.store.records.example_facts import ExampleFacts
from suite.store.records.outputs import load_outputs
from suite.store.records.predictions import Predictions


def drawn(
    generator: np.random.Generator, *, groups: int, size: int, alike: float, accuracy: float = 0.8
) -> Predictions:
    """Right answers whose chance differs from group to group; ``alike`` is their correlation within one."""
    scale = 1 / alike - 1 if alike else 1e6
    chance = np.repeat(generator.beta(accuracy * scale, (1 - accuracy) * scale, groups), size)
    right = generator.random(groups * size) < chance
    targets = generator.integers(0, 2, groups * size)
    labels = np.where(right, targets, 1 - targets)
    confidence = generator.uniform(0.55, 0.95, len(labels))
    probabilities = np.stack([np.where(labels == 0, confidence, 1 - confidence)] * 2, axis=1)
    probabilities[:, 1] = 1 - probabilities[:, 0]
    ids = np.array([f"{at}" for at in range(len(labels))])
    return Predictions(ids, targets, probabilities.astype(np.float32), ("a", "b"))


def grouped(predictions: Predictions, size: int) -> Predictions:
    """The same, with groups of ``size`` examples."""
    return predictions.with_facts(ExampleFacts(np.arange(len(predictions)) // size))


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "f1_macro", "log_loss", "roc_auc"])
def test_intervals_hold_where_groups_are_alike(name):
    """95 of 100 hold what all patients together would give; without the groups two thirds do."""
    (metric,) = metrics_named((name,))
    generator = np.random.default_rng(0)
    truth = np.mean([metric(drawn(generator, groups=4000, size=10, alike=0.4)) for _ in range(4)])
    held = {True: 0, False: 0}
    for _ in range(rounds := 150):
        predictions = drawn(generator, groups=30, size=10, alike=0.4)
        for knows in held:
            found = with_interval(metric, grouped(predictions, 10) if knows else predictions)
            held[knows] += found.low <= truth <= found.high
    assert held[True] >= 0.9 * rounds
    assert held[False] <= 0.85 * rounds


def test_groups_of_one_example_change_nothing_but_the_last_percent():
    """Then there is nothing that examples have in common."""
    (metric,) = metrics_named(("accuracy",))
    predictions = drawn(np.random.default_rng(1), groups=400, size=1, alike=0.0)
    plain, own = (interval_of(luck_of(metric, [one])) for one in (predictions, grouped(predictions, 1)))
    assert np.allclose(plain, own, atol=2e-3)


def test_resamples_vary_as_the_sums_of_groups_do():
    """Their variance is that of a mean of groups."""
    (metric,) = metrics_named(("accuracy",))
    predictions = grouped(drawn(np.random.default_rng(2), groups=40, size=8, alike=0.5), 8)
    right = (predictions.labels == predictions.targets).reshape(40, 8).mean(axis=1)
    found = resampled_by_fit(metric, [predictions])[0]
    assert found.std() == pytest.approx(right.std(ddof=1) / np.sqrt(40), rel=0.06)
    assert found.mean() == pytest.approx(right.mean(), abs=0.01)


def test_two_models_share_the_luck_of_their_groups():
    """The interval of their difference is narrower than of two that saw others."""
    (metric,) = metrics_named(("accuracy",))
    generator = np.random.default_rng(3)
    first = grouped(drawn(generator, groups=40, size=8, alike=0.5), 8)
    flipped = np.where(generator.random(len(first)) < 0.05, 1 - first.labels, first.labels)
    second = grouped(Predictions(first.example_ids, first.targets, np.eye(2, dtype=np.float32)[flipped], ("a", "b")), 8)
    lucks = [luck_of(metric, [one]) for one in (first, second)]
    paired, apart = (difference_of(*lucks, paired=paired) for paired in (True, False))
    assert paired[1] - paired[0] < 0.7 * (apart[1] - apart[0])


def test_one_group_says_nothing():
    """And a test set without an error says less the larger its groups are."""
    (metric,) = metrics_named(("accuracy",))
    predictions = drawn(np.random.default_rng(4), groups=20, size=5, alike=0.3)
    assert "one group" in luck_of(metric, [grouped(predictions, 100)])
    right = Predictions(
        predictions.example_ids, predictions.targets, np.eye(2, dtype=np.float32)[predictions.targets], ("a", "b")
    )
    lows = [interval_of(luck_of(metric, [grouped(right, size)]))[0] for size in (1, 5, 20)]
    assert lows[0] > lows[1] > lows[2]
    shares = [share_intervals(np.ones((100, 1)), np.arange(100) // size)[0, 0] for size in (1, 5, 20)]
    assert np.allclose(shares, lows, atol=1e-9)


def test_several_fits_and_groups(tmp_path):
    """Seeds are averaged first; what is stored comes back with its groups, which are part of what is paired."""
    (metric,) = metrics_named(("accuracy",))
    plain = drawn(np.random.default_rng(5), groups=30, size=6, alike=0.4)
    one = grouped(plain, 6).with_facts(ExampleFacts(np.arange(180) // 6, {"site / é": np.array(["x", "yy"] * 90)}))
    assert isinstance(luck_of(metric, [one, one]), Luck)
    one.save(tmp_path / "p.npz")
    again = load_outputs(tmp_path / "p.npz")
    assert np.array_equal(again.facts.groups, one.facts.groups)
    assert again.facts.slices["site / é"].tolist() == ["x", "yy"] * 90
    assert again.examples_key() == one.examples_key() != plain.examples_key()
    again.with_facts(ExampleFacts(np.arange(7))).save(tmp_path / "q.npz")
    with pytest.raises(StoreError, match="other examples"):
        load_outputs(tmp_path / "q.npz")


def test_classes_and_bins_count_groups_too():
    """The table of classes, the reliability diagram and the AUROC of unknown examples."""
    from suite.compare.panels import classes, reliability
    from suite.metrics.selective import placements

    plain = drawn(np.random.default_rng(6), groups=30, size=10, alike=0.5)
    own = grouped(plain, 10)
    for one, other in zip(classes([plain]).classes, classes([own]).classes, strict=True):
        assert one.recall == other.recall
        assert other.recall_low <= one.recall_low <= one.recall_high <= other.recall_high
        assert other.precision_high - other.precision_low > 1.2 * (one.precision_high - one.precision_low)
    assert [one.independent for one in reliability([plain]).bins] == [None] * 15
    for one in reliability([own]).bins:
        assert one.independent <= min(30, one.count)
    confidence = np.repeat(np.random.default_rng(7).uniform(0.4, 1.0, 30), 10)
    found = placements(confidence, np.random.default_rng(8).uniform(0.2, 0.9, 200))
    assert found.standard_error(np.arange(300) // 10) > 1.5 * found.standard_error()
    assert found.standard_error(np.arange(300)) == pytest.approx(found.standard_error())


def test_a_class_of_one_group_has_no_interval():
    """Nothing is known of how another would be answered."""
    from suite.compare.panels import classes

    targets = np.array([0, 0, 0, 1, 1, 1, 1])
    right = np.eye(2, dtype=np.float32)[targets]
    one = Predictions(np.array([str(n) for n in range(7)]), targets, right, ("a", "b"))
    first, second = classes([one.with_facts(ExampleFacts(np.array([0, 0, 0, 1, 1, 2, 2])))]).classes
    assert (first.recall, first.recall_low) == (1.0, None)
    assert second.recall_low is not None
