"""Every pair of ranked cells of a data set: difference, interval, corrected test, and how sure the order is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from suite.compare.cell import CellSummary
from suite.compare.comparison import Difference
from suite.compare.evidence import THREADS, SetEvidence
from suite.compare.hierarchy import Noise, hierarchical, noise_of_pairs, with_finite_rows
from suite.compare.paired import bootstrap_p_value, holm, sign_flip_p_values
from suite.compare.resplit import NoSplitTest, common_seeds, detectable_factor, resampled_t_test
from suite.metrics.resampling import intervals

__all__ = ["SURE", "differences", "seed_remarks", "standard_error"]

SIGNIFICANT = 0.05
SURE = 0.975
"""The probability above which a 95 % interval over examples and seeds together leaves out 0."""


@dataclass(frozen=True)
class _Tested:
    better: str
    worse: str
    difference: float | None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    probability: float | None = None
    detectable: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class _Scene:
    """What the pairs of one data set are made from; the arrays are of the cells that have resamples."""

    evidence: Mapping[str, SetEvidence]
    place: Mapping[str, int]
    """Cell id to its row in ``resampled`` and ``noise``."""
    resampled: NDArray[np.float32]
    """Turned so that higher is better, shape ``(cells, resamples)``."""
    noise: Noise
    sign: float


def differences(
    dataset: str,
    ranked: Sequence[CellSummary],
    evidence: Mapping[str, SetEvidence],
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
        higher_is_better: Of the headline; differences are turned so that positive means better.
        resample: Whether every seed has splits of its own: then pairs are compared seed by seed.
    """
    if not any(evidence[cell.cell_id].predictions for cell in ranked):
        return ()  # of published tables with a thousand models, half a million times the same reason
    scene = _scene(ranked, evidence, 1.0 if higher_is_better else -1.0)
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
        smallest_detectable=one.detectable,
        reason=one.reason,
    )


def seed_remarks(pairs: Sequence[Difference], *, resample: bool) -> tuple[str, ...]:
    """Says how many pairs are told apart by the test of these fits, and yet might change places with other seeds.

    Where every seed has splits of its own (``resample``), the test counts seeds itself, and nothing is left to say.
    """
    apart = [pair for pair in pairs if pair.different]
    unsure = [pair for pair in apart if pair.probability_better is not None and pair.probability_better < SURE]
    if resample or not unsure:
        return ()
    said = f"{len(unsure)} of the {len(apart)} pairs that can be told apart might change places with other seeds"
    return (f"{said}; the test takes the fitted models as they are.",)


def standard_error(first: SetEvidence, second: SetEvidence) -> float | None:
    """Bootstrap standard error of the paired difference; None where the two cannot be paired."""
    if first.resampled is None or second.resampled is None or first.examples_key != second.examples_key:
        return None
    there = (gaps := first.resampled - second.resampled)[np.isfinite(gaps)]
    return float(there.std(ddof=1)) if len(there) > 1 else None


def _scene(ranked: Sequence[CellSummary], evidence: Mapping[str, SetEvidence], sign: float) -> _Scene:
    able = [cell.cell_id for cell in ranked if evidence[cell.cell_id].resampled is not None]
    rows = [values for name in able if (values := evidence[name].resampled) is not None]
    return _Scene(
        evidence=evidence,
        place={name: index for index, name in enumerate(able)},
        resampled=(sign * np.array(rows)).astype(np.float32),
        noise=noise_of_pairs([evidence[name] for name in able]),
        sign=sign,
    )


