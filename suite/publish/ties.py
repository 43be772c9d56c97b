"""Which cells of a leaderboard over runs cannot be told apart from its best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from suite.compare.kept_evidence import EvidenceRecord, resamples_of
from suite.compare.paired import holm, spread_p_values
from suite.compare.spread import WEIGHTS

__all__ = ["Tie", "tied_with_best"]

Array = NDArray[np.float64]
Tie = Literal["best", "tied", "behind", "unknown"]
"""``unknown`` where one of the two has no kept predictions."""
SIGNIFICANT = 0.05
BOTH: Array = np.outer(WEIGHTS, WEIGHTS).ravel()


def tied_with_best(
    evidence: Sequence[EvidenceRecord | None], scores: Array, *, higher_is_better: bool
) -> tuple[Tie, ...]:
    """How each cell stands to the first, which is the best.

    Cells that were scored on the same examples are compared on them, others as independent; what other seeds may add is
    counted on both sides. p-values are corrected for all cells of the board (Holm 1979).

    Args:
        evidence: Of each cell; None where nothing was kept.
        scores: The headline of each, shape ``(cells,)``, the best first.
        higher_is_better: Of the metric.
    """
    best = evidence[0] if evidence else None
    if best is None:
        return tuple("unknown" if place else "best" for place in range(len(evidence)))
    own = resamples_of(best)
    added = best.seed_factor * _spread(best)
    p_values, able = [], []
    for place, other in enumerate(evidence[1:], start=1):
        if other is None:
            continue
        theirs = resamples_of(other)
        same = other.examples == best.examples and len(theirs) == len(own)
        apart = float(np.var(own - theirs, ddof=1)) if same else float(own.var(ddof=1) + theirs.var(ddof=1))
        examples = apart * max(best.stretch, other.stretch)
        seeds = (added[:, None] + other.seed_factor * _spread(other)).ravel()
        gap = scores[0] - scores[place] if higher_is_better else scores[place] - scores[0]
        p_values.append(float(spread_p_values(np.array([gap]), (examples + seeds)[None], BOTH)[0]))
        able.append(place)
    found: list[Tie] = ["unknown"] * len(evidence)
    found[0] = "best"
    for place, p_value in zip(able, holm(np.array(p_values)), strict=True):
        found[place] = "tied" if p_value >= SIGNIFICANT else "behind"
    return tuple(found)


def _spread(evidence: EvidenceRecord) -> Array:
    """What seeds may add; nothing is known of one seed."""
    return np.array(evidence.spread) if evidence.spread else np.zeros(len(WEIGHTS))
