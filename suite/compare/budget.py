"""What the time budget of the search left out, seen from the results. The runner decides by the same rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from suite.compare.advice.wording import seconds
from suite.compare.planned import PlannedTrial, PlanSummary
from suite.spec.label_budget import ALL, spending_place, words_of
from suite.spec.search.budget import Spending
from suite.store.records.result import Result

__all__ = ["budget_remarks", "cut_by_budget"]


def cut_by_budget(plan: PlanSummary, results: Mapping[str, Result]) -> frozenset[str]:
    """Ids of the search trials that have no result since their model had used up its time."""
    if plan.search_seconds_per_model is None:
        return frozenset()
    spending = Spending(plan.search_seconds_per_model)
    searches = [trial for trial in plan.trials if trial.phase == "search"]
    spending.expect((*_place(trial), trial.cell_id) for trial in searches)
    for trial in searches:
        found = results.get(trial.trial_id)
        if found is not None:
            took = found.timings.total_seconds if found.timings else None
            spending.add(trial.cell_id, took, done=found.status == "done")
    return frozenset(
        trial.trial_id
        for trial in searches
        if trial.trial_id not in results and spending.cuts(*_place(trial), trial.cell_id)
    )


def _place(trial: PlannedTrial) -> tuple[str, str]:
    return trial.model, spending_place(trial.dataset, trial.train_examples)


def budget_remarks(plan: PlanSummary, cut: Collection[str]) -> Iterator[str]:
    """One sentence per cell whose search was cut short."""
    if plan.search_seconds_per_model is None:
        return
    searches = [trial for trial in plan.trials if trial.phase == "search"]
    planned = Counter(_named(trial) for trial in searches)
    short = Counter(_named(trial) for trial in searches if trial.trial_id in cut)
    limit = seconds(plan.search_seconds_per_model)
    for key, number in short.items():
        yield (
            f"The search of {key} ended after {planned[key] - number} of {planned[key]} "
            f"trials: its share of the {limit} that the spec gives each model was used up."
        )


def _named(trial: PlannedTrial) -> str:
    labels = "" if trial.train_examples == ALL else f" with {words_of(trial.train_examples)}"
    return f"{trial.model}, {trial.strategy} on {trial.dataset}{labels}"
