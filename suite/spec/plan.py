"""Spec to plan: every trial with its id, every impossible cell with its reason. Pure; no TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

from suite.errors import SpecError, UnknownNameError
from suite.registry import METRICS, MODELS, STRATEGIES, TASKS, TRANSFERABILITY
from suite.spec.constraints import check_names
from suite.spec.distillation import with_teachers
from suite.spec.funnel.rules import static_limits
from suite.spec.funnel.settings import FunnelSpec, rungs_of
from suite.spec.generation import GenerationSpec
from suite.spec.label_budget import ALL
from suite.spec.needs import unmet_need
from suite.spec.other_datasets import canonical_json, label_of, labels_of, other_sets, refuse_unusable_sets
from suite.spec.search.resolve import tuned
from suite.spec.search.settings import SearchSpec
from suite.spec.search.space import completed, grid
from suite.spec.slices import as_slice
from suite.spec.spec import DatasetSpec, ModelSpec, Spec, SplitsSpec, StrategySpec
from suite.spec.task_fit import refuse_unsuitable
from suite.spec.trial import Cell, Trial

__all__ = ["Plan", "Skip", "canonical_json", "label_of", "make_plan"]

SEARCH_SEED = 0
"""All candidates of a cell are searched with this seed, so that adding a seed changes no search."""


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
    _check_slices(spec)
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
        check_names(
            spec.constraints,
            metrics=METRICS,
            evaluation_sets=("validation", *labels_of(spec.evaluate_on)),
            sliced=TASKS.get(spec.task).answers == "class" and any(one.slices for one in spec.datasets),
        )
    except UnknownNameError as error:
        raise SpecError(f"{spec.name}: {error}") from None


def _check_slices(spec: Spec) -> None:
    """Only home test sets are told apart by slices: elsewhere they would be read and ignored."""
    for field in ("evaluate_on", "out_of_class"):
        for place, choice in enumerate(getattr(spec, field)):
            if choice.slices:
                raise SpecError(
                    f"{spec.name}: {field}[{place}].slices: expected 'slices' of 'datasets' only; move them."
                )
    for place, dataset in enumerate(spec.datasets):
        names = [as_slice(one).by for one in dataset.slices]
        for name in names:
            if names.count(name) > 1:
                raise SpecError(f"{spec.name}: datasets[{place}].slices: '{name}' is there twice; remove one.")


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
    if not TASKS.get(spec.task).generates:
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
    reason = unmet_need(cell)
    if reason is not None:
        return reason
    source = MODELS.get(cell.model.source)
    variant = STRATEGIES.get(cell.strategy.strategy)
    for owner, choice in ((source, cell.model), (variant, cell.strategy)):
        if hasattr(owner, "impossible"):
            reason = cast("str | None", owner.impossible(choice.options(owner), cell))
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
