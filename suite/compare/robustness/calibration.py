"""How far a cell's confidence can be believed: temperature, answering only when sure, and unknown classes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from suite.compare.robustness.corruptions import FindFile
from suite.compare.robustness.records import AwareScore, CalibrationSummary, Estimate, SelectiveSummary
from suite.compare.statistics.evidence import SetEvidence
from suite.errors import StoreError
from suite.metrics.selective import (
    COVERAGES,
    Placements,
    RiskCoverage,
    false_positive_rate,
    placements,
    risk_coverage,
)
from suite.metrics.temperature import CALIBRATION
from suite.store.records.example_files import OutOfClass, out_of_class_name
from suite.store.records.result import Result

__all__ = ["aware_of", "calibration_of", "selective_of"]

Z = 1.959964


def calibration_of(finals: Sequence[Result]) -> CalibrationSummary | None:
    """Before and after temperature scaling; None where no trial was asked."""
    asked = [(result, fit) for result in finals if (fit := result.calibration) is not None]
    if not asked:
        return None
    fitted = [(result, fit) for result, fit in asked if fit.temperature is not None]
    before = {
        name: _mean([_score(result.scores.get("test", {}).get(name)) for result, _ in fitted]) for name in CALIBRATION
    }
    after = {name: _mean([_score(fit.after.get(name)) for _, fit in fitted]) for name in CALIBRATION}
    return CalibrationSummary(
        seeds=len(fitted),
        of=len(asked),
        temperature=_mean([fit.temperature for _, fit in fitted]),
        before={name: value for name, value in before.items() if value is not None},
        after={name: value for name, value in after.items() if value is not None},
        reason=next((fit.reason for _, fit in asked if fit.reason), None),
    )


def selective_of(home: SetEvidence) -> SelectiveSummary | None:
    """The risk-coverage curve on the home test set; None where no predictions of classes were kept."""
    curves: list[RiskCoverage] = [one for made in home.classified if (one := risk_coverage(made)) is not None]
    if not curves:
        return None
    return SelectiveSummary(
        coverages=COVERAGES,
        risks=tuple(map(float, np.mean([one.risks for one in curves], axis=0))),
        area=math.fsum(one.area for one in curves) / len(curves),
    )


def aware_of(finals: Sequence[Result], home: SetEvidence, find: FindFile) -> tuple[AwareScore, ...]:
    """Confidence on each out-of-class set against that on the home test set."""
    tested = [result for result in finals if result.out_of_class]
    names = dict.fromkeys(record.name for result in tested for record in result.out_of_class)
    return tuple(_aware(name, tested, home, find) for name in names)


def _aware(name: str, tested: Sequence[Result], home: SetEvidence, find: FindFile) -> AwareScore:
    records = [record for result in tested for record in result.out_of_class if record.name == name]
    made = dict(zip(home.seeds, home.classified, strict=False))  # none, or one for every seed
    found, passing, known = [], [], []
    reason = None if made else "the predictions were not kept."
    for result in tested:
        path = find(result, out_of_class_name(name))
        try:
            unknown = OutOfClass.load(path) if path is not None else None
        except StoreError as error:
            unknown, reason = None, str(error)
        if unknown is None or result.seed not in made:
            reason = reason or "the predictions were not kept."
            continue
        confidence = made[result.seed].probabilities.max(axis=1).astype(np.float64)
        found.append(placements(confidence, unknown.confidence))
        passing.append(false_positive_rate(confidence, unknown.confidence))
        known.append(float(confidence.mean()))
    return AwareScore(
        name=name,
        examples=records[0].examples,
        shared=records[0].shared,
        left_out=records[0].left_out,
        auroc=_auroc(found, reason, home),
        passing=_mean(passing),
        mean_confidence=math.fsum(record.mean_confidence for record in records) / len(records),
        home_confidence=_mean(known),
    )


def _auroc(found: Sequence[Placements], reason: str | None, home: SetEvidence) -> Estimate:
    """The mean over seeds; its interval over examples, where all seeds were shown the same."""
    if not found:
        return Estimate(value=None, reason=reason)
    value = math.fsum(one.auroc for one in found) / len(found)
    if len(set(home.keys)) != 1:
        return Estimate(value=value, reason="each seed has test examples of its own.")
    together = Placements(
        known=np.mean([one.known for one in found], axis=0), unknown=np.mean([one.unknown for one in found], axis=0)
    )
    error = together.standard_error(home.predictions[0].facts.groups)
    if error is None:
        return Estimate(value=value, reason="it takes 2 examples of either kind.")
    return Estimate(value=value, low=max(0.0, value - Z * error), high=min(1.0, value + Z * error), reason=reason)


def _score(score: object) -> float | None:
    value: float | None = getattr(score, "value", None)
    return value


def _mean(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return math.fsum(there) / len(there) if there and len(there) == len(values) else None
