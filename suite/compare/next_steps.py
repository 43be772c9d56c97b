"""What the results say to try next: learning rate, epochs, what to unfreeze, more seeds or more test examples."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterator, Sequence

from suite.compare.answer import NextStep
from suite.compare.cell import CellSummary, LearningCurve, MetricInfo
from suite.compare.changes import gap
from suite.compare.paired import Z_POWER
from suite.compare.recommendation import Choice, Pairs
from suite.compare.wording import THIN, adapted, between, called, points, quality

__all__ = ["examples_needed", "next_steps"]

RATE = "learning_rate"
NOT_UNFREEZING = {"knn", "from_scratch"}
STILL_RISING = 0.002
"""A last epoch that brings less than 0.2 points of validation accuracy brings nothing that shows."""
EARLY = 0.5


def next_steps(
    ranked: Sequence[CellSummary], pairs: Pairs, metric: MetricInfo, choice: Choice, *, examples: int | None
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
        _examples(pairs, metric, choice, examples),
        _seeds(pairs, metric, choice),
    )
    return tuple(step for step in steps if step is not None)


def examples_needed(
    difference: float, error: float, reach: float, examples: int, *, seed_share: float = 0.0
) -> float | None:
    """Test examples at which a paired difference of this size shows in four of five tries, as the verdicts are made.

    With c = reach / error, the standard errors from the middle of the simultaneous interval to its ends. The part of
    the squared error that comes from examples falls with their number, the part that comes from seeds (``seed_share``)
    does not: n = examples * (1 - share) * SE^2 / ((difference / (c + z_0.8))^2 - share * SE^2).

    Args:
        difference: That is to show.
        error: Its standard error with these examples.
        reach: Half the width of its interval.
        examples: Test examples now.
        seed_share: Of the squared error.

    Returns:
        None where no number of examples would do: the difference is 0, or lost among the seeds.
    """
    room = (difference / (reach / error + Z_POWER)) ** 2 - seed_share * error**2
    return examples * (1 - seed_share) * error**2 / room if room > 0 else None


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
    rates = {choice.get(RATE) for choice in cell.ledger.chosen}
    rate = next(iter(rates)) if len(rates) == 1 else None
    if not isinstance(rate, int | float) or len(cell.ledger.space.get(RATE, ())) > 1:
        return None
    text = f"Learning rate of {called(cell)}: only {rate:g} was tried; whether another is better is not known."
    return NextStep(kind="learning_rate", text=text, numbers={"tried": 1.0, "best": rate}, cell_ids=(cell.cell_id,))


def _scores_by_rate(cell: CellSummary, *, higher: bool) -> dict[float, float]:
    """Learning rate to the best mean validation score of the settings that have it.

    Of a setting that was tried with few epochs and then with more, the most epochs count.
    """
    settings: dict[str, list[tuple[int, float, float]]] = {}
    for one in cell.ledger.tried:
        rate = one.hyperparameters.get(RATE)
        if isinstance(rate, int | float) and one.validation_score is not None:
            key = json.dumps(one.hyperparameters, sort_keys=True, default=str)
            settings.setdefault(key, []).append((one.epochs, float(rate), one.validation_score))
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


def _examples(pairs: Pairs, metric: MetricInfo, choice: Choice, examples: int | None) -> NextStep | None:
    """How many test examples would tell the first two apart, where they are tied."""
    pair = pairs.get((choice.tied[0].cell_id, choice.tied[1].cell_id)) if len(choice.tied) > 1 else None
    if pair is None or pair.difference is None or pair.high is None or not pair.standard_error or not examples:
        return None
    reach = pair.high - pair.difference
    needed = examples_needed(pair.difference, pair.standard_error, reach, examples, seed_share=pair.seed_share or 0.0)
    if needed is None or needed <= examples:
        return None
    digits = 2 - math.ceil(math.log10(needed))
    said, have = (f"{value:,.0f}".replace(",", THIN) for value in (round(needed, digits), examples))
    first, second = choice.tied[0], choice.tied[1]
    text = (
        f"Test examples: if {called(first)} is {points(pair.difference, metric)} better than {called(second)}, as it "
        f"looks now, about {said} instead of {have} would show it in four of five tries."
    )
    numbers = {"needed": needed, "examples": float(examples), "difference": pair.difference}
    return NextStep(kind="examples", text=text, numbers=numbers, cell_ids=(first.cell_id, second.cell_id))


def _seeds(pairs: Pairs, metric: MetricInfo, choice: Choice) -> NextStep | None:
    """Where cells are tied: whether another seed could turn the first two round."""
    if len(choice.tied) < 2:
        return None
    first, second = choice.tied[0], choice.tied[1]
    loss, _, _ = gap(pairs, metric, first, second)
    ranges = [
        (cell.headline.highest_seed - cell.headline.lowest_seed, cell, len(cell.headline.seeds))
        for cell in (first, second)
        if cell.headline is not None and len(cell.headline.seeds) > 1
    ]
    if loss is None or not ranges:
        return None
    widest, cell, seeds = max(ranges, key=lambda entry: entry[0])
    if widest <= abs(loss):
        return None
    text = (
        f"Seeds: over {seeds} of them {called(cell)} moves by {points(widest, metric)}, more than the "
        f"{points(abs(loss), metric)} between the first two: more seeds before choosing by the score."
    )
    numbers = {"range": widest, "difference": loss, "seeds": float(seeds)}
    return NextStep(kind="seeds", text=text, numbers=numbers, cell_ids=(cell.cell_id,))
