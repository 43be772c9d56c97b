"""By what rule a model is dropped. Pure: values in, reasons out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from suite.spec.constraints import Constraints
from suite.spec.funnel.settings import FEWEST_KEPT
from suite.store.records.result import Profile

__all__ = [
    "Judged",
    "Noise",
    "behind",
    "clearly_worse",
    "measured_of",
    "over_limits",
    "paired",
    "said_of",
    "spared",
    "static_limits",
    "unpaired",
]


@dataclass(frozen=True)
class _Limit:
    label: str
    unit: str
    scale: float
    """From the profile's unit to the limit's."""


STATIC_LIMITS: Mapping[str, tuple[str, _Limit]] = {
    "max_latency_ms": ("latency_ms_p50", _Limit("latency", " ms", 1.0)),
    "max_size_mb": ("size_bytes", _Limit("size", " MB", 1e-6)),
    "max_parameters": ("parameters", _Limit("parameters", "", 1.0)),
    "max_macs": ("macs", _Limit("MACs", "", 1.0)),
}
"""Limits that are known before any training, each with the field of the profile that it is on."""


@dataclass(frozen=True)
class Judged:
    """Who entered a stage, and how it did."""

    key: str
    score: float | None
    """Higher is better; None where there is none, and ``reason`` says why."""
    shown: str = ""
    """The score as a reader sees it."""
    reason: str | None = None
    half: float | None = None
    """Half of its 95 % interval over examples; None where it is not known."""


def static_limits(constraints: Constraints | None) -> dict[str, float]:
    """Those of the limits that a profile can be held against, by their names."""
    if constraints is None:
        return {}
    found = {name: getattr(constraints, name) for name in STATIC_LIMITS}
    return {name: value for name, value in found.items() if value is not None}


def over_limits(profile: Profile, limits: Mapping[str, float]) -> str | None:
    """Why a model is out: every limit that it breaks, with what was measured; None where it keeps them all.

    Args:
        profile: Of the backbone with a head.
        limits: As ``static_limits`` gives them.
    """
    broken = []
    for name, most in limits.items():
        label = STATIC_LIMITS[name][1].label
        measured = measured_of(profile, name)
        if measured is None:
            broken.append(f"its {label} was not measured, so the limit of {said_of(most, name)} cannot be checked")
        elif measured > most:
            have, allowed = _told_apart(measured, most, name)
            broken.append(f"{label} {have} is over the limit of {allowed} (constraints.{name})")
    return "; ".join(broken) or None


def measured_of(profile: Profile | None, name: str) -> float | None:
    """What was measured of what the limit ``name`` is on, in the limit's unit; None where nothing was."""
    field, limit = STATIC_LIMITS[name]
    measured: float | None = getattr(profile, field) if profile is not None else None
    return None if measured is None else measured * limit.scale


def said_of(value: float, name: str) -> str:
    """A value of what the limit ``name`` is on, with its unit."""
    unit = STATIC_LIMITS[name][1].unit
    return f"{value:,.4g}{unit}" if value < 10_000 else f"{value:,.0f}{unit}"


def _told_apart(one: float, other: float, name: str) -> tuple[str, str]:
    """Two different values with as many digits as it takes to see that they are: never 6.91 ms over 6.91 ms."""
    first, second = said_of(one, name), said_of(other, name)
    for digits in range(5, 17):
        if first != second or one == other:
            break
        unit = STATIC_LIMITS[name][1].unit
        first, second = f"{one:,.{digits}g}{unit}", f"{other:,.{digits}g}{unit}"
    return first, second


Noise = Callable[[str, str], float | None]
"""The keys of two entrants to half of the 95 % interval of their difference; None where it is not known."""


def unpaired(entrants: Sequence[Judged]) -> Noise:
    """The noise of a difference from the intervals of both, as if they had been judged on different examples."""
    halves = {one.key: one.half for one in entrants}

    def noise(first: str, second: str) -> float | None:
        own, other = halves.get(first), halves.get(second)
        return None if own is None or other is None else math.hypot(own, other)

    return noise


