"""k nearest neighbours on features of the frozen backbone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from suite.metrics.validation_score import Judge
from suite.spec.needs import Need
from suite.spec.options import Options
from suite.store.records.result import Candidate, Predictions
from suite.strategies.class_weights import ClassWeights, weights_of
from suite.strategies.fit import Fit, FitContext
from suite.strategies.folds import Labelled, folds_of, joined
from suite.strategies.options import NO_CANDIDATES
from suite.tasks.adapted import Adapted

__all__ = ["Knn", "KnnOptions"]

PIECE = 4_000_000
"""Similarities that are in memory at once."""


class KnnOptions(Options):
    """Options of ``knn``."""

    neighbours: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (1, 3, 5, 10, 20, 50)
    """Numbers of neighbours that are tried on validation by the headline metric; ties go to the lower loss, then to the
    larger, smoother number."""
    class_weights: ClassWeights | None = None
    """``balanced`` lets every class weigh the same however many examples it has; left out, every neighbour
    has one vote."""


class Knn:
    """Majority of the nearest training examples by cosine similarity; nothing is trained."""

    summary: ClassVar[str] = "vote of the nearest training examples in feature space; nothing is trained"
    Options: ClassVar[type[Options]] = KnnOptions
    by_epochs: ClassVar[bool] = False
    """Nothing can be stopped halfway: a short fit is the whole fit."""
    needs: ClassVar[frozenset[Need]] = frozenset({"features"})
    seeded: ClassVar[bool] = False
    """Nothing is drawn: one computation serves every seed."""

    @classmethod
    def label(cls, options: KnnOptions) -> str:
        """One name: its options are a search space, not a variant."""
        return "knn"

    @classmethod
    def candidates(cls, options: KnnOptions) -> tuple[dict[str, Any], ...]:
        """None: the numbers of neighbours are searched inside one fit."""
        return NO_CANDIDATES

    @classmethod
    def fit(cls, context: FitContext, options: KnnOptions) -> Fit:
        """The backbone with the training examples as its head."""
        found = [context.features(examples) for examples in (context.train, context.validation)]
        started = time.perf_counter()
        train = Labelled(_unit(found[0].values), context.train.targets)
        validation = Labelled(_unit(found[1].values), context.validation.targets)
        candidates, count = _search(
            train, validation, options.neighbours, context.judge, class_weights=options.class_weights
        )
        memory = joined(train, validation) if context.refit else train
        seconds = time.perf_counter() - started
        workshop = context.workshop
        workshop.reset(workshop.adapted(num_classes=context.num_classes), context.seed)
        adapted = _assemble(
            workshop.adapted(num_classes=context.num_classes),
            memory,
            num_classes=context.num_classes,
            neighbours=count,
            class_weights=options.class_weights,
        )
        vote = partial(_probabilities, train, classes=context.num_classes, class_weights=options.class_weights)
        before = vote(validation.features, (count,))[0] if context.refit else None
        return Fit(
            adapted=adapted,
            hyperparameters={"neighbours": count},
            fit_seconds=seconds,
            seconds_to_best=seconds,
            features_seconds=found[0].seconds + found[1].seconds,
            trainable_parameters=0,
            candidates=candidates,
            refit=context.refit,
            selected_by=context.judge.chose(*(one.validation_score for one in candidates)),
            validation_logits=None if before is None else np.log(before),
            logits_before=partial(_logits, vote, count) if context.refit else None,
        )


def _search(
    train: Labelled,
    validation: Labelled,
    neighbours: Sequence[int],
    judge: Judge,
    *,
    class_weights: ClassWeights | None = None,
) -> tuple[tuple[Candidate, ...], int]:
    """Every number of neighbours on validation, the largest first, and the best; see ``folds_of``."""
    folds = list(folds_of(train, validation))
    # Folds of both splits may learn from more examples than the training split has, and the model remembers that.
    most = min(len(train.targets), *(len(learned.targets) for learned, _ in folds))
    counts = sorted({min(count, most) for count in neighbours}, reverse=True)
    began = time.perf_counter()
    classes = len(judge.class_names)
    votes = [_probabilities(one, other.features, counts, classes, class_weights=class_weights) for one, other in folds]
    said = np.concatenate(votes, axis=1)
    targets = np.concatenate([other.targets for _, other in folds])
    each = (time.perf_counter() - began) / len(counts)
    ids = np.arange(len(targets)).astype(np.str_)
    judged: list[tuple[tuple[float, float], Candidate]] = []
    for count, probabilities in zip(counts, said, strict=True):
        loss = float(-np.log(probabilities[np.arange(len(targets)), targets], dtype=np.float64).mean())
        judgement = judge(Predictions(ids, targets, probabilities, judge.class_names), loss)
        candidate = Candidate(
            hyperparameters={"neighbours": count},
            validation_score=judgement.score,
            validation_loss=loss,
            epochs=0,
            seconds=each,
        )
        judged.append((judgement.rank, candidate))
    # The first of the best: ties that the loss leaves go to the larger number.
    best = max(judged, key=lambda one: one[0])[1]
    return tuple(candidate for _, candidate in judged), best.hyperparameters["neighbours"]


def _probabilities(
    memory: Labelled,
    queries: NDArray[np.float32],
    counts: Sequence[int],
    classes: int,
    *,
    class_weights: ClassWeights | None = None,
) -> NDArray[np.float32]:
    """What so many neighbours say of every query, shape ``(counts, n, classes)``; the model of ``_assemble`` in NumPy.

    All that are as near as the last of ``count`` neighbours have a vote. Similarities are computed some millions at a
    time, since those of 5,000 queries to 45,000 examples would fill a gigabyte.
    """
    most, size = max(counts), len(memory.targets)
    votes_of = _votes(memory, classes, class_weights)
    said = np.empty((len(counts), len(queries), classes), np.float32)
    step = max(1, PIECE // size)
    for start in range(0, len(queries), step):
        rows = slice(start, start + step)
        similarities = queries[rows] @ memory.features.T
        nearest = np.sort(np.partition(similarities, size - most, axis=1)[:, size - most :], axis=1)
        for index, count in enumerate(counts):
            near = similarities >= nearest[:, most - count, None]
            votes = near.astype(np.float32) @ votes_of + np.float32(1.0 / classes)
            said[index, rows] = votes / votes.sum(axis=1, keepdims=True)
    return said


def _votes(memory: Labelled, classes: int, class_weights: ClassWeights | None) -> NDArray[np.float32]:
    """The vote of each neighbour for its class, shape ``(n, classes)``."""
    weights = weights_of(memory.targets, classes, class_weights).astype(np.float32)
    return np.asarray(np.diag(weights)[memory.targets])


def _logits(
    vote: Callable[[NDArray[np.float32], Sequence[int]], NDArray[np.float32]], count: int, features: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The logarithms of what so many neighbours say of raw features."""
    return np.asarray(np.log(vote(_unit(features), (count,))[0]))


