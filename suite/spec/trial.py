"""A cell and a trial: what is fitted, resolved, with an id that is a hash of what can change its score."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from suite.registry import DATASETS, MODELS, STRATEGIES
from suite.spec.generation import GenerationSpec
from suite.spec.label_budget import ALL, Budget, words_of
from suite.spec.other_datasets import canonical_json, label_of, labels_of
from suite.spec.placement import Precision
from suite.spec.robustness import RobustnessSpec
from suite.spec.search.settings import SearchSpec
from suite.spec.spec import DatasetSpec, ModelSpec, StrategySpec
from suite.store.records.resizing import Resizing
from suite.store.records.result import FeatureEngine, Phase

__all__ = ["TRIAL_VERSION", "Cell", "Trial"]

TRIAL_VERSION = 3
"""Part of every id, so that what would score otherwise today is run anew. 2, of texts: Adam takes a repeated token's
gradient as one. 3: the headline metric chooses inside a fit, nothing is refitted unless asked for, few validation
examples are cross-validated, and layer-wise decay scales the weight decay too."""


@dataclass(frozen=True)
class Cell:
    """One model x dataset x strategy, resolved; everything about it that can change a score."""

    task: str
    model: ModelSpec
    dataset: DatasetSpec
    evaluate_on: tuple[DatasetSpec, ...]
    strategy: StrategySpec
    epochs: int
    batch_size: int
    patience: int | None
    search_seed: int | None
    """Seed of the search trials; None where there is only one setting."""
    search: SearchSpec | None = None
    """How settings are searched, completed; None where the strategy's own candidates are tried, or nothing is."""
    resample: bool = False
    """Whether each seed makes its own splits."""
    ranking: Mapping[str, Any] | None = None
    """Of the cell of a ``rank`` trial: what it computes; None for every other."""
    train_examples: Budget = ALL
    """How many labelled examples its trials may learn from."""
    robustness: RobustnessSpec | None = None
    """How the test set is corrupted for a second look; None where it is not."""
    out_of_class: tuple[DatasetSpec, ...] = ()
    cross: tuple[DatasetSpec, ...] = ()
    """The other data sets of the spec, where models are scored on those too."""
    generation: GenerationSpec | None = None
    """How texts are written; None for tasks that write none."""
    resizing: Resizing | None = None
    """How images are resized for it; None where that is left to its weights."""
    feature_engine: FeatureEngine = "auto"
    """What computes frozen features."""
    precision: Precision = "float32"
    """What the model computes in; over how many devices is no part of it, as that changes rounding only."""
    teaches: bool = False
    """Whether its trials keep what they say of the training examples, for students."""
    teachers: tuple[str, ...] = ()
    """Of a student: ids of the cells that it learns from the best of."""
    headline: str | None = None
    """The metric that chooses on validation; None where it is the task's own."""
    refit: bool = False
    """Whether what was chosen is fitted again on training and validation examples together."""

    @cached_property
    def content(self) -> dict[str, Any]:
        """The cell as JSON; labels and remarks left out, since they change no score."""
        content: dict[str, Any] = {
            "task": self.task,
            "model": self.model.identity,
            "dataset": self.dataset.identity,
            "evaluate_on": [further.identity for further in self.evaluate_on],
            "strategy": self.strategy.identity,
            "training": {"epochs": self.epochs, "batch_size": self.batch_size, "patience": self.patience},
            "search_seed": self.search_seed,
            "version": TRIAL_VERSION,
        }
        choices: tuple[tuple[str, Any, Any], ...] = (
            ("resample", self.resample, False),
            ("feature_engine", self.feature_engine, "auto"),
            ("precision", self.precision, "float32"),
            ("teaches", self.teaches, False),
            ("teachers", list(self.teachers), []),
            ("train_examples", self.train_examples, ALL),
            ("headline", self.headline, None),
            ("refit", self.refit, False),
        )
        # What is as usual is left out: trials from before there was a choice keep their ids.
        content |= {key: value for key, value, usual in choices if value != usual}
        if self.ranking is not None:
            content["ranking"] = dict(self.ranking)
        if self.robustness is not None:
            content["robustness"] = self.robustness.identity
        for key, sets in (("out_of_class", self.out_of_class), ("cross", self.cross)):
            if sets:
                content[key] = [one.identity for one in sets]
        if self.resizing is not None:
            content["resizing"] = self.resizing.model_dump(mode="json")
        if self.generation is not None:
            content["generation"] = self.generation.model_dump(mode="json", exclude={"why"}, exclude_none=True)
        if self.search is not None:
            # The number of trials is left out: a longer search begins with the trials of a shorter one.
            content["search"] = self.search.model_dump(mode="json", exclude={"trials"})
        return content

    @cached_property
    def canonical(self) -> str:
        """Canonical JSON of ``content``."""
        return canonical_json(self.content)

    @cached_property
    def id(self) -> str:
        """Hash of the cell's canonical JSON, 12 hex digits."""
        return _hash(self.canonical)[:12]

    @cached_property
    def subject(self) -> str:
        """The same for all cells of one model on one data set."""
        return canonical_json([self.task, self.model.identity, self.dataset.identity])

    @cached_property
    def labels(self) -> tuple[str, str, str]:
        """Model, data set and strategy as reports name them."""
        return (
            label_of(self.model, MODELS.get(self.model.source)),
            label_of(self.dataset, DATASETS.get(self.dataset.source)),
            label_of(self.strategy, STRATEGIES.get(self.strategy.strategy)),
        )

    @cached_property
    def evaluate_labels(self) -> tuple[str, ...]:
        """Names of the further evaluation sets, in order."""
        return labels_of(self.evaluate_on)

    @cached_property
    def is_deterministic(self) -> bool:
        """Whether its seeds make no difference: nothing is drawn, by the strategy or for a label budget or splits."""
        seeded = getattr(STRATEGIES.get(self.strategy.strategy), "seeded", True)
        return not seeded and not self.resample and self.train_examples == ALL

    @property
    def words(self) -> tuple[str, ...]:
        """Model, strategy and, where it is not all of them, how many labels: ``("vgg_tiny", "knn", "5 labels per
        class")``, the data set left out.
        """
        return (*self.labels[::2], *(() if self.train_examples == ALL else (words_of(self.train_examples),)))


