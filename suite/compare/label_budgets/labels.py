"""What more labels bring: each label budget ranked by itself, and what to take with how many labels.

A label budget is no data set: ranks, ties, means over data sets and the leaderboard are of one budget each, the
leaderboard of the largest that the data can give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Protocol, TypeVar

from suite.compare.across_datasets.summary import Place, why_missing
from suite.compare.advice.constraints import keeps, limits_of
from suite.compare.advice.recommendation import choose
from suite.compare.advice.records import Unmet
from suite.compare.cell import CellSummary, MetricInfo
from suite.compare.comparison import Comparison, Difference, FailureRecord, LabelPoint, Labels, Recommendation
from suite.compare.label_budgets.wording import Answer, label_answers, label_sentences
from suite.compare.planned import PlannedTrial, PlanSummary
from suite.spec.constraints import Constraints
from suite.spec.label_budget import ALL, Budget, budget_of, words_of
from suite.store.records.result import DataRecord, Result

__all__ = ["ByLabels", "Ranked", "label_advice", "with_labels"]

Front = Mapping[str, Budget]
"""Data set to the budget of its leaderboard."""


class _Placed(Protocol):
    @property
    def dataset(self) -> str: ...
    @property
    def train_examples(self) -> Budget: ...


P = TypeVar("P", bound=_Placed)


class Ranked(Protocol):
    """The cells of one data set and one budget, and their differences."""

    @property
    def cells(self) -> tuple[CellSummary, ...]:
        """By rank, those without a score last."""

    @property
    def pairs(self) -> tuple[Difference, ...]:
        """Of the ranked ones."""


@dataclass(frozen=True)
class _Size:
    """Examples of one budget, as the trials of it record them."""

    train: int
    validation: int | None
    classes: int


@dataclass(frozen=True)
class ByLabels:
    """A plan and its results, told apart by label budget."""

    plan: PlanSummary
    results: Sequence[Result]
    """Of its trials."""

    @cached_property
    def front(self) -> Front:
        """The budget of each data set's leaderboard: the largest, of those that the data can give."""
        return {dataset: self._front(dataset, budgets) for dataset, budgets in self.budgets.items()}

    @cached_property
    def budgets(self) -> dict[str, list[Budget]]:
        """The budgets of each data set, in the order of the plan."""
        found: dict[str, dict[Budget, None]] = {}
        for trial in self.plan.trials:
            found.setdefault(trial.dataset, {})[trial.train_examples] = None
        return {dataset: list(budgets) for dataset, budgets in found.items()}

    @property
    def leading(self) -> PlanSummary:
        """The plan with the trials of the leaderboards."""
        return _part(self.plan, self.front)

    @cached_property
    def left_out(self) -> dict[tuple[str, Budget], str]:
        """Data set and budget to the reason why the data cannot give it: every trial of it was skipped."""
        ended = {result.id: result for result in self.results}
        groups: dict[tuple[str, Budget], list[str]] = {}
        for trial in self.plan.trials:
            groups.setdefault((trial.dataset, trial.train_examples), []).append(trial.trial_id)
        found = {}
        for place, ids in groups.items():
            those = [ended[one] for one in ids if one in ended]
            if place[1] != ALL and len(those) == len(ids) and all(one.status == "skipped" for one in those):
                # A final that found nothing to choose tells of its searches; they tell why.
                first = min(those, key=lambda one: one.phase == "final")
                found[place] = first.reason or "no reason was recorded"
        return found

    @property
    def data(self) -> tuple[DataRecord, ...]:
        """Every data set as it was used for the leaderboard, each content once."""
        used = (one for one in self.results if self.front.get(one.dataset, ALL) == _budget(one))
        return tuple({(r.name, r.fingerprint, str(r.sizes)): r for result in used for r in result.data}.values())

    @property
    def remarks(self) -> tuple[str, ...]:
        """Says with how many labels the leaderboards are, where it is not with all of them."""
        words = {dataset: words_of(budget) for dataset, budget in self.front.items()}
        if set(self.front.values()) <= {ALL}:
            return ()
        if len(set(words.values())) == 1:
            return (f"Every model of the leaderboard was fitted with {min(words.values())}, as the spec asks.",)
        said = ", ".join(f"{one} on {dataset}" for dataset, one in words.items())
        return (f"The models of the leaderboards were fitted with {said}.",)

    def lacking(self, failures: Iterable[FailureRecord], missing: Iterable[PlannedTrial]) -> dict[Place, str]:
        """Why cells of the leaderboards have no score."""
        return why_missing(_at(failures, self.front), _at(self.plan.skips, self.front), _at(missing, self.front))

    def told(self, failures: Iterable[FailureRecord]) -> tuple[FailureRecord, ...]:
        """The failures, without the trials of budgets that are told once as left out."""
        return tuple(one for one in failures if (one.dataset, one.train_examples) not in self.left_out)

    def curves(
        self, rank: Callable[[str, PlanSummary], Ranked], leading: Mapping[str, Ranked], metrics: Sequence[MetricInfo]
    ) -> tuple[Labels, ...]:
        """What more labels bring, for each data set of which the plan has several budgets.

        Args:
            rank: Data set and a plan of one budget to the ranked cells of it.
            leading: The same for the leaderboard of each data set.
            metrics: The headline first.
        """
        made = []
        for dataset, budgets in self.budgets.items():
            if len(budgets) > 1:
                ranked = {
                    one: leading[dataset]
                    if one == self.front[dataset]
                    else rank(dataset, _part(self.plan, {dataset: one}))
                    for one in budgets
                }
                made.append(self._curve(dataset, ranked, metrics))
        return tuple(made)

    def _curve(self, dataset: str, ranked: Mapping[Budget, Ranked], metrics: Sequence[MetricInfo]) -> Labels:
        sizes = _sizes(dataset, self.results)
        points = [
            _point(
                budget, sizes.get(budget), ranked[budget], front=budget == self.front[dataset],
                reason=self.left_out.get((dataset, budget)), results=self.results,
            )
            for budget in _in_order(list(ranked), sizes)
        ]  # fmt: skip
        return _labels(dataset, points, lambda point: ranked[point.budget], metrics, self.plan.constraints)

    def _front(self, dataset: str, budgets: list[Budget]) -> Budget:
        if len(budgets) == 1:
            return budgets[0]
        ordered = _in_order(budgets, _sizes(dataset, self.results))
        return next((one for one in reversed(ordered) if (dataset, one) not in self.left_out), ordered[-1])


