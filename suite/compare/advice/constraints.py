"""Limits on what a cell costs and reaches: reading them of a cell, and saying them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from suite.compare.advice.records import Excess
from suite.compare.advice.wording import MINUS, THIN
from suite.compare.cell import CellSummary, MetricInfo, Spread
from suite.registry import METRICS
from suite.spec.constraints import HOME, Constraints, split_bound

__all__ = ["NO_LICENCE", "LicenceLimit", "Limit", "beyond", "keeps", "licence_of", "limits_of", "unlimited"]

DIGITS = 3
"""Significant digits of a limit that is proposed; it is rounded so that it still admits what it is meant to."""
Read = Callable[[CellSummary], float | None]


@dataclass(frozen=True)
class Limit:
    """One limit, with how to read what it limits of a cell."""

    key: str
    side: Literal["max", "min"]
    value: float
    label: str
    """What is limited: ``latency``, ``accuracy on digits``."""
    unit: Literal["ms", "MB", "s", "", "%", "score"]
    read: Read
    """What was measured of a cell, in the limit's unit; None where nothing was."""

    def broken(self, cell: CellSummary) -> str:
        """How a cell breaks it, in words."""
        value, by = self.read(cell), self.distance(cell)
        if value is None or by is None:
            return f"{self.label} was not measured, so the limit of {self.said(self.value)} cannot be checked"
        over = "over" if self.side == "max" else "short of"
        text = f"{self.label} {_shown(self, value)}: {_gap(self, by)} {over} {self.said(self.value)}"
        if (least := self.least(cell)) is not None and least <= self.value:
            text += f", though it was also measured at {self.said(float(f'{least:.{DIGITS}g}'))}"
        return text

    def at(self, value: float) -> Limit:
        """The same limit at another value."""
        return replace(self, value=value)

    def least(self, cell: CellSummary) -> float | None:
        """The least that was measured of a time; None for what is no time, or was measured once."""
        profile, timings = cell.profile, cell.timings
        if self.key == "max_latency_ms":
            if cell.files:
                return min(cell.files, key=lambda one: one.latency_ms).low
            return profile.latency_ms_p50.lowest if profile else None
        if self.key == "max_training_seconds":
            return timings.training_seconds.lowest if timings else None
        return None

    def keeps(self, cell: CellSummary) -> bool:
        """Whether a cell keeps it; one that was not measured does not."""
        found = self.read(cell)
        if found is None:
            return False
        return found <= self.value if self.side == "max" else found >= self.value

    def distance(self, cell: CellSummary) -> float | None:
        """How far beyond the limit the cell is; negative inside, None where it was not measured."""
        found = self.read(cell)
        if found is None:
            return None
        return found - self.value if self.side == "max" else self.value - found

    def admitting(self, found: float) -> float:
        """The nearest value of few digits that still admits ``found``."""
        return _rounded(found, self.unit, up=self.side == "max")

    def excluding(self, found: float) -> float | None:
        """The nearest value of few digits that no longer admits ``found``; None where there is none above 0."""
        value = _rounded(found, self.unit, up=self.side == "min")
        if value == found:
            value += _step(found, self.unit) * (1 if self.side == "min" else -1)
            value = _rounded(value, self.unit, up=self.side == "min")
        return value if self.unit in {"%", "score"} or value > 0 else None

    def said(self, value: float) -> str:
        """A value with its unit."""
        if self.unit == "%":
            return f"{_plain(100 * value)}{THIN}%"
        number = _plain(value)
        return f"{number}{THIN}{self.unit}" if self.unit in {"ms", "MB", "s"} else number

    @property
    def text(self) -> str:
        """The limit as part of a sentence: ``at most 20 ms latency``, ``at least 90 % accuracy``."""
        most = "at most" if self.side == "max" else "at least"
        return f"{most} {self.said(self.value)} {self.label}"


