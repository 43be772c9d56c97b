"""What changed from each point of a history to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from suite.publish.collection import Collection
from suite.publish.difference import RunDifference, Trend
from suite.publish.differing import differ, trend
from suite.publish.record import EvidenceRecord, RunRecord

__all__ = ["Change", "Changes", "Evidence", "changes_of"]

Evidence = Mapping[str, Mapping[str, EvidenceRecord]]
"""Id of a point to cell id to what a comparison with other runs needs."""


@dataclass(frozen=True)
class Change:
    """From one point to the next."""

    difference: RunDifference
    trends: tuple[Trend, ...]
    """How the answer for each data set moved, where both points have one."""

    @property
    def words(self) -> tuple[str, ...]:
        """``improvement on digits``, for answers that moved beyond noise."""
        return tuple(f"{one.kind} on {one.dataset}" for one in self.trends if one.kind in {"improvement", "regression"})


Changes = Mapping[str, Change]
"""Id of a point to how it differs from the one before; the first of a history has none."""


def changes_of(collection: Collection, evidence: Evidence) -> Changes:
    """Every point that has one before it."""
    return {
        point.id: _change(before, point, evidence)
        for history in collection.histories
        for point in history.points
        if (before := history.before(point)) is not None
    }


def _change(before: RunRecord, after: RunRecord, evidence: Evidence) -> Change:
    old, new = evidence[before.id], evidence[after.id]
    trends = (trend(before, after, old, new, dataset=one.name) for one in after.home_datasets)
    return Change(differ(before, after, old, new), tuple(one for one in trends if one is not None))
