"""Whether a score changed beyond noise: the tests of ``suite.compare.statistics.pairwise``, for cells of two runs.

The predictions are not at hand, only what ``suite.compare.statistics.saved_evidence`` keeps of them.  Where both
cells were scored on the same examples their resamples are the same draws, and the variance of the difference is that of
the paired resamples; elsewhere the two are independent, and their variances add up.  What other seeds add comes on top,
from both.  A comparison holds right-or-wrong scores to an exact test over examples too; here its normal approximation
with a correction for continuity stands in for it, which needs no more than the variance.
``templates/site/difference.js`` does the same in a browser.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from suite.compare.statistics.paired_tests import SIGNIFICANT, Z_POWER, reach_of, spread_p_values
from suite.compare.statistics.saved_evidence import EvidenceRecord, resamples_of
from suite.compare.statistics.seed_variance import BOTH, WEIGHTS

__all__ = ["Judged", "Side", "judge", "why_not"]

Array = NDArray[np.float64]
NEARLY_ZERO = 1e-9
"""Of two sums that cancel, a rest below this share is rounding."""
FEW = 2
"""Resamples without which there is no variance."""


@dataclass(frozen=True)
class Side:
    """One of two cells: its score and what is kept of it."""

    score: float
    evidence: EvidenceRecord


class Judged(NamedTuple):
    """The difference of two cells, turned so that positive means better."""

    difference: float
    low: float
    high: float
    p_value: float
    p_corrected: float
    paired: bool
    smallest_detectable: float | None
    """The smallest true difference that would be called one in four of five tries; None where the two never differ."""
    seed_share: float | None
    """How much of the variance comes from seeds."""
    notes: tuple[str, ...]

    @property
    def different(self) -> bool:
        """Whether it is beyond noise, after the correction; the interval leaves out 0 exactly then."""
        return not self.low <= 0 <= self.high


def judge(pairs: Sequence[tuple[Side, Side]], *, higher_is_better: bool) -> tuple[Judged, ...]:
    """Tests every pair of a cell before and one after; p-values and intervals allow for all of them (Bonferroni).

    The intervals hold the truth together in 95 of 100 comparisons, and leave out 0 exactly where a cell changed beyond
    noise: the step-down correction of Holm finds a little more, but has no such intervals.

    Args:
        pairs: With evidence that ``why_not`` has nothing against.
        higher_is_better: Of the metric.
    """
    sign = 1.0 if higher_is_better else -1.0
    return tuple(_judged(before, after, sign * (after.score - before.score), len(pairs)) for before, after in pairs)


def why_not(evidence: EvidenceRecord | None) -> str | None:
    """Why nothing can be tested with it; None where something can."""
    if evidence is None:
        return "no predictions were kept"
    try:
        resamples = resamples_of(evidence)
    except ValueError:
        return "the resampled scores cannot be read"
    known = (evidence.seed_factor, evidence.stretch, *evidence.spread)
    whole = len(resamples) >= FEW and len(evidence.spread) in {0, len(WEIGHTS)} and min(known) >= 0
    return None if whole and np.isfinite((*known, *resamples)).all() else "the resampled scores cannot be read"


class _Chance(NamedTuple):
    """How likely so large a difference is where there is none, and what the variance of the difference may be."""

    p_value: float
    variances: Array
    seeds: Array
    """The part of each variance that comes from seeds."""
    paired: bool


def _judged(before: Side, after: Side, gap: float, tests: int) -> Judged:
    p_value, variances, seeds, paired = _chance(before, after, gap)
    reach = float(reach_of(variances, BOTH, chance=SIGNIFICANT / tests)[0])
    corrected = min(1.0, p_value * tests)
    low, high = gap - reach, gap + reach
    if corrected >= SIGNIFICANT:
        # The count of examples may see no difference where the interval only just does.
        low, high = min(low, 0.0), max(high, 0.0)
    mean = float(variances[0] @ BOTH)
    return Judged(
        difference=gap,
        low=low,
        high=high,
        p_value=p_value,
        p_corrected=corrected,
        paired=paired,
        smallest_detectable=reach + Z_POWER * math.sqrt(mean) if mean > 0 else None,
        seed_share=float(seeds @ BOTH) / mean if mean > 0 else None,
        notes=_notes(before.evidence, after.evidence, paired=paired),
    )


def _chance(before: Side, after: Side, gap: float) -> _Chance:
    one, other = before.evidence, after.evidence
    paired = one.examples == other.examples
    examples = _paired_variance(one, other) if paired else _own_variance(one) + _own_variance(other)
    seeds = (_of_seeds(one)[:, None] + _of_seeds(other)).ravel()
    variances = (examples + seeds)[None]
    by_chance = float(spread_p_values(np.array([gap]), variances, BOTH)[0])
    counted = _counted(one, other, gap, examples, paired=paired)
    p_value = by_chance if counted is None or (seeds.any() and counted < by_chance) else counted
    return _Chance(p_value, variances, seeds, paired)


def _of_seeds(evidence: EvidenceRecord) -> Array:
    """What other seeds may add to the variance of the mean; nothing where nothing is known."""
    return evidence.seed_factor * np.array(evidence.spread or np.zeros(len(WEIGHTS)))


def _own_variance(evidence: EvidenceRecord) -> float:
    return float(resamples_of(evidence).var(ddof=1)) * evidence.stretch


def _paired_variance(one: EvidenceRecord, other: EvidenceRecord) -> float:
    first, second = resamples_of(one), resamples_of(other)
    # Of metrics that are slow there are fewer; the first of them are the same draws.
    both = min(len(first), len(second))
    first, second = first[:both], second[:both]
    apart = float((second - first).var(ddof=1))
    summed = float(first.var(ddof=1) + second.var(ddof=1))
    return apart * max(one.stretch, other.stretch) if apart > NEARLY_ZERO * summed else 0.0


def _counted(one: EvidenceRecord, other: EvidenceRecord, gap: float, examples: float, *, paired: bool) -> float | None:
    """The p-value over examples alone of scores that count whole numbers; None for other scores.

    In place of an exact test: half a step of what is counted is taken off the difference.
    """
    if not (one.steps and other.steps and one.size and other.size):
        return None
    if paired:
        # The signs of the examples' differences are drawn, so that their mean is part of the spread.
        grain, variance = 1 / (one.size * math.lcm(one.steps, other.steps)), examples + gap**2 / one.size
    else:
        grain, variance = (1 / (one.size * one.steps) + 1 / (other.size * other.steps)) / 2, examples
    size = max(0.0, abs(gap) - grain)
    if variance <= 0:
        return 0.0 if size > 0 else 1.0
    return float(special.erfc(size / math.sqrt(2 * variance)))


def _notes(before: EvidenceRecord, after: EvidenceRecord, *, paired: bool) -> tuple[str, ...]:
    notes = []
    if not paired:
        notes.append(
            "They were scored on different examples and are compared as independent, so a small change does not show."
        )
    alone = [side for side, one in (("before", before), ("after", after)) if not one.spread]
    if len(alone) == len((before, after)):
        notes.append("With one seed in both runs, nothing is known of how much another would change.")
    elif alone:
        notes.append(f"With one seed {alone[0]}, nothing is known of how much another would change there.")
    return tuple(notes)
