"""What is kept of a cell so that it can be held against one of another run, whose predictions are not at hand."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from suite.metrics.resampling import SEED
from suite.store.records.result import Record

if TYPE_CHECKING:
    from suite.compare.statistics.evidence import SetEvidence

__all__ = ["KEPT", "EvidenceRecord", "keep_evidence", "resamples_of"]

Array = NDArray[np.float64]
KEPT = 1_000
"""Resamples that are kept: a standard error from so many is good to 2 %, and they are 3 kB of text."""
ENOUGH = 0.975
"""The share of resamples that must have a score: of two cells 95 % have both, which is what a pair needs."""
LARGEST = 32_767
"""Of a 16-bit integer."""


class EvidenceRecord(Record):
    """What a comparison with another run needs of a cell: its score on resampled test examples.

    Every cell that was scored on the same examples saw the same resamples, so that the difference of two cells is
    paired, whichever run they come from.
    """

    examples: str
    """Equal exactly where two cells were scored on the same examples with the same answers."""
    seed_factor: float
    """What the variance of one seed's score is multiplied by to give what seeds add to that of the mean."""
    spread: tuple[float, ...] = ()
    """What the variance of one seed's score beyond luck with examples may be; ``WEIGHTS`` of
    ``suite.compare.statistics.seed_variance`` says how likely each is. Empty where no cell of the data set has two
    seeds, so that nothing is known of it."""
    seeds: int = 1
    """How many the score is the mean of."""
    stretch: float = 1.0
    """What the variance over resamples is multiplied by: more than 1 where seeds have splits of their own, which
    overlap."""
    size: int = 0
    """Test examples, or twice the groups that they belong to; 0 where they were not counted."""
    steps: int = 0
    """Where the score is the mean of each example's whole number of ``1 / steps``, such as right or wrong over three
    seeds; 0 where it is not."""
    centre: float
    """Mean of the resampled scores."""
    step: float
    resamples: str
    """The resampled scores less ``centre``, in units of ``step``: 16-bit integers, little endian, in base64."""


def keep_evidence(evidence: SetEvidence, spread: Array | None, *, size: int = 0) -> EvidenceRecord | None:
    """What to keep of a cell; None where it has no resampled scores, or too few resamples have one.

    Args:
        evidence: Of its home test set.
        spread: What ``suite.compare.statistics.intervals.spread_of`` says of it.
        size: Test examples, where the evidence has no predictions that say it.
    """
    if evidence.resampled is None or spread is None:
        return None
    kept = evidence.resampled[:KEPT]
    there = np.isfinite(kept)
    if there.mean() < ENOUGH:
        return None
    centre = float(kept[there].mean())
    apart = np.where(there, kept - centre, 0.0)
    step = float(np.abs(apart).max()) / LARGEST
    whole = np.rint(apart / step) if step > 0 else np.zeros_like(apart)
    known = evidence.steps > 1 or bool(spread.any())
    return EvidenceRecord(
        examples=_examples_of(evidence),
        seed_factor=evidence.seed_factor,
        spread=tuple(spread.tolist()) if known else (),
        seeds=evidence.steps,
        stretch=evidence.steps * evidence.seed_factor,
        # Where examples belong together there is no smallest step between two scores, and what widens the intervals of
        # few answers is to be Student's quantile of as many groups, which twice their number gives within 5 %.
        size=2 * evidence.groups if evidence.groups else evidence.examples or size,
        steps=evidence.steps if evidence.groups is None and _is_whole(evidence) else 0,
        centre=centre,
        step=step,
        resamples=base64.b64encode(whole.astype("<i2").tobytes()).decode(),
    )


def resamples_of(record: EvidenceRecord) -> Array:
    """The resampled scores again, to half a ``step``.

    Raises:
        ValueError: Where the text is no numbers.
    """
    try:
        whole = np.frombuffer(base64.b64decode(record.resamples, validate=True), dtype="<i2")
    except ValueError as error:
        raise ValueError(f"resamples: {error}.") from error
    return np.asarray(record.centre + record.step * whole)


def _examples_of(evidence: SetEvidence) -> str:
    """Of the examples and of how they are resampled, since pairs must have seen the same resamples."""
    return hashlib.sha256(f"{SEED}+{evidence.examples_key}".encode()).hexdigest()[:32]


def _is_whole(evidence: SetEvidence) -> bool:
    if evidence.values is None:
        return False
    scaled = evidence.values * evidence.steps
    return bool(np.abs(scaled - np.rint(scaled)).max(initial=0.0) < 1e-6)
