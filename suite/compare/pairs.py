"""Every pair of ranked cells of a data set: difference, interval, corrected test."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from suite.compare.cell import CellSummary
from suite.compare.comparison import Difference
from suite.compare.evidence import SetEvidence
from suite.compare.paired import bootstrap_p_value, holm, sign_flip_p_value
from suite.metrics.resampling import interval

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
    tested = [_test(better, worse, evidence, sign) for better, worse in combinations(ranked, 2)]
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


def _test(better: CellSummary, worse: CellSummary, evidence: Mapping[str, SetEvidence], sign: float) -> _Tested:
    first, second = evidence[better.cell_id], evidence[worse.cell_id]
    names = (better.cell_id, worse.cell_id)
    observed = None
    if better.headline is not None and worse.headline is not None:
        observed = sign * (better.headline.value - worse.headline.value)
    if first.resampled is None or second.resampled is None:
        which = better if first.resampled is None else worse
        return _Tested(*names, observed, reason=f"{which.name}: {evidence[which.cell_id].reason or 'no predictions.'}")
    if first.examples_key != second.examples_key:
        return _Tested(*names, observed, reason="the two were scored on different examples and cannot be paired.")
    resampled = sign * (first.resampled - second.resampled)
    low, high = _interval(resampled)
    p_value = _p_value(first, second, resampled, observed or 0.0)
    reason = None if p_value is not None else "too few resamples have a score."
    return _Tested(*names, observed, low, high, p_value, reason)


def _p_value(first: SetEvidence, second: SetEvidence, resampled: NDArray[np.float64], observed: float) -> float | None:
    if first.values is not None and second.values is not None:
        return sign_flip_p_value(first.values - second.values, steps=math.lcm(first.steps, second.steps))
    return bootstrap_p_value(observed, resampled)


def _interval(resampled: NDArray[np.float64]) -> tuple[float | None, float | None]:
    return interval(resampled) or (None, None)
