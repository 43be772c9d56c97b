"""How much a cell's score moves from seed to seed, learned from all cells of a data set together.

Two or three seeds say little of their own spread: of three, one in ten has less than a third of the true one.  The test
of a pair needs it all the same, since the means of three seeds of equally good models do differ.  So a cell borrows
from the others as far as they agree: the empirical Bayes of Smyth (2004), Linear Models and Empirical Bayes Methods for
Assessing Differential Expression, Statistical Applications in Genetics and Molecular Biology 3, with three changes that
few cells and few seeds ask for (``benchmarks/statistics.md`` has what it does without them).

1. The variance between seeds has a floor that is known: each fit answers some examples by luck, and how much that moves
   a score follows from the predictions.  What is estimated is the part above it, ``t**2``.
2. How much cells differ in ``t`` is not one number that five cells would have to give (Smyth's ``d0``, which is
   infinite as soon as they happen to agree): ``log t`` is normal around an unknown centre with an unknown width, and
   both are averaged over by how well they explain the data (Gelman et al. 2013, Bayesian Data Analysis, chapter 5).
3. A few cells may be like no other: a small share of ``t`` may lie anywhere, a larger one where cells are few.

Everything is on a grid, so that nothing has to converge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BOTH", "WEIGHTS", "Seeds", "seed_spread", "squeezed"]

Array = NDArray[np.float64]
POINTS = 32
"""Values of the spread that are looked at, evenly on a logarithmic scale."""
CENTRES = 20
WIDTHS = (0.01, 0.25, 0.5, 1.0, 1.5)
"""How far apart cells may be: standard deviations of ``log t``; 1.5 is a factor of 20 between most cells."""
ODD = 0.05
ODD_OF_FEW, MOST_ODD = 3.0, 0.75
"""The share of cells whose spread may be anything; the second divided by the square of the number of cells where they
are few, up to the third: two cells that agree say little of what cells have in common."""
LEAST, MOST = 0.1, 8.0
"""Ends of the grid: a tenth of the median luck, where ``t`` no longer matters; 8 times the largest spread seen, beyond
which two seeds that agree by chance cannot be told from one that is steady."""
STEADY = 0.01
"""A cell whose seeds differ by less than this share of the largest luck makes next to no random choice: a probe."""
LEAST_LUCK = 1e-4
"""Where seeds have no luck with single examples at all, the grid begins at this share of their variance."""
EDGES = (0.0, 0.2, 0.5, 0.75, 0.9, 0.97, 1.0)
"""Each posterior is kept as its means between these quantiles, finer where the spread is large: that decides."""
WEIGHTS: Array = np.diff(EDGES)
"""How likely each of these parts is."""
BOTH: Array = np.outer(WEIGHTS, WEIGHTS).ravel()
"""How likely each part of what the seeds of two cells may add is."""


@dataclass(frozen=True)
class Seeds:
    """What was seen of the seeds of some cells; the arrays have shape ``(cells,)``."""

    variance: Array
    """Of the scores between seeds, unbiased; 0 where there is one."""
    luck: Array
    """The part of it that is known: how much luck with single examples moves the score of one seed."""
    freedom: NDArray[np.int64]
    """Seeds less one."""


def seed_spread(seeds: Seeds) -> Array:
    """The variance of one seed's score beyond luck with examples, as far as it is known.

    A cell with one seed takes what the others have in common.  A cell that makes next to no random choice keeps
    its own.  Where no cell has two seeds nothing is known, and all are 0.

    Returns:
        Means of what it may be, one for each of ``WEIGHTS``, ascending; shape ``(cells, parts)``.
    """
    own = np.maximum(seeds.variance - seeds.luck, 0.0)
    parts = np.repeat(own[:, None], len(WEIGHTS), axis=1)
    several = seeds.freedom > 0
    steady = several & (np.maximum(seeds.luck, seeds.variance) <= STEADY * seeds.luck.max(initial=0.0))
    pool = several & ~steady
    if pool.any():
        rest = ~steady
        luck = np.where(pool, seeds.luck, np.median(seeds.luck[pool]))
        parts[rest] = squeezed(seeds.variance[rest], luck[rest], seeds.freedom[rest])
    return parts


def squeezed(variance: Array, luck: Array, freedom: NDArray[np.int64]) -> Array:
    """What ``t**2`` may be, given that ``variance`` is ``luck + t**2`` times chi-square over its degrees of freedom.

    Args:
        variance: Seen between seeds, shape ``(cells,)``; nothing where ``freedom`` is 0.
        luck: The known part.
        freedom: Degrees of freedom.

    Returns:
        Posterior means between the quantiles of ``EDGES``, ascending, shape ``(cells, parts)``.
    """
    usual = max(float(np.median(luck)), LEAST_LUCK * float(variance.max()))
    low, high = LEAST * np.sqrt(usual), MOST * np.sqrt(max(float(variance.max()), usual))
    grid = np.linspace(np.log(low), np.log(high), POINTS)
    beyond = np.exp(2 * grid)
    likely = _likelihood(variance, luck[:, None] + beyond, freedom)
    prior = _priors(grid, max(ODD, min(MOST_ODD, ODD_OF_FEW / len(variance) ** 2)))
    evidence = likely @ prior.T
    fit = np.log(evidence).sum(axis=0)
    share = np.exp(fit - fit.max())
    posterior = likely * ((share / evidence) @ prior)
    return _between_quantiles(beyond, posterior / posterior.sum(axis=1, keepdims=True))


def _likelihood(variance: Array, true: Array, freedom: NDArray[np.int64]) -> Array:
    """Of each true variance, up to a factor; shape ``(cells, POINTS)``."""
    half = freedom[:, None] / 2
    log = -half * (np.log(true) + variance[:, None] / true)
    return np.asarray(np.exp(log - log.max(axis=1, keepdims=True)))


def _priors(grid: Array, odd: float) -> Array:
    """One row per centre and width, all as likely before anything is seen; shape ``(CENTRES * widths, POINTS)``."""
    centres = np.linspace(grid[0], grid[-1], CENTRES)
    # A width below the grid's own step would fall between its points.
    widths = np.maximum(WIDTHS, (grid[1] - grid[0]) / 2)
    bells = np.exp(-0.5 * ((grid - centres[:, None, None]) / widths[:, None]) ** 2).reshape(-1, len(grid))
    return np.asarray((1 - odd) * bells / bells.sum(axis=1, keepdims=True) + odd / len(grid))


def _between_quantiles(values: Array, posterior: Array) -> Array:
    """Means of the values between the quantiles of ``EDGES``; shape ``(cells, parts)``."""
    edges = np.array(EDGES)
    below = np.concatenate([np.zeros((len(posterior), 1)), posterior.cumsum(axis=1)], axis=1)
    below[:, -1] = 1.0
    sums = np.concatenate([np.zeros((len(posterior), 1)), (posterior * values).cumsum(axis=1)], axis=1)
    at = np.stack([np.interp(edges, *row) for row in zip(below, sums, strict=True)])
    return np.asarray(np.diff(at, axis=1) / np.diff(edges))
