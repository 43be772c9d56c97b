"""What a transferability estimator is: a function of features and labels, decorated with its name.

::

    @estimator("class_gap", summary="Distance between the class means, in units of the spread.")
    def class_gap(examples: Examples) -> float:
        \"\"\"Higher means that the classes lie further apart.\"\"\"
        ...

Higher always means more transferable.  Where it cannot be computed an estimator raises ``MissingScore`` with a
reason; it never returns 0 instead.  The checks that all of them share are made here, before the function is called.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from suite.metrics.metric import MissingScore
from suite.metrics.transferability.noise import jackknife_half_width, wilson
from suite.registry import TRANSFERABILITY
from suite.store.records.result import Score

__all__ = ["Array", "Estimator", "Examples", "estimator"]

Array = NDArray[np.float64]

SMALL_FEATURES = 4_000_000
"""Numbers in a feature matrix below which one thread is faster than several; as in the strategy ``linear_probe``."""
ROUNDING = 1e-6
"""Features that differ by less than this, relative to their size, differ by the rounding of single precision only."""


@dataclass(frozen=True)
class Examples:
    """What an estimator sees: checked, in double precision, every class with two examples or more."""

    features: Array
    """Shape ``(n, width)``."""
    targets: NDArray[np.int64]
    """Classes from 0 to ``num_classes - 1``, all of them present; shape ``(n,)``."""
    num_classes: int
    source_probabilities: Array | None
    """Shape ``(n, source classes)``, rows summing to 1; there for estimators with ``needs_source_head``."""
    seed: int
    """Of the estimators that draw random numbers; the others give the same number for every seed."""

    @property
    def one_hot(self) -> Array:
        """Shape ``(n, num_classes)``."""
        return np.eye(self.num_classes)[self.targets]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Examples of each class, shape ``(num_classes,)``."""
        return np.bincount(self.targets, minlength=self.num_classes).astype(np.int64)

    @property
    def centred(self) -> Array:
        """The features less their mean."""
        return np.asarray(self.features - self.features.mean(axis=0))


@dataclass(frozen=True)
class Estimator:
    """An estimator with what lists and reports need to know of it. Callable with arrays."""

    name: str
    label: str
    """As reports print it."""
    summary: str
    """One line: what it measures, and its range."""
    needs_source_head: bool
    """Whether it reads the class probabilities of the head that the model was pretrained with."""
    function: Callable[[Examples], float]
    is_share: bool = False
    """Whether it is a share of the examples, of which each was judged by itself: its interval is Wilson's."""

    def __call__(
        self, features: ArrayLike, targets: ArrayLike, *, source_probabilities: ArrayLike | None = None, seed: int = 0
    ) -> float:
        """How well these features suit these labels; higher is more transferable.

        Args:
            features: Shape ``(n, width)``, of the frozen backbone on training examples.
            targets: Class indices ``(n,)``.
            source_probabilities: Class probabilities of the source head on the same examples, shape ``(n, k)``.
            seed: Of estimators that draw random numbers.

        Raises:
            MissingScore: Where there is no such number: no source head, a class with one example, fewer examples
                than classes, features that are constant or not finite.
            ValueError: For arrays whose shapes do not belong together.
        """
        if self.needs_source_head and source_probabilities is None:
            raise MissingScore(f"{self.label} needs the head that the model was pretrained with, and there is none.")
        probabilities = source_probabilities if self.needs_source_head else None
        examples = _checked(features, targets, probabilities, seed)
        # On small matrices the threads of BLAS wait for each other, on a busy machine most of the time.
        with threadpool_limits(1 if examples.features.size < SMALL_FEATURES else None):
            value = self.function(examples)
        if not math.isfinite(value):
            raise MissingScore(f"{self.label} is {value}, not a number that can be compared.")
        return float(value)

    def score(
        self, features: ArrayLike, targets: ArrayLike, *, source_probabilities: ArrayLike | None = None, seed: int = 0
    ) -> Score:
        """The same as a ``Score``: with its 95 % interval over examples, or a reason where it is missing."""
        values, classes = np.asarray(features), np.asarray(targets)
        source = None if source_probabilities is None else np.asarray(source_probabilities)
        try:
            value = self(values, classes, source_probabilities=source, seed=seed)
        except MissingScore as missing:
            return Score(value=None, reason=str(missing))
        if self.is_share:
            low, high = wilson(value, len(classes))
            return Score(value=value, low=low, high=high)

        def again(rows: NDArray[np.int64]) -> float:
            of_rows = None if source is None else source[rows]
            return self(values[rows], classes[rows], source_probabilities=of_rows, seed=seed)

        half = jackknife_half_width(again, classes, seed=seed)
        return Score(value=value) if half is None else Score(value=value, low=value - half, high=value + half)