@dataclass(frozen=True)
class LicenceLimit(Limit):
    """The licences of pretrained weights that will do: 0 of a cell that has one of them, 1 of one that has another."""

    allowed: tuple[str, ...] = ()

    @classmethod
    def of(cls, allowed: tuple[str, ...]) -> LicenceLimit:
        """The limit to some licences; how they are written out, with spaces or dashes, does not matter."""
        wanted = frozenset(map(_plainly, allowed))

        def read(cell: CellSummary) -> float | None:
            licence = licence_of(cell)
            if licence is None:
                return None
            return float(licence != NO_LICENCE and _plainly(licence) not in wanted)

        return cls("licences", "max", 0.0, "licence", "", read, allowed)

    def said(self, value: float) -> str:
        """The licences; any at 1."""
        return "any" if value >= 1 else " or ".join(self.allowed)

    @property
    def text(self) -> str:
        """As part of a sentence: ``a licence of Apache-2.0 or MIT``."""
        return f"a licence of {self.said(self.value)}" if self.value < 1 else "any licence"

    def broken(self, cell: CellSummary) -> str:
        """Which licence it has instead."""
        licence = licence_of(cell)
        if licence is None:
            return f"the licence of its weights is not stated, and it has to be {self.said(0)}"
        return f"its weights are under {licence}, and have to be under {self.said(0)}"

    def admitting(self, found: float) -> float:
        """Any licence, where another one is to be admitted."""
        return found

    def excluding(self, found: float) -> float | None:
        """Nothing: there is no licence between."""
        return None


NO_LICENCE = "no pretrained weights"
"""Of a model that was trained from random numbers: there are no terms to keep."""


def licence_of(cell: CellSummary) -> str | None:
    """The licence of the weights that a cell started from; None where it is not stated."""
    if cell.strategy_name == "from_scratch" or (cell.weights is not None and cell.weights.name == "random"):
        return NO_LICENCE
    return cell.weights.licence if cell.weights is not None else None


def _plainly(licence: str) -> str:
    return "-".join(licence.lower().replace("_", "-").split())


def limits_of(constraints: Constraints | None, metrics: Sequence[MetricInfo] = ()) -> tuple[Limit, ...]:
    """The limits of a spec or a command, in a fixed order.

    Args:
        constraints: What is given; None means no limit.
        metrics: Those of the comparison, for their labels.
    """
    if constraints is None:
        return ()
    found = [
        limit.at(value)
        for limit in unlimited()
        if (value := getattr(constraints, limit.key)) is not None
    ]  # fmt: skip
    if constraints.min_slice_accuracy is not None:
        least = constraints.min_slice_accuracy
        found.append(Limit("min_slice_accuracy", "min", least, "accuracy on the worst slice", "%", _worst_slice))
    if constraints.licences:
        found.append(LicenceLimit.of(constraints.licences))
    labels = {metric.name: metric.label for metric in metrics}
    found += [_bound("min", f"minimum.{key}", key, value, labels) for key, value in constraints.minimum.items()]
    found += [_bound("max", f"maximum.{key}", key, value, labels) for key, value in constraints.maximum.items()]
    return tuple(found)


def _worst_slice(cell: CellSummary) -> float | None:
    return cell.min_slice_accuracy


def unlimited() -> tuple[Limit, ...]:
    """Every cost that can be limited, each at infinity."""
    return (
        Limit("max_latency_ms", "max", math.inf, "latency", "ms", _latency),
        Limit("max_size_mb", "max", math.inf, "size", "MB", _size),
        Limit("max_parameters", "max", math.inf, "parameters", "", _parameters),
        Limit("max_macs", "max", math.inf, "MACs", "", _macs),
        Limit("max_training_seconds", "max", math.inf, "training", "s", _training),
        Limit("max_memory_mb", "max", math.inf, "peak memory", "MB", _memory),
    )


def keeps(cell: CellSummary, limits: Sequence[Limit]) -> bool:
    """Whether a cell keeps every limit."""
    return all(limit.keeps(cell) for limit in limits)


