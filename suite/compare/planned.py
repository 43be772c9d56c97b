"""What was planned, as the reading stages see it: labels and ids, no specs and no TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import model_validator

from suite.compare.plugins import PluginRecord, plugin_records
from suite.errors import StoreError
from suite.registry import TASKS
from suite.spec.constraints import Constraints
from suite.spec.funnel.record import FunnelState
from suite.spec.label_budget import ALL, StoredBudget
from suite.spec.plan import Plan
from suite.store.records.result import Phase, Record
from suite.store.records.validation import first_complaint

__all__ = ["PlanSummary", "PlannedSkip", "PlannedTrial", "read_plan", "summarise_plan"]


class PlannedTrial(Record):
    """One trial of the plan, as far as a reader needs it."""

    trial_id: str
    cell_id: str
    model: str
    dataset: str
    strategy: str
    strategy_name: str
    """The registered name, for instance ``fine_tune`` where the label is ``fine_tune: all``."""
    phase: Phase
    seed: int
    train_examples: StoredBudget = ALL
    """How many labelled examples it learns from."""


PLANNED_FIELDS = set(PlannedTrial.model_fields)


class PlannedSkip(Record):
    """A cell that cannot be run, and why."""

    cell_id: str
    model: str
    dataset: str
    strategy: str
    reason: str
    train_examples: StoredBudget = ALL


TASKS_OF_TEXTS = frozenset({"text_generation"})


class PlanSummary(Record):
    """What was asked for. ``suite.compare.planned.summarise_plan`` makes it from a plan."""

    spec_name: str
    title: str | None
    task: str
    headline: str | None
    """Name of the metric that ranks; accuracy where None."""
    command: str
    """The command that makes these results again."""
    trials: tuple[PlannedTrial, ...]
    answers: str = "class"
    """The kind of outputs that models give."""
    beside: tuple[str, ...] = ()
    """Metrics that may stand beside the headline on a leaderboard, the first that the results have."""
    panels: tuple[str, ...] = ("confusion", "classes", "reliability")
    """What is shown of each cell beside its scores, by name; plans from before it was told were of classifiers, or of
    texts, which have no panels."""
    skips: tuple[PlannedSkip, ...] = ()
    resample: bool = False
    """Whether each seed has splits of its own."""
    search_seconds_per_model: float | None = None
    """The budget of the search; None where it has none."""
    remarks: tuple[str, ...] = ()
    """What the spec makes unusual and a reader must know, one sentence each."""
    constraints: Constraints | None = None
    """What the recommended model may cost and must reach."""
    ranked: tuple[PlannedTrial, ...] = ()
    """The ``rank`` trials of a funnel, one for each model and data set; they belong to no cell."""
    funnel: FunnelState | None = None
    """How the funnel stands; None where the spec has none."""
    funnel_by: str | None = None
    """The transferability estimator that decides in the funnel."""
    published: bool = False
    """Whether the results were read from a table of published ones: nothing was run, and there are no predictions."""
    plugins: tuple[PluginRecord, ...] = ()
    """Plugins that were loaded when it was run."""

    @model_validator(mode="before")
    @classmethod
    def _of_before(cls, values: Any) -> Any:
        """Plans from before they told the kind of outputs: texts were those of one task."""
        if isinstance(values, dict) and "answers" not in values and values.get("task") in TASKS_OF_TEXTS:
            return {**values, "answers": "text", "panels": ()}
        return values


def read_plan(text: str, place: Path | str) -> PlanSummary:
    """The plan that a run keeps.

    Raises:
        StoreError: Where it is damaged, or of another version of the suite.
    """
    try:
        return PlanSummary.model_validate_json(text)
    except ValueError as error:
        raise StoreError(
            f"{place}: its plan cannot be read ({first_complaint(error)}); run its spec once more with this suite, "
            "or update the suite."
        ) from None


def summarise_plan(plan: Plan, *, command: str | None = None, funnel: FunnelState | None = None) -> PlanSummary:
    """Returns what a comparison needs of a plan.

    Args:
        plan: The plan of a validated spec, or a part of it.
        command: What makes these results again; ``suite run specs/<name>.json`` where it is left out.
        funnel: How the funnel of the spec stands, where it has one.
    """
    spec = plan.spec
    labels = {cell.id: cell.labels for cell in (*plan.cells, *(skip.cell for skip in plan.skips))}
    trials = []
    for trial in plan.trials:
        model, dataset, strategy = labels[trial.cell.id]
        trials.append(
            # Not checked again, and with one set of names for all: of a million trials that is a gigabyte.
            PlannedTrial.model_construct(
                PLANNED_FIELDS,
                trial_id=trial.id,
                cell_id=trial.cell.id,
                model=model,
                dataset=dataset,
                strategy=strategy,
                strategy_name=trial.cell.strategy.strategy,
                phase=trial.phase,
                seed=trial.seed,
                train_examples=trial.cell.train_examples,
            )
        )
    skips = []
    for skip in plan.skips:
        model, dataset, strategy = labels[skip.cell.id]
        skips.append(
            PlannedSkip(
                cell_id=skip.cell.id,
                model=model,
                dataset=dataset,
                strategy=strategy,
                reason=skip.reason,
                train_examples=skip.cell.train_examples,
            )
        )
    return PlanSummary(
        spec_name=spec.name,
        title=spec.title,
        task=spec.task,
        headline=spec.headline or str(TASKS.get(spec.task).headline),
        answers=TASKS.get(spec.task).answers,
        beside=TASKS.get(spec.task).beside,
        panels=TASKS.get(spec.task).panels,
        command=command or f"suite run specs/{spec.name}.json",
        trials=tuple(trial for trial in trials if trial.phase != "rank"),
        ranked=tuple(trial for trial in trials if trial.phase == "rank"),
        funnel=funnel,
        funnel_by=spec.funnel.rank.by if spec.funnel else None,
        skips=tuple(skips),
        resample=spec.resample,
        search_seconds_per_model=spec.budget.seconds_per_model if spec.budget else None,
        remarks=tuple(_remarks(plan)),
        plugins=plugin_records(),
        constraints=spec.constraints,
    )


def _remarks(plan: Plan) -> Iterator[str]:
    unlike = [cell for cell in plan.cells if cell.model.tuning is not None]
    for cell in {cell.labels[0]: cell for cell in unlike}.values():
        given = cell.model.tuning
        if given is None:
            continue
        parts = [f"{given.trials} search trials"] if given.trials else []
        parts += [f"{given.epochs} epochs"] if given.epochs else []
        parts += ["a search space of its own"] if given.space else []
        if parts:
            yield f"Tuning was unequal, as the spec allows: {cell.labels[0]} got {' and '.join(parts)}."
    if plan.spec.resample and any(cell.search_seed is not None for cell in plan.cells):
        yield (
            "Each seed makes splits of its own, but settings were searched on those of the spec: some test examples of "
            "a seed may have been validation examples of the search."
        )
    if plan.spec.resample and plan.spec.funnel is not None:
        yield (
            "Each seed makes splits of its own, but the funnel judges short fits on those of the spec: some test "
            "examples of a seed may have been training or validation examples there."
        )
