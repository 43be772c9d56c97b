"""How far apart luck alone puts the scores of some cells, all differences together.

A comparison of many cells looks at many differences, and the largest of them is large by luck alone.  So what is asked
is how large the largest gets where there is nothing to see: scores are drawn as other test examples and other seeds
would have made them, with the correlation that cells have which answer the same examples, and of each draw the largest
difference is taken in units of its own spread (Tukey's range of correlated scores; Westfall and Young 1993,
Resampling-Based Multiple Testing).  What that exceeds in 5 % of the draws is the critical value of every difference.

The unit of a difference is its own quantile as far out as the critical value lies (Westfall and Young's minimal
p-value; Beran 1988, Balanced Simultaneous Confidence Sets, JASA 83): every difference has the same share in the 5 %,
and a cell whose seeds scatter has a wide interval of its own instead of widening those of all others.

Examples enter through the resamples of ``saved_evidence``, as normal errors with their covariance; seeds through what
``seed_variance`` says their variance may be, which gives few seeds the long tails of Student's distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from suite.compare.statistics.paired_tests import reach_of
from suite.compare.statistics.saved_evidence import EvidenceRecord, resamples_of
from suite.compare.statistics.seed_variance import BOTH, WEIGHTS

__all__ = ["Family", "Luck", "luck_of"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
LEVEL = 0.05
FEW_SEEDS = 5
ASKED_LESS = 0.36
"""Seeds that agree by chance hide a cell that scatters more than the others, and what it borrows from these makes it
too sure.  So of cells with two or three seeds the draws are asked this share less, and of up to ``FEW_SEEDS`` the less,
the more degrees of freedom they have; found by simulation, as what keeps both within 5 %
(``benchmarks/statistics.md``)."""
MATTER = (0.2, 0.4, 0.7, 0.9)
"""The share of seeds in the variance of differences from which on that matters, from which on in full, up to which, and
from which on no more: where examples are nearly all, little can hide, and where seeds are, the scatter is seen."""
START = 3.0
"""Standard errors: where a critical value is looked for first."""
ROUNDS, CLOSE = 4, 0.03
"""Looks at most, and when two of them agree."""
DRAWS = 4_000
"""The share of draws beyond a critical value is good to 0.3 points."""
FEWEST_DRAWS = 500
MOST_NUMBERS = 200_000_000
"""Differences that are drawn at most; with more cells there are fewer draws."""
AT_ONCE = 4_000_000
SEED = 20_171
NEARLY_ZERO = 1e-9
"""Of two sums that cancel, a rest below this share is rounding."""
TINY = 1e-12


@dataclass(frozen=True)
class Luck:
    """How far luck moves the scores of some cells against each other; made by ``luck_of``."""

    errors: Array
    """What luck adds to each score, shape ``(draws, cells)``."""
    examples: Array
    """Variance of each difference over other examples, shape ``(cells, cells)``."""
    seeds: Array
    """What the variance that other seeds add to each score may be, shape ``(cells, parts)``."""
    grain: Array
    """What is taken off each difference before it is looked at: half a step of what is counted, where scores are counts
    of right answers, as Yates has it; shape ``(cells, cells)``."""
    sizes: Array
    """Test examples of each cell; infinite where they were not counted."""
    level: float = LEVEL
    """How often the largest difference of the draws may exceed the critical value."""

    def family(self, candidates: Mask, *, near: float = START) -> Family:
        """The differences between every candidate and every cell, looked at together.

        Args:
            candidates: Shape ``(cells,)``.
            near: Where the critical value is looked for first: that of a family that this one is a part of.
        """
        if len(candidates) <= 2:
            critical = float(special.ndtri(1 - self.level / 2))
            return Family(self, None, critical, self.scales(critical), self.level)
        near = near if near > 0 else START
        for _ in range(ROUNDS):
            scale = self.scales(near)
            largest = np.sort(self._largest(candidates, scale))
            critical = float(np.quantile(largest, 1 - self.level, method="higher"))
            if abs(critical - near) <= CLOSE or critical <= 0:
                break  # where no cell differs from another in any draw there is no luck to measure
            near = critical
        return Family(self, largest, critical, scale, self.level)

    def scales(self, critical: float) -> Array:
        """Standard error of each difference, as a normal distribution has it that as often lies beyond ``critical`` of
        them; shape ``(cells, cells)``.
        """
        scale = np.zeros_like(self.examples)
        chance = float(special.erfc(critical / np.sqrt(2)))
        for one in range(len(scale) - 1):
            seeds = (self.seeds[one][:, None] + self.seeds[one + 1 :, None, :]).reshape(len(scale) - one - 1, -1)
            row = reach_of(self.examples[one, one + 1 :, None] + seeds, BOTH, chance=chance) / critical
            scale[one, one + 1 :] = scale[one + 1 :, one] = row
        return np.where(scale > TINY, scale, 0.0)

    def _largest(self, candidates: Mask, scale: Array) -> Array:
        """The largest of these differences in each draw, in units of its spread; shape ``(draws,)``."""
        scale = np.where(scale > 0, scale, np.inf)
        chosen = np.flatnonzero(candidates)
        found = np.zeros(len(self.errors))
        # A pair of two candidates is looked at once.
        others = [np.flatnonzero(~candidates | (np.arange(len(candidates)) > one)) for one in chosen]
        rows = max(1, AT_ONCE // len(candidates))
        for start in range(0, len(found), rows):
            part = self.errors[start : start + rows]
            for one, other in zip(chosen, others, strict=True):
                if len(other):
                    apart = np.abs(part[:, other] - part[:, one, None]) / scale[one, other]
                    np.maximum(found[start : start + rows], apart.max(axis=1), out=found[start : start + rows])
        return found


@dataclass(frozen=True)
class Family:
    """Differences that are looked at together: how large the largest of them gets by luck."""

    luck: Luck
    largest: Array | None
    """In each draw, ascending; None for a single difference, which is known without."""
    critical: float
    """What the largest exceeds in ``level`` of the draws."""
    scale: Array
    """The unit of each difference; shape ``(cells, cells)``."""
    level: float

    def of(self, luck: Luck) -> Family:
        """The same critical value for differences of some of the cells on other examples or seeds."""
        return self if luck is self.luck else replace(self, luck=luck, scale=luck.scales(self.critical))

    def statistics(self, gaps: Array, first: NDArray[np.int64], second: NDArray[np.int64]) -> Array:
        """The size of differences in their units.

        The difference itself counts as spread: with few examples that all say the same, little is seen of how much
        they vary (a score test, which the sign-flip test tends to).
        """
        sizes = np.minimum(self.luck.sizes[first], self.luck.sizes[second])
        beyond = np.maximum(np.abs(gaps) - self.luck.grain[first, second], 0.0)
        spread = np.sqrt(self.scale[first, second] ** 2 + beyond**2 / sizes)
        return np.divide(beyond, spread, out=np.where(beyond > 0, np.inf, 0.0), where=spread > 0)

    def reaches(self, gaps: Array, first: NDArray[np.int64], second: NDArray[np.int64]) -> Array:
        """Half the width of the intervals that leave out 0 exactly where ``statistics`` exceeds ``critical``."""
        critical = self.critical
        sizes = np.minimum(self.luck.sizes[first], self.luck.sizes[second])
        scale, grain = self.scale[first, second], self.luck.grain[first, second]
        beyond = np.maximum(np.abs(gaps) - grain, 0.0)
        enough = sizes > critical**2
        grown = np.divide(1.0, 1 - critical**2 / np.where(enough, sizes, np.inf))
        wide = np.where(enough, scale**2 * grown, scale**2 + beyond**2 / sizes)
        return np.asarray(grain + critical * np.sqrt(wide))

    def p_values(self, statistics: Array) -> Array:
        """How often luck makes the largest as large; below 0.05 exactly for what exceeds ``critical``."""
        if self.largest is None:
            shares = np.asarray(special.erfc(statistics / np.sqrt(2)))
        else:
            beyond = len(self.largest) - np.searchsorted(self.largest, statistics)
            shares = np.maximum(beyond, 1) / len(self.largest)
        return np.asarray(np.minimum(shares * LEVEL / self.level, 1.0))


def luck_of(records: Sequence[EvidenceRecord]) -> Luck:
    """What luck with examples and seeds does to the scores of these cells.

    Cells that were scored on the same examples saw the same resamples and are paired; others are independent.

    Raises:
        ValueError: Where resamples cannot be read.
    """
    count = len(records)
    draws = int(np.clip(MOST_NUMBERS // max(1, count * count), FEWEST_DRAWS, DRAWS))
    errors, variances = _of_examples(records, draws)
    parts = np.array([np.array(one.spread or np.zeros(len(WEIGHTS))) * one.seed_factor for one in records])
    errors += _of_seeds(parts, draws)
    steps, sizes = np.array([one.steps for one in records]), np.array([one.size for one in records], dtype=np.float64)
    return Luck(
        errors=errors,
        examples=variances,
        seeds=parts,
        grain=_grains([one.examples for one in records], steps, sizes),
        sizes=np.where(sizes > 0, sizes, np.inf),
        level=_level(
            # Where seeds have splits of their own, examples are counted so carefully that errors are far below 5 %.
            np.array([one.seeds if one.stretch <= 1 else 1 for one in records]),
            parts,
            variances,
        ),
    )


def _level(seeds: NDArray[np.int64], parts: Array, examples: Array) -> float:
    """What is asked of the draws: less where few seeds tell of a spread that matters."""
    few = (seeds > 1) & (seeds <= FEW_SEEDS) & parts.any(axis=1)
    if not few.any():
        return LEVEL
    first, second = np.triu_indices(len(parts), 1)
    own = parts @ WEIGHTS
    added = own[first] + own[second]
    both = added + examples[first, second]
    share = float(np.divide(added, both, out=np.zeros_like(both), where=both > 0).mean()) if len(first) else 0.0
    # Two cells have no others to learn from, whatever the share.
    matters = 1.0 if len(parts) <= 2 else float(np.interp(share, MATTER, (0.0, 1.0, 1.0, 0.0)))
    freedom = int(seeds[few].min()) - 1
    return LEVEL * (1 - ASKED_LESS * min(1.0, 4 / freedom**2) * matters)


def _of_examples(records: Sequence[EvidenceRecord], draws: int) -> tuple[Array, Array]:
    """Errors of shape ``(draws, cells)``, and the variance of every difference."""
    count = len(records)
    errors, covered = np.empty((draws, count)), np.zeros((count, count), dtype=bool)
    apart, own = np.zeros((count, count)), np.empty(count)
    for number, name in enumerate(dict.fromkeys(one.examples for one in records)):
        at = np.array([place for place, one in enumerate(records) if one.examples == name])
        rows = [resamples_of(records[place]) for place in at]
        # Of metrics that are slow there are fewer resamples; the first of them are the same draws.
        length = min(map(len, rows))
        centred = np.stack([row[:length] - row[:length].mean() for row in rows])
        stretch = np.array([records[place].stretch for place in at])
        centred *= np.sqrt(stretch / max(1, length - 1))[:, None]
        errors[:, at] = _normal(number, draws, length) @ centred.T
        products = centred @ centred.T
        own[at] = np.diagonal(products)
        both = own[at][:, None] + own[at]
        inner = both - 2 * products
        apart[np.ix_(at, at)] = np.where(inner > NEARLY_ZERO * both, inner, 0.0)
        covered[np.ix_(at, at)] = True
    return errors, np.where(covered, apart, own[:, None] + own)


def _of_seeds(parts: Array, draws: int) -> Array:
    """What other seeds add to each score: normal, with a variance that is drawn from what it may be."""
    if not parts.any():
        return np.zeros((draws, len(parts)))
    generator = np.random.default_rng([SEED, 0])
    chosen = np.searchsorted(np.cumsum(WEIGHTS)[:-1], generator.random((len(parts), draws)), side="right")
    deviation = np.sqrt(np.take_along_axis(parts, chosen, axis=1))
    return np.asarray((deviation * generator.standard_normal((len(parts), draws))).T)


def _grains(examples: Sequence[str], steps: NDArray[np.int64], sizes: Array) -> Array:
    counted = (steps > 0) & (sizes > 0)
    both = counted[:, None] & counted
    same = np.array([[one == other for other in examples] for one in examples])
    common = np.lcm(np.maximum(steps, 1)[:, None], np.maximum(steps, 1))
    size, step = np.maximum(sizes, 1), np.maximum(steps, 1)
    own = 1 / (size * step)
    return np.asarray(np.where(both, np.where(same, 1 / (size[:, None] * common), (own[:, None] + own) / 2), 0.0))


@lru_cache(maxsize=4)
def _normal(number: int, draws: int, length: int) -> Array:
    found = np.random.default_rng([SEED, 1 + number]).standard_normal((draws, length))
    found.setflags(write=False)
    return found
