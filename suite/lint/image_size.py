"""Check ``picture_size``: images much smaller or much larger than what the models take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

import numpy as np

from suite.lint.resolution import input_side, models_of
from suite.lint.study import Study
from suite.lint.subjects import LooksAt
from suite.store.records.check import Finding, Severity

__all__ = ["ImageSize"]

BLOWN_UP, LOST = 2.0, 4.0
"""Factors between the side of the input and that of the median image from which it is worth a note."""
FAR = 8.0
"""From which it is a warning, where detail is lost."""


class ImageSize:
    """What is left of an image, or invented, when it is resized to a model's input."""

    summary: ClassVar[str] = "images much smaller or larger than the models' input"
    looks_at: ClassVar[tuple[LooksAt, ...]] = ("data",)
    reads_examples: ClassVar[bool] = True

    @classmethod
    def findings(cls, subject: Study) -> Iterator[Finding]:
        """Per data set: one finding for models with a larger input, one for those with a much smaller one."""
        models = [
            (label, side)
            for label, source, options in models_of(subject.plan)
            if (side := input_side(source, options)) is not None
        ]
        for label, dataset in subject.all_sets():
            sizes = subject.marks(label, dataset, "test").marks.sizes
            if sizes.any():
                height, width = (float(value) for value in np.median(sizes, axis=0))
                yield from _of_set(label, height, width, models)


def _of_set(label: str, height: float, width: float, models: list[tuple[str, float]]) -> Iterator[Finding]:
    own = (height * width) ** 0.5
    median = f"The median image is {height:.0f} x {width:.0f} pixels"
    blown = [(model, side) for model, side in models if side >= BLOWN_UP * own]
    shrunk = [(model, side) for model, side in models if own >= LOST * side]
    if blown:
        yield _finding(
            label,
            "note",
            f"{median}; each side is blown up {_times(blown, lambda side: side / own)}.",
            "It costs time and adds no detail, and blown-up images are not what most weights were trained on.",
            "Nothing, where these weights are the question; else compare with a model of a smaller input.",
        )
    if shrunk:
        yield _finding(
            label,
            "warning" if own >= FAR * min(side for _, side in shrunk) else "note",
            f"{median}; each side is shrunk {_times(shrunk, lambda side: own / side)}.",
            "What tells the classes apart may be smaller than a pixel afterwards; no model can then find it.",
            "Look at a few images at that size; if you cannot tell the classes either, take a model with a larger "
            "input, or crop the images first.",
        )


def _times(models: list[tuple[str, float]], factor: Callable[[float], float]) -> str:
    """``6.0 times for a, b (48 x 48), 4.0 times for c (32 x 32)``."""
    by_side: dict[float, list[str]] = {}
    for model, side in models:
        by_side.setdefault(side, []).append(model)
    parts = []
    for side, names in sorted(by_side.items(), reverse=True):
        named = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        parts.append(f"{factor(side):.1f} times for {named} ({side:.0f} x {side:.0f})")
    return ", ".join(parts)


def _finding(label: str, severity: Severity, what: str, why: str, mend: str) -> Finding:
    return Finding(check="picture_size", severity=severity, what=what, where=label, why=why, mend=mend)
