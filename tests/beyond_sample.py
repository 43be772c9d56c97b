"""What lies beyond the test set, made up for comparisons of any size: for images of the report and its charts."""

from __future__ import annotations

import random

from suite.compare import comparison as c
from suite.compare.robustness.records import (
    AwareScore,
    CalibrationSummary,
    ConditionScore,
    CorruptionLeader,
    CorruptionScore,
    CrossCell,
    Estimate,
    RobustnessFacts,
    RobustnessSummary,
    SelectiveSummary,
)
from suite.metrics.selective import COVERAGES

CORRUPTIONS = ("noise", "blur", "occlusion")
SEVERITIES = (1, 3, 5)


def around(value: float, half: float = 0.02) -> Estimate:
    """A number with an interval around it."""
    return Estimate(value=value, low=value - half, high=value + half)


def with_beyond(comparison: c.Comparison, *, unknown: str = "flowers") -> c.Comparison:
    """The comparison with everything beyond the test set; numbers follow from the cells' names."""
    cells = tuple(_cell(cell, comparison.datasets, unknown) for cell in comparison.cells)
    facts = tuple(
        _facts(dataset, [cell for cell in cells if cell.dataset == dataset]) for dataset in comparison.datasets
    )
    return comparison.model_copy(update={"cells": cells, "robustness": facts})


def _cell(cell: c.CellSummary, datasets: tuple[str, ...], unknown: str) -> c.CellSummary:
    dice = random.Random(cell.cell_id)
    assert cell.headline is not None
    clean = cell.headline.value
    scores = {
        (name, severity): clean - severity * dice.uniform(0.01, 0.08) for name in CORRUPTIONS for severity in SEVERITIES
    }
    means = {name: sum(scores[name, severity] for severity in SEVERITIES) / len(SEVERITIES) for name in CORRUPTIONS}
    mean = sum(means.values()) / len(means)
    return cell.model_copy(
        update={
            "robustness": RobustnessSummary(
                seeds=3,
                clean=clean,
                accuracy=around(mean),
                lost=around(clean - mean),
                corruptions=tuple(
                    CorruptionScore(
                        corruption=name, accuracy=around(value), lost=around(clean - value), corruption_error=1.1
                    )
                    for name, value in means.items()
                ),
                conditions=tuple(
                    ConditionScore(
                        corruption=name, severity=severity, accuracy=around(value), lost=around(clean - value)
                    )
                    for (name, severity), value in scores.items()
                ),
                mean_corruption_error=1.1,
                relative_mean_error=None,
                reason="it is not certain that the reference loses anything under blur.",
            ),
            "calibration": CalibrationSummary(
                seeds=3,
                of=3,
                temperature=1.4,
                before={"expected_calibration_error": 0.06 + 0.02 * dice.random(), "log_loss": 0.3, "brier": 0.2},
                after={"expected_calibration_error": 0.02 + 0.02 * dice.random(), "log_loss": 0.25, "brier": 0.18},
            ),
            "selective": SelectiveSummary(
                coverages=COVERAGES, risks=tuple((1 - clean) * at**2 for at in COVERAGES), area=(1 - clean) / 3
            ),
            "aware": (
                AwareScore(
                    name=unknown,
                    examples=40,
                    shared=("3",),
                    left_out=10,
                    auroc=around(0.9 - 0.1 * dice.random()),
                    passing=0.31,
                    mean_confidence=0.4,
                    home_confidence=0.8,
                ),
            ),
            "cross": tuple(_crossed(other, clean) for other in datasets if other != cell.dataset),
        }
    )


def _crossed(other: str, clean: float) -> CrossCell:
    if other.endswith("6"):
        missing = Estimate(value=None, reason="no class has the same name in both.")
        return CrossCell(dataset=other, classes=(), examples=None, score=missing, at_home=None, drop=None)
    return CrossCell(dataset=other, classes=("0", "1"), examples=80, score=around(clean - 0.2), at_home=clean, drop=0.2)


def _facts(dataset: str, cells: list[c.CellSummary]) -> RobustnessFacts:
    leaders = tuple(
        CorruptionLeader(
            corruption=name,
            most_right=cells[0].cell_id,
            as_right=tuple(cell.cell_id for cell in cells[1:3]),
            least_lost=cells[-1].cell_id,
            as_little=(),
        )
        for name in ("", *CORRUPTIONS)
    )
    return RobustnessFacts(dataset=dataset, severities=SEVERITIES, reference=cells[0].cell_id, leaders=leaders)
