"""Panels: what a task shows of a cell beside its scores, made of the outputs of its seeds.

A task names its panels, and each is a function here or of a package with an entry point in the group ``suite.panels``:
the outputs of a cell's seeds on the home test set to a record, or to None where there is nothing to show.  A package
gives a ``TablePanel``, which every report draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.compare.cell import AnyPanel, Bin, ClassScores, ClassTable, ConfusionSummary, Reliability
from suite.metrics.calibration import bin_of, reliability_bins
from suite.metrics.confusion import class_table, confusion_matrix
from suite.metrics.intervals import agresti_coull, share_intervals
from suite.registry import PANELS
from suite.store.records.outputs import Outputs
from suite.store.records.predictions import Predictions

__all__ = ["Panel", "classes", "confusion", "panels_of", "reliability"]

Array = NDArray[np.float64]
Panel = Callable[[Sequence[Any]], AnyPanel | None]
"""Outputs of one kind, one for each seed and at least one, to what is shown of them."""


def panels_of(names: Sequence[str], outputs: Sequence[Outputs]) -> tuple[AnyPanel, ...]:
    """The panels of a task, in its order; those of a package that is not there are left out."""
    return tuple(_made(names, outputs)) if outputs else ()


def _made(names: Sequence[str], outputs: Sequence[Outputs]) -> Iterator[AnyPanel]:
    for name in names:
        if name in PANELS:
            panel: Panel = PANELS.get(name)
            made = panel(outputs)
            if made is not None:
                yield made


def confusion(predictions: Sequence[Predictions]) -> ConfusionSummary:
    """The confusion matrix summed over seeds."""
    counts = np.sum([confusion_matrix(one) for one in predictions], axis=0)
    rows = tuple(tuple(row) for row in counts.tolist())
    return ConfusionSummary(class_names=predictions[0].class_names, counts=rows, seeds=len(predictions))


def classes(predictions: Sequence[Predictions]) -> ClassTable:
    """The scores of every class, over all seeds together."""
    counts = np.sum([confusion_matrix(one) for one in predictions], axis=0)
    table = class_table(counts)
    # Several seeds answer the same examples: their answers to one count as one.
    predicted, examples = counts.sum(axis=0) / len(predictions), counts.sum(axis=1) / len(predictions)
    precision, recall = agresti_coull(table.precision, predicted), agresti_coull(table.recall, examples)
    if predictions[0].facts.groups is not None:
        precision, recall = _ends_by_groups(predictions, len(table.recall))
    found = tuple(
        ClassScores(
            name=name,
            precision=_number(table.precision[index]),
            precision_low=_number(precision[index, 0]),
            precision_high=_number(precision[index, 1]),
            recall=_number(table.recall[index]),
            recall_low=_number(recall[index, 0]),
            recall_high=_number(recall[index, 1]),
            f1=_number(table.f1[index]),
            support=int(table.support[index]) // len(predictions),
        )
        for index, name in enumerate(predictions[0].class_names)
    )
    return ClassTable(classes=found)


def _ends_by_groups(predictions: Sequence[Predictions], num_classes: int) -> tuple[Array, Array]:
    """Intervals of precision and recall of every class, shape ``(classes, 2)``, luck counted by groups of examples.

    The answers of all seeds to a group are one piece of luck.
    """
    targets, labels = (np.concatenate([getattr(one, name) for one in predictions]) for name in ("targets", "labels"))
    groups = np.concatenate([one.facts.groups for one in predictions if one.facts.groups is not None])
    right = (targets == labels).astype(np.float64)
    ends = [
        [_share_ends(right[chosen], groups[chosen]) for chosen in (labels == index, targets == index)]
        for index in range(num_classes)
    ]
    return np.array([one[0] for one in ends]), np.array([one[1] for one in ends])


def _share_ends(right: Array, groups: NDArray[np.int64]) -> tuple[float, float]:
    """The interval of a share; nothing is known of it with fewer than two groups."""
    if len(np.unique(groups)) < 2:
        return math.nan, math.nan
    low, high = share_intervals(right[:, None], groups)[0]
    return float(low), float(high)


def reliability(predictions: Sequence[Predictions]) -> Reliability:
    """The reliability diagram over all seeds together, and its expected calibration error."""
    together = Predictions(
        example_ids=np.concatenate([one.example_ids for one in predictions]),
        targets=np.concatenate([one.targets for one in predictions]),
        probabilities=np.concatenate([one.probabilities for one in predictions]),
        class_names=predictions[0].class_names,
    )
    bins = reliability_bins(together)
    independent = _groups_in_bins(predictions, together, bins.edges)
    found = tuple(
        Bin(
            low=float(bins.edges[index]),
            high=float(bins.edges[index + 1]),
            confidence=_number(bins.confidence[index]),
            accuracy=_number(bins.accuracy[index]),
            count=int(bins.count[index]),
            independent=independent[index],
        )
        for index in range(len(bins.count))
    )
    return Reliability(bins=found, calibration_error=_number(bins.expected_calibration_error))


def _groups_in_bins(predictions: Sequence[Predictions], together: Predictions, edges: Array) -> list[int | None]:
    """How many groups have an answer in each bin; None where each example stands for itself."""
    found = [one.facts.groups for one in predictions if one.facts.groups is not None]
    if len(found) < len(predictions):
        return [None] * (len(edges) - 1)
    groups, which = np.concatenate(found), bin_of(together, edges)
    return [len(np.unique(groups[which == index])) for index in range(len(edges) - 1)]


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
