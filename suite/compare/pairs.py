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
from suite.compare.paired import bootstrap_p_value, holm, sign_flip_p_value
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

    Args:
        dataset: Label of the data set.
        ranked: Its cells, best first.
        evidence: Cell id to predictions on the home test set.
        higher_is_better: Of the headline; differences are turned so that positive means better.
    """
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
    ends = dict(zip(gaps, intervals(np.array(list(gaps.values()))).tolist(), strict=True)) if gaps else {}
    found = []
    for index, other in enumerate(others):
        names = (better.cell_id, other.cell_id)
        observed = None
        if better.headline is not None and other.headline is not None:
            observed = sign * (better.headline.value - other.headline.value)
        if index not in gaps:
            found.append(_Tested(*names, observed, reason=reasons[index]))
            continue
        low, high = (None if math.isnan(end) else end for end in ends[index])
        p_value = _p_value(first, seconds[index], gaps[index], observed or 0.0)
        reason = None if p_value is not None else "too few resamples have a score."
        found.append(_Tested(*names, observed, low, high, p_value, reason))
    return found


def _not_paired(better: CellSummary, worse: CellSummary, evidence: Mapping[str, SetEvidence]) -> str | None:
    """Why two cells cannot be compared example by example; None where they can."""
    for cell in (better, worse):
        if evidence[cell.cell_id].resampled is None:
            return f"{cell.name}: {evidence[cell.cell_id].reason or 'there are no predictions.'}"
    if evidence[better.cell_id].examples_key != evidence[worse.cell_id].examples_key:
        return "the two were scored on different examples and cannot be paired."
    return None


def _p_value(first: SetEvidence, second: SetEvidence, resampled: NDArray[np.float64], observed: float) -> float | None:
    if first.values is not None and second.values is not None:
        return sign_flip_p_value(first.values - second.values, steps=math.lcm(first.steps, second.steps))
    return bootstrap_p_value(observed, resampled)
