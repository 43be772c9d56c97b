"""The learning curve of a running trial as numbers of a small image; the template draws them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from suite.publish.serving.state import RunningTrial

__all__ = ["Drawing", "Line", "Tick", "draw"]

WIDTH, HEIGHT = 360.0, 176.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 350.0, 12.0, 150.0
LEAST_SPAN = 0.04
"""Of the scores that are shown: smaller differences would look like large ones."""
MOST_STEPS = 4


@dataclass(frozen=True)
class Tick:
    """A mark of an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Line:
    """Points of a line, ready for ``points=``, and its last one."""

    points: str
    x: float
    y: float


@dataclass(frozen=True)
class Drawing:
    """What the image consists of; coordinates in its own units."""

    width: float
    height: float
    left: float
    right: float
    bottom: float
    validation: Line
    train: Line
    earlier: tuple[Line, ...]
    ys: tuple[Tick, ...]
    xs: tuple[Tick, ...]
    label: str
    """For who cannot see it."""


def draw(trial: RunningTrial) -> Drawing | None:
    """The image of a trial; None before its first epoch has ended."""
    if not trial.epochs:
        return None
    last = max(trial.planned_epochs or 1, trial.epochs[-1].epoch, *(len(curve) for curve in trial.earlier), 1)
    validation = [(record.epoch, record.validation_score) for record in trial.epochs]
    train = [(record.epoch, record.train_accuracy) for record in trial.epochs]
    earlier = [list(enumerate(curve, start=1)) for curve in trial.earlier]
    marks = _marks([value for points in (validation, train, *earlier) for _, value in points if math.isfinite(value)])

    def line(points: Sequence[tuple[int, float]]) -> Line:
        placed = [(_x(epoch, last), _y(value, marks)) for epoch, value in points if math.isfinite(value)]
        x, y = placed[-1] if placed else (LEFT, BOTTOM)
        return Line(" ".join(f"{x:.1f},{y:.1f}" for x, y in placed), x, y)

    digits = next(count for count in range(1, 8) if all(math.isclose(round(m, count), m, abs_tol=1e-9) for m in marks))
    epoch, score = validation[-1]
    return Drawing(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=RIGHT,
        bottom=BOTTOM,
        validation=line(validation),
        train=line(train),
        earlier=tuple(line(points) for points in earlier),
        ys=tuple(Tick(_y(mark, marks), f"{mark:.{digits}f}") for mark in marks),
        xs=tuple(Tick(_x(one, last), str(one)) for one in _epoch_marks(last)),
        label=f"Learning curve: validation score {score:.3f} after epoch {epoch} of {last}.",
    )


def _x(epoch: int, last: int) -> float:
    return (LEFT + RIGHT) / 2 if last == 1 else LEFT + (RIGHT - LEFT) * (epoch - 1) / (last - 1)


def _y(value: float, marks: Sequence[float]) -> float:
    return BOTTOM - (BOTTOM - TOP) * (value - marks[0]) / (marks[-1] - marks[0])


def _marks(values: Sequence[float]) -> tuple[float, ...]:
    """Round numbers at even steps from below the least value to above the largest."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    missing = LEAST_SPAN - (high - low)
    if missing > 0:
        low, high = low - missing / 2, high + missing / 2
    rough = (high - low) / MOST_STEPS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough - 1e-12)
    first, count = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(index * step, 10) for index in range(first, count + 1))


def _epoch_marks(last: int) -> tuple[int, ...]:
    """The first, the last, and some between them."""
    step = max(1, math.ceil((last - 1) / 6))
    between = [epoch for epoch in range(1, last, step) if last - epoch > step / 2]
    return (*between, last)
