"""Corrupted test sets: what each cell loses, which corruption hurts it, and who loses least.

Errors are shares of wrong answers, whatever the headline is, as in Hendrycks and Dietterich (2019), section 4.2.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suite.compare.cell import CellSummary
from suite.compare.robustness.records import (
    ConditionScore,
    CorruptionLeader,
    CorruptionScore,
    Estimate,
    RobustnessFacts,
    RobustnessSummary,
)
from suite.compare.statistics.best import Contender, verdicts
from suite.compare.statistics.evidence import SetEvidence
from suite.compare.statistics.intervals import spread_of
from suite.compare.statistics.saved_evidence import keep_evidence
from suite.errors import StoreError
from suite.metrics.intervals import difference_intervals, group_moves, share_intervals, shared_luck
from suite.metrics.resampling import resampled_means
from suite.store.records.example_files import CORRUPTED, CorruptedLabels
from suite.store.records.result import Result

__all__ = ["FindFile", "Losses", "losses_of", "robustness_facts", "robustness_of", "with_errors"]

Array = NDArray[np.float64]
FindFile = Callable[[Result, str], Path | None]
"""A result and the name of an artefact to its file; None where there is none."""
NOT_KEPT = "the answers on corrupted examples were not kept."
OWN_SPLITS = "each seed has test examples of its own."


@dataclass(frozen=True)
class Losses:
    """One cell, example by example."""

    clean_by_seed: NDArray[np.bool_]
    """Which answers are right, shape ``(seeds, n)``."""
    by_seed: NDArray[np.bool_]
    """The same under every condition, shape ``(seeds, conditions, n)``."""
    key: str
    """Equal where two cells were tested on the same examples."""
    groups: NDArray[np.int64] | None = None
    """What belongs together, shape ``(n,)``."""

    @property
    def clean(self) -> Array:
        """Share of seeds that are right, shape ``(n,)``."""
        return np.asarray(self.clean_by_seed.mean(axis=0))

    @functools.cached_property
    def corrupted(self) -> Array:
        """The same under every condition, shape ``(conditions, n)``."""
        return np.asarray(self.by_seed.mean(axis=0))


def losses_of(finals: Sequence[Result], home: SetEvidence, find: FindFile) -> Losses | str:
    """The answers of a cell on corrupted examples, or why there are none to be compared."""
    kept = [result for result in finals if result.seed in home.seeds]
    if len(set(home.keys)) != 1:
        return OWN_SPLITS if home.keys else NOT_KEPT
    right, clean = [], []
    conditions = _conditions(finals[0])
    for result, predictions in zip(kept, home.classified, strict=True):
        path = find(result, CORRUPTED)
        try:
            found = CorruptedLabels.load(path) if path is not None else None
        except StoreError as error:
            return str(error)
        if found is None or found.conditions != conditions or found.labels.shape[1] != len(predictions.targets):
            return NOT_KEPT
        right.append(found.labels == predictions.targets)
        clean.append(predictions.labels == predictions.targets)
    return Losses(np.stack(clean), np.stack(right), home.keys[0], home.predictions[0].facts.groups)


def robustness_of(finals: Sequence[Result], losses: Losses | str | None) -> RobustnessSummary | None:
    """One cell on corrupted examples; None where it was not tested on any.

    Args:
        finals: Its finished final trials.
        losses: From ``losses_of``; a reason where there are no intervals.
    """
    tested = [result for result in finals if result.corrupted]
    scores = {
        condition: _mean([_accuracy(result, condition) for result in tested])
        for condition in (_conditions(tested[0]) if tested else ())
    }
    clean = _mean([_clean(result) for result in tested])
    if clean is None or any(score is None for score in scores.values()):
        return None
    values = {condition: score for condition, score in scores.items() if score is not None}
    names = list(dict.fromkeys(name for name, _ in values))
    groups = [list(values), *([one for one in values if one[0] == name] for name in names), *([one] for one in values)]
    found = _estimates(values, clean, groups, losses)
    by_corruption, by_condition = found[1 : 1 + len(names)], found[1 + len(names) :]
    return RobustnessSummary(
        seeds=len(tested),
        clean=clean,
        accuracy=found[0][0],
        lost=found[0][1],
        corruptions=tuple(
            CorruptionScore(corruption=name, accuracy=accuracy, lost=lost)
            for name, (accuracy, lost) in zip(names, by_corruption, strict=True)
        ),
        conditions=tuple(
            ConditionScore(corruption=name, severity=severity, accuracy=accuracy, lost=lost)
            for (name, severity), (accuracy, lost) in zip(values, by_condition, strict=True)
        ),
    )


def with_errors(cells: Sequence[CellSummary], reference: str) -> list[CellSummary]:
    """The cells with their corruption errors as multiples of those of the reference cell."""
    theirs = next(cell.robustness for cell in cells if cell.cell_id == reference)
    assert theirs is not None, "a reference was tested"  # noqa: S101 - for the type checker
    return [
        cell.model_copy(update={"robustness": _against(cell.robustness, theirs)}) if cell.robustness else cell
        for cell in cells
    ]


def robustness_facts(
    dataset: str, cells: Sequence[CellSummary], order: Sequence[str], losses: Mapping[str, Losses | str]
) -> RobustnessFacts | None:
    """What corrupted examples say of the cells of one data set; None where none was tested.

    Args:
        dataset: Its label.
        cells: Of the data set.
        order: Cell ids in the order of the plan.
        losses: By cell id.
    """
    tested = {cell.cell_id: cell.robustness for cell in cells if cell.robustness is not None}
    if not tested:
        return None
    reference = next(cell_id for cell_id in order if cell_id in tested)
    conditions = [(one.corruption, one.severity) for one in tested[reference].conditions]
    known = {cell_id: one for cell_id in tested if isinstance(one := losses.get(cell_id), Losses)}
    key = next(iter(known.values())).key if known else ""
    comparable = {cell_id: one for cell_id, one in known.items() if one.key == key}
    names = ["", *dict.fromkeys(name for name, _ in conditions)]
    return RobustnessFacts(
        dataset=dataset,
        severities=tuple(sorted({severity for _, severity in conditions})),
        reference=reference,
        leaders=tuple(_leader(name, conditions, comparable) for name in names) if comparable else (),
    )


def _leader(name: str, conditions: Sequence[tuple[str, int]], losses: Mapping[str, Losses]) -> CorruptionLeader:
    rows = [index for index, (corruption, _) in enumerate(conditions) if name in {"", corruption}]
    right = {cell_id: one.by_seed[:, rows].mean(axis=1) for cell_id, one in losses.items()}
    kept = {cell_id: right[cell_id] - one.clean_by_seed for cell_id, one in losses.items()}
    belong = next(iter(losses.values())).groups
    most_right, as_right = _best(right, belong)
    least_lost, as_little = _best(kept, belong)
    return CorruptionLeader(
        corruption=name, most_right=most_right, as_right=as_right, least_lost=least_lost, as_little=as_little
    )


def _best(values: Mapping[str, Array], groups: NDArray[np.int64] | None) -> tuple[str, tuple[str, ...]]:
    """The cell with the highest mean, and the others that may be the best by the verdict of ``statistics.best``.

    Args:
        values: Cell id to what each example counts for each seed, shape ``(seeds, n)``; the same examples for all.
        groups: Of the examples, where some belong together.
    """
    order = sorted(values, key=lambda cell_id: (float(values[cell_id].mean()), cell_id), reverse=True)
    resampled = resampled_means(np.concatenate([values[cell_id] for cell_id in order]).T, groups=groups).T
    ends = np.cumsum([len(values[cell_id]) for cell_id in order])
    evidence = {
        cell_id: _evidence(values[cell_id], resampled[end - len(values[cell_id]) : end])
        for cell_id, end in zip(order, ends.tolist(), strict=True)
    }
    spread = spread_of(evidence)
    size = next(iter(values.values())).shape[1] if groups is None else 2 * len(np.unique(groups))
    contenders = [
        Contender(cell_id, float(one.scores.mean()), keep_evidence(one, spread[cell_id], size=size))
        for cell_id, one in evidence.items()
    ]
    found = zip(order, verdicts(contenders, higher_is_better=True), strict=True)
    tied = sorted(cell_id for cell_id, one in found if one is not None and one.verdict == "may_be_best")
    return order[0], tuple(cell_id for cell_id in tied if cell_id != order[0])


def _evidence(values: Array, by_seed: Array) -> SetEvidence:
    """What is known of one cell, as of a score on a test set."""
    seeds = len(values)
    return SetEvidence(
        predictions=(),
        seeds=tuple(range(seeds)),
        keys=("",) * seeds,
        scores=values.mean(axis=1),
        values=None,
        by_seed=by_seed,
        resampled=np.asarray(by_seed.mean(axis=0)),
        reason=None,
    )


def _against(own: RobustnessSummary, theirs: RobustnessSummary) -> RobustnessSummary:
    """Ratios of sums over severities, corruption by corruption, and their means over corruptions."""
    scored = tuple(
        one.model_copy(
            update={
                "corruption_error": _ratio(1.0, one, 1.0, other),
                "relative_error": _ratio(own.clean, one, theirs.clean, other) if _surely_lost(other.lost) else None,
            }
        )
        for one, other in zip(own.corruptions, theirs.corruptions, strict=True)
    )
    relative = [one.relative_error for one in scored if one.relative_error is not None]
    without = [one.corruption for one in scored if one.relative_error is None]
    return own.model_copy(
        update={
            "corruptions": scored,
            "mean_corruption_error": _mean([one.corruption_error for one in scored]),
            "relative_mean_error": _mean(relative),
            "relative_over": len(relative),
            "reason": f"it is not certain that the reference loses anything under {', '.join(without)}."
            if without
            else None,
        }
    )


def _surely_lost(lost: Estimate) -> bool:
    """Whether there is a loss to divide by: above 0 with its whole interval, where it has one."""
    return (lost.low if lost.low is not None else lost.value or 0.0) > 0


def _ratio(own_start: float, own: CorruptionScore, their_start: float, theirs: CorruptionScore) -> float | None:
    """What is lost of a start as a multiple of what the reference loses; None where that is nothing."""
    if own.accuracy.value is None or theirs.accuracy.value is None or their_start - theirs.accuracy.value <= 0:
        return None
    return (own_start - own.accuracy.value) / (their_start - theirs.accuracy.value)


def _estimates(
    values: Mapping[tuple[str, int], float],
    clean: float,
    groups: Sequence[Sequence[tuple[str, int]]],
    losses: Losses | str | None,
) -> list[tuple[Estimate, Estimate]]:
    """Accuracy and loss of each group of conditions, with intervals where there are answers of each example."""
    means = [math.fsum(values[one] for one in group) / len(group) for group in groups]
    if not isinstance(losses, Losses):
        reason = losses or NOT_KEPT
        return [(Estimate(value=mean, reason=reason), Estimate(value=clean - mean, reason=reason)) for mean in means]
    place = {condition: index for index, condition in enumerate(values)}
    right = np.stack([losses.corrupted[[place[one] for one in group]].mean(axis=0) for group in groups], axis=1)
    belong = losses.groups if losses.groups is not None and len(np.unique(losses.groups)) > 1 else None
    ends, clean_ends = share_intervals(right, belong), share_intervals(losses.clean[:, None], belong)
    together = np.broadcast_to(losses.clean[:, None], right.shape), right
    if belong is not None:
        clean_moved, moved = (group_moves(one - one.mean(axis=0), belong) for one in together)
        together = clean_moved, moved
    lost = difference_intervals(
        np.full(len(means), losses.clean.mean()),
        np.repeat(clean_ends, len(means), axis=0),
        right.mean(axis=0),
        ends,
        shared_luck(*together),
    )
    return [
        (
            Estimate(value=mean, low=float(ends[index, 0]), high=float(ends[index, 1])),
            Estimate(value=clean - mean, low=float(lost[index, 0]), high=float(lost[index, 1])),
        )
        for index, mean in enumerate(means)
    ]


def _conditions(result: Result) -> tuple[tuple[str, int], ...]:
    return tuple((one.corruption, one.severity) for one in result.corrupted)


def _accuracy(result: Result, condition: tuple[str, int]) -> float | None:
    found = (one.scores.get("accuracy") for one in result.corrupted if (one.corruption, one.severity) == condition)
    score = next(found, None)
    return score.value if score is not None else None


def _clean(result: Result) -> float | None:
    score = result.scores.get("test", {}).get("accuracy")
    return score.value if score is not None else None


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean; None where one of them is missing, or there are none."""
    there = [value for value in values if value is not None]
    return math.fsum(there) / len(there) if there and len(there) == len(values) else None
