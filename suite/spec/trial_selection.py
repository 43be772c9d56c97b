"""The part of a plan that ``--only`` names."""

from __future__ import annotations

from suite.errors import SpecError, did_you_mean
from suite.spec.plan import Plan
from suite.spec.trial import Cell, Trial

__all__ = ["select"]

BEFORE_FINALS = {"short", "search"}
"""What decides about the finals of a cell, and is selected with them."""


def select(plan: Plan, only: tuple[str, ...]) -> Plan:
    """The part of a plan that ``--only model=a strategy=b`` names.

    Several values of one key are alternatives; different keys narrow each other.

    Raises:
        SpecError: For a key other than model, dataset, strategy, labels, seed, phase, or a value that matches nothing.
    """
    wanted: dict[str, set[str]] = {}
    for item in only:
        key, equals, value = item.partition("=")
        if not equals or key not in {"model", "dataset", "strategy", "labels", "seed", "phase"}:
            raise SpecError(
                f"--only {item}: expected model=, dataset=, strategy=, labels=, seed= or phase= and a value."
            )
        wanted.setdefault(key, set()).update(part.strip() for part in value.split(","))
    for key, values in wanted.items():
        _refuse_unmatched(plan, key, values)
    kept = tuple(
        trial for trial in plan.trials if all(_facet(trial.cell, trial, key) & values for key, values in wanted.items())
    )
    cells = {trial.cell.id for trial in kept}
    searches = tuple(trial for trial in plan.trials if trial.phase in BEFORE_FINALS and trial.cell.id in cells)
    judged = {trial.cell.subject for trial in kept if trial.phase != "rank"}
    ranks = tuple(trial for trial in plan.trials if trial.phase == "rank" and trial.cell.subject in judged)
    chosen = {trial.id for trial in (*kept, *searches, *ranks)}
    teachers = {teacher for cell in plan.cells if cell.id in cells for teacher in cell.teachers}
    chosen |= {trial.id for trial in plan.trials if trial.cell.id in teachers}
    return Plan(plan.spec, tuple(trial for trial in plan.trials if trial.id in chosen), plan.skips)


def _facet(cell: Cell, trial: Trial, key: str) -> set[str]:
    """The values of one key that a trial answers to: labels and registered names."""
    model, dataset, strategy = cell.labels
    facets: dict[str, set[str]] = {
        "model": {model, str(cell.model.own().get("name", model))},
        "dataset": {dataset, str(cell.dataset.own().get("name", dataset))},
        "strategy": {strategy, cell.strategy.strategy},
        "labels": {str(cell.train_examples)},
        "seed": {str(trial.seed)},
        "phase": {trial.phase},
    }
    return facets[key]


def _refuse_unmatched(plan: Plan, key: str, values: set[str]) -> None:
    known = set().union(*(_facet(trial.cell, trial, key) for trial in plan.trials)) if plan.trials else set()
    for value in sorted(values - known):
        raise SpecError(f"--only {key}={value}: {did_you_mean(value, known, what=key)}")