def beyond(cell: CellSummary, limits: Sequence[Limit]) -> tuple[Excess, ...]:
    """The limits that a cell breaks, each with by how much; of what was not measured, that it was not."""
    found = []
    for limit in limits:
        if limit.keeps(cell):
            continue
        found.append(Excess(key=limit.key, value=limit.read(cell), by=limit.distance(cell), text=limit.broken(cell)))
    return tuple(found)


def _shown(limit: Limit, value: float) -> str:
    """A measured value: three digits are enough where they do not put it on the other side of the limit."""
    rounded = float(f"{value:.{DIGITS}g}") if limit.unit in {"ms", "MB", "s"} else value
    if limit.unit in {"%", "score"}:
        rounded = round(value, 3)
    return limit.said(value if rounded == limit.value else rounded)


def _gap(limit: Limit, by: float) -> str:
    if limit.unit == "%":
        return f"{_plain(float(f'{100 * by:.2g}'))} points"
    return limit.said(float(f"{by:.2g}") if limit.unit else by)


def _bound(side: Literal["max", "min"], key: str, name: str, value: float, labels: dict[str, str]) -> Limit:
    where, metric = split_bound(name)
    label = labels.get(metric, metric.replace("_", " "))
    label = label if where == HOME else f"{label} on {where}"
    return Limit(
        key,
        side,
        value,
        label,
        "%" if metric in METRICS and METRICS.get(metric).unit == "%" else "score",
        _score(where, metric),
    )


def _score(where: str, metric: str) -> Read:
    def read(cell: CellSummary) -> float | None:
        there = cell if where == HOME else cell.on(where)
        found = there.metrics.get(metric) if there is not None else None
        return found.mean if found is not None else None

    return read


def _latency(cell: CellSummary) -> float | None:
    """Of the fastest exported file where there is one, which is what will answer; else of the Keras model."""
    if cell.files:
        return min(one.latency_ms for one in cell.files)
    return _mean(cell.profile.latency_ms_p50) if cell.profile else None


def _size(cell: CellSummary) -> float | None:
    return cell.profile.size_bytes / 1e6 if cell.profile else None


def _parameters(cell: CellSummary) -> float | None:
    return float(cell.profile.parameters) if cell.profile else None


def _macs(cell: CellSummary) -> float | None:
    return float(cell.profile.macs) if cell.profile and cell.profile.macs is not None else None


def _training(cell: CellSummary) -> float | None:
    return _mean(cell.timings.training_seconds) if cell.timings else None


def _memory(cell: CellSummary) -> float | None:
    memory = _mean(cell.profile.peak_memory_bytes) if cell.profile else None
    return memory / 1e6 if memory is not None else None


def _mean(spread: Spread) -> float | None:
    return spread.mean


def _step(value: float, unit: str) -> float:
    """The last digit of a proposed limit near ``value``: whole for counts, 0.001 for scores."""
    if unit in {"%", "score"}:
        return 0.001
    step: float = 10.0 ** (math.floor(math.log10(abs(value))) - DIGITS + 1) if value else 0.01
    return max(1.0, step) if unit == "" else step


def _rounded(value: float, unit: str, *, up: bool) -> float:
    if unit == "":
        return float(math.ceil(value) if up else math.floor(value))
    step = _step(value, unit)
    steps = value / step
    near = round(steps)
    whole = near if math.isclose(steps, near, rel_tol=1e-12) else (math.ceil(steps) if up else math.floor(steps))
    rounded = float(f"{whole * step:.12g}")
    # Dividing by 0.001 and back may land a hair on the wrong side of the value that it has to admit.
    if (up and rounded < value) or (not up and rounded > value):
        rounded = float(f"{(whole + (1 if up else -1)) * step:.12g}")
    return rounded


def _plain(value: float) -> str:
    """A number without exponent: ``0.25``, ``20``, ``1 240 000`` with thin spaces."""
    text = f"{value:,.0f}".replace(",", THIN) if abs(value) >= 10_000 else f"{value:.6g}"
    if "e" in text:
        text = f"{value:.9f}".rstrip("0").rstrip(".")
    return text.replace("-", MINUS)
