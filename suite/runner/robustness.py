"""What a final trial is shown after its test set: corrupted images, other classes, other data sets.

The test split has been opened by then, once, for the same fitted model; nothing that is found here goes back into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from suite.data.corrupted import corrupted
from suite.data.dataset import Dataset, Split
from suite.data.shared_classes import restricted, shared_classes, subset
from suite.errors import DataError, TrialFailure
from suite.metrics import Metric, MissingScore, metrics_named, score_all
from suite.metrics.temperature import CALIBRATION, at_temperature, fit_temperature
from suite.registry import METRICS, TASKS
from suite.runner.warm import Warm
from suite.spec.other_datasets import labels_of
from suite.spec.spec import DatasetSpec
from suite.spec.trial import Cell
from suite.store.records.example_files import CORRUPTED, CorruptedLabels, OutOfClass, out_of_class_name
from suite.store.records.result import CorruptedScores, CrossScores, OutOfClassRecord, Predictions, TemperatureFit
from suite.tasks.adapted import Adapted

__all__ = ["Beyond", "Shown", "foreign_part", "refuse_familiar"]


@dataclass
class Shown:
    """What came of it."""

    corrupted: tuple[CorruptedScores, ...] = ()
    calibration: TemperatureFit | None = None
    out_of_class: tuple[OutOfClassRecord, ...] = ()
    cross: tuple[CrossScores, ...] = ()
    data: list[tuple[Dataset, str]] = field(default_factory=list)
    """The out-of-class data sets with their labels; the trials that learn the crossed ones record those."""
    artefacts: dict[str, str] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the trial's result."""
        return {name: getattr(self, name) for name in ("corrupted", "calibration", "out_of_class", "cross")}


@dataclass(frozen=True)
class Beyond:
    """A fitted model and everything that it is to be shown."""

    cell: Cell
    warm: Warm
    home: Dataset
    adapted: Adapted
    predictor: Callable[[Any], Any]
    """Makes a predictor of a Keras model."""
    made: Mapping[str, Predictions]
    """Of ``validation`` (of the model before a refit that saw it) and ``test``."""
    folder: Path
    """Of the trial's artefacts; ``predictions`` is in it."""
    headline: str
    seeded: Callable[[DatasetSpec], DatasetSpec]

    def show(self) -> Shown:
        """Everything that the spec asks for, and the temperature always."""
        shown = Shown(calibration=_calibration(self.made["validation"], self.made["test"]))
        shown.corrupted = self._corrupted(shown)
        shown.out_of_class = tuple(self._out_of_class(shown))
        shown.cross = tuple(self._cross())
        return shown

    def _predictions(self, dataset: Dataset, split: Split) -> Predictions:
        """What the model says of a split, in the home data set's classes; targets as the split has them."""
        examples = self.warm.examples(self.cell, dataset, split)
        made: Predictions = TASKS.get(self.cell.task).predict(
            self.adapted, self.predictor, examples, class_names=self.home.class_names, cell=self.cell
        )
        if not np.isfinite(made.probabilities).all():
            raise TrialFailure(f"the probabilities on {dataset.name} ({split.name}) are not finite")
        facted: Predictions = made.with_facts(split.facts)
        return facted

    def _corrupted(self, shown: Shown) -> tuple[CorruptedScores, ...]:
        if self.cell.robustness is None:
            return ()
        names = dict.fromkeys(["accuracy", self.headline])
        metrics = metrics_named([name for name in names if name in METRICS])
        scores, labels = [], []
        for corruption, severity in self.cell.robustness.conditions:
            made = self._predictions(self.home, corrupted(self.home.splits["test"], corruption, severity))
            scores.append(CorruptedScores(corruption=corruption, severity=severity, scores=score_all(made, metrics)))
            labels.append(made.labels.astype(np.int32))
        kept = CorruptedLabels(tuple(self.cell.robustness.conditions), np.stack(labels))
        shown.artefacts[CORRUPTED] = "predictions/corrupted-sets.npz"
        kept.save(self.folder / shown.artefacts[CORRUPTED])
        return tuple(scores)

    def _out_of_class(self, shown: Shown) -> Iterator[OutOfClassRecord]:
        for index, (choice, label) in enumerate(
            zip(self.cell.out_of_class, labels_of(self.cell.out_of_class), strict=True)
        ):
            dataset = self.warm.dataset(choice)
            shown.data.append((dataset, label))
            split, shared = foreign_part(self.home, dataset, label)
            made = self._predictions(dataset, split)
            kept = OutOfClass(made.example_ids, made.probabilities)
            path = f"predictions/out-of-class-{index + 1}.npz"
            kept.save(self.folder / path)
            shown.artefacts[out_of_class_name(label)] = path
            yield OutOfClassRecord(
                name=label,
                examples=len(split),
                shared=shared,
                left_out=len(dataset.splits["test"]) - len(split),
                mean_confidence=float(kept.confidence.mean()),
            )

    def _cross(self) -> Iterator[CrossScores]:
        for choice, label in zip(self.cell.cross, labels_of(self.cell.cross), strict=True):
            yield self._cross_with(self.warm.dataset(self.seeded(choice)), label)

    def _cross_with(self, dataset: Dataset, label: str) -> CrossScores:
        pairs = shared_classes(self.home.class_names, dataset.class_names)
        classes = tuple(self.home.class_names[ours] for ours, _ in pairs)
        if len(pairs) < 2:
            reason = "no class has the same name in both" if not pairs else f"only '{classes[0]}' is in both"
            return CrossScores(dataset=label, classes=classes, examples=None, reason=f"{reason}.")
        split = subset(dataset.splits["test"], [theirs for _, theirs in pairs])
        if not len(split):
            return CrossScores(
                dataset=label,
                classes=classes,
                examples=0,
                reason="its test split has no example of the shared classes.",
            )
        back = np.full(len(dataset.class_names), -1)
        back[[theirs for _, theirs in pairs]] = [ours for ours, _ in pairs]
        columns = [ours for ours, _ in pairs]
        made = self._predictions(dataset, replace(split, targets=back[split.targets]))
        metrics = _all_metrics(self.headline)
        return CrossScores(
            dataset=label,
            classes=classes,
            examples=len(split),
            scores=score_all(restricted(made, columns), metrics),
            at_home=score_all(restricted(self.made["test"], columns), metrics),
        )


