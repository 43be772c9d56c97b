"""Check ``below_probe``: training that ends far below a linear probe of the same weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from suite.compare.advice.wording import quality
from suite.compare.comparison import CellSummary, HeadlineScore
from suite.lint.subjects import LooksAt, Run, place_of
from suite.store.records.check import Finding

__all__ = ["BelowProbe"]

PROBE = "linear_probe"
ADAPTING = frozenset({"fine_tune", "gradual_unfreeze", "lora", "bitfit", "distill"})
"""Strategies that start from the weights that the probe reads, and could leave them as they are."""
FAR = 0.05
"""Five points of a score that lies between 0 and 1: neither a rounding nor a matter of taste."""
TIMES = 1.25
"""Of a score where lower is better, such as a log loss."""


class BelowProbe:
    """Fine-tuning can stay where it starts; one that ends far below the frozen features has lost them."""

    summary: ClassVar[str] = "fine-tuning that ends far below a linear probe of the same model"
    looks_at: ClassVar[tuple[LooksAt, ...]] = ("results",)

    @classmethod
    def findings(cls, subject: Run) -> Iterator[Finding]:
        """Per cell that trains the backbone and is far below the probe of its model, with as many labels."""
        budgets = [point.cells for one in subject.comparison.labels for point in one.points]
        for cells in (subject.ranked, *budgets):
            probes = {(cell.model, cell.dataset): cell for cell in cells if cell.strategy_name == PROBE}
            for cell in cells:
                probe = probes.get((cell.model, cell.dataset))
                if probe is not None and cell.strategy_name in ADAPTING and _far_below(cell, probe, subject):
                    yield _finding(cell, probe, subject)


def _far_below(cell: CellSummary, probe: CellSummary, run: Run) -> bool:
    """Further than ``FAR``, and beyond both intervals where there are any."""
    own, theirs = cell.headline, probe.headline
    if own is None or theirs is None:
        return False
    if run.comparison.headline.higher_is_better:
        return theirs.value - own.value >= FAR and _high(own) < _low(theirs)
    return own.value >= TIMES * theirs.value and _low(own) > _high(theirs)


def _high(score: HeadlineScore) -> float:
    return score.high if score.high is not None else score.value


def _low(score: HeadlineScore) -> float:
    return score.low if score.low is not None else score.value


def _finding(cell: CellSummary, probe: CellSummary, run: Run) -> Finding:
    assert cell.headline is not None and probe.headline is not None  # noqa: S101, PT018 - both were compared
    metric = run.comparison.headline
    tried = (one.hyperparameters.get("learning_rate") for one in run.finals(cell))
    rates = sorted({rate for rate in tried if isinstance(rate, float)})
    at = f" at a learning rate of {' and '.join(f'{rate:g}' for rate in rates)}" if rates else ""
    return Finding(
        check="below_probe",
        severity="warning",
        what=f"It ends at {quality(cell.headline.value, metric)}{at}; a linear probe of the same weights has "
        f"{quality(probe.headline.value, metric)}.",
        where=place_of(cell),
        why="Training starts from the features that the probe reads and could keep them: it is the setting that is "
        "wrong, not the model, and its rank says nothing of the model.",
        mend="Search lower learning rates for every model alike (a search over learning_rate), start from the probe's "
        'head ("head_first": true), or unfreeze less.',
    )
