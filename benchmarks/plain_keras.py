"""The peer: what somebody writes by hand in Keras for the same cells. Build, compile, ``fit``, ``evaluate``.

Nothing of the suite's training is used here; only its data, so that both see the same images.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import keras

from benchmarks.home import HomeData

__all__ = ["Outcome", "fine_tune", "probe"]


@dataclass(frozen=True)
class Outcome:
    """One fit of the peer."""

    seconds: float
    """Build, compile, fit and evaluate."""
    fit_seconds: float
    """``Model.fit`` alone."""
    accuracy: float
    """On test."""


def backbone_of(name: str, *, pretrained: bool) -> Any:
    """The zoo's architecture, built anew; weights from the zoo's file where ``pretrained``."""
    from suite.models.zoo.images import build_architecture, read_architecture, zoo_folder

    backbone = build_architecture(read_architecture(name), name=name)
    if pretrained:
        backbone.model.load_weights(zoo_folder() / name / "model.weights.h5")
    return backbone


def assemble(backbone: Any, classes: int) -> Any:
    """Raw images to logits."""
    from suite.tasks.image_classification import pool

    height, width = backbone.input_size
    images = keras.Input((height, width, 3))
    features = pool(backbone.model(backbone.preprocess(images)), backbone)
    return keras.Model(images, keras.layers.Dense(classes, name="head")(features))


def fine_tune(
    name: str, data: HomeData, *, unfreeze: str, epochs: int, learning_rate: float, batch_size: int, seed: int
) -> Outcome:
    """One fine-tuning (``unfreeze``: ``all``, ``last stage`` or ``scratch``) as a user of Keras would write it."""
    keras.utils.set_random_seed(seed)
    started = time.perf_counter()
    backbone = backbone_of(name, pretrained=unfreeze != "scratch")
    model = assemble(backbone, data.classes)
    if unfreeze == "last stage":
        _freeze_below_last_stage(backbone)
    steps = epochs * (len(data.train_targets) // batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 10, warmup_target=learning_rate, warmup_steps=steps // 10
    )
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    best = keras.callbacks.EarlyStopping("val_accuracy", patience=epochs, restore_best_weights=True)
    size = backbone.input_size
    fit_started = time.perf_counter()
    model.fit(
        data.images("train", size).astype("float32"),
        data.train_targets,
        batch_size=batch_size,
        epochs=epochs,
        validation_data=(data.images("validation", size).astype("float32"), data.validation_targets),
        callbacks=[best],
        verbose=0,
    )
    fit_seconds = time.perf_counter() - fit_started
    accuracy = model.evaluate(data.images("test", size).astype("float32"), data.test_targets, verbose=0)[1]
    return Outcome(time.perf_counter() - started, fit_seconds, float(accuracy))


def probe(name: str, data: HomeData, *, strength: float, epochs: int, seed: int) -> Outcome:
    """One linear probe as the plain loop has it: frozen backbone, dense head with an l2 penalty, ``fit``."""
    keras.utils.set_random_seed(seed)
    started = time.perf_counter()
    backbone = backbone_of(name, pretrained=True)
    model = assemble(backbone, data.classes)
    backbone.model.trainable = False
    model.get_layer("head").kernel_regularizer = keras.regularizers.L2(strength / 2)
    model.compile(
        keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    size = backbone.input_size
    fit_started = time.perf_counter()
    model.fit(data.images("train", size).astype("float32"), data.train_targets, batch_size=32, epochs=epochs, verbose=0)
    fit_seconds = time.perf_counter() - fit_started
    model.evaluate(data.images("validation", size).astype("float32"), data.validation_targets, verbose=0)
    accuracy = model.evaluate(data.images("test", size).astype("float32"), data.test_targets, verbose=0)[1]
    return Outcome(time.perf_counter() - started, fit_seconds, float(accuracy))


def _freeze_below_last_stage(backbone: Any) -> None:
    """Every layer that is not of the last stage, one by one."""
    last = set(backbone.stages[-1].layers)
    for layer in backbone.model.layers:
        layer.trainable = any(path.split("/")[0] == layer.name for path in last)