def _tests_by_example(better: CellSummary, others: Sequence[CellSummary], scene: _Scene) -> list[_Tested]:
    """One cell against every lower-ranked one on the same examples, all of them at once."""
    reasons = [_not_paired(better, other, scene.evidence) for other in others]
    able = [index for index, reason in enumerate(reasons) if reason is None]
    found = [
        _Tested(better.cell_id, other.cell_id, _score_gap(better, other, scene.sign), reason=reason)
        for other, reason in zip(others, reasons, strict=True)
    ]
    if not able:
        return found
    seconds = [scene.evidence[others[index].cell_id] for index in able]
    gaps, noise = _gaps(better, [others[index] for index in able], scene)
    scores = np.array([found[index].difference or 0.0 for index in able])
    first = scene.evidence[better.cell_id]
    ends = intervals(gaps)
    tested = _p_values(first, seconds, gaps, scores)
    likely = _probabilities(gaps, scores, noise)
    detectable = (detectable_factor() * np.sqrt(noise.examples)).tolist()
    for row, index in enumerate(able):
        low, high = (None if math.isnan(end) else end for end in ends[row].tolist())
        found[index] = replace(
            found[index], low=low, high=high, p_value=tested[row], probability=likely[row],
            detectable=detectable[row] or None,
            reason=None if tested[row] is not None else "too few resamples have a score.",
        )  # fmt: skip
    return found


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
        names = (better.cell_id, other.cell_id)
        smaller = _scene((better, other), dict(zip(names, both, strict=True)), scene.sign)
        found += _on_splits(better, [other], smaller)
    return found


def _on_splits(better: CellSummary, others: Sequence[CellSummary], scene: _Scene) -> list[_Tested]:
    """One cell against others that have the same seeds on the same examples."""
    if not others:
        return []
    first = scene.evidence[better.cell_id]
    own = np.array([scene.evidence[cell.cell_id].scores for cell in (better, *others)])
    tested = resampled_t_test(scene.sign * (own[0] - own[1:]), factor=first.seed_factor)
    gaps, noise = _gaps(better, others, scene)
    likely = _probabilities(gaps, tested.difference, noise)
    reach = detectable_factor(first.freedom) * tested.error
    return [
        _Tested(
            better.cell_id, other.cell_id, float(tested.difference[row]), float(tested.low[row]),
            float(tested.high[row]), float(tested.p_value[row]), likely[row], float(reach[row]) or None,
        )
        for row, other in enumerate(others)
    ]  # fmt: skip


def _gaps(better: CellSummary, others: Sequence[CellSummary], scene: _Scene) -> tuple[NDArray[np.float32], Noise]:
    """Differences on resampled examples, shape ``(others, resamples)``, and their noise, shape ``(others,)``."""
    one = scene.place[better.cell_id]
    rows = [scene.place[other.cell_id] for other in others]
    return scene.resampled[one] - scene.resampled[rows], scene.noise.among(one, rows)


def _probabilities(gaps: NDArray[np.float32], scores: NDArray[np.float64], noise: Noise) -> list[float | None]:
    """The share of resamples of examples and seeds in which the first is better; half of those in which none is."""
    if not np.isfinite(gaps).all():
        gaps = with_finite_rows(gaps.astype(np.float64)).astype(np.float32)
    spread = hierarchical(gaps, scores, noise)
    above = np.count_nonzero(spread > 0, axis=1) + np.count_nonzero(spread == 0, axis=1) / 2
    return [float(share) for share in above / spread.shape[1]]


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


def _p_values(
    first: SetEvidence, seconds: Sequence[SetEvidence], gaps: NDArray[np.float32], scores: NDArray[np.float64]
) -> list[float | None]:
    """One p-value per row: the exact test where the headline is a mean over examples, else the z-test."""
    if first.values is None:
        rows = gaps.astype(np.float64)
        return [bootstrap_p_value(float(score), row) for score, row in zip(scores, rows, strict=True)]
    by_steps: dict[int, list[int]] = {}
    for index, second in enumerate(seconds):
        by_steps.setdefault(math.lcm(first.steps, second.steps), []).append(index)
    found: list[float | None] = [None] * len(seconds)
    for steps, indices in by_steps.items():
        rows = first.values - np.array([seconds[index].values for index in indices])
        for index, p_value in zip(indices, sign_flip_p_values(rows, steps=steps).tolist(), strict=True):
            found[index] = p_value
    return found
