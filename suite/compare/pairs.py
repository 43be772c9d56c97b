"""Every pair of ranked cells of a data set: difference, interval, corrected test."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suite.compare.cell import CellSummary
from suite.compare.comparison import Difference
from suite.compare.evidence import SetEvidence
from suite.compare.paired import bootstrap_p_value, holm, sign_flip_p_values
from suite.metrics.resampling import intervals

__all__ = ["differences", "standard_error"]

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class _Tested:
    better: str
    worse: str
    difference: float | None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    reason: str | None = None


def differences(
    dataset: str,
    ranked: Sequence[CellSummary],
    evidence: Mapping[str, SetEvidence],
    *,
    higher_is_better: bool,
) -> tuple[Difference, ...]:
    """Compares every pair of cells, the better ranked first, Holm-corrected over all pairs that have a test.

    Where no cell has predictions there are no pairs: nothing can be tested.

    Args:
        dataset: Label of the data set.
        ranked: Its cells, best first.
        evidence: Cell id to predictions on the home test set.
        higher_is_better: Of the headline; differences are turned so that positive means better.
    """
    if not any(evidence[cell.cell_id].predictions for cell in ranked):
        return ()  # of published tables with a thousand models, half a million times the same reason
    sign = 1.0 if higher_is_better else -1.0
    tested = [one for index, cell in enumerate(ranked) for one in _tests_of(cell, ranked[index + 1 :], evidence, sign)]
    p_values = [one.p_value for one in tested if one.p_value is not None]
    adjusted = iter(holm(np.array(p_values)).tolist())
    found = []
    for one in tested:
        p_holm = next(adjusted) if one.p_value is not None else None
        found.append(
            Difference(
                dataset=dataset,
                better=one.better,
                worse=one.worse,
                difference=one.difference,
                low=one.low,
                high=one.high,
                p_value=one.p_value,
                p_holm=p_holm,
                different=p_holm is not None and p_holm < SIGNIFICANT,
                reason=one.reason,
            )
        )
    return tuple(found)


def standard_error(first: SetEvidence, second: SetEvidence) -> float | None:
    """Bootstrap standard error of the paired difference; None where the two cannot be paired."""
    if first.resampled is None or second.resampled is None or first.examples_key != second.examples_key:
        return None
    there = (gaps := first.resampled - second.resampled)[np.isfinite(gaps)]
    return float(there.std(ddof=1)) if len(there) > 1 else None


def _tests_of(
    better: CellSummary, others: Sequence[CellSummary], evidence: Mapping[str, SetEvidence], sign: float
) -> list[_Tested]:
    """One cell against every lower-ranked one, the intervals of all of them at once."""
    first = evidence[better.cell_id]
    seconds = [evidence[other.cell_id] for other in others]
    reasons = [_not_paired(better, other, evidence) for other in others]
    gaps = {
        index: sign * (first.resampled - second.resampled)
        for index, second in enumerate(seconds)
        if reasons[index] is None and first.resampled is not None and second.resampled is not None
    }
    rows = np.array(list(gaps.values()))
    ends = dict(zip(gaps, intervals(rows).tolist(), strict=True)) if gaps else {}
    scores = [_score_gap(better, other, sign) for other in others]
    tested = _p_values(first, {index: seconds[index] for index in gaps}, gaps, scores)
    found = []
    for index, other in enumerate(others):
        names = (better.cell_id, other.cell_id)
        if index not in gaps:
            found.append(_Tested(*names, scores[index], reason=reasons[index]))
            continue
        low, high = (None if math.isnan(end) else end for end in ends[index])
        reason = None if tested[index] is not None else "too few resamples have a score."
        found.append(_Tested(*names, scores[index], low, high, tested[index], reason))
    return found


def _score_gap(better: CellSummary, worse: CellSummary, sign: float) -> float | None:
    if better.headline is None or worse.headline is None:
        return None
    return sign * (better.headline.value - worse.headline.value)


def _not_paired(better: CellSummary, worse: CellSummary, evidence: Mapping[str, SetEvidence]) -> str | None:
    """Why two cells cannot be compared example by example; None where they can."""
    for cell in (better, worse):
        if evidence[cell.cell_id].resampled is None:
            return f"{cell.name}: {evidence[cell.cell_id].reason or 'there are no predictions.'}"
    if evidence[better.cell_id].examples_key != evidence[worse.cell_id].examples_key:
        return "the two were scored on different examples and cannot be paired."
    return None


def _p_values(
    first: SetEvidence,
    seconds: Mapping[int, SetEvidence],
    gaps: Mapping[int, NDArray[np.float64]],
    scores: Sequence[float | None],
) -> dict[int, float | None]:
    """One p-value per position: the exact test where the headline is a mean over examples, else the z-test."""
    if first.values is None:
        return {index: bootstrap_p_value(scores[index] or 0.0, gap) for index, gap in gaps.items()}
    by_steps: dict[int, list[int]] = {}
    for index, second in seconds.items():
        by_steps.setdefault(math.lcm(first.steps, second.steps), []).append(index)
    found: dict[int, float | None] = {}
    for steps, indices in by_steps.items():
        rows = [first.values - values for index in indices if (values := seconds[index].values) is not None]
        found.update(zip(indices, sign_flip_p_values(np.array(rows), steps=steps).tolist(), strict=True))
    return found
