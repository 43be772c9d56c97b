"""Scores on slices of the test set: where a model is weak that is good on the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from suite.compare.cell import CellSummary, SliceScore, SliceScores
from suite.compare.statistics.evidence import SetEvidence
from suite.compare.statistics.intervals import luck_spreads, overall_interval
from suite.metrics import Metric, MissingScore
from suite.metrics.intervals import Luck, luck_of
from suite.store.records.outputs import Outputs
from suite.store.records.slices import DatasetSlices, SliceRecord, examples_digest

__all__ = ["FEWEST", "with_slices"]

FEWEST = 10
"""Test examples of a slice that is called the worst, or that a limit is held against: of fewer the score is luck."""
OTHER_EXAMPLES = "the slices are those of other test examples; run the spec again."
OWN_SPLITS = "each seed has test examples of its own."
NOT_KEPT = "the predictions were not kept."


def with_slices(
    cells: Sequence[CellSummary], evidence: Mapping[str, SetEvidence], metric: Metric, kept: DatasetSlices | None
) -> list[CellSummary]:
    """The cells of one data set with their scores on every slice.

    Args:
        cells: Without.
        evidence: Cell id to its predictions on the home test set.
        metric: The headline.
        kept: Which slice each test example is in; None where the spec asks for none.
    """
    if kept is None:
        return list(cells)
    digests: dict[int, str] = {}
    found: dict[str, list[SliceScores]] = {cell.cell_id: [] for cell in cells}
    for record in kept.slices:
        able: dict[str, SetEvidence] = {}
        for cell in cells:
            home = evidence[cell.cell_id]
            reason = _refused(home, record, kept, digests)
            if reason:
                found[cell.cell_id].append(SliceScores(name=record.name, reason=reason))
            else:
                able[cell.cell_id] = home
        for cell_id, scores in _scored(record, able, metric).items():
            found[cell_id].append(scores)
    return [
        cell.model_copy(
            update={
                "slices": tuple(found[cell.cell_id]),
                "min_slice_accuracy": _least_accuracy(evidence[cell.cell_id], kept, found[cell.cell_id]),
            }
        )
        for cell in cells
    ]


def _refused(home: SetEvidence, record: SliceRecord, kept: DatasetSlices, digests: dict[int, str]) -> str | None:
    """Why the slices say nothing of a cell; None where they do."""
    if not home.predictions:
        return home.reason or NOT_KEPT
    if len(set(home.keys)) != 1:
        return OWN_SPLITS
    ids = home.predictions[0].example_ids
    key = hash(ids.tobytes())  # cells have the same examples: they are read once
    if key not in digests:
        digests[key] = examples_digest(ids.tolist())
    if digests[key] != kept.examples or len(_codes(record)) != len(ids):
        return OTHER_EXAMPLES
    return None


def _codes(record: SliceRecord) -> NDArray[np.int64]:
    try:
        return record.numbers()
    except ValueError:
        return np.zeros(0, dtype=np.int64)


def _scored(record: SliceRecord, able: Mapping[str, SetEvidence], metric: Metric) -> dict[str, SliceScores]:
    """Each cell on the slices of one property; cells learn from each other how far seeds differ."""
    codes = _codes(record)
    by_cell: dict[str, list[SliceScore]] = {cell_id: [] for cell_id in able}
    for at, value in enumerate(record.values):
        rows = np.flatnonzero(codes == at)
        if not len(rows):
            continue
        lucks = {cell_id: _luck(metric, home, rows) for cell_id, home in able.items()}
        known = {cell_id: luck for cell_id, (_, luck) in lucks.items() if isinstance(luck, Luck)}
        spreads = dict(zip(known, luck_spreads(list(known.values())), strict=True)) if known else {}
        for cell_id, (score, luck) in lucks.items():
            if isinstance(luck, str):
                one = SliceScore(name=value, examples=len(rows), value=score, reason=luck)
            else:
                low, high = overall_interval(luck, spreads[cell_id])
                one = SliceScore(name=value, examples=len(rows), value=score, low=low, high=high)
            by_cell[cell_id].append(one)
    sign = 1 if metric.higher_is_better else -1
    return {cell_id: _with_worst(record.name, scores, sign) for cell_id, scores in by_cell.items()}


def _with_worst(name: str, scores: Sequence[SliceScore], sign: int) -> SliceScores:
    told = [(sign * one.value, one.name) for one in scores if one.value is not None and one.examples >= FEWEST]
    if len(told) < 2:
        return SliceScores(name=name, scores=tuple(scores))
    (least, worst), (most, best) = min(told), max(told)
    return SliceScores(name=name, scores=tuple(scores), worst=worst, best=best, gap=most - least)


def _luck(metric: Metric, home: SetEvidence, rows: NDArray[np.int64]) -> tuple[float | None, Luck | str]:
    parts = [_part(one, rows) for one in home.predictions]
    try:
        scores = np.array([metric(one) for one in parts])
        found = luck_of(metric, parts, scores=scores)
    except MissingScore as missing:
        return None, str(missing)
    return float(scores.mean()), found


def _part(outputs: Outputs, rows: NDArray[np.int64]) -> Outputs:
    return outputs.take(rows).with_facts(outputs.facts.take(rows))


def _least_accuracy(home: SetEvidence, kept: DatasetSlices, found: Sequence[SliceScores]) -> float | None:
    """The lowest accuracy on any slice with enough examples; None where nothing is known or nothing is classified."""
    if not home.classified or any(one.reason for one in found):
        return None
    right = np.mean([one.labels == one.targets for one in home.classified], axis=0)
    least: list[float] = []
    for record in kept.slices:
        codes = _codes(record)
        sizes = np.bincount(codes, minlength=len(record.values))
        sums = np.bincount(codes, right, minlength=len(record.values))
        least += (sums[sizes >= FEWEST] / sizes[sizes >= FEWEST]).tolist()
    return min(least) if least else None
