"""Pareto fronts: the cells that no other beats in both quality and cost."""

from __future__ import annotations

from collections.abc import Sequence

from suite.compare.cell import CellSummary
from suite.compare.comparison import CostAxis, ParetoFront

__all__ = ["cost_of", "front", "pareto_fronts"]

UNITS: dict[CostAxis, str] = {"latency": "ms", "parameters": "parameters", "training_time": "s"}


def cost_of(cell: CellSummary, axis: CostAxis) -> float | None:
    """The cost of a cell on one axis: ms per example, parameters, or training seconds; None if not measured."""
    if axis == "training_time":
        return cell.timings.training_seconds.mean if cell.timings else None
    if cell.profile is None:
        return None
    return cell.profile.latency_ms_p50.mean if axis == "latency" else float(cell.profile.parameters)


def front(points: Sequence[tuple[str, float, float]]) -> tuple[str, ...]:
    """Names on the front of ``(name, cost, quality)``, cheapest first; lower cost and higher quality are better.

    Of equal points all are on the front.
    """
    chosen: list[tuple[str, float, float]] = []
    for name, cost, quality in sorted(points, key=lambda point: (point[1], -point[2], point[0])):
        if not chosen or quality > chosen[-1][2] or (cost, quality) == chosen[-1][1:]:
            chosen.append((name, cost, quality))
    return tuple(name for name, _, _ in chosen)


def pareto_fronts(dataset: str, cells: Sequence[CellSummary], *, higher_is_better: bool) -> tuple[ParetoFront, ...]:
    """One front per cost for the ranked cells of a data set."""
    sign = 1.0 if higher_is_better else -1.0
    fronts = []
    for axis, unit in UNITS.items():
        costs = {cell.cell_id: cost_of(cell, axis) for cell in cells}
        points = [
            (cell.cell_id, cost, sign * cell.headline.value)
            for cell in cells
            if (cost := costs[cell.cell_id]) is not None and cell.headline is not None
        ]
        left_out = tuple(cell.cell_id for cell in cells if costs[cell.cell_id] is None)
        fronts.append(ParetoFront(dataset=dataset, axis=axis, unit=unit, cell_ids=front(points), left_out=left_out))
    return tuple(fronts)
