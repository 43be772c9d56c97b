"""Whether a metric can be computed on a split at all, known from its labels before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from suite.metrics.metric import MissingScore, metrics_answering, metrics_named
from suite.store.records.generations import Generations
from suite.store.records.result import Predictions

__all__ = ["computable_on", "computable_on_texts", "missing_on", "missing_on_texts"]

OF_EACH_CLASS = 2
"""Examples of a class that stand for all of them: what is missing is missing for want of classes."""
SHARES_RIGHT = (0.5, 1.0, 0.0)
"""Of the answers that a metric is tried on; one that needs mistakes, or right answers, gets them."""


def missing_on(name: str, counts: Iterable[int], class_names: Iterable[str]) -> str | None:
    """Why a metric cannot be computed on a split, whatever a model says of it; None where it can.

    Args:
        name: A registered metric of classes.
        counts: Examples of each class in the split.
        class_names: In the same order.
    """
    return _missing(name, tuple(min(OF_EACH_CLASS, int(one)) for one in counts), tuple(class_names))


def computable_on(counts: Iterable[int], class_names: Iterable[str]) -> tuple[str, ...]:
    """The registered metrics of classes that can be computed on a split; sorted."""
    own, names = tuple(counts), tuple(class_names)
    return tuple(name for name in metrics_answering("class") if missing_on(name, own, names) is None)


def missing_on_texts(name: str, *, has_sources: bool) -> str | None:
    """Why a metric cannot be computed on texts, whatever a model says of them; None where it can.

    Args:
        name: A registered metric of texts.
        has_sources: Whether there is anything to go on from; without it nothing is generated, and the likelihood of the
            references is all that there is.
    """
    (metric,) = metrics_named([name])
    texts = ("one two three", "four five six")
    numbers = np.array([3, 3])
    generations = Generations(
        example_ids=np.array(["0", "1"]), sources=texts if has_sources else ("", ""), references=texts,
        texts=texts if has_sources else None, nats=np.array([1.0, 2.0]), tokens=numbers, reference_bytes=numbers,
    )  # fmt: skip
    try:
        metric(generations)
    except MissingScore as missing:
        return str(missing)
    return None


def computable_on_texts(*, has_sources: bool) -> tuple[str, ...]:
    """The registered metrics of texts that can be computed with or without something to go on from; sorted."""
    return tuple(name for name in metrics_answering("text") if missing_on_texts(name, has_sources=has_sources) is None)


@lru_cache(maxsize=256)
def _missing(name: str, counts: tuple[int, ...], class_names: tuple[str, ...]) -> str | None:
    (metric,) = metrics_named([name])
    reason = None
    for share in SHARES_RIGHT:
        try:
            metric(_answers(counts, class_names, share))
        except MissingScore as missing:
            reason = reason or str(missing)
        else:
            return None
    return reason


def _answers(counts: tuple[int, ...], class_names: tuple[str, ...], share: float) -> Predictions:
    """Made answers, the first share of them right; all differ a little, so that there are ranks."""
    targets = np.repeat(np.arange(len(counts)), counts)
    named = np.where(np.arange(len(targets)) < share * len(targets), targets, (targets + 1) % len(counts))
    generator = np.random.default_rng(0)
    probabilities = generator.uniform(0.1, 0.2, size=(len(targets), len(counts)))
    probabilities[np.arange(len(targets)), named] += 0.5
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    ids = np.array([str(index) for index in range(len(targets))])
    return Predictions(ids, targets, probabilities.astype(np.float32), class_names)
