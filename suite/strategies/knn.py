"""k nearest neighbours on features of the frozen backbone."""

from __future__ import annotations

import time
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from suite.plan import Cell
from suite.results import Candidate
from suite.spec import Options
from suite.strategies.fit import Fit, FitContext
from suite.strategies.options import NO_CANDIDATES, without_classes
from suite.tasks.adapted import Adapted

__all__ = ["Knn", "KnnOptions"]


class KnnOptions(Options):
    """Options of ``knn``."""

    neighbours: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (1, 3, 5, 10, 20, 50)
    """Numbers of neighbours that are tried on validation; ties go to the larger, smoother one."""


class Knn:
    """Majority of the nearest training examples by cosine similarity; nothing is trained."""

    summary: ClassVar[str] = "vote of the nearest training examples in feature space; nothing is trained"
    Options: ClassVar[type[Options]] = KnnOptions
    by_epochs: ClassVar[bool] = False
    """Nothing can be stopped halfway: a short fit is the whole fit."""

    @classmethod
    def label(cls, options: KnnOptions) -> str:
        """One name: its options are a search space, not a variant."""
        return "knn"

    @classmethod
    def impossible(cls, options: KnnOptions, cell: Cell) -> str | None:
        """Why a cell cannot be run; None where it can."""
        return without_classes(cell)

    @classmethod
    def candidates(cls, options: KnnOptions) -> tuple[dict[str, Any], ...]:
        """None: the numbers of neighbours are searched inside one fit."""
        return NO_CANDIDATES

    @classmethod
    def fit(cls, context: FitContext, options: KnnOptions) -> Fit:
        """The backbone with the training examples as its head."""
        train, validation = context.features(context.train), context.features(context.validation)
        started = time.perf_counter()
        memory, queries = _unit(train.values), _unit(validation.values)
        similarities = queries @ memory.T
        order = np.argsort(-similarities, axis=1, kind="stable")
        candidates: list[Candidate] = []
        best: tuple[float, int] = (-1.0, 0)
        for count in sorted({min(count, len(memory)) for count in options.neighbours}, reverse=True):
            began = time.perf_counter()
            votes = np.eye(context.num_classes)[context.train.targets[order[:, :count]]].sum(axis=1)
            score = float(np.mean(votes.argmax(axis=1) == context.validation.targets))
            seconds = time.perf_counter() - began
            candidates.append(
                Candidate(hyperparameters={"neighbours": count}, validation_score=score, epochs=0, seconds=seconds)
            )
            if score > best[0]:
                best = (score, count)
        seconds = time.perf_counter() - started
        workshop = context.workshop
        workshop.reset(workshop.adapted(num_classes=context.num_classes), context.seed)
        adapted = _assemble(
            workshop.adapted(num_classes=context.num_classes),
            memory,
            context.train.targets,
            num_classes=context.num_classes,
            neighbours=best[1],
        )
        return Fit(
            adapted=adapted,
            hyperparameters={"neighbours": best[1]},
            fit_seconds=seconds,
            seconds_to_best=seconds,
            features_seconds=train.seconds + validation.seconds,
            trainable_parameters=0,
            candidates=tuple(candidates),
        )


def _unit(features: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (features / np.maximum(norms, 1e-12)).astype(np.float32)
    return unit


def _assemble(
    adapted: Adapted,
    memory: NDArray[np.float32],
    targets: NDArray[np.int64],
    *,
    num_classes: int,
    neighbours: int,
) -> Adapted:
    """A Keras model that votes: built of Keras's own layers, so that it saves and loads like any other.

    One vote per neighbour and one for all classes together (Laplace's rule) give probabilities that are
    never 0; their logarithms are the logits.  In half precision neighbours could not be told apart.
    """
    import keras

    features = keras.layers.UnitNormalization(name="unit", dtype="float32")(adapted.features.output)
    similarities = keras.layers.Dense(len(memory), use_bias=False, name="memory", dtype="float32")(features)
    nearest = keras.ops.top_k(similarities, neighbours)[0][:, -1:]
    near = keras.ops.cast(keras.ops.greater_equal(similarities, nearest), "float32")
    votes = keras.layers.Dense(num_classes, use_bias=False, name="votes", dtype="float32")(near)
    smoothed = votes + 1.0 / num_classes
    logits = keras.ops.log(smoothed / keras.ops.sum(smoothed, axis=-1, keepdims=True))
    model = keras.Model(adapted.features.input, logits, name="knn")
    model.get_layer("memory").set_weights([memory.T])
    model.get_layer("votes").set_weights([np.eye(num_classes, dtype=np.float32)[targets]])
    model.get_layer("memory").trainable = model.get_layer("votes").trainable = False
    return Adapted(backbone=adapted.backbone, logits=model, features=adapted.features, head=None)
