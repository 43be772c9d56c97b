"""Runs that cannot be joined to one comparison, each told with what would have to be the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from suite.compare.planned import PlannedTrial, PlanSummary
from suite.errors import StoreError
from suite.runner.merging.sources import Source
from suite.spec.label_budget import words_of

__all__ = ["refuse_alike", "refuse_funnels", "refuse_other_kinds"]

_OF_TRIAL = {"seed", "phase", "candidate", "number", "epochs"}
"""What trials of one cell may differ in."""
_TOLD = 3
"""Differences that a message names."""


def refuse_other_kinds(sources: Sequence[Source]) -> None:
    """Raises ``StoreError`` for published results, and where task, headline, splits or search budget differ."""
    for source in sources:
        if source.plan.published:
            raise StoreError(
                f"{source.shown}: holds published results, which have no data and no versions to tell them apart by; "
                "'suite import' adds tables to one folder."
            )
    first = sources[0]
    for other in sources[1:]:
        facts = (
            ("task", first.plan.task, other.plan.task),
            ("headline metric", first.plan.headline, other.plan.headline),
            ("'resample'", _yes(first.plan), _yes(other.plan)),
            ("budget of the search", _seconds(first.plan), _seconds(other.plan)),
        )
        for what, mine, theirs in facts:
            if mine != theirs:
                raise StoreError(
                    f"{other.shown}: its {what} is {theirs}, and that of {first.shown} is {mine}; expected runs of the "
                    "same task, headline metric, splits and search budget. Merge it --into another folder."
                )


def refuse_funnels(sources: Sequence[Source], different: Sequence[str]) -> None:
    """Raises ``StoreError`` where one of several different specs has a funnel."""
    for source in sources:
        if source.plan.funnel is not None:
            raise StoreError(
                f"{source.shown}: its spec has a funnel, which drops models among those of its own run, and the specs "
                f"differ in {', '.join(different)}; expected runs of one spec, with other seeds at most."
            )


def refuse_alike(plan: PlanSummary, sources: Sequence[Source]) -> None:
    """Raises ``StoreError`` where the joined plan has two cells of one name, or two full fits of one cell and seed."""
    cells: dict[tuple[object, ...], PlannedTrial] = {}
    finals: dict[tuple[str, int], PlannedTrial] = {}
    for trial in plan.trials:
        first = cells.setdefault((trial.model, trial.dataset, trial.strategy, trial.train_examples), trial)
        if first.cell_id != trial.cell_id:
            raise StoreError(_same_name(first, trial, sources))
        if trial.phase != "final":
            continue
        fit = finals.setdefault((trial.cell_id, trial.seed), trial)
        if fit.trial_id != trial.trial_id:
            mine, theirs = (_holder(one, sources).shown for one in (fit, trial))
            raise StoreError(
                f"{theirs}: {_name(trial)} was searched with another number of trials than in {mine}, so the two have "
                "not had the same tuning; run one of them again with the 'trials' of the other."
            )


def _same_name(first: PlannedTrial, second: PlannedTrial, sources: Sequence[Source]) -> str:
    mine, theirs = _holder(first, sources), _holder(second, sources)
    said = _said(_content(first, mine), _content(second, theirs), mine.shown, theirs.shown)
    return (
        f"{theirs.shown}: {_name(second)} is another cell than that of this name in {mine.shown}{said}; a report could "
        "not tell them apart. Give a 'label' to what differs in one of the specs, run it once more (a label changes no "
        "trial, so nothing is trained again), and merge again."
    )


def _holder(trial: PlannedTrial, sources: Sequence[Source]) -> Source:
    """The first source that planned it."""
    return next(one for one in sources if any(own.trial_id == trial.trial_id for own in one.plan.trials))


def _content(trial: PlannedTrial, source: Source) -> dict[str, Any]:
    """The options of a cell by their paths; empty where none of its trials has a result."""
    found = next((result for result in source.results.values() if result.cell_id == trial.cell_id), None)
    return dict(_leaves(found.trial, "")) if found is not None else {}


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if path or key not in _OF_TRIAL:
                yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _said(mine: Mapping[str, Any], theirs: Mapping[str, Any], here: str, there: str) -> str:
    if not mine or not theirs:
        return ""
    keys = sorted(key for key in {*mine, *theirs} if mine.get(key) != theirs.get(key))
    parts = [f"{key} {mine.get(key)!r} in {here}, {theirs.get(key)!r} in {there}" for key in keys[:_TOLD]]
    return f" ({'; '.join([*parts, *(['...'] if len(keys) > _TOLD else [])])})"


def _name(trial: PlannedTrial) -> str:
    words = f"{trial.model} x {trial.dataset} x {trial.strategy}"
    return f"'{words}'" if trial.train_examples == "all" else f"'{words}' with {words_of(trial.train_examples)}"


def _yes(plan: PlanSummary) -> str:
    return str(plan.resample).lower()


def _seconds(plan: PlanSummary) -> str:
    return "none" if plan.search_seconds_per_model is None else f"{plan.search_seconds_per_model:g} s per model"