def with_labels(
    answers: Iterable[Recommendation | Unmet | None], labels: Sequence[Labels]
) -> tuple[Recommendation, ...]:
    """The recommendations among these answers, each with the sentences of its data set's label budgets."""
    said = {one.dataset: one.answers for one in labels}
    found = [one for one in answers if isinstance(one, Recommendation)]
    return tuple(one.model_copy(update={"labels": said[one.dataset]}) if one.dataset in said else one for one in found)


def label_advice(comparison: Comparison, constraints: Constraints | None) -> dict[str, tuple[str, ...]]:
    """Data set to the sentences of its label budgets, under other limits than the comparison was made with."""
    found = {}
    for labels in comparison.labels:
        pairs = tuple(pair for pair in comparison.pairs if pair.dataset == labels.dataset)

        def ranked(point: LabelPoint, dataset: str = labels.dataset, own: tuple[Difference, ...] = pairs) -> Ranked:
            return _Kept(comparison.cells_at(dataset, point), own if point.front else point.pairs)

        again = _labels(labels.dataset, labels.points, ranked, comparison.metrics, constraints)
        found[labels.dataset] = again.answers
    return found


@dataclass(frozen=True)
class _Kept:
    cells: tuple[CellSummary, ...]
    pairs: tuple[Difference, ...]


def _labels(
    dataset: str,
    points: Sequence[LabelPoint],
    ranked: Callable[[LabelPoint], Ranked],
    metrics: Sequence[MetricInfo],
    constraints: Constraints | None,
) -> Labels:
    """The points with what to take at each, and the sentences."""
    limits = limits_of(constraints, metrics)
    chosen, answers = [], []
    for point in points:
        found = ranked(point)
        scored = [cell for cell in found.cells if cell.headline is not None]
        pairs = {(pair.better, pair.worse): pair for pair in found.pairs}
        choice = choose([cell for cell in scored if keeps(cell, limits)], pairs)
        taken = {
            "take": choice.chosen.cell_id if choice else None,
            "tied": tuple(cell.cell_id for cell in choice.tied) if choice else (),
        }
        chosen.append(point.model_copy(update=taken))
        answers.append(Answer(point, scored[0] if scored else None, choice))
    return Labels(
        dataset=dataset,
        points=tuple(chosen),
        answers=label_answers(answers, limited=bool(limits)),
        sentences=label_sentences(answers, metrics[0]),
    )