def refuse_familiar(cell: Cell, warm: Warm, home: Dataset) -> None:
    """Before anything is fitted: raises ``DataError`` for an out-of-class set that has nothing foreign in it."""
    for choice, label in zip(cell.out_of_class, labels_of(cell.out_of_class), strict=True):
        foreign_part(home, warm.dataset(choice), label)


def foreign_part(home: Dataset, other: Dataset, label: str) -> tuple[Split, tuple[str, ...]]:
    """The test examples of another data set whose classes the home data set does not have.

    Returns:
        Them, and the classes that both have, whose examples are left out.

    Raises:
        DataError: Where the two are the same data, and where nothing is left.
    """
    if other.fingerprint == home.fingerprint:
        raise DataError(f"out_of_class '{label}' holds the same examples as the data set to learn; choose another.")
    shared = {theirs for _, theirs in shared_classes(home.class_names, other.class_names)}
    rest = [index for index in range(len(other.class_names)) if index not in shared]
    split = subset(other.splits["test"], rest)
    if not len(split):
        raise DataError(
            f"out_of_class '{label}': every class of its test examples is one of '{home.name}' too, so nothing in it "
            "is out of class; expected a data set of other classes."
        )
    return split, tuple(other.class_names[index] for index in sorted(shared))


def _all_metrics(headline: str) -> tuple[Metric, ...]:
    """Every registered metric, the headline first: that one gets an interval."""
    names = dict.fromkeys([headline, *METRICS.names()])
    return metrics_named([name for name in names if name in METRICS])


def _calibration(validation: Predictions, test: Predictions) -> TemperatureFit:
    try:
        temperature = fit_temperature(validation)
    except MissingScore as missing:
        return TemperatureFit(temperature=None, reason=str(missing))
    cooled = at_temperature(test, temperature)
    return TemperatureFit(
        temperature=temperature,
        after={metric.name: metric.score(cooled) for metric in metrics_named(CALIBRATION)},
    )
