"""Predictions for tests of metrics and comparisons: written by hand or drawn at random."""

from __future__ import annotations

import numpy as np

from suite.store.records.result import Predictions


def predictions_of(targets: list[int], probabilities: list[list[float]]) -> Predictions:
    """Predictions with ids and class names made up from their positions."""
    return Predictions(
        example_ids=np.array([f"example-{index}" for index in range(len(targets))]),
        targets=np.array(targets, dtype=np.int64),
        probabilities=np.array(probabilities, dtype=np.float32).reshape(len(targets), -1),
        class_names=tuple(f"class-{index}" for index in range(len(probabilities[0]) if probabilities else 2)),
    )


def random_predictions(seed: int, *, examples: int = 60, classes: int = 7) -> Predictions:
    """Random predictions that lean towards the truth; every class has an example."""
    generator = np.random.default_rng(seed)
    targets = generator.integers(0, classes, examples)
    targets[:classes] = np.arange(classes)
    probabilities = generator.dirichlet(np.ones(classes), examples)
    probabilities[np.arange(examples), targets] += generator.random(examples)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return predictions_of(targets.tolist(), probabilities.tolist())
