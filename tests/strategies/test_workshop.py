"""What is kept warm between trials must not change them."""

from __future__ import annotations

import gc
from pathlib import Path

import keras
import pytest

from suite.spec.search.propose import propose
from suite.spec.search.settings import SearchSpec
from suite.spec.search.space import completed
from suite.strategies.fine_tune import FineTune, FineTuneOptions
from suite.strategies.workshop import MOST_HEADS, MOST_STEPS, cap_batch_norm_momentum


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


def optimizers() -> int:
    """Live optimizers in this process."""
    gc.collect()
    return sum(isinstance(one, keras.optimizers.Optimizer) for one in gc.get_objects())


def test_a_search_over_rates_and_decays_keeps_two_compiled_steps(tmp_path: Path) -> None:
    """Numbers are variables of a step: one for plain fine-tuning, one where layers have rates of their own."""
    from small_workshop import contexts, workshop

    of, before = workshop(tmp_path), optimizers()
    context = contexts(of)()
    space = FineTune.search_space(FineTuneOptions())
    search = completed(SearchSpec(trials=6), space, strategy="fine_tune")
    for number in range(6):
        FineTune.fit(context, FineTuneOptions(jit="off", **propose(search, number)))
    assert {propose(search, number)["layer_decay"] for number in range(6)} > {1.0}
    assert len(of._prepared) == optimizers() - before == 2


def test_of_steps_that_need_a_graph_of_their_own_the_last_few_are_kept(tmp_path: Path) -> None:
    """Batch sizes and dropouts make other graphs; what was not used for longest goes, with its optimizer."""
    from dataclasses import replace

    from small_workshop import contexts, workshop

    of, before = workshop(tmp_path), optimizers()
    context = contexts(of)(epochs=1)
    for size in range(20, 20 + MOST_STEPS + 2):
        FineTune.fit(replace(context, batch_size=size), FineTuneOptions(jit="off", unfreeze="head"))
    assert len(of._prepared) == optimizers() - before == MOST_STEPS
    for dropout in (0.1, 0.2, 0.3, 0.4, 0.5):
        FineTune.fit(context, FineTuneOptions(jit="off", unfreeze="head", dropout=dropout))
    assert len(of._adapted) == MOST_HEADS
    assert optimizers() - before == len(of._prepared) <= MOST_STEPS
    assert len(of._predictors) <= MOST_HEADS
