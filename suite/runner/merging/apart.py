"""Results that conflict with what was kept, in run folders of their own inside the joined run."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from suite.compare.planned import PlannedTrial, PlanSummary
from suite.runner.merging.copying import bring_exports, bring_results
from suite.runner.merging.documents import join_plans
from suite.runner.merging.sameness import differences
from suite.runner.merging.sources import CONFLICTS, Source, read_source
from suite.runner.merging.verdicts import Conflict
from suite.store.quick_read import glance
from suite.store.records.result import Result
from suite.store.store import open_store

__all__ = ["Apart", "keep_apart", "place_apart"]

REMARK = (
    "These results were kept apart when runs were joined: the same trials were done on other data, weights or versions "
    "than those that were kept."
)


@dataclass(frozen=True)
class Apart:
    """Where the conflicting results of one folder go."""

    source: Source
    conflicts: tuple[Conflict, ...]
    place: Path
    """``conflicts/NAME`` inside the joined run; a number is behind it where that holds other results of these trials,
    of a run whose folder has the same name."""
    before: Source | None
    """What an earlier merge put there."""


def place_apart(
    into: Path, source: Source, conflicts: tuple[Conflict, ...], *, name: str, taken: Collection[Path]
) -> Apart:
    """Says where the conflicts of a source go; nothing is written.

    Args:
        into: The joined run.
        source: Where the results come from.
        conflicts: Of the source.
        name: Of the folder.
        taken: Folders that get the conflicts of other sources.

    Raises:
        StoreError: Where an earlier merge put something there that cannot be read.
    """
    for number in itertools.count(1):
        place = into / CONFLICTS / (name if number == 1 else f"{name}-{number}")
        if place in taken:
            continue
        before = read_source(place) if "plan" in glance(place).documents else None
        if before is None or not any(_contradicts(before.results.get(one.result.id), one) for one in conflicts):
            break
    return Apart(source, conflicts, place, before)


def keep_apart(apart: Apart, room: Path) -> None:
    """Saves what conflicts as a run of its own, with its plan, artefacts and exported files.

    Args:
        apart: What goes where.
        room: A folder on the same file system, where copies are made.

    Raises:
        StoreError: When the disk is full or cannot be written; what was kept apart stays.
    """
    source = apart.source
    ids = [conflict.result.id for conflict in apart.conflicts]
    plan = _plan_of(source, [conflict.result for conflict in apart.conflicts])
    if apart.before is not None:
        plan = join_plans([apart.before.plan, plan])
    with open_store(apart.place) as store:
        store.clean()
        known = store.documents()
        for key, text in (("plan", plan.model_dump_json()), ("spec", source.spec_text)):
            if known.get(key) != text:
                store.save_document(key, text)
        stored = store.entries()
        bring_results(store, source, [trial_id for trial_id in ids if trial_id not in stored], room)
        bring_exports(store, source, set(ids), room)


def _contradicts(before: Result | None, conflict: Conflict) -> bool:
    return before is not None and bool(differences(before, conflict.result, kept_in="", other_in=""))


def _plan_of(source: Source, results: Sequence[Result]) -> PlanSummary:
    """The source's plan with the trials of these results only."""
    ids = {result.id for result in results}
    planned = {trial.trial_id for trial in (*source.plan.trials, *source.plan.ranked)}
    leftover = [_planned(result) for result in results if result.id not in planned]
    return source.plan.model_copy(
        update={
            "trials": (*_of(source.plan.trials, ids), *leftover),
            "ranked": _of(source.plan.ranked, ids),
            "skips": (),
            "funnel": None,
            "remarks": (*source.plan.remarks, REMARK),
        }
    )


def _of(trials: Sequence[PlannedTrial], ids: Collection[str]) -> tuple[PlannedTrial, ...]:
    return tuple(trial for trial in trials if trial.trial_id in ids)


def _planned(result: Result) -> PlannedTrial:
    """A trial that is stored and that no plan names any more."""
    strategy = result.trial.get("strategy")
    named = strategy.get("strategy") if isinstance(strategy, dict) else None
    return PlannedTrial(
        trial_id=result.id,
        cell_id=result.cell_id,
        model=result.model,
        dataset=result.dataset,
        strategy=result.strategy,
        strategy_name=str(named or result.strategy),
        phase=result.phase,
        seed=result.seed,
        train_examples=result.trial.get("train_examples", "all"),
    )
