"""The scale on which the intervals of a table are drawn, one rule for the report's leaderboards and the site's."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Drawn", "IntervalScale"]

FAR = 2.0
"""Times the median width that the scale makes room for on each side of a score."""
STEP, WIDE = 0.05, 5.0
"""The ends are rounded outwards to this; of scores that lie further apart than ``WIDE`` to a power of ten."""

Ends = tuple[float, float]


@dataclass(frozen=True)
class Drawn:
    """An interval in percent of the scale, cut at its ends."""

    low: float
    at: float
    high: float
    leaves: str
    """Where it leaves the scale: ``left``, ``right``, both, or empty; class names of the pages."""

    @property
    def numbers(self) -> list[float | str]:
        """For a page's script: where it lies, and where it leaves the scale if it does."""
        return [self.low, self.at, self.high, *([self.leaves] if self.leaves else [])]


@dataclass(frozen=True)
class IntervalScale:
    """A part of the numbers from ``low`` to ``high``."""

    low: float = 0.0
    high: float = 1.0

    @classmethod
    def of(cls, scores: Sequence[tuple[float, Ends | None]]) -> IntervalScale:
        """A scale for scores with their intervals; 0 to 1 for none.

        It holds every score, and every interval but those of the few that are ``FAR`` wider than most: two seeds far
        apart can leave everything open, and would press all others together. What leaves the scale is drawn so.
        """
        if not scores:
            return cls()
        widths = [ends[1] - ends[0] for _, ends in scores if ends is not None]
        most = FAR * statistics.median(widths) if widths else 0.0
        least = min(value if ends is None else min(value, max(ends[0], value - most)) for value, ends in scores)
        largest = max(value if ends is None else max(value, min(ends[1], value + most)) for value, ends in scores)
        step = STEP if largest - least < WIDE else 10.0 ** math.floor(math.log10(largest - least))
        low, high = math.floor(round(least / step, 9)) * step, math.ceil(round(largest / step, 9)) * step
        return cls(low, high) if high > low else cls(low - step, high + step)

    def draw(self, value: float, ends: Ends | None) -> Drawn:
        """A score and its interval on the scale."""
        low, high = ends or (value, value)
        left, at, right = (round(100 * (one - self.low) / (self.high - self.low), 2) for one in (low, value, high))
        leaves = " ".join(["left"] * (left < 0) + ["right"] * (right > 100))
        return Drawn(max(0.0, left), at, min(100.0, right), leaves)
