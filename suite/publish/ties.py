"""Which cells of a leaderboard over runs cannot be told apart from its best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from suite.compare.paired import SIGNIFICANT
from suite.publish.judging import Side, p_values_against, why_not
from suite.publish.record import EvidenceRecord

__all__ = ["Tie", "tied_with_best"]

Tie = Literal["best", "tied", "behind", "unknown"]
"""``unknown`` where one of the two has no kept predictions."""


def tied_with_best(evidence: Sequence[EvidenceRecord | None], scores: Sequence[float]) -> tuple[Tie, ...]:
    """How each cell stands to the first, which is the best; by the tests of ``suite.publish.judging``.

    Args:
        evidence: Of each cell; None where nothing was kept.
        scores: The headline of each, the best first.
    """
    found: list[Tie] = ["unknown"] * len(evidence)
    found[0] = "best"
    able = {
        place: Side(score, kept)
        for place, (score, kept) in enumerate(zip(scores, evidence, strict=True))
        if kept is not None and why_not(kept) is None
    }
    best = able.pop(0, None)
    if best is not None and able:
        for place, p_value in zip(able, p_values_against(best, list(able.values())), strict=True):
            found[place] = "tied" if p_value >= SIGNIFICANT else "behind"
    return tuple(found)