@dataclass(frozen=True)
class Trial:
    """One fit: a cell with resolved hyperparameters and a seed.

    A ``search`` trial fits one candidate and is scored on validation.  A ``final`` trial fits the
    candidate that was best on validation and is scored on test; where a cell has one setting only, it has
    no search trials.  The setting of a sampled search trial is drawn when the trial starts, from its number.
    """

    cell: Cell
    phase: Phase
    seed: int
    candidate: dict[str, Any] | None = None
    """The options that this search trial sets; None in the final phase, and before they are drawn."""
    number: int | None = None
    """Which trial of a sampled search, from 0; in the final phase of one, how many there are."""
    epochs: int | None = None
    """Of a ``short`` trial: after how many epochs of the full fit it stops."""

    @cached_property
    def id(self) -> str:
        """A hash of the trial's own canonical JSON and of nothing else, 16 hex digits."""
        own: dict[str, Any] = {"phase": self.phase, "seed": self.seed, "candidate": self.candidate}
        if self.number is not None:
            own |= {"candidate": None, "number": self.number}
        if self.epochs is not None:
            own["epochs"] = self.epochs
        return _hash(self.cell.canonical + canonical_json(own))[:16]

    def as_json(self) -> dict[str, Any]:
        """The trial as JSON: enough to run it again."""
        optional = {"number": self.number, "epochs": self.epochs}
        return {
            **self.cell.content,
            "phase": self.phase,
            "seed": self.seed,
            "candidate": self.candidate,
            **{name: value for name, value in optional.items() if value is not None},
        }


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
