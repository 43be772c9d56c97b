"""What a metric is: a small function of outputs, decorated with its name, label and direction.

::

    @metric("error_rate", label="error rate", higher_is_better=False)
    def error_rate(predictions: Predictions) -> float:
        \"\"\"Share of examples that are named wrongly.\"\"\"
        return float((predictions.labels != predictions.targets).mean())

With too little data a metric raises ``MissingScore`` with a reason; it never returns 0 instead.  A metric of another
kind of outputs says so, ``answers="text"``, and reads ``Generations`` in place of ``Predictions``.

Everything that is done with a metric beside its plain value comes from one function, *the value under weights of
examples* (``Metric.under``): all ones are the score, multinomial weights a bootstrap, weights that exchange examples a
paired test, 0 and 1 a slice.  A metric declares what makes that quick: that it is a mean (``per_example``), a function
of the confusion matrix (``from_counts``) or of sums (``sums``), or the function itself (``weighted``).  Where it
declares nothing, examples are repeated as often as they weigh: a computation for each row of weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.errors import SuiteError
from suite.registry import METRICS
from suite.store.records.outputs import Outputs
from suite.store.records.result import Score

__all__ = [
    "Counts",
    "Metric",
    "MissingScore",
    "PerExample",
    "Statistics",
    "Sums",
    "Weighted",
    "metric",
    "metrics_answering",
    "metrics_named",
    "unit_of",
]

# What the functions of a metric take follows from ``answers``: the class of outputs of this kind.
PerExample = Callable[[Any], NDArray[np.float64]]
"""Predictions to one value per example, shape ``(n,)``, whose mean is the metric."""
Statistics = Callable[[Any], NDArray[np.float64]]
"""Predictions to what is summed over examples, shape ``(n, k)``: counts of matches, lengths, ..."""
Sums = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Such sums, shape ``(resamples, k)``, to one score each, shape ``(resamples,)``; NaN where there is none."""
Weighted = Callable[[Any, NDArray[np.floating]], NDArray[np.float64]]
"""Outputs and weights of their examples, shape ``(draws, n)``, to values ``(draws,)``; NaN where there is none."""
Counts = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Confusion matrices, shape ``(resamples, classes, classes)``, to one score each, shape ``(resamples,)``."""


DENSE_CLASSES = 32
"""With more, confusion matrices are counted one by one: as a product they would take too much memory."""
KINDS = {"class": "classes", "text": "texts"}


class MissingScore(Exception):  # noqa: N818 - it is an answer, not an error
    """A metric cannot be computed from these predictions; the message says why, in one sentence."""


@dataclass(frozen=True)
class Metric:
    """A metric with what reports and intervals need to know of it. Callable like its function."""

    name: str
    label: str
    """As reports print it."""
    higher_is_better: bool
    summary: str
    """One line: what it measures, its range and when it is missing."""
    function: Callable[[Any], float | None]
    answers: str = "class"
    """The kind of outputs that it reads: ``Predictions`` where ``class``, ``Generations`` where ``text``."""
    per_example: PerExample | None = None
    """There where the metric is a mean over examples: then a bootstrap is one matrix product."""
    from_counts: Counts | None = None
    """There where the metric is a function of the confusion matrix: then a bootstrap needs no loop."""
    sums: Statistics | None = None
    """There, with ``from_sums``, where the metric is a function of sums over examples: the summands."""
    from_sums: Sums | None = None
    weighted: Weighted | None = None
    """There where the metric is none of these and can be computed under weights of examples all the same."""
    influences: PerExample | None = None
    """There where the metric is none of these, but what each example adds to it is known: values, shape ``(n,)``, whose
    mean varies like the metric over examples, within classes where ``stratified``. Intervals use them."""
    stratified: bool = False
    """Whether resamples keep the number of examples of every class: for metrics that another mix of classes, or a
    lost class, would turn into another question."""
    bounds: tuple[float, float] | None = None
    """The least and the largest value that it can have, where it has both; intervals do not leave them."""
    unit: str = ""
    """``%`` where it is said in per cent, and differences in points; else empty, or what stands behind the number."""
    guessing: Callable[[int], float] | None = None
    """Its value for guessing among so many classes, where that is known beforehand."""
    kept_resamples: PerExample | None = None
    """Of a metric of a plugin that is not there: predictions to the scores of bootstrap samples that were kept with
    them; see ``suite.metrics.plugin_metrics``."""

    def __call__(self, predictions: Outputs) -> float:
        """The metric of these predictions.

        Raises:
            MissingScore: Where it cannot be computed; the message says why.
        """
        self.refuse_other_answers(predictions)
        if len(predictions) == 0:
            raise MissingScore("there are no examples.")
        value = self.function(predictions)
        if value is None:
            raise MissingScore(f"{self.label} is not defined for these predictions.")
        if not math.isfinite(value):
            raise MissingScore(f"{self.label} is {value}, not a number that can be compared.")
        return float(value)

    @property
    def is_mean(self) -> bool:
        """Whether it is a mean of values of single examples."""
        return self.per_example is not None

    @property
    def is_slow(self) -> bool:
        """Whether each row of weights takes a computation of its own."""
        return all(one is None for one in (self.per_example, self.from_counts, self.sums, self.weighted))

    def under(self, outputs: Outputs, weights: NDArray[np.floating]) -> NDArray[np.float64]:
        """The value under weights of examples.

        Args:
            outputs: Of ``n`` examples.
            weights: Shape ``(draws, n)``, not negative; integers where the metric ``is_slow``.

        Returns:
            Shape ``(draws,)``; NaN where there is no value, for instance because a class has no example left.

        Raises:
            MissingScore: Where the metric reads another kind of outputs.
        """
        return self.prepared(outputs)(weights)

    def prepared(self, outputs: Outputs) -> Callable[[NDArray[np.floating]], NDArray[np.float64]]:
        """``under`` for these outputs: what does not hang on the weights is computed once."""
        self.refuse_other_answers(outputs)
        if self.per_example is not None:
            return _mean_of(self.per_example(outputs))
        if self.from_counts is not None:
            return _counted(self.from_counts, outputs)
        if self.sums is not None and self.from_sums is not None:
            return _summed(self.from_sums, self.sums(outputs))
        if self.weighted is not None:
            return partial(self.weighted, outputs)
        return partial(self._repeated, outputs)

    def _repeated(self, outputs: Outputs, weights: NDArray[np.floating]) -> NDArray[np.float64]:
        """By repeating examples as often as they weigh."""
        everything = np.arange(len(outputs))
        samples = (outputs.take(np.repeat(everything, row.astype(np.int64))) for row in weights)
        return np.array([np.nan if (value := self.score(one).value) is None else value for one in samples])

    def refuse_other_answers(self, predictions: Outputs) -> None:
        """Raises ``MissingScore`` where the predictions are not of the kind that the metric reads."""
        if predictions.kind != self.answers:
            reads, got = (KINDS.get(kind, f"outputs of the kind '{kind}'") for kind in (self.answers, predictions.kind))
            raise MissingScore(f"{self.label} is a metric of {reads}; this model answers with {got}.")

    def score(self, predictions: Outputs) -> Score:
        """The metric as a ``Score``: with a reason instead of a value where it is missing."""
        try:
            return Score(value=self(predictions))
        except MissingScore as missing:
            return Score(value=None, reason=str(missing))


def unit_of(bounds: tuple[float, float] | None, *, higher_is_better: bool) -> str:
    """The unit of a metric that names none: what lies between 0 and 1, higher being better, is a share."""
    return "%" if bounds == (0.0, 1.0) and higher_is_better else ""


def _mean_of(values: NDArray[np.float64]) -> Callable[[NDArray[np.floating]], NDArray[np.float64]]:
    single = values.astype(np.float32)

    def mean(weights: NDArray[np.floating]) -> NDArray[np.float64]:
        total = weights.sum(axis=1, dtype=np.float64)
        sums = (weights @ single).astype(np.float64)
        return np.asarray(np.divide(sums, total, out=np.full(len(total), np.nan), where=total > 0))

    return mean


def _summed(score: Sums, rows: NDArray[np.float64]) -> Callable[[NDArray[np.floating]], NDArray[np.float64]]:
    single = rows.astype(np.float32)

    def of_sums(weights: NDArray[np.floating]) -> NDArray[np.float64]:
        scores = score((weights @ single).astype(np.float64))
        return np.where(np.isfinite(scores), scores, np.nan)

    return of_sums


def _counted(score: Counts, outputs: Any) -> Callable[[NDArray[np.floating]], NDArray[np.float64]]:
    classes = outputs.probabilities.shape[1]
    cell = outputs.targets * classes + outputs.labels
    one_hot = np.eye(classes * classes, dtype=np.float32)[cell] if classes <= DENSE_CLASSES else None

    def of_counts(weights: NDArray[np.floating]) -> NDArray[np.float64]:
        if one_hot is not None:
            return score((weights @ one_hot).reshape(-1, classes, classes).astype(np.float64))
        scores = [
            score(np.bincount(cell, row, classes**2).astype(np.float64).reshape(1, classes, classes)) for row in weights
        ]
        return np.concatenate(scores)

    return of_counts


def metric(
    name: str,
    *,
    higher_is_better: bool,
    label: str | None = None,
    summary: str | None = None,
    answers: str = "class",
    per_example: PerExample | None = None,
    from_counts: Counts | None = None,
    sums: Statistics | None = None,
    from_sums: Sums | None = None,
    weighted: Weighted | None = None,
    influences: PerExample | None = None,
    stratified: bool = False,
    bounds: tuple[float, float] | None = None,
    unit: str | None = None,
    guessing: Callable[[int], float] | None = None,
) -> Callable[[Callable[[Any], float | None]], Metric]:
    """A decorator that makes a function of predictions a registered ``Metric``.

    Args:
        name: As specs and result files write it.
        higher_is_better: The direction in which models are ranked.
        label: As reports print it; the name with spaces when left out.
        summary: One line for ``suite list metrics``; the docstring's first line when left out.
        answers: The kind of outputs that it reads: ``text`` for ``Generations``, ``class`` for ``Predictions``.
        per_example: Where the metric is a mean over examples, the values that it averages.
        from_counts: Where it is a function of the confusion matrix, that function over many matrices.
        sums: Where it is a function of sums over examples, what is summed, ``(n, k)``; needs ``from_sums``.
        from_sums: That function, over many rows of sums.
        weighted: Where it is none of these, its value under weights of examples.
        influences: Where it is none of these, what each example adds to it, if that is known.
        stratified: Whether resamples must keep the number of examples of every class.
        bounds: Its least and largest possible value, where it has both.
        unit: ``%`` for what is said in per cent; when left out so is what lies between 0 and 1, higher being better.
        guessing: Its value for guessing among so many classes, where that is known beforehand.

    Raises:
        SuiteError: Where the name is registered already, or one of ``sums`` and ``from_sums`` is there alone.
    """
    if (sums is None) != (from_sums is None):
        raise SuiteError(f"metric '{name}': 'sums' and 'from_sums' belong together; only one of them was given.")

    def decorate(function: Callable[[Any], float | None]) -> Metric:
        made = Metric(
            name=name,
            label=label or name.replace("_", " "),
            higher_is_better=higher_is_better,
            summary=summary or (function.__doc__ or name).strip().splitlines()[0],
            function=function,
            answers=answers,
            per_example=per_example,
            from_counts=from_counts,
            sums=sums,
            from_sums=from_sums,
            weighted=weighted,
            influences=influences,
            stratified=stratified,
            bounds=bounds,
            unit=unit if unit is not None else unit_of(bounds, higher_is_better=higher_is_better),
            guessing=guessing,
        )
        # The registry compares a lazy "module:object" with these two to see that both are the same thing.
        attributes: dict[str, Any] = {"__module__": function.__module__, "__qualname__": function.__qualname__}
        for attribute, value in {**attributes, "__doc__": function.__doc__}.items():
            object.__setattr__(made, attribute, value)
        METRICS.register(name)(made)
        return made

    return decorate


def metrics_named(names: Sequence[str]) -> tuple[Metric, ...]:
    """The metrics with these names, in this order.

    Raises:
        UnknownNameError: For a name that is not registered, with the nearest one.
        SuiteError: For a registered object that is not a ``Metric``.
    """
    found = tuple(METRICS.get(name) for name in names)
    for name, item in zip(names, found, strict=True):
        if not isinstance(item, Metric):
            raise SuiteError(
                f"metric '{name}': expected a function decorated with @metric(...), got {type(item).__name__}."
            )
    return found


def metrics_answering(answers: str) -> tuple[str, ...]:
    """Names of the registered metrics that read outputs of this kind; sorted.

    Raises:
        SuiteError: For a registered object that is not a ``Metric``.
    """
    return tuple(found.name for found in metrics_named(METRICS.names()) if found.answers == answers)
