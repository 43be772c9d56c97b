"""What a metric is: a small function of predictions, decorated with its name, label and direction.

::

    @metric("error_rate", label="error rate", higher_is_better=False)
    def error_rate(predictions: Predictions) -> float:
        \"\"\"Share of examples that are named wrongly.\"\"\"
        return float((predictions.labels != predictions.targets).mean())

With too little data a metric raises ``MissingScore`` with a reason; it never returns 0 instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.errors import SuiteError
from suite.registry import METRICS
from suite.results import Predictions, Score

__all__ = ["Counts", "Metric", "MissingScore", "PerExample", "metric", "metrics_named"]

PerExample = Callable[[Predictions], NDArray[np.float64]]
"""Predictions to one value per example, shape ``(n,)``, whose mean is the metric."""
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
    function: Callable[[Predictions], float | None]
    per_example: PerExample | None = None
    """There where the metric is a mean over examples: then a bootstrap is one matrix product."""
    from_counts: Counts | None = None
    """There where the metric is a function of the confusion matrix: then a bootstrap needs no loop."""
    stratified: bool = False
    """Whether resamples keep the number of examples of every class: for metrics that another mix of classes, or a
    lost class, would turn into another question."""
    bounds: tuple[float, float] | None = None
    """The least and the largest value that it can have, where it has both; intervals do not leave them."""

    def __call__(self, predictions: Predictions) -> float:
        """The metric of these predictions.

        Raises:
            MissingScore: Where it cannot be computed; the message says why.
        """
        if len(predictions.targets) == 0:
            raise MissingScore("there are no examples.")
        value = self.function(predictions)
        if value is None:
            raise MissingScore(f"{self.label} is not defined for these predictions.")
        if not math.isfinite(value):
            raise MissingScore(f"{self.label} is {value}, not a number that can be compared.")
        return float(value)

    def score(self, predictions: Predictions) -> Score:
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
    per_example: PerExample | None = None,
    from_counts: Counts | None = None,
    stratified: bool = False,
    bounds: tuple[float, float] | None = None,
) -> Callable[[Callable[[Predictions], float | None]], Metric]:
    """A decorator that makes a function of predictions a registered ``Metric``.

    Args:
        name: As specs and result files write it.
        higher_is_better: The direction in which models are ranked.
        label: As reports print it; the name with spaces when left out.
        summary: One line for ``suite list metrics``; the docstring's first line when left out.
        per_example: Where the metric is a mean over examples, the values that it averages.
        from_counts: Where it is a function of the confusion matrix, that function over many matrices.
        stratified: Whether resamples must keep the number of examples of every class.
        bounds: Its least and largest possible value, where it has both.

    Raises:
        SuiteError: Where the name is registered already.
    """

    def decorate(function: Callable[[Predictions], float | None]) -> Metric:
        made = Metric(
            name=name,
            label=label or name.replace("_", " "),
            higher_is_better=higher_is_better,
            summary=summary or (function.__doc__ or name).strip().splitlines()[0],
            function=function,
            per_example=per_example,
            from_counts=from_counts,
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
