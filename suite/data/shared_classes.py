"""Classes that two data sets have in common, by name, and what is left of a split with them alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from suite.data.dataset import Split
from suite.data.splits import subset as part_of
from suite.store.records.result import Predictions

__all__ = ["restricted", "shared_classes", "subset"]


def shared_classes(ours: Sequence[str], theirs: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Pairs of class indices with the same name, in the order of ``ours``.

    Capitals, white space at the ends, and the difference between space, dash and underscore do not count.  Where two
    classes of one data set would become the same by that, they must match to the letter.
    """
    alike = {name for names in (ours, theirs) for name, count in Counter(map(_plain, names)).items() if count > 1}

    def key(name: str) -> str:
        return f"={name}" if _plain(name) in alike else _plain(name)

    there = {key(name): index for index, name in enumerate(theirs)}
    return tuple((index, there[key(name)]) for index, name in enumerate(ours) if key(name) in there)


def subset(split: Split, classes: Sequence[int]) -> Split:
    """The examples of these classes, in the order of the split; itself where those are all."""
    chosen = np.flatnonzero(np.isin(split.targets, classes))
    if len(chosen) == len(split):
        return split
    return part_of(split, chosen, name=split.name)


def restricted(predictions: Predictions, classes: Sequence[int]) -> Predictions:
    """The predictions on examples of these classes, as a choice among them: probabilities are scaled to sum to 1.

    Args:
        predictions: Of any classes.
        classes: Indices into its class names, at least one. Targets and columns come back in this order.
    """
    columns = np.asarray(classes, dtype=np.int64)
    place = np.full(len(predictions.class_names), -1)
    place[columns] = np.arange(len(columns))
    rows = np.flatnonzero(place[predictions.targets] >= 0)
    chosen = predictions.probabilities[np.ix_(rows, columns)].astype(np.float64)
    total = chosen.sum(axis=1, keepdims=True)
    # Where all of them are 0 in single precision nothing is known among them.
    shares = np.where(total > 0, chosen / np.where(total > 0, total, 1.0), 1 / len(classes))
    chosen_alone = replace(
        predictions,
        example_ids=predictions.example_ids[rows],
        targets=place[predictions.targets[rows]].astype(np.int64),
        probabilities=shares.astype(np.float32),
        class_names=tuple(predictions.class_names[index] for index in classes),
    )
    return chosen_alone.with_facts(predictions.facts.take(rows))


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
