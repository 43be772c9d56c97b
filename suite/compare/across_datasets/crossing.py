"""Trained on one data set, tested on the others: on the classes that both have, matched by name."""

from __future__ import annotations

import math
from collections.abc import Sequence

from suite.compare.robustness.records import CrossCell, Estimate
from suite.metrics import Metric
from suite.store.records.result import CrossScores, Result, Score

__all__ = ["crossed"]


def crossed(finals: Sequence[Result], metric: Metric) -> tuple[CrossCell, ...]:
    """A cell's scores on the other data sets of the spec, in the order of the spec."""
    names = dict.fromkeys(one.dataset for result in finals for one in result.cross)
    return tuple(
        _cross([one for result in finals for one in result.cross if one.dataset == name], metric) for name in names
    )


def _cross(found: Sequence[CrossScores], metric: Metric) -> CrossCell:
    """Means over seeds; the ends of the interval are means of those of the seeds, which saw the same examples."""
    first = found[0]
    there = [one.scores.get(metric.name) for one in found]
    value, low, high = (_mean([_end(score, end) for score in there]) for end in ("value", "low", "high"))
    at_home = _mean([_end(one.at_home.get(metric.name), "value") for one in found])
    sign = 1.0 if metric.higher_is_better else -1.0
    reason = first.reason or next((score.reason for score in there if score is not None and score.reason), None)
    return CrossCell(
        dataset=first.dataset,
        classes=first.classes,
        examples=first.examples,
        score=Estimate(value=value, low=low, high=high, reason=reason),
        at_home=at_home,
        drop=None if value is None or at_home is None else sign * (at_home - value),
    )


def _end(score: Score | None, end: str) -> float | None:
    value: float | None = getattr(score, end, None)
    return value


def _mean(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return math.fsum(there) / len(there) if there and len(there) == len(values) else None
