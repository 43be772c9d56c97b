"""Temperature scaling against a grid and against data whose temperature is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.metrics import MissingScore, metrics_named
from suite.metrics.temperature import at_temperature, fit_temperature
from suite.store.records.result import Predictions
from suite.tasks.adapted import softmax


def drawn(true_temperature: float, *, n: int = 6000, classes: int = 5, seed: int = 0) -> Predictions:
    """Labels drawn from softmax(logits / T), probabilities stated as softmax(logits)."""
    dice = np.random.default_rng(seed)
    logits = dice.normal(0, 3, (n, classes)).astype(np.float32)
    honest = softmax(logits / true_temperature)
    targets = (dice.random((n, 1)) > honest.cumsum(axis=1)).sum(axis=1).clip(0, classes - 1)
    return Predictions(
        np.array([str(i) for i in range(n)]), targets.astype(np.int64), softmax(logits), tuple(map(str, range(classes)))
    )


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_of_the_data_is_found(temperature):
    """Within what 6,000 examples tell."""
    assert fit_temperature(drawn(temperature)) == pytest.approx(temperature, rel=0.06)


def test_it_is_the_best_of_a_fine_grid():
    """No other temperature makes validation likelier."""
    data = drawn(1.7, n=300, seed=3)
    log_loss = metrics_named(["log_loss"])[0]
    grid = np.geomspace(0.3, 10, 400)
    best = grid[np.argmin([log_loss(at_temperature(data, one)) for one in grid])]
    found = fit_temperature(data)
    assert found == pytest.approx(best, rel=0.01)
    assert log_loss(at_temperature(data, found)) <= log_loss(data)


@given(temperature=st.floats(0.06, 19), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_no_answer_changes(temperature, seed):
    """The order of the classes stays, so accuracy does; rows still sum to 1; 1 changes nothing."""
    data = drawn(1.0, n=50, seed=seed)
    scaled = at_temperature(data, temperature)
    assert np.allclose(scaled.probabilities.sum(axis=1), 1, atol=1e-5)
    chosen = scaled.probabilities[np.arange(50), data.labels]
    assert np.all(chosen >= scaled.probabilities.max(axis=1) - 1e-6)
    assert np.allclose(at_temperature(data, 1.0).probabilities, data.probabilities, atol=1e-6)


def test_two_seeds_of_noise_are_told_as_guessing_and_perfection_as_perfect():
    """Where no temperature is best there is none, with the reason; 0 is never put in its place."""
    data = drawn(1.0, n=200)
    right = Predictions(data.example_ids, data.labels, data.probabilities, data.class_names)
    with pytest.raises(MissingScore, match="colder is always better"):
        fit_temperature(right)
    wrong = Predictions(data.example_ids, data.probabilities.argmin(axis=1), data.probabilities, data.class_names)
    with pytest.raises(MissingScore, match="hotter is always better"):
        fit_temperature(wrong)
    with pytest.raises(MissingScore, match="at least 2 classes"):
        fit_temperature(Predictions(np.array([]), np.zeros(0, np.int64), np.zeros((0, 3), np.float32), ("a", "b", "c")))


def test_probabilities_of_zero_are_finite_logits():
    """Single precision rounds small probabilities to 0; nothing becomes infinite."""
    probabilities = np.array([[1, 0], [1, 0], [0, 1], [0.9, 0.1]], np.float32)
    data = Predictions(np.array(list("abcd")), np.array([0, 0, 1, 1]), probabilities, ("x", "y"))
    assert np.isfinite(fit_temperature(data))
    assert np.isfinite(at_temperature(data, 3.0).probabilities).all()
