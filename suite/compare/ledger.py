"""What the time budget of the search left out, seen from the results. The runner decides by the same rule."""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal

from suite.compare.advice.wording import seconds
from suite.compare.cell import Ledger, Tried
from suite.compare.planned import PlannedTrial, PlanSummary
from suite.spec.label_budget import ALL, spending_place, words_of
from suite.spec.search.settings import SearchSpec, Spending
from suite.spec.search.space import domain_words
from suite.store.records.result import Result

__all__ = ["budget_remarks", "cut_by_budget", "expected_best", "ledger_of"]


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


# The tuning ledger of a cell: what it was given before it was judged, and what that was worth.

CANONICAL = json.JSONEncoder(sort_keys=True)
"""Made once: ``json.dumps`` with options makes one for each of thirty thousand settings."""


def ledger_of(
    searches: Sequence[Result],
    finals: Sequence[Result],
    headline: str,
    *,
    higher_is_better: bool = True,
    shorts: Sequence[Result] = (),
) -> Ledger:
    """What a cell was given: search trials, settings tried inside trials, and the final fits.

    Args:
        searches: Search trials that are done.
        finals: Final trials that are done.
        headline: The metric whose validation score a search trial is judged by.
        higher_is_better: Of the headline, which judges settings tried inside a fit too; in results from before it did,
            the accuracy.
        shorts: Short fits of a funnel that are done: they chose no setting, and took their time.
    """
    tried = [_tried_in_search(result, headline) for result in searches]
    for result in (*searches, *finals):
        tried.extend(
            Tried(
                hyperparameters=candidate.hyperparameters,
                validation_score=candidate.validation_score,
                seed=result.seed,
                epochs=candidate.epochs,
                seconds=candidate.seconds,
            )
            for candidate in result.candidates
        )
    judged_by_accuracy = not searches and all(result.selected_by is None for result in finals)
    rising = higher_is_better or judged_by_accuracy
    scores = sorted(_scores_of_settings(tried), reverse=not rising)
    # A published score and an exported file were fitted elsewhere, or not at all: no fit of theirs is in the ledger.
    fitted = [result for result in finals if result.timings is not None or result.history]
    inside = sum(candidate.epochs for result in (*searches, *finals) for candidate in result.candidates)
    with_own_history = sum(len(result.history) for result in (*searches, *finals) if not result.candidates)
    search = _search_of((*searches, *finals))
    return Ledger(
        candidates=len({_canonical(one.hyperparameters) for one in tried}) or (1 if fitted else 0),
        fits=len(tried) + len(fitted) + len(shorts),
        epochs=inside + with_own_history + sum(len(result.history) for result in shorts),
        seconds=math.fsum(r.timings.total_seconds for r in (*shorts, *searches, *finals) if r.timings is not None),
        best=scores[-1] if scores else None,
        median=statistics.median(scores) if scores else None,
        worst=scores[0] if scores else None,
        expected_best=expected_best(scores),
        sampler=search.sampler if search else None,
        declared={name: domain_words(domain) for name, domain in (search.space or {}).items()} if search else {},
        pruned=sum(result.pruned_after is not None for result in searches),
        chosen=tuple(result.hyperparameters for result in fitted),
        learned_from=_learned_from(fitted),
        selected_by=tuple(
            dict.fromkeys(_selected_by(result) for result in fitted if result.history or result.candidates)
        ),
        space=_space(tried),
        tried=tuple(tried),
    )


def _learned_from(finals: Sequence[Result]) -> Literal["train", "train and validation"] | None:
    """What the models of a cell learned from in the end; until results told it, a linear probe alone was refitted."""
    if not finals:
        return None
    refitted = any(_is_probe(result) if result.refit is None else result.refit for result in finals)
    return "train and validation" if refitted else "train"


def _is_probe(result: Result) -> bool:
    asked = result.trial.get("strategy")
    return isinstance(asked, dict) and asked.get("strategy") == "linear_probe"


def _selected_by(result: Result) -> str:
    """What chose inside a fit; until results told it, the accuracy did, of models that write the loss."""
    if result.selected_by is not None:
        return result.selected_by
    return "loss" if "bits_per_byte" in result.scores.get("validation", {}) else "accuracy"


def expected_best(scores: Sequence[float]) -> tuple[float, ...]:
    """Expected best validation score of ``k`` of these settings, drawn without replacement, for k = 1 to n.

    Unlike the score of the best of all, it says what a smaller budget would have found (Dodge et al. 2019, "Show Your
    Work"). The estimate without replacement is unbiased (Tang et al. 2020, "Showing Your Work Doesn't Always Work",
    equation 5): the i-th worst of n is the best of k with probability C(i - 1, k - 1) / C(n, k).

    Args:
        scores: From the worst to the best.
    """
    count = len(scores)
    return tuple(
        math.fsum(math.comb(place, size - 1) * score for place, score in enumerate(scores)) / math.comb(count, size)
        for size in range(1, count + 1)
    )


def _tried_in_search(result: Result, headline: str) -> Tried:
    score = result.scores.get("validation", {}).get(headline)
    return Tried(
        hyperparameters=result.trial.get("candidate") or result.hyperparameters,
        validation_score=score.value if score is not None else None,
        seed=result.seed,
        epochs=len(result.history),
        seconds=result.timings.fit_seconds if result.timings is not None else 0.0,
    )


def _search_of(results: Sequence[Result]) -> SearchSpec | None:
    """How settings were drawn, where the spec said it; from the first result, since all of a cell have the same."""
    document = results[0].trial.get("search") if results else None
    try:
        return SearchSpec.model_validate_json(json.dumps(document)) if document else None
    except ValueError:
        return None  # of another version of the suite


def _scores_of_settings(tried: Sequence[Tried]) -> list[float]:
    """The mean validation score of each setting over the seeds that tried it."""
    by_setting: dict[str, list[float]] = {}
    for one in tried:
        if one.validation_score is not None:
            by_setting.setdefault(_canonical(one.hyperparameters), []).append(one.validation_score)
    return [math.fsum(scores) / len(scores) for scores in by_setting.values()]


def _space(tried: Sequence[Tried]) -> dict[str, tuple[Any, ...]]:
    values: dict[str, dict[str, Any]] = {}
    for one in tried:
        for name, value in one.hyperparameters.items():
            values.setdefault(name, {})[_canonical(value)] = value
    return {name: tuple(sorted(found.values(), key=_sort_key)) for name, found in values.items()}


def _sort_key(value: Any) -> tuple[int, float, str]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return 0, float(value), ""
    return 1, 0.0, str(value)


def _canonical(value: Any) -> str:
    return CANONICAL.encode(value)
