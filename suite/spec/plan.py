"""Spec to plan: every trial with its id, every impossible cell with its reason. Pure; no TensorFlow."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from suite.errors import SpecError, UnknownNameError
from suite.registry import DATASETS, METRICS, MODELS, STRATEGIES, TASKS, TRANSFERABILITY
from suite.spec.constraints import check_names
from suite.spec.distillation import with_teachers
from suite.spec.funnel.rules import static_limits
from suite.spec.funnel.settings import FunnelSpec, rungs_of
from suite.spec.generation import GenerationSpec
from suite.spec.label_budget import ALL, Budget, words_of
from suite.spec.other_datasets import canonical_json, label_of, labels_of, other_sets, refuse_unusable_sets
from suite.spec.placement import Precision
from suite.spec.robustness import RobustnessSpec
from suite.spec.search.resolve import tuned
from suite.spec.search.settings import SearchSpec
from suite.spec.search.space import completed, grid
from suite.spec.spec import DatasetSpec, ModelSpec, Spec, SplitsSpec, StrategySpec
from suite.spec.task_fit import refuse_unsuitable
from suite.store.records.resizing import Resizing
from suite.store.records.result import FeatureEngine, Phase

__all__ = ["Cell", "Plan", "Skip", "Trial", "canonical_json", "label_of", "make_plan"]

TRIAL_VERSION = 3
"""Part of every id, so that what would score otherwise today is run anew. 2, of texts: Adam takes a repeated token's
gradient as one. 3: the headline metric chooses inside a fit, nothing is refitted unless asked for, few validation
examples are cross-validated, and layer-wise decay scales the weight decay too."""
SEARCH_SEED = 0
"""All candidates of a cell are searched with this seed, so that adding a seed changes no search."""


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
    """How the test set is damaged for a second look; None where it is not."""
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


@dataclass(frozen=True)
class Skip:
    """A cell that cannot be run, and why."""

    cell: Cell
    reason: str


@dataclass(frozen=True)
class Plan:
    """All trials of a spec, cells in order, within a cell searches before finals.

    Of a funnel these are all that it may come to: the ``rank`` trials first, one for each model and data set, and
    within a cell the ``short`` ones before the searches.
    """

    spec: Spec
    trials: tuple[Trial, ...]
    skips: tuple[Skip, ...]

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The cells that have trials, in order."""
        return tuple({trial.cell.id: trial.cell for trial in self.trials}.values())

    @property
    def headline(self) -> str:
        """Name of the metric that ranks."""
        return self.spec.headline or str(TASKS.get(self.spec.task).headline)

    def searches(self, cell: Cell) -> tuple[Trial, ...]:
        """The search trials of a cell, in the order of its candidates."""
        return self._searches.get(cell.id, ())

    @cached_property
    def _searches(self) -> dict[str, tuple[Trial, ...]]:
        found: dict[str, list[Trial]] = {}
        for trial in self.trials:
            if trial.phase == "search":
                found.setdefault(trial.cell.id, []).append(trial)
        return {cell_id: tuple(trials) for cell_id, trials in found.items()}


def make_plan(spec: Spec) -> Plan:
    """Returns the plan of a validated spec.

    Raises:
        SpecError: Where two entries are the same, or a limit is on a metric or evaluation set that there is not.
    """
    _check_constraints(spec)
    refuse_unsuitable(spec)
    refuse_unusable_sets(spec)
    trials: list[Trial] = []
    skips: list[Skip] = []
    seen: dict[str, Cell] = {}
    for cell in with_teachers(list(_cells(spec)), spec):
        if cell.id in seen:
            model, dataset, strategy = cell.labels
            raise SpecError(f"{model} x {dataset} x {strategy} is listed twice with the same options; remove one.")
        seen[cell.id] = cell
        reason = _impossible(cell)
        if reason:
            skips.append(Skip(cell, reason))
            continue
        trials.extend(_trials(cell, spec.seeds, spec.funnel))
    _refuse_equal_labels(seen.values())
    return Plan(spec, (*_rank_trials(spec, trials), *trials), tuple(skips))


def _check_constraints(spec: Spec) -> None:
    """Before anything runs: an unknown metric would be noticed only by the report."""
    if spec.constraints is None:
        return
    try:
        check_names(spec.constraints, metrics=METRICS, evaluation_sets=("validation", *labels_of(spec.evaluate_on)))
    except UnknownNameError as error:
        raise SpecError(f"{spec.name}: {error}") from None


def _cells(spec: Spec) -> Iterator[Cell]:
    for dataset in spec.datasets:
        for model in spec.models:
            for strategy in spec.strategies:
                search = _search(strategy, model)
                cell = Cell(
                    task=spec.task,
                    model=model,
                    dataset=dataset,
                    evaluate_on=tuple(_split_alike(further, dataset) for further in spec.evaluate_on),
                    strategy=strategy,
                    epochs=_epochs(spec, strategy, model),
                    batch_size=strategy.own().get("batch_size") or spec.training.batch_size,
                    patience=spec.training.patience,
                    search_seed=SEARCH_SEED if search or len(_candidates(strategy)) > 1 else None,
                    search=search,
                    resample=spec.resample,
                    robustness=spec.robustness,
                    out_of_class=spec.out_of_class,
                    cross=other_sets(dataset, spec),
                    generation=_generation(spec),
                    resizing=spec.resizing,
                    feature_engine=spec.feature_engine,
                    precision=spec.precision,
                    headline=None if spec.headline == TASKS.get(spec.task).headline else spec.headline,
                    refit=spec.training.refit,
                )
                yield from (replace(cell, train_examples=budget) for budget in spec.train_examples)


