"""What the results say to try next: learning rate, epochs, what to unfreeze, more seeds or more test examples."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from suite.compare.advice.recommendation import Choice, Pairs
from suite.compare.advice.records import NextStep, Unmet
from suite.compare.advice.settle import open_pair
from suite.compare.advice.what_would_change import gap
from suite.compare.advice.wording import adapted, between, called, points, quality
from suite.compare.cell import CellSummary, LearningCurve, MetricInfo
from suite.compare.comparison import Comparison, Recommendation
from suite.store.records.check import Finding

__all__ = ["next_steps", "with_findings"]

Given = Recommendation | Unmet
SAID_BY_STEPS = frozenset({"test_size"})
"""Checks whose mend is a step of its own, made by the same function."""
MOST_FINDINGS = 5
RATE = "learning_rate"
NOT_UNFREEZING = {"knn", "from_scratch"}
STILL_RISING = 0.002
"""A last epoch that brings less than 0.2 points of validation accuracy brings nothing that shows."""
EARLY = 0.5


def next_steps(
    ranked: Sequence[CellSummary],
    pairs: Pairs,
    metric: MetricInfo,
    choice: Choice,
    *,
    within: Sequence[CellSummary],
    examples: int | None,
) -> tuple[NextStep, ...]:
    """Sentences whose every number is in the results; none where the results have nothing to say.

    The chosen cell is looked at first; where it was not trained by gradient, the best cell of the same model that
    was, then the best of any model.
    """
    chosen = choice.chosen
    near = sorted(ranked, key=lambda cell: (cell is not chosen, cell.model != chosen.model))
    steps = (
        next((step for cell in near if (step := _learning_rate(cell, metric)) is not None), None),
        next((step for cell in near if (step := _epochs(cell)) is not None), None),
        _unfreeze([cell for cell in ranked if cell.model == chosen.model], pairs, metric),
        _settle(within, pairs, metric, examples),
    )
    return tuple(step for step in steps if step is not None)


def with_findings(answers: Iterable[Given], comparison: Comparison) -> tuple[Given, ...]:
    """The answers with the errors and warnings of their data sets, and what to mend before anything else is tried."""
    found = comparison.checks.beside_answer if comparison.checks is not None else ()
    return tuple(_with_findings(answer, comparison, found) for answer in answers)


def _with_findings(answer: Given, comparison: Comparison, findings: Sequence[Finding]) -> Given:
    if not isinstance(answer, Recommendation) or not findings:
        return answer
    own = tuple(one for one in findings if _is_about(one, answer.dataset, comparison.datasets))
    names = {f"{cell.model} x {cell.dataset} x {cell.strategy}": cell.cell_id for cell in comparison.cells}
    steps = tuple(
        NextStep(
            kind="finding",
            text=f"Mend first, {one.where}: {one.mend}",
            numbers={},
            cell_ids=(names[one.where],) if one.where in names else (),
        )
        for one in own
        if one.check not in SAID_BY_STEPS
    )
    finish = tuple(step for step in answer.next_steps if step.kind == "finish")
    rest = tuple(step for step in answer.next_steps if step.kind not in {"finish", "finding"})
    return answer.model_copy(update={"findings": own, "next_steps": (*finish, *steps[:MOST_FINDINGS], *rest)})


def _is_about(finding: Finding, dataset: str, datasets: Sequence[str]) -> bool:
    """Whether it names the data set, or no single one."""
    named = [name for name in datasets if name in re.split(r" x |, | and ", finding.where)]
    return dataset in named or not named


def _learning_rate(cell: CellSummary, metric: MetricInfo) -> NextStep | None:
    scores = _scores_by_rate(cell, higher=metric.higher_is_better)
    if len(scores) < 2:
        return _single_rate(cell)
    order = sorted(scores, key=lambda rate: scores[rate], reverse=metric.higher_is_better)
    best, second = order[0], order[1]
    lowest, highest = min(scores), max(scores)
    text = (
        f"Learning rate of {called(cell)}: of {len(scores)} tried, from {lowest:g} to {highest:g}, {best:g} was best "
        f"on validation ({quality(scores[best], metric)}; {second:g} follows with {quality(scores[second], metric)})."
    )
    numbers = {"best": best, "score": scores[best], "next": second, "next_score": scores[second], "tried": len(scores)}
    if best in {lowest, highest}:
        neighbour = sorted(scores)[1] if best == lowest else sorted(scores)[-2]
        further = float(f"{best * best / neighbour:.1g}")
        side = "lowest" if best == lowest else "highest"
        text += f" It is the {side} that was tried: try further, such as {further:g}."
        numbers["further"] = further
    else:
        text += " It lies between others that were tried, so the range was wide enough."
    return NextStep(kind="learning_rate", text=text, numbers=numbers, cell_ids=(cell.cell_id,))


def _single_rate(cell: CellSummary) -> NextStep | None:
    """Nothing was searched: the one rate that was used."""
    rates = {_rate(choice) for choice in cell.ledger.chosen}
    rate = next(iter(rates)) if len(rates) == 1 else None
    if rate is None or len(cell.ledger.space.get(RATE, ())) > 1:
        return None
    text = f"Learning rate of {called(cell)}: only {rate:g} was tried; whether another is better is not known."
    return NextStep(kind="learning_rate", text=text, numbers={"tried": 1.0, "best": rate}, cell_ids=(cell.cell_id,))


def _rate(setting: Mapping[str, Any]) -> float | None:
    """The learning rate of a setting; None where it has none, or what a damaged record has there is none."""
    rate = setting.get(RATE)
    return float(rate) if isinstance(rate, int | float) and rate > 0 else None


def _scores_by_rate(cell: CellSummary, *, higher: bool) -> dict[float, float]:
    """Learning rate to the best mean validation score of the settings that have it.

    Of a setting that was tried with few epochs and then with more, the most epochs count.
    """
    settings: dict[str, list[tuple[int, float, float]]] = {}
    for one in cell.ledger.tried:
        rate = _rate(one.hyperparameters)
        if rate is not None and one.validation_score is not None:
            key = json.dumps(one.hyperparameters, sort_keys=True)
            settings.setdefault(key, []).append((one.epochs, rate, one.validation_score))
    scores: dict[float, float] = {}
    for tried in settings.values():
        longest = max(epochs for epochs, _, _ in tried)
        mean = statistics.fmean(score for epochs, _, score in tried if epochs == longest)
        rate = tried[0][1]
        scores[rate] = mean if rate not in scores else (max if higher else min)(scores[rate], mean)
    return scores


def _epochs(cell: CellSummary) -> NextStep | None:
    curves = [curve for curve in cell.curves if curve.best_epoch is not None and len(curve.epochs) > 1]
    if not curves:
        return None
    best = statistics.median(curve.best_epoch for curve in curves if curve.best_epoch is not None)
    last = statistics.median(curve.epochs[-1].epoch for curve in curves)
    at_end = sum(curve.best_epoch == curve.epochs[-1].epoch for curve in curves)
    seeds = f"{at_end} of {len(curves)} seeds" if len(curves) > 1 else "the only seed"
    numbers = {"best_epoch": best, "epochs": last, "at_end": float(at_end), "seeds": float(len(curves))}
    opening = f"Epochs of {called(cell)}:"
    if at_end > len(curves) / 2:
        rise = statistics.fmean(_last_rise(curves))
        numbers["rise"] = rise
        said = f"the last of {last:g} was the best in {seeds}, {100 * rise:.1f} points above the best before it"
        rest = "still improving, try more" if rise >= STILL_RISING else "more would bring little"
    elif best <= EARLY * last:
        said = f"the best came after {best:g} of {last:g}"
        rest = "fewer epochs, or patience, would save the rest"
    else:
        said = f"the best came after {best:g} of {last:g}"
        rest = "the number is about right"
    return NextStep(kind="epochs", text=f"{opening} {said}; {rest}.", numbers=numbers, cell_ids=(cell.cell_id,))


def _last_rise(curves: Sequence[LearningCurve]) -> Iterator[float]:
    """Validation score of the last epoch minus the best before it, of each seed where the last was best."""
    for curve in curves:
        if curve.best_epoch == curve.epochs[-1].epoch:
            before = max(epoch.validation_score for epoch in curve.epochs[:-1])
            yield curve.epochs[-1].validation_score - before


def _unfreeze(same: Sequence[CellSummary], pairs: Pairs, metric: MetricInfo) -> NextStep | None:
    """The ways of adapting one model, best first, each with what it is behind."""
    ways = [cell for cell in same if cell.strategy_name not in NOT_UNFREEZING and cell.headline is not None]
    trained = {cell.strategy_name for cell in ways} - {"linear_probe"}
    best = ways[0] if ways else None
    if best is None or best.headline is None or len(ways) < 2 or not trained:
        return None
    less = "less" if metric.higher_is_better else "worse"
    parts, numbers = [], {"best": best.headline.value}
    for number, other in enumerate(ways[1:], start=2):
        loss, low, high = gap(pairs, metric, best, other)
        if loss is None:
            continue
        pair = pairs.get((best.cell_id, other.cell_id))
        ends = between(low, high, metric)
        tested = pair is not None and pair.p_adjusted is not None
        chance = ", which may be chance" if pair is not None and tested and not pair.different else ""
        parts.append(f"{adapted(other)} {points(loss, metric)} {less}{f' ({ends})' if ends else ''}{chance}")
        numbers[f"loss_{number}"] = loss
    if not parts:
        return None
    text = f"What to train of {best.model}: {adapted(best)} reaches {quality(best.headline.value, metric)}; "
    ids = tuple(cell.cell_id for cell in ways)
    return NextStep(kind="unfreeze", text=f"{text}{'; '.join(parts)}.", numbers=numbers, cell_ids=ids)


def _settle(ranked: Sequence[CellSummary], pairs: Pairs, metric: MetricInfo, examples: int | None) -> NextStep | None:
    """What would tell the best from the next, where they cannot be told apart."""
    found = open_pair(ranked, pairs, metric, examples=examples)
    if found is None:
        return None
    asked = {"examples": found.settling.examples, "seeds": found.settling.seeds}
    numbers = {"difference": found.difference, **{name: float(value) for name, value in asked.items() if value}}
    cells = (found.first.cell_id, found.second.cell_id)
    return NextStep(kind="settle", text=found.text, numbers=numbers, cell_ids=cells)