def _part(plan: PlanSummary, front: Front) -> PlanSummary:
    """The plan with the trials of these data sets and budgets."""
    return plan.model_copy(update={"trials": _at(plan.trials, front)})


def _at(items: Iterable[P], front: Front) -> tuple[P, ...]:
    return tuple(one for one in items if front.get(one.dataset) == one.train_examples)


def _sizes(dataset: str, results: Sequence[Result]) -> dict[Budget, _Size]:
    found: dict[Budget, _Size] = {}
    for result in results:
        if result.dataset != dataset or not result.data or result.data[0].sizes.get("train") is None:
            continue
        home = result.data[0]
        size = _Size(home.sizes["train"], home.sizes.get("validation"), len(home.class_names) or home.classes or 0)
        found.setdefault(_budget(result), size)
    return found


def _budget(result: Result) -> Budget:
    return budget_of(result.trial)


def _in_order(budgets: Sequence[Budget], sizes: Mapping[Budget, _Size]) -> list[Budget]:
    """From the fewest examples to the most; where that cannot be known yet: numbers, then shares, then all."""
    guesses = [_examples(budget, sizes) for budget in budgets]
    by_kind = [_by_kind(budget) for budget in budgets]
    if None in guesses:
        return sorted(budgets, key=lambda one: by_kind[budgets.index(one)])
    found = {budget: guess or 0.0 for budget, guess in zip(budgets, guesses, strict=True)}
    return sorted(budgets, key=lambda one: (found[one], by_kind[budgets.index(one)]))


def _examples(budget: Budget, sizes: Mapping[Budget, _Size]) -> float | None:
    """Training examples of a budget: as recorded, or as follows from another one."""
    if budget in sizes:
        return float(sizes[budget].train)
    if isinstance(budget, int):
        classes = next((size.classes for size in sizes.values()), 0)
        return float(budget * classes) if classes else None
    whole = next((size.train / _share(one) for one, size in sizes.items() if isinstance(one, str)), None)
    return None if whole is None else float(whole * _share(budget))


def _share(budget: str) -> float:
    return 1.0 if budget == ALL else float(Fraction(budget.removesuffix("%")) / 100)


def _by_kind(budget: Budget) -> tuple[int, float]:
    return (0, float(budget)) if isinstance(budget, int) else (1, _share(budget))


def _point(
    budget: Budget, size: _Size | None, ranked: Ranked, *, front: bool, reason: str | None, results: Sequence[Result]
) -> LabelPoint:
    scored = any(cell.headline for cell in ranked.cells)
    ids = {cell.cell_id for cell in ranked.cells}
    return LabelPoint(
        budget=budget,
        per_class=size.train / size.classes if size and size.classes else None,
        train=size.train if size else None,
        validation=size.validation if size else None,
        front=front,
        cells=() if front else tuple(map(_lighter, ranked.cells)),
        pairs=() if front else ranked.pairs,
        steps=_steps([result for result in results if result.cell_id in ids]),
        reason=None if scored else reason or "no trial has finished with a score",
    )


def _lighter(cell: CellSummary) -> CellSummary:
    """The cell without what only the leaderboard's sections show; the file of a comparison stays small."""
    ledger = cell.ledger.model_copy(update={"tried": (), "expected_best": ()})
    bare = {"curves": (), "confusion": None, "classes": (), "reliability": (), "notes": (), "ledger": ledger}
    return cell.model_copy(update={**bare, "evidence": None})


def _steps(results: Iterable[Result]) -> dict[str, float]:
    """Cell id to the mean optimizer steps of its finished final fits; only of fits that have epochs."""
    found: dict[str, list[int]] = {}
    for result in results:
        if result.status == "done" and result.phase == "final" and result.history and result.data and result.batch_size:
            epoch = max(1, result.data[0].sizes.get("train", 0) // result.batch_size)
            found.setdefault(result.cell_id, []).append(epoch * len(result.history))
    return {cell_id: math.fsum(steps) / len(steps) for cell_id, steps in found.items()}