def paired(resampled: Mapping[str, NDArray[np.float64]]) -> Noise:
    """The noise of a difference from scores on the same bootstrap samples, by key."""

    def noise(first: str, second: str) -> float | None:
        if first not in resampled or second not in resampled:
            return None
        gaps = resampled[first] - resampled[second]
        gaps = gaps[np.isfinite(gaps)]
        return NormalDist().inv_cdf(0.975) * float(gaps.std(ddof=1)) if len(gaps) > 1 else None

    return noise


def behind(
    entrants: Sequence[Judged], keep: float, *, what: str, who: str, noise: Noise = lambda _one, _other: None
) -> dict[str, str]:
    """Those that are not among the best, by key, each with its reason.

    The share that is kept is rounded up, and is never below ``FEWEST_KEPT``. Who has the same score as the last that
    is kept is kept too, and who is behind that one by no more than the noise of their difference. Entrants without a
    score are dropped with the reason why they have none.

    Args:
        entrants: Everybody in the stage.
        keep: Share of them that goes on.
        what: What they were judged by, for the sentence.
        who: ``models``, or whatever the entrants are.
        noise: Of the difference of two; where it is not known, any difference counts.
    """
    judged = sorted((one for one in entrants if one.score is not None), key=_descending)
    reasons = {one.key: one.reason or f"it has no {what}." for one in entrants if one.score is None}
    room = max(FEWEST_KEPT, math.ceil(keep * len(entrants)))
    if len(judged) <= room:
        return reasons
    last = judged[room - 1]
    for place, one in enumerate(judged, start=1):
        if place > room and not _level(one, last, noise):
            own, bar = _shown_apart(one, last)
            reasons[one.key] = (
                f"{what} {own}, place {place} of {len(entrants)}; "
                f"the best {room} {who} go on, the last of them with {bar}."
            )
    return reasons


def spared(entrants: Sequence[Judged], keep: float, noise: Noise) -> tuple[str, ...]:
    """Keys of those that go on though they are not among the best: nothing tells them from the last of these."""
    judged = sorted((one for one in entrants if one.score is not None), key=_descending)
    room = max(FEWEST_KEPT, math.ceil(keep * len(entrants)))
    if len(judged) <= room:
        return ()
    last = judged[room - 1]
    return tuple(one.key for one in judged[room:] if one.score != last.score and _level(one, last, noise))


def _level(one: Judged, last: Judged, noise: Noise) -> bool:
    """Whether an entrant cannot be told from the last that goes on."""
    reach = noise(one.key, last.key)
    gap = (last.score or 0.0) - (one.score or 0.0)
    return gap == 0 or (reach is not None and gap <= reach)


def _shown_apart(one: Judged, last: Judged) -> tuple[str, str]:
    """Both scores as a reader sees them, with more digits where they would look the same."""
    first, second = one.shown, last.shown
    for digits in range(4, 17):
        if first != second:
            break
        first, second = f"{one.score:.{digits}f}", f"{last.score:.{digits}f}"
    return first, second


def clearly_worse(
    entrants: Sequence[Judged], resampled: Mapping[str, NDArray[np.float64]], level: float, *, what: str
) -> dict[str, str]:
    """Those that are worse than the best beyond the noise of their examples, by key, each with its reason.

    A one-sided normal test of the paired difference, with the bootstrap's standard error. It looks at one fit each,
    so ``level`` should be high: other seeds would give somewhat other scores.

    Args:
        entrants: Everybody in the stage; those without a score are kept, since nothing is known of them.
        resampled: Key to the score on the same bootstrap samples of the examples, higher is better.
        level: How sure it must be, a fraction.
        what: What they were judged by, for the sentence.
    """
    judged = [one for one in entrants if one.score is not None and one.key in resampled]
    if not judged:
        return {}
    best = min(judged, key=_descending)
    bar = NormalDist().inv_cdf(level)
    reasons = {}
    for one in judged:
        gaps = resampled[best.key] - resampled[one.key]
        gaps = gaps[np.isfinite(gaps)]
        gap = (best.score or 0.0) - (one.score or 0.0)
        if len(gaps) > 1 and gap > bar * float(gaps.std(ddof=1)) and gap > 0:
            reasons[one.key] = (
                f"after one full fit its {what} is {one.shown}, and {best.shown} of the best: "
                f"worse by more than chance explains ({level:.0%} sure)."
            )
    return reasons


def _descending(one: Judged) -> tuple[float, str]:
    return (-(one.score if one.score is not None else -math.inf), one.key)
