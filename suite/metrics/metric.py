"""What a metric is: a small function of predictions, decorated with its name, label and direction.

::

    @metric("error_rate", label="error rate", higher_is_better=False)
    def error_rate(predictions: Predictions) -> float:
        \"\"\"Share of examples that are named wrongly.\"\"\"
        return float((predictions.labels != predictions.targets).mean())

With too little data a metric raises ``MissingScore`` with a reason; it never returns 0 instead.  A metric of models
that write says ``answers="text"`` and reads ``Generations`` in place of ``Predictions``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from suite.errors import SuiteError
from suite.registry import METRICS
from suite.store.records.generations import AnyPredictions, Generations
from suite.store.records.result import Score

__all__ = [
    "Answers",
    "Counts",
    "Metric",
    "MissingScore",
    "PerExample",
    "Statistics",
    "Sums",
    "metric",
    "metrics_answering",
    "metrics_named",
]

Answers = Literal["class", "text"]
"""What a metric reads: ``Predictions`` of classes or ``Generations``."""
# What the functions of a metric take follows from its ``answers``: Predictions or Generations.
PerExample = Callable[[Any], NDArray[np.float64]]
"""Predictions to one value per example, shape ``(n,)``, whose mean is the metric."""
Statistics = Callable[[Any], NDArray[np.float64]]
"""Predictions to what is summed over examples, shape ``(n, k)``: counts of matches, lengths, ..."""
Sums = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Such sums, shape ``(resamples, k)``, to one score each, shape ``(resamples,)``; NaN where there is none."""
Counts = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Confusion matrices, shape ``(resamples, classes, classes)``, to one score each, shape ``(resamples,)``."""


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
    answers: Answers = "class"
    """What it reads: ``Predictions`` where ``class``, ``Generations`` where ``text``."""
    per_example: PerExample | None = None
    """There where the metric is a mean over examples: then a bootstrap is one matrix product."""
    from_counts: Counts | None = None
    """There where the metric is a function of the confusion matrix: then a bootstrap needs no loop."""
    sums: Statistics | None = None
    """There, with ``from_sums``, where the metric is a function of sums over examples: the summands."""
    from_sums: Sums | None = None
    influences: PerExample | None = None
    """There where the metric is none of these, but what each example adds to it is known: values, shape ``(n,)``, whose
    mean varies like the metric over examples, within classes where ``stratified``. Intervals use them."""
    stratified: bool = False
    """Whether resamples keep the number of examples of every class: for metrics that another mix of classes, or a
    lost class, would turn into another question."""
    bounds: tuple[float, float] | None = None
    """The least and the largest value that it can have, where it has both; intervals do not leave them."""
    kept_resamples: PerExample | None = None
    """Of a metric of a plugin that is not there: predictions to the scores of bootstrap samples that were kept with
    them; see ``suite.metrics.plugin_metrics``."""

    def __call__(self, predictions: AnyPredictions) -> float:
        """The metric of these predictions.

        Raises:
            MissingScore: Where it cannot be computed; the message says why.
        """
        self.refuse_other_answers(predictions)
        if len(predictions.targets) == 0:
            raise MissingScore("there are no examples.")
        value = self.function(predictions)
        if value is None:
            raise MissingScore(f"{self.label} is not defined for these predictions.")
        if not math.isfinite(value):
            raise MissingScore(f"{self.label} is {value}, not a number that can be compared.")
        return float(value)

    def refuse_other_answers(self, predictions: AnyPredictions) -> None:
        """Raises ``MissingScore`` where the predictions are not of the kind that the metric reads."""
        given: Answers = "text" if isinstance(predictions, Generations) else "class"
        if given != self.answers:
            reads, got = ("classes", "texts") if self.answers == "class" else ("texts", "classes")
            raise MissingScore(f"{self.label} is a metric of {reads}; this model answers with {got}.")

    def score(self, predictions: AnyPredictions) -> Score:
        """The metric as a ``Score``: with a reason instead of a value where it is missing."""
        try:
            return Score(value=self(predictions))
        except MissingScore as missing:
            return Score(value=None, reason=str(missing))


def metric(
    name: str,
    *,
    higher_is_better: bool,
    label: str | None = None,
    summary: str | None = None,
    answers: Answers = "class",
    per_example: PerExample | None = None,
    from_counts: Counts | None = None,
    sums: Statistics | None = None,
    from_sums: Sums | None = None,
    influences: PerExample | None = None,
    stratified: bool = False,
    bounds: tuple[float, float] | None = None,
) -> Callable[[Callable[[Any], float | None]], Metric]:
    """A decorator that makes a function of predictions a registered ``Metric``.

    Args:
        name: As specs and result files write it.
        higher_is_better: The direction in which models are ranked.
        label: As reports print it; the name with spaces when left out.
        summary: One line for ``suite list metrics``; the docstring's first line when left out.
        answers: ``text`` for a metric of ``Generations``, ``class`` for one of ``Predictions``.
        per_example: Where the metric is a mean over examples, the values that it averages.
        from_counts: Where it is a function of the confusion matrix, that function over many matrices.
        sums: Where it is a function of sums over examples, what is summed, ``(n, k)``; needs ``from_sums``.
        from_sums: That function, over many rows of sums.
        influences: Where it is none of these, what each example adds to it, if that is known.
        stratified: Whether resamples must keep the number of examples of every class.
        bounds: Its least and largest possible value, where it has both.

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
            influences=influences,
            stratified=stratified,
            bounds=bounds,
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
    """Names of the registered metrics that read such answers, ``class`` or ``text``; sorted.

    Raises:
        SuiteError: For a registered object that is not a ``Metric``.
    """
    return tuple(found.name for found in metrics_named(METRICS.names()) if found.answers == answers)
