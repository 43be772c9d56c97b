"""Every pair of ranked cells of a data set: difference, interval, corrected test, and how sure the order is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from suite.compare.cell import CellSummary
from suite.compare.comparison import Difference
from suite.compare.evidence import THREADS, SetEvidence
from suite.compare.hierarchy import example_variances
from suite.compare.paired import SIGNIFICANT, Z_POWER, holm, reach_of, sign_flip_p_values, spread_p_values
from suite.compare.resplit import NoSplitTest, common_seeds
from suite.compare.spread import BOTH

__all__ = ["differences"]

Array = NDArray[np.float64]
ENOUGH = 0.95
"""The share of resamples in which both must have a score."""


class _Tested(NamedTuple):
    """One pair, before all are corrected together; a thousand trials have 55,000."""

    better: str
    worse: str
    difference: float | None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    probability: float | None = None
    detectable: float | None = None
    seed_share: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class _Scene:
    """What the pairs of one data set are made from; the arrays are of the cells that have resamples."""

    evidence: Mapping[str, SetEvidence]
    spread: Mapping[str, Array]
    place: Mapping[str, int]
    """Cell id to its row in the arrays."""
    examples: Array
    """Variance of each difference over other examples, shape ``(cells, cells)``."""
    seeds: Array
    """What other seeds may add to the variance of each mean, shape ``(cells, parts)``."""
    scored: Array
    """The share of resamples in which both have a score, shape ``(cells, cells)``."""
    sign: float


def differences(
    dataset: str,
    ranked: Sequence[CellSummary],
    evidence: Mapping[str, SetEvidence],
    spread: Mapping[str, Array],
    *,
    higher_is_better: bool,
    resample: bool = False,
) -> tuple[Difference, ...]:
    """Compares every pair of cells, the better ranked first, Holm-corrected over all pairs that have a test.

    Where no cell has predictions there are no pairs: nothing can be tested.

    Args:
        dataset: Label of the data set.
        ranked: Its cells, best first.
        evidence: Cell id to predictions on the home test set.
        spread: Cell id to what its seeds vary, of ``spread_of``.
        higher_is_better: Of the headline; differences are turned so that positive means better.
        resample: Whether every seed has splits of its own: then pairs are compared seed by seed.
    """
    if not any(evidence[cell.cell_id].predictions for cell in ranked):
        return ()  # of published tables with a thousand models, half a million times the same reason
    scene = _scene(ranked, evidence, spread, 1.0 if higher_is_better else -1.0)
    tests_of = _tests_by_seed if resample else _tests_by_example
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        parts = pool.map(lambda index: tests_of(ranked[index], ranked[index + 1 :], scene), range(len(ranked)))
        tested = [one for part in parts for one in part]
    p_values = [one.p_value for one in tested if one.p_value is not None]
    adjusted = iter(holm(np.array(p_values)).tolist())
    return tuple(_difference(dataset, one, None if one.p_value is None else next(adjusted)) for one in tested)


def _difference(dataset: str, one: _Tested, p_holm: float | None) -> Difference:
    return Difference(
        dataset=dataset,
        better=one.better,
        worse=one.worse,
        difference=one.difference,
        low=one.low,
        high=one.high,
        p_value=one.p_value,
        p_holm=p_holm,
        different=p_holm is not None and p_holm < SIGNIFICANT,
        probability_better=one.probability,
        smallest_detectable=one.detectable or None,
        seed_share=one.seed_share if one.detectable else None,
        reason=one.reason,
    )


def _scene(
    ranked: Sequence[CellSummary], evidence: Mapping[str, SetEvidence], spread: Mapping[str, Array], sign: float
) -> _Scene:
    able = [cell.cell_id for cell in ranked if evidence[cell.cell_id].resampled is not None]
    found = [evidence[name] for name in able]
    return _Scene(
        evidence=evidence,
        spread=spread,
        place={name: index for index, name in enumerate(able)},
        examples=example_variances(found) if able else np.zeros((0, 0)),
        seeds=np.array([one.seed_factor * spread[name] for name, one in zip(able, found, strict=True)]),
        scored=_scored_together(found),
        sign=sign,
    )


def _scored_together(evidence: Sequence[SetEvidence]) -> Array:
    there = [np.isfinite(one.by_seed).all(axis=0) for one in evidence]
    if all(one.all() for one in there):
        return np.ones((len(there), len(there)))
    counted = np.array(there, dtype=np.float64)
    return np.asarray(counted @ counted.T / counted.shape[1])


def _tests_by_example(better: CellSummary, others: Sequence[CellSummary], scene: _Scene) -> list[_Tested]:
    """One cell against every lower-ranked one on the same examples, all of them at once."""
    reasons = [_not_paired(better, other, scene.evidence) for other in others]
    gaps = [_score_gap(better, other, scene.sign) for other in others]
    able = [index for index, reason in enumerate(reasons) if reason is None]
    there = [others[index] for index in able]
    measured: Iterator[_Tested] = iter(())
    if able:
        scores = np.array([gaps[index] or 0.0 for index in able])
        measured = iter(_measured(better, there, scores, scene, exact=_exact_p_values(better, there, scene)))
    return [
        next(measured) if reason is None else _Tested(better.cell_id, other.cell_id, gap, reason=reason)
        for other, gap, reason in zip(others, gaps, reasons, strict=True)
    ]


def _tests_by_seed(better: CellSummary, others: Sequence[CellSummary], scene: _Scene) -> list[_Tested]:
    """One cell against every lower-ranked one, seed by seed, each on the examples of its seed."""
    alike = [other for other in others if _same_seeds(better, other, scene)]
    done = {other.cell_id: one for other, one in zip(alike, _on_splits(better, alike, scene), strict=True)}
    found = []
    for other in others:
        if other.cell_id in done:
            found.append(done[other.cell_id])
            continue
        gap = _score_gap(better, other, scene.sign)
        reason = _without_resamples(better, other, scene.evidence)
        if reason is not None:
            found.append(_Tested(better.cell_id, other.cell_id, gap, reason=reason))
            continue
        try:
            both = common_seeds(scene.evidence[better.cell_id], scene.evidence[other.cell_id])
        except NoSplitTest as few:
            found.append(_Tested(better.cell_id, other.cell_id, gap, reason=str(few)))
            continue
        common = dict(zip((better.cell_id, other.cell_id), both, strict=True))
        found += _on_splits(better, [other], _scene((better, other), common, scene.spread, scene.sign))
    return found


def _on_splits(better: CellSummary, others: Sequence[CellSummary], scene: _Scene) -> list[_Tested]:
    """One cell against others that have the same seeds on the same examples."""
    if not others:
        return []
    own = np.array([scene.evidence[cell.cell_id].scores.mean() for cell in (better, *others)])
    return _measured(better, others, scene.sign * (own[0] - own[1:]), scene)


def _measured(
    better: CellSummary, others: Sequence[CellSummary], gaps: Array, scene: _Scene, *, exact: Array | None = None
) -> list[_Tested]:
    """One cell against others that it can be paired with: test, interval, and how sure the order is.

    Where there is an exact test of the fitted models as they are, no p-value is below its: with seeds that vary the
    larger of the two counts, with seeds that do not, or one, the exact one.
    """
    one = scene.place[better.cell_id]
    rows = [scene.place[other.cell_id] for other in others]
    # Every part of what the first's seeds may add, with every part of the second's.
    seeds = (scene.seeds[one][:, None] + scene.seeds[rows][:, None, :]).reshape(len(rows), -1)
    examples = scene.examples[one, rows]
    variances = examples[:, None] + seeds
    by_chance = spread_p_values(gaps, variances, BOTH)
    p_values = by_chance
    if exact is not None:
        p_values = np.where(seeds.any(axis=1), np.maximum(exact, by_chance), exact)
    reach = reach_of(variances, BOTH)
    # The exact test may see no difference where the interval only just does.
    tied = p_values >= SIGNIFICANT
    low = np.where(tied, np.minimum(gaps - reach, 0.0), gaps - reach)
    high = np.where(tied, np.maximum(gaps + reach, 0.0), gaps + reach)
    mean = variances @ BOTH
    columns = (
        gaps, low, high, p_values, 0.5 + np.sign(gaps) * (1 - by_chance) / 2, reach + Z_POWER * np.sqrt(mean),
        np.divide(seeds @ BOTH, mean, out=np.zeros_like(mean), where=mean > 0),
    )  # fmt: skip
    values = zip(*(column.tolist() for column in columns), strict=True)
    found = [_Tested(better.cell_id, other.cell_id, *row) for other, row in zip(others, values, strict=True)]
    for row in np.flatnonzero(scene.scored[one, rows] < ENOUGH).tolist():
        few = "too few resamples have a score."
        found[row] = _Tested(better.cell_id, others[row].cell_id, found[row].difference, reason=few)
    return found


def _score_gap(better: CellSummary, worse: CellSummary, sign: float) -> float | None:
    if better.headline is None or worse.headline is None:
        return None
    return sign * (better.headline.value - worse.headline.value)


def _same_seeds(better: CellSummary, other: CellSummary, scene: _Scene) -> bool:
    first, second = scene.evidence[better.cell_id], scene.evidence[other.cell_id]
    able = {better.cell_id, other.cell_id} <= set(scene.place)
    sized = first.test_to_train > 0 and second.test_to_train > 0
    return able and sized and first.steps > 1 and (first.seeds, first.keys) == (second.seeds, second.keys)


def _without_resamples(better: CellSummary, worse: CellSummary, evidence: Mapping[str, SetEvidence]) -> str | None:
    """Why a pair cannot be tested at all, where one of them has no resampled scores."""
    for cell in (better, worse):
        if evidence[cell.cell_id].resampled is None:
            return f"{cell.name}: {evidence[cell.cell_id].reason or 'there are no predictions.'}"
    return None


def _not_paired(better: CellSummary, worse: CellSummary, evidence: Mapping[str, SetEvidence]) -> str | None:
    """Why two cells cannot be compared example by example; None where they can."""
    reason = _without_resamples(better, worse, evidence)
    if reason is None and evidence[better.cell_id].examples_key != evidence[worse.cell_id].examples_key:
        return "the two were scored on different examples and cannot be paired."
    return reason


def _exact_p_values(better: CellSummary, others: Sequence[CellSummary], scene: _Scene) -> Array | None:
    """Sign-flip tests over examples, with the fitted models given; None where the headline is no mean over them."""
    first = scene.evidence[better.cell_id]
    if first.values is None:
        return None
    seconds = [scene.evidence[other.cell_id] for other in others]
    by_steps: dict[int, list[int]] = {}
    for index, second in enumerate(seconds):
        by_steps.setdefault(math.lcm(first.steps, second.steps), []).append(index)
    found = np.empty(len(seconds))
    for steps, indices in by_steps.items():
        rows = first.values - np.array([seconds[index].values for index in indices])
        found[indices] = sign_flip_p_values(rows, steps=steps)
    return found
