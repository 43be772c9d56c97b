"""Costs that may decide: each with the range that its measurement leaves open, and which of some cells is cheapest.

Times are noise in part: the same trial, run again, takes another time.  So a time decides only where the ranges of two
cells lie apart; where they do not, the next cost decides, in an order that is always the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from suite.compare.advice.wording import THIN, seconds
from suite.compare.cell import CellSummary, FileLatency

__all__ = [
    "AXES",
    "Axis",
    "Cheapest",
    "Cost",
    "Lost",
    "cheapest",
    "costs_of",
    "dearer",
    "is_worth_saying",
    "why_cheaper",
]

Axis = Literal["latency", "parameters", "training_time"]
AXES: tuple[Axis, ...] = ("latency", "parameters", "training_time")
"""In the order in which they decide; then comes the simpler strategy."""
DecidedBy = Literal["latency", "parameters", "training_time", "simplicity", "rank"]
"""``rank`` where no cost was measured of any: then the highest score."""
MARGIN = 1.25
"""A time may be off by so much beyond the range that was seen: one program, started again, is a little faster or
slower. ``python -m benchmarks.latency_noise`` measures it."""
BUSY = 4.0
"""A latency that was measured on a busy machine may be so many times too long: with three times as much to do as there
were cores, processes that timed the same model differed by up to 3.6."""
ONCE = 2.0
"""The same of a time that was measured only once, of whose range nothing is known."""
NOTICEABLE_SECONDS = 10.0
"""Training that is shorter by less is no reason to take a model that scores lower."""
SIMPLEST = (
    "linear_probe",
    "knn",
    "bitfit",
    "lora",
    "fine_tune",
    "gradual_unfreeze",
    "from_scratch",
    "prune",
    "distill",
)
"""Strategies from the one with the fewest choices to the one with the most; what is not listed comes last."""


@dataclass(frozen=True)
class Cost:
    """One cost of one cell: milliseconds, parameters or seconds."""

    value: float
    low: float
    high: float
    """Ends of what it may be."""

    def below(self, other: Cost) -> bool:
        """Whether it is less beyond what its measurement leaves open."""
        return self.high < other.low


@dataclass(frozen=True)
class Costs:
    """One cost of some cells, measured of all of them in the same way."""

    of: Mapping[str, Cost]
    """By cell id; what was not measured is left out."""
    files: bool = False
    """Whether they are latencies of exported files."""


@dataclass(frozen=True)
class Lost:
    """Why one of some cells is not the cheapest."""

    by: DecidedBy | Literal["score"]
    """``score`` where its own is too far below the highest for any cost to matter."""
    own: Cost | None = None
    """Of the one that is taken."""
    theirs: Cost | None = None
    """Of the other; None where it was not measured."""
    files: bool = False
    """Whether both are latencies of exported files."""
    to_third: bool = False
    """Whether ``own`` is of a third cell, from which the chosen one cannot be told apart in this."""


@dataclass(frozen=True)
class Cheapest:
    """The cheapest of some cells."""

    cell: CellSummary
    by: DecidedBy
    """What decided last."""
    lost: Mapping[str, Lost]
    """Why each other was not taken, by cell id."""


def cheapest(cells: Sequence[CellSummary]) -> Cheapest:
    """The cell that answers fastest; of those that may be as fast the smallest, then the one that trains fastest.

    Where no cost tells any of them apart, the simplest strategy is taken, then the first by name.

    Args:
        cells: By rank.
    """
    costs = {axis: costs_of(cells, axis) for axis in AXES}
    if not any(found.of for found in costs.values()):
        return Cheapest(cells[0], "rank", {cell.cell_id: Lost("rank") for cell in cells[1:]})
    left = list(cells)
    lost: dict[str, Lost] = {}
    by: DecidedBy = "simplicity"
    for axis, found in costs.items():
        there = {cell.cell_id: found.of.get(cell.cell_id) for cell in left}
        first = min((cost for cost in there.values() if cost is not None), key=lambda cost: cost.high, default=None)
        if first is None:
            continue
        for cell_id, cost in there.items():
            if cost is None or first.below(cost):
                lost[cell_id] = Lost(axis, first, cost, found.files, to_third=True)
                by = axis
        left = [cell for cell in left if cell.cell_id not in lost]
    chosen, *rest = sorted(left, key=_simplicity)
    lost.update({cell.cell_id: Lost("simplicity") for cell in rest})
    against = {cell_id: _against(chosen.cell_id, cell_id, why, costs) for cell_id, why in lost.items()}
    return Cheapest(chosen, "simplicity" if rest else by, against)


def costs_of(cells: Sequence[CellSummary], axis: Axis) -> Costs:
    """One cost of some cells. Where all of them have an exported file of one format, its latency is theirs.

    Times that were measured on different devices are no costs that could be compared.
    """
    if axis == "latency" and (common := _common_files(cells)):
        return Costs(
            {
                cell_id: _timed(one.latency_ms, one.low, one.high, disturbed=one.disturbed is not None)
                for cell_id, one in common.items()
            },
            files=True,
        )
    if axis != "parameters" and len({cell.profile.device for cell in cells if cell.profile}) > 1:
        return Costs({})
    found = ((cell.cell_id, _READ[axis](cell)) for cell in cells)
    return Costs({cell_id: cost for cell_id, cost in found if cost is not None})


def is_worth_saying(axis: Axis, cost: Cost, than: Cost, *, share: float = 1.0) -> bool:
    """Whether one cost is so much less than another that it may be a reason: beyond doubt, and enough to matter.

    Args:
        axis: Which cost.
        cost: The lesser.
        than: The other.
        share: Of the other, the most that it may be.
    """
    matters = axis != "training_time" or than.value - cost.value >= NOTICEABLE_SECONDS
    return matters and cost.value <= share * than.value and cost.below(than)


def why_cheaper(chosen: CellSummary, other: CellSummary, lost: Lost) -> tuple[str, dict[str, float]]:
    """What the chosen cell is better at than another, after "chosen because", with the number in it."""
    own, theirs = lost.own, lost.theirs
    if lost.by == "score":
        return "that is closer to a proven difference than to none", {}
    if lost.by == "rank":
        return "what they cost was not measured", {}
    if lost.by == "simplicity":
        if _rank(chosen) != _rank(other):
            return "their costs cannot be told apart either, and its strategy is the simpler one", {}
        return "their costs cannot be told apart either, and one had to be taken", {}
    if own is None or theirs is None:
        what = {"latency": "latency", "parameters": "size", "training_time": "training time"}[lost.by]
        return f"the {what} of the other was not measured", {}
    other_has = f"the other {dearer(lost).removeprefix('but ')}"
    if lost.to_third:
        return f"{other_has}, as the {_FIRST[lost.by]} of them does", {}
    if lost.by == "parameters" and theirs.value < 1.05 * own.value:
        return f"it has {_whole(theirs.value - own.value)} fewer parameters", {}
    ratio = theirs.value / own.value if own.value else math.inf
    if ratio == math.inf:  # nothing is no number of times less
        return other_has, {}
    times = f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}"
    said = {
        "latency": f"{'its exported file' if lost.files else 'it'} answers {times} times faster",
        "parameters": f"it has {times} times fewer parameters",
        "training_time": f"it trains {times} times faster",
    }
    return said[lost.by], {"times": ratio}


_FIRST = {"latency": "fastest", "parameters": "smallest", "training_time": "quickest to train"}


def dearer(lost: Lost) -> str:
    """Why a cell that is as good was not taken, with both numbers, to go on a sentence with."""
    own, theirs = lost.own, lost.theirs
    if lost.by == "score":
        return "but its score is closer to a proven difference than to none"
    if lost.by == "simplicity":
        return "and costs the same"
    if own is None or theirs is None:
        return "but what it costs was not measured"
    file = "as an exported file " if lost.files else ""
    said = {
        "latency": f"{file}answers in {theirs.value:.3g}{THIN}ms instead of {own.value:.3g}{THIN}ms",
        "parameters": f"has {_whole(theirs.value)} parameters instead of {_whole(own.value)}",
        "training_time": f"trains for {seconds(theirs.value)} instead of {seconds(own.value)}",
    }
    return f"but {said[lost.by]}"


def _against(chosen: str, other: str, why: Lost, costs: Mapping[Axis, Costs]) -> Lost:
    """The first cost that tells the chosen cell from another; where none does, what the other lost by.

    A cell may lose against one that is not taken in the end.
    """
    if why.by not in AXES:
        return why
    for axis in AXES[: AXES.index(why.by) + 1]:
        own, theirs = costs[axis].of.get(chosen), costs[axis].of.get(other)
        if own is not None and (theirs is None or own.below(theirs)):
            return Lost(axis, own, theirs, costs[axis].files)
    return why


def _common_files(cells: Sequence[CellSummary]) -> dict[str, FileLatency]:
    """The fastest file of each cell among the formats that all have on one device; empty where there are none."""
    there = [{(one.format, one.device, one.threads): one for one in cell.files} for cell in cells]
    if not there:
        return {}
    shared = set(there[0]).intersection(*there[1:])
    if not shared:
        return {}
    return {
        cell.cell_id: min((files[key] for key in sorted(shared)), key=lambda one: one.latency_ms)
        for cell, files in zip(cells, there, strict=True)
    }


def _latency(cell: CellSummary) -> Cost | None:
    found = cell.profile.latency_ms_p50 if cell.profile else None
    if cell.profile is None or found is None or found.mean is None:
        return None
    return _timed(found.mean, found.lowest, found.highest, disturbed=cell.profile.disturbed is not None)


def _parameters(cell: CellSummary) -> Cost | None:
    if cell.profile is None:
        return None
    exact = float(cell.profile.parameters)
    return Cost(exact, exact, exact)


def _training(cell: CellSummary) -> Cost | None:
    found = cell.timings.training_seconds if cell.timings else None
    return None if found is None or found.mean is None else _timed(found.mean, found.lowest, found.highest)


_READ: dict[Axis, Callable[[CellSummary], Cost | None]] = {
    "latency": _latency,
    "parameters": _parameters,
    "training_time": _training,
}


def _timed(value: float, low: float | None, high: float | None, *, disturbed: bool = False) -> Cost:
    """A time with its range and the margin beyond it; without a range it was measured only once."""
    once = low is None or high is None or low == high
    margin = ONCE if once else MARGIN
    least, most = (value, value) if low is None or high is None else (min(low, value), max(high, value))
    return Cost(value, least / (BUSY if disturbed else margin), most * margin)


def _rank(cell: CellSummary) -> int:
    return SIMPLEST.index(cell.strategy_name) if cell.strategy_name in SIMPLEST else len(SIMPLEST)


def _simplicity(cell: CellSummary) -> tuple[int, str, str, str]:
    return _rank(cell), cell.strategy, cell.model, cell.cell_id


def _whole(value: float) -> str:
    return f"{value:,.0f}".replace(",", THIN)