def _unit(features: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (features / np.maximum(norms, 1e-12)).astype(np.float32)
    return unit


def _assemble(
    adapted: Adapted,
    memory: Labelled,
    *,
    num_classes: int,
    neighbours: int,
    class_weights: ClassWeights | None,
) -> Adapted:
    """A Keras model that votes: built of Keras's own layers, so that it saves and loads like any other.

    All that are as near as the last of ``neighbours`` have a vote, as when their number was chosen: which of two equal
    ones comes first is nobody's choice.  One vote per neighbour and one for all classes together (Laplace's rule) give
    probabilities that are never 0; their logarithms are the logits.  In half precision neighbours could not be told
    apart.
    """
    import keras

    features = keras.layers.UnitNormalization(name="unit", dtype="float32")(adapted.features.output)
    similarities = keras.layers.Dense(len(memory.targets), use_bias=False, name="memory", dtype="float32")(features)
    nearest = keras.ops.top_k(similarities, neighbours)[0][:, -1:]
    near = keras.ops.cast(keras.ops.greater_equal(similarities, nearest), "float32")
    votes = keras.layers.Dense(num_classes, use_bias=False, name="votes", dtype="float32")(near)
    smoothed = votes + 1.0 / num_classes
    logits = keras.ops.log(smoothed / keras.ops.sum(smoothed, axis=-1, keepdims=True))
    model = keras.Model(adapted.features.input, logits, name="knn")
    model.get_layer("memory").set_weights([memory.features.T])
    model.get_layer("votes").set_weights([_votes(memory, num_classes, class_weights)])
    model.get_layer("memory").trainable = model.get_layer("votes").trainable = False
    return Adapted(backbone=adapted.backbone, logits=model, features=adapted.features, head=None)
