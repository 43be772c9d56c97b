"""Every pair of ranked cells of a data set: difference, simultaneous interval, test, and how sure the order is.

The pairs of the best cell are those of its leaderboard (``best``), number for number.  All others are
corrected for being one of all pairs, by the same draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suite.compare.cell import CellSummary
from suite.compare.comparison import Difference
from suite.compare.statistics.best import Contest
from suite.compare.statistics.evidence import SetEvidence
from suite.compare.statistics.paired_tests import Z_POWER, spread_p_values
from suite.compare.statistics.resampled_splits import NoSplitTest, common_seeds
from suite.compare.statistics.saved_evidence import keep_evidence
from suite.compare.statistics.seed_variance import BOTH
from suite.compare.statistics.simultaneous import Family, Luck, luck_of

__all__ = ["differences"]

Array = NDArray[np.float64]
FEW_RESAMPLES = "too few resamples have a score."


@dataclass(frozen=True)
class _Scene:
    """What the pairs of one data set are made from."""

    dataset: str
    evidence: Mapping[str, SetEvidence]
    spread: Mapping[str, Array]
    contest: Contest | None
    place: Mapping[str, int]
    """Cell id to its row in the contest."""
    sign: float
    resample: bool


def differences(
    dataset: str,
    ranked: Sequence[CellSummary],
    evidence: Mapping[str, SetEvidence],
    spread: Mapping[str, Array],
    contest: Contest | None,
    *,
    higher_is_better: bool,
    resample: bool = False,
) -> tuple[Difference, ...]:
    """Compares every pair of cells, the better ranked first.

    Where no cell has predictions there are no pairs: nothing can be tested.

    Args:
        dataset: Label of the data set.
        ranked: Its cells, best first.
        evidence: Cell id to predictions on the home test set.
        spread: Cell id to what its seeds vary, of ``spread_of``.
        contest: Of ``held_against_best``; None where nothing can be tested.
        higher_is_better: Of the headline; differences are turned so that positive means better.
        resample: Whether every seed has splits of its own: then pairs are compared seed by seed.
    """
    if not any(evidence[cell.cell_id].predictions for cell in ranked):
        return ()  # of published tables with a thousand models, half a million times the same reason
    sign = 1.0 if higher_is_better else -1.0
    place = {name: row for row, name in enumerate(contest.names)} if contest is not None else {}
    scene = _Scene(dataset, evidence, spread, contest, place, sign, resample)
    return tuple(found for index, cell in enumerate(ranked) for found in _of_cell(cell, ranked[index + 1 :], scene))


def _of_cell(better: CellSummary, others: Sequence[CellSummary], scene: _Scene) -> list[Difference]:
    """One cell against every lower-ranked one; those on its examples, or held against the best, all at once."""
    own = scene.evidence[better.cell_id]
    is_best = scene.contest is not None and scene.contest.names[0] == better.cell_id
    found: dict[str, Difference] = {}
    paired = []
    for other in others:
        theirs = scene.evidence[other.cell_id]
        able = {better.cell_id, other.cell_id} <= scene.place.keys()
        same = (own.examples_key, own.seeds if scene.resample else ()) == (
            theirs.examples_key,
            theirs.seeds if scene.resample else (),
        )
        if able and (is_best or same):
            paired.append(other)
        else:
            found[other.cell_id] = _apart(better, other, scene)
    if paired and scene.contest is not None:
        one, rows = scene.place[better.cell_id], np.array([scene.place[other.cell_id] for other in paired])
        gaps = scene.contest.scores[one] - scene.contest.scores[rows]
        found |= _measured(scene, better, paired, gaps, luck=scene.contest.luck, places=(one, rows))
    return [found[other.cell_id] for other in others]


def _apart(better: CellSummary, other: CellSummary, scene: _Scene) -> Difference:
    """Two cells that were not scored on the same examples: by the seeds that were, where seeds have their own."""
    reason = _without_resamples(better, other, scene.evidence)
    if reason is None and not scene.resample:
        known = {better.cell_id, other.cell_id} <= scene.place.keys()
        reason = "the two were scored on different examples and cannot be paired." if known else FEW_RESAMPLES
    if reason is None:
        try:
            both = common_seeds(scene.evidence[better.cell_id], scene.evidence[other.cell_id])
        except NoSplitTest as few:
            reason = str(few)
        else:
            names = (better.cell_id, other.cell_id)
            records = [keep_evidence(one, scene.spread[name]) for one, name in zip(both, names, strict=True)]
            whole = [one for one in records if one is not None]
            if scene.contest is not None and len(whole) == len(records):
                gap = np.array([scene.sign * (both[0].scores.mean() - both[1].scores.mean())])
                places = (0, np.array([1]))
                found = _measured(scene, better, [other], gap, luck=luck_of(whole), places=places)
                return found[other.cell_id]
            reason = FEW_RESAMPLES
    return _untested(scene.dataset, better, other, scene.sign, reason)


def _family(scene: _Scene, better: CellSummary) -> Family:
    """What the pairs of a cell with those behind it are corrected for."""
    assert scene.contest is not None, "what is measured is in a contest"  # noqa: S101 - for the type checker
    best = scene.contest.names[0] == better.cell_id
    return scene.contest.with_best if best else scene.contest.all_pairs


def _measured(
    scene: _Scene,
    better: CellSummary,
    others: Sequence[CellSummary],
    gaps: Array,
    *,
    luck: Luck,
    places: tuple[int, NDArray[np.int64]],
) -> dict[str, Difference]:
    """One cell against others that it can be paired with: test, interval, and how sure the order is.

    Args:
        scene: Whose families the pairs belong to.
        better: The one.
        others: Those that rank below it.
        gaps: How much better it scores than each.
        luck: Of all of them.
        places: The row of the one in ``luck``, and those of the others.
    """
    family = _family(scene, better).of(luck)
    one, rows = places
    first = np.full(len(rows), one)
    sizes = family.statistics(gaps, first, rows)
    reach = family.reaches(gaps, first, rows)
    # Every part of what the first's seeds may add, with every part of the second's.
    seeds = (luck.seeds[one][:, None] + luck.seeds[rows][:, None, :]).reshape(len(rows), -1)
    variances = luck.examples[one, rows][:, None] + seeds
    by_chance = spread_p_values(gaps, variances, BOTH)
    mean = variances @ BOTH
    error = np.sqrt(mean)
    share = np.divide(seeds @ BOTH, mean, out=np.zeros_like(mean), where=mean > 0)
    columns = (gaps, gaps - reach, gaps + reach, by_chance, family.p_values(sizes), error, share)
    found = {}
    for other, row in zip(others, zip(*(column.tolist() for column in columns), strict=True), strict=True):
        gap, low, high, p_value, p_adjusted, deviation, of_seeds = row
        found[other.cell_id] = Difference(
            dataset=scene.dataset,
            better=better.cell_id,
            worse=other.cell_id,
            difference=gap,
            low=low,
            high=high,
            p_value=p_value,
            p_adjusted=p_adjusted,
            different=low > 0 or high < 0,
            probability_better=0.5 + np.sign(gap) * (1 - p_value) / 2,
            standard_error=deviation or None,
            smallest_detectable=high - gap + Z_POWER * deviation if deviation else None,
            seed_share=of_seeds if deviation else None,
        )
    return found


def _untested(dataset: str, better: CellSummary, other: CellSummary, sign: float, reason: str) -> Difference:
    gap = None
    if better.headline is not None and other.headline is not None:
        gap = sign * (better.headline.value - other.headline.value)
    return Difference(
        dataset=dataset,
        better=better.cell_id,
        worse=other.cell_id,
        difference=gap,
        low=None,
        high=None,
        p_value=None,
        p_adjusted=None,
        different=False,
        reason=reason,
    )


def _without_resamples(better: CellSummary, worse: CellSummary, evidence: Mapping[str, SetEvidence]) -> str | None:
    """Why a pair cannot be tested at all, where one of them has no resampled scores."""
    for cell in (better, worse):
        if evidence[cell.cell_id].resampled is None:
            return f"{cell.name}: {evidence[cell.cell_id].reason or 'there are no predictions.'}"
    return None
