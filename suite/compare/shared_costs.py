"""Equal graphs cost the same: what was measured of one serves all of them.

How a model was adapted does not change how fast it answers.  A machine that was busy while one of two equal
graphs was measured would otherwise make them a fast and a slow one, and decide which of two tied cells is
recommended.  Measured many times over, they also show how far such a time can be trusted.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from suite.compare.cell import CellSummary
from suite.metrics.latency import long_tail
from suite.store.records.result import Profile, Result

__all__ = ["block_range", "disturbed_remarks", "usual_reference", "with_shared_costs"]

SLOW = 1.5
"""Where the fixed piece of work took so many times as long as usual, the machine was slow."""
INNER = (10, 90)
"""Percentiles: least and most would lie farther apart the more is measured."""
MEASURED = ("latency_ms_p50", "latency_ms_p95", "throughput_per_second")


def with_shared_costs(results: Sequence[Result]) -> list[Result]:
    """The results, latency and throughput of equal graphs on one device replaced by their medians and their range.

    What was measured on a disturbed machine counts only where nothing else was measured of a graph.
    """
    groups: dict[tuple[Any, ...], list[Profile]] = {}
    references: dict[str, list[float]] = {}
    for result in results:
        if result.profile is not None:
            groups.setdefault(_graph(result, result.profile), []).append(result.profile)
            references.setdefault(result.profile.device, []).extend(result.profile.reference_ms_blocks)
    usual = {device: usual_reference(found) for device, found in references.items() if found}
    shared = {graph: _shared(profiles, usual.get(profiles[0].device)) for graph, profiles in groups.items()}
    return [_with(result, shared) for result in results]


def disturbed_remarks(cells: Iterable[CellSummary]) -> Iterator[str]:
    """One sentence for all models, and one for all exported files, whose latency may be too long; else nothing."""
    models: dict[str, str] = {}
    files: dict[str, str] = {}
    for cell in cells:
        if cell.profile is not None and cell.profile.disturbed is not None:
            models.setdefault(cell.model, cell.profile.disturbed)
        for file in cell.files:
            if file.disturbed is not None:
                files.setdefault(f"{cell.model} as {file.format}", file.disturbed)
    for what, found in (("latency", models), ("latency of exported files", files)):
        if found:
            named = ", ".join(f"{name} ({reason})" for name, reason in found.items())
            yield (
                f"The {what} may be too long where the machine was busy, and still was when it was measured again: "
                f"{named}. Run it again in quiet where it matters."
            )


def usual_reference(references: Sequence[float]) -> float:
    """What the fixed piece of work takes on a device while nothing slows it down: the lower quartile."""
    return float(np.percentile(references, 25))


def block_range(
    blocks: Sequence[float], reference: Sequence[float], usual: float | None
) -> tuple[float, float | None, float | None]:
    """The median of the blocks of one graph, and between which values four in five of them lie.

    The ends are None where there is only one value.

    A block during which the fixed piece of work took twice as long as usual may be twice too long. Such blocks count
    only where there are no others.

    Args:
        blocks: Milliseconds.
        reference: Of the fixed piece of work beside each; empty where it was not timed.
        usual: What that usually takes on the device; see ``usual_reference``.
    """
    slowed = [one / usual for one in reference] if usual and len(reference) == len(blocks) else [1.0] * len(blocks)
    timed = list(zip(blocks, slowed, strict=True))
    counted = [(block, factor) for block, factor in timed if factor <= SLOW] or timed
    middle = statistics.median(block for block, _ in counted)
    values = [value for block, factor in counted for value in (block, block / factor)]
    if len(set(values)) < 2:
        return middle, None, None
    low, high = np.percentile(values, INNER)
    return middle, float(low), float(high)


def _graph(result: Result, profile: Profile) -> tuple[Any, ...]:
    """What two models must have in common to be one graph."""
    counts = (profile.parameters, profile.macs, profile.throughput_batch_size)
    return (result.model, result.family, result.input_size, profile.device, *counts)


def _shared(everything: Iterable[Profile], usual: float | None) -> dict[str, Any]:
    """The median of each measurement that any of them has, the range of latencies, and whether all were disturbed."""
    measured = [one for one in everything if one.latency_ms_p50 is not None or one.throughput_per_second is not None]
    measured = [_with_tail(one) for one in measured]
    quiet = [one for one in measured if one.disturbed is None]
    found = quiet or measured
    values = {name: [v for one in found if (v := getattr(one, name)) is not None] for name in MEASURED}
    medians: dict[str, Any] = {name: statistics.median(there) for name, there in values.items() if there}
    blocks: list[float] = []
    reference: list[float] = []
    for one in found:
        own = one.latency_ms_blocks or (() if one.latency_ms_p50 is None else (one.latency_ms_p50,))
        blocks += own
        reference += one.reference_ms_blocks or [usual or 1.0] * len(own)
    if blocks:
        medians["latency_ms_p50"], low, high = block_range(blocks, reference, usual or 1.0)
        medians |= {"latency_ms_low": low, "latency_ms_high": high}
    return {**medians, "disturbed": None if quiet else next((one.disturbed for one in measured), None)}


def _with_tail(profile: Profile) -> Profile:
    """The profile, marked where its calls say what was not looked at when they were timed."""
    p50, p95 = profile.latency_ms_p50, profile.latency_ms_p95
    if profile.disturbed is not None or profile.latency_ms_blocks or p50 is None or p95 is None:
        return profile
    return profile.model_copy(update={"disturbed": long_tail(p50, p95)})


def _with(result: Result, shared: Mapping[tuple[Any, ...], dict[str, Any]]) -> Result:
    if result.profile is None:
        return result
    profile = result.profile.model_copy(update=shared[_graph(result, result.profile)])
    return result.model_copy(update={"profile": profile})