def estimator(
    name: str,
    *,
    label: str | None = None,
    summary: str | None = None,
    needs_source_head: bool = False,
    is_share: bool = False,
) -> Callable[[Callable[[Examples], float]], Estimator]:
    """A decorator that makes a function of ``Examples`` a registered ``Estimator``.

    Args:
        name: As specs and result files write it.
        label: As reports print it; the name with spaces when left out.
        summary: One line for ``suite list transferability``; the docstring's first line when left out.
        needs_source_head: Whether the function reads ``source_probabilities``.
        is_share: Whether its value is a share of the examples, of which each was judged by itself.

    Raises:
        SuiteError: Where the name is registered already.
    """

    def decorate(function: Callable[[Examples], float]) -> Estimator:
        made = Estimator(
            name=name,
            label=label or name.replace("_", " "),
            summary=summary or (function.__doc__ or name).strip().splitlines()[0],
            needs_source_head=needs_source_head,
            function=function,
            is_share=is_share,
        )
        # The registry compares a lazy "module:object" with these two to see that both are the same thing.
        attributes: dict[str, Any] = {"__module__": function.__module__, "__qualname__": function.__qualname__}
        for attribute, value in {**attributes, "__doc__": function.__doc__}.items():
            object.__setattr__(made, attribute, value)
        TRANSFERABILITY.register(name)(made)
        return made

    return decorate


def _checked(features: ArrayLike, targets: ArrayLike, probabilities: ArrayLike | None, seed: int) -> Examples:
    values, raw = np.asarray(features, dtype=np.float64), np.asarray(targets)
    if values.ndim != 2 or raw.shape != (len(values),):
        raise ValueError(f"expected features (n, width) and targets (n,), got {values.shape} and {raw.shape}.")
    classes, compact = np.unique(raw, return_inverse=True)
    _refuse_few_examples(raw, classes, compact)
    _refuse_empty_features(values)
    return Examples(
        features=values,
        targets=compact.astype(np.int64),
        num_classes=len(classes),
        source_probabilities=None if probabilities is None else _normalised(probabilities, len(values)),
        seed=seed,
    )


def _refuse_few_examples(raw: NDArray[Any], classes: NDArray[Any], compact: NDArray[np.int64]) -> None:
    if len(classes) < 2:
        raise MissingScore(f"there must be examples of 2 classes or more; there are {len(classes)}.")
    if len(raw) <= classes.max():
        raise MissingScore(f"there are fewer examples ({len(raw)}) than classes ({int(classes.max()) + 1}).")
    alone = classes[np.bincount(compact) < 2]
    if len(alone):
        named = ", ".join(str(item) for item in alone[:3]) + (", ..." if len(alone) > 3 else "")
        raise MissingScore(f"every class needs 2 examples; there is only one of class {named}.")


def _refuse_empty_features(values: Array) -> None:
    if not np.isfinite(values).all():
        raise MissingScore("some features are infinite or not numbers.")
    spread = values.max(axis=0) - values.min(axis=0)
    if not (spread > ROUNDING * np.abs(values).max(axis=0)).any():
        raise MissingScore("the features are constant: all examples look the same to this model.")


def _normalised(probabilities: ArrayLike, examples: int) -> Array:
    """In double precision, rows summing to 1 exactly; softmaxes in half precision are off by up to 1e-2."""
    values = np.asarray(probabilities, dtype=np.float64)
    if values.ndim != 2 or len(values) != examples:
        raise ValueError(f"expected source probabilities ({examples}, source classes), got {values.shape}.")
    if not np.isfinite(values).all():
        raise MissingScore("some class probabilities of the source head are infinite or not numbers.")
    totals = values.sum(axis=1, keepdims=True)
    if values.min() < 0 or np.abs(totals - 1).max() > 0.01:
        raise ValueError("source probabilities must be 0 or more and sum to 1 in each row; were logits given?")
    return np.asarray(values / totals)