def _generation(spec: Spec) -> GenerationSpec | None:
    if getattr(TASKS.get(spec.task), "answers", "class") != "text":
        return None
    return spec.generation or GenerationSpec()


def _search(strategy: StrategySpec, model: ModelSpec) -> SearchSpec | None:
    """The search of a cell: the strategy's, or what the model gets instead."""
    if strategy.search is None or model.tuning is None:
        return strategy.search
    return completed(tuned(strategy.search, model.tuning), None, strategy=strategy.strategy)


def _epochs(spec: Spec, strategy: StrategySpec, model: ModelSpec) -> int:
    own: int | None = model.tuning.epochs if model.tuning else None
    return own or strategy.own().get("epochs") or spec.training.epochs


def _split_alike(further: DatasetSpec, home: DatasetSpec) -> DatasetSpec:
    """A further test set with the splits of the home set: where both hold the same examples in other clothes,
    a digit that was trained on must not come back in a test.
    """
    if further.splits == home.splits:
        return further
    if further.splits != SplitsSpec():
        raise SpecError(
            "evaluate_on: 'splits' differ from those of the home data set, so its test examples may have been "
            "trained on; leave them out, then the home set's are used."
        )
    return further.model_copy(update={"splits": home.splits})


def _candidates(strategy: StrategySpec) -> tuple[dict[str, Any], ...]:
    variant = STRATEGIES.get(strategy.strategy)
    return tuple(variant.candidates(strategy.options(variant)))


def _rank_trials(spec: Spec, trials: list[Trial]) -> Iterator[Trial]:
    """One for each model and data set that has trials. It depends on nothing that a fit depends on."""
    if spec.funnel is None:
        return
    names = spec.funnel.rank.estimators or TRANSFERABILITY.names()
    ranking = {"estimators": sorted(names), "limits": static_limits(spec.constraints)}
    features = STRATEGIES.get("linear_probe").Options().model_dump(mode="json")
    strategy = StrategySpec.model_construct(strategy="linear_probe", label="rank", **features)
    for cell in {trial.cell.subject: trial.cell for trial in trials}.values():
        yield Trial(
            replace(
                cell, evaluate_on=(), strategy=strategy, train_examples=ALL, epochs=1, batch_size=1, patience=None,
                search_seed=None, search=None, resample=False, ranking=ranking, robustness=None, out_of_class=(),
                cross=(), headline=None, refit=False,
            ),
            "rank",
            SEARCH_SEED,
        )  # fmt: skip


def _short_trials(cell: Cell, funnel: FunnelSpec | None) -> Iterator[Trial]:
    """The first epochs of a full fit; of a strategy without epochs the whole fit, once."""
    rungs = rungs_of(funnel.short, cell.epochs) if funnel else ()
    if not getattr(STRATEGIES.get(cell.strategy.strategy), "by_epochs", True):
        rungs = rungs[:1]
    candidates = _candidates(cell.strategy)
    # Candidates are ordered; one from the middle is neither the slowest nor the wildest.
    candidate = candidates[len(candidates) // 2] if len(candidates) > 1 else None
    for rung in rungs:
        yield Trial(cell, "short", SEARCH_SEED, candidate, epochs=rung)


def _trials(cell: Cell, seeds: tuple[int, ...], funnel: FunnelSpec | None) -> Iterator[Trial]:
    yield from _short_trials(cell, funnel)
    drawn = cell.search is not None and cell.search.sampler != "grid"
    count = (cell.search.trials or 0) if cell.search is not None and drawn else None
    if cell.search_seed is not None:
        if count is not None:
            yield from (Trial(cell, "search", cell.search_seed, number=number) for number in range(count))
        else:
            candidates = grid(cell.search) if cell.search else _candidates(cell.strategy)
            yield from (Trial(cell, "search", cell.search_seed, candidate) for candidate in candidates)
    for seed in seeds:
        yield Trial(cell, "final", seed, number=count)


def _impossible(cell: Cell) -> str | None:
    """Why a cell cannot be run, as far as it can be known without TensorFlow."""
    source = MODELS.get(cell.model.source)
    variant = STRATEGIES.get(cell.strategy.strategy)
    for owner, choice in ((source, cell.model), (variant, cell.strategy)):
        if hasattr(owner, "impossible"):
            reason: str | None = owner.impossible(choice.options(owner), cell)
            if reason:
                return reason
    return None


def _refuse_equal_labels(cells: Any) -> None:
    """Two different cells with one name could not be told apart in the report."""
    seen: set[tuple[Any, ...]] = set()
    for cell in cells:
        name = (*cell.labels, cell.train_examples)
        if name in seen:
            raise SpecError(
                f"two entries are both called '{' x '.join(cell.labels)}' but differ in their options; "
                "give each a 'label' of its own."
            )
        seen.add(name)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
