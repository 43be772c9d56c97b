"""What is kept warm between trials must not change them."""

from __future__ import annotations

import keras
import pytest

from suite.strategies.workshop import cap_batch_norm_momentum


def small_model(momentum: float) -> keras.Model:
    """One batch normalisation inside another model."""
    images = keras.Input((8, 8, 3))
    inner = keras.Sequential([keras.layers.BatchNormalization(momentum=momentum, name="norm")])
    return keras.Model(images, inner(images))


def momentum_of(model: keras.Model) -> float:
    """Of its only batch normalisation."""
    layers = model._flatten_layers()
    return float(next(one.momentum for one in layers if isinstance(one, keras.layers.BatchNormalization)))


def test_a_short_fit_does_not_shorten_the_averages_of_a_long_one_after_it() -> None:
    """Trials of a worker come in any order, after a resume in another one; each has the momentum of its own length."""
    originals: dict[int, float] = {}
    model = small_model(0.999)
    for cap, expected in ((0.995, 0.995), (0.9, 0.9), (0.995, 0.995), (0.9999, 0.999)):
        cap_batch_norm_momentum(model, cap, originals)
        assert momentum_of(model) == pytest.approx(expected)
