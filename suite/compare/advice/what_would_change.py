"""What would change the answer, found by asking again; and what to do where no cell keeps the limits."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from suite.compare.advice.constraints import Limit, keeps, unlimited
from suite.compare.advice.recommendation import Pairs, choose, oriented
from suite.compare.advice.records import Change, Unmet
from suite.compare.advice.wording import between, called, points
from suite.compare.cell import CellSummary, MetricInfo
from suite.compare.costs import Axis, costs_of, is_worth_saying

__all__ = ["changes", "gap", "listed", "unmet"]

Move = tuple[Limit, float, CellSummary]
"""A limit, another value for it, and what would be taken then."""
TIMES: dict[str, Axis] = {"max_latency_ms": "latency", "max_training_seconds": "training_time"}
WITHOUT_LIMITS = ("max_latency_ms", "max_size_mb", "max_training_seconds")
"""The costs for which the nearest limit is told where none was given."""


def changes(
    ranked: Sequence[CellSummary], pairs: Pairs, metric: MetricInfo, limits: Sequence[Limit], chosen: CellSummary
) -> tuple[Change, ...]:
    """The nearest limits that give another answer, each with that answer.

    Every limit is moved both ways, as far as the next cell whose admission or exclusion changes what is taken; then
    all limits are lifted. Without limits, the nearest limit on latency, size and training time is told.
    """
    moved: list[Move] = []
    for limit in limits:
        ways = (_loosened(ranked, pairs, limits, limit, chosen), _tightened(ranked, pairs, limits, limit, chosen))
        moved += [move for move in ways if move is not None]
    if not limits:
        new = (limit for limit in unlimited() if limit.key in WITHOUT_LIMITS)
        tried = [move for limit in new if (move := _tightened(ranked, pairs, (limit,), limit, chosen))]
        # Two limits that lead to the same cell say the same thing twice.
        moved = list({move[2].cell_id: move for move in reversed(tried)}.values())[::-1]
    found = [_change(pairs, metric, move, chosen) for move in moved]
    free = choose(ranked, pairs)
    if limits and free and free.chosen is not chosen and free.chosen.cell_id not in {one.cell_id for one in found}:
        gain, low, high = gap(pairs, metric, free.chosen, chosen)
        text = f"Without limits: {called(free.chosen)}{_gain(gain, low, high, metric)}."
        taken = free.chosen.cell_id
        found.append(Change(key="", limit=None, instead=None, cell_id=taken, gain=gain, low=low, high=high, text=text))
    return tuple(found)


def unmet(dataset: str, ranked: Sequence[CellSummary], pairs: Pairs, limits: Sequence[Limit]) -> Unmet:
    """Which limit, or which of them together, no cell keeps, and the nearest values that some cell would keep."""
    guilty = _conflict(ranked, limits)
    nearest = [change for limit in guilty if (change := _admitting(ranked, pairs, limits, limit)) is not None]
    if not nearest:
        together = _admitting_together(ranked, pairs, limits)
        nearest = [together] if together is not None else []
    whole = f"all {len(ranked)} cells" if len(ranked) > 1 else "the only cell"
    named = listed([limit.text for limit in guilty])
    if len(guilty) == 1:
        text = f"No cell keeps the limits: {named} alone excludes {whole}."
    elif _alone(ranked, guilty[:1]):
        text = f"No cell keeps the limits: {named} each exclude {whole}."
    else:
        text = f"No cell keeps the limits: {named} together exclude {whole}, though not each alone."
    for limit in guilty:
        if all(limit.read(cell) is None for cell in ranked):
            text += f" {limit.label[0].upper()}{limit.label[1:]} was not measured of any cell; leave this limit out."
    text += "".join(f" {change.text}" for change in nearest)
    return Unmet(dataset=dataset, text=text, keys=tuple(limit.key for limit in guilty), nearest=tuple(nearest))


def gap(
    pairs: Pairs, metric: MetricInfo, first: CellSummary, second: CellSummary
) -> tuple[float | None, float | None, float | None]:
    """How much better the first scores than the second, with its interval where the two were paired."""
    found = oriented(pairs, first, second)
    if found[0] is not None or first.headline is None or second.headline is None:
        return found
    sign = 1.0 if metric.higher_is_better else -1.0
    return sign * (first.headline.value - second.headline.value), None, None


def listed(parts: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]])) if parts else ""


def _loosened(
    ranked: Sequence[CellSummary], pairs: Pairs, limits: Sequence[Limit], limit: Limit, chosen: CellSummary
) -> Move | None:
    others = [other for other in limits if other is not limit]
    blocked = [cell for cell in ranked if not limit.keeps(cell) and keeps(cell, others)]
    values = {limit.admitting(value) for cell in blocked if (value := limit.read(cell)) is not None}
    for instead in sorted(values, reverse=limit.side == "min"):
        again = choose([cell for cell in ranked if keeps(cell, (*others, limit.at(instead)))], pairs)
        if again is not None and again.chosen is not chosen:
            return limit, instead, again.chosen
    return None


def _tightened(
    ranked: Sequence[CellSummary], pairs: Pairs, limits: Sequence[Limit], limit: Limit, chosen: CellSummary
) -> Move | None:
    """The next tighter limit that excludes the chosen cell; nothing short of that changes what is taken.

    A limit that excludes a better cell than the chosen one can change it too: the best that it is tied with goes.
    Of two times that may be the same a limit between them would say nothing.
    """
    others = [other for other in limits if other is not limit]
    held = [cell for cell in ranked if keeps(cell, limits)]
    found = {limit.excluding(value) for cell in held if (value := limit.read(cell)) is not None}
    values = [value for value in found if value is not None]
    for instead in sorted(values, reverse=limit.side == "max"):
        again = choose([cell for cell in held if keeps(cell, (*others, limit.at(instead)))], pairs)
        if again is None:
            return None
        if again.chosen is not chosen and _saves(limit, again.chosen, chosen):
            return limit, instead, again.chosen
    return None


def _saves(limit: Limit, taken: CellSummary, chosen: CellSummary) -> bool:
    """Whether a limit on a time makes another answer that takes less of it beyond doubt; True of other limits."""
    axis = TIMES.get(limit.key)
    if axis is None:
        return True
    costs = costs_of((taken, chosen), axis)
    own, theirs = costs.of.get(taken.cell_id), costs.of.get(chosen.cell_id)
    return own is not None and theirs is not None and is_worth_saying(axis, own, theirs)


def _change(pairs: Pairs, metric: MetricInfo, move: Move, chosen: CellSummary) -> Change:
    limit, instead, taken = move
    gain, low, high = gap(pairs, metric, taken, chosen)
    given = limit.value if abs(limit.value) != float("inf") else None
    opening = f"With {limit.at(instead).text}" + (f" instead of {limit.said(given)}" if given is not None else "")
    text = f"{opening}: {called(taken)}{_gain(gain, low, high, metric)}."
    return Change(
        key=limit.key, limit=given, instead=instead, cell_id=taken.cell_id, gain=gain, low=low, high=high, text=text
    )


def _gain(gain: float | None, low: float | None, high: float | None, metric: MetricInfo) -> str:
    """``, 1.2 points better (0.3 to 2.1)``; empty where there is no number."""
    if gain is None:
        return ""
    if gain == 0:
        return ", with the same score"
    if gain < 0:
        low, high = (None if high is None else -high), (None if low is None else -low)
    ends = between(low, high, metric)
    return f", {points(abs(gain), metric)} {'better' if gain > 0 else 'worse'}{f' ({ends})' if ends else ''}"


def _conflict(ranked: Sequence[CellSummary], limits: Sequence[Limit]) -> tuple[Limit, ...]:
    """Every limit that no cell keeps; else two that no cell keeps together; else as few as can be left of all."""
    alone = tuple(limit for limit in limits if _alone(ranked, (limit,)))
    pair = next((some for some in combinations(limits, 2) if _alone(ranked, some)), ())
    if alone or pair:
        return alone or pair
    left = list(limits)
    for limit in limits:
        fewer = [other for other in left if other is not limit]
        if not any(keeps(cell, fewer) for cell in ranked):
            left = fewer
    return tuple(left)


def _alone(ranked: Sequence[CellSummary], limits: Sequence[Limit]) -> bool:
    """Whether these limits exclude everything, whatever the others are."""
    return not any(keeps(cell, limits) for cell in ranked)


def _admitting(ranked: Sequence[CellSummary], pairs: Pairs, limits: Sequence[Limit], limit: Limit) -> Change | None:
    """The nearest value of one limit that some cell keeps besides all others; None where there is none."""
    others = [other for other in limits if other is not limit]
    values = [value for cell in ranked if keeps(cell, others) and (value := limit.read(cell)) is not None]
    if not values:
        return None
    instead = limit.admitting(min(values) if limit.side == "max" else max(values))
    return _would_admit(ranked, pairs, {limit: instead}, limits)


def _admitting_together(ranked: Sequence[CellSummary], pairs: Pairs, limits: Sequence[Limit]) -> Change | None:
    """Where no limit alone is to blame: the cell that breaks the fewest, and among those is nearest in proportion."""

    def broken(cell: CellSummary) -> tuple[int, float]:
        distances = [(limit.distance(cell) or 0.0) / (abs(limit.value) or 1.0) for limit in limits]
        return sum(distance > 0 for distance in distances), sum(max(0.0, distance) for distance in distances)

    measured = [cell for cell in ranked if all(limit.read(cell) is not None for limit in limits)]
    if not measured:
        return None
    cell = min(measured, key=broken)
    moves = {
        limit: limit.admitting(value)
        for limit in limits
        if not limit.keeps(cell) and (value := limit.read(cell)) is not None
    }
    return _would_admit(ranked, pairs, moves, limits)


def _would_admit(
    ranked: Sequence[CellSummary], pairs: Pairs, moves: dict[Limit, float], limits: Sequence[Limit]
) -> Change | None:
    moved = [limit.at(moves[limit]) if limit in moves else limit for limit in limits]
    again = choose([cell for cell in ranked if keeps(cell, moved)], pairs)
    if again is None:
        return None
    said = listed([f"{limit.at(value).text} instead of {limit.said(limit.value)}" for limit, value in moves.items()])
    one = next(iter(moves.items())) if len(moves) == 1 else None
    return Change(
        key=", ".join(limit.key for limit in moves), limit=one[0].value if one else None,
        instead=one[1] if one else None, cell_id=again.chosen.cell_id, gain=None, low=None, high=None,
        text=f"With {said}: {called(again.chosen)}.",
    )  # fmt: skip
