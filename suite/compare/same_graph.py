"""Equal graphs cost the same: what was measured of one serves all of them.

How a model was adapted does not change how fast it answers.  A machine that was busy while one of two equal
graphs was measured would otherwise make them a fast and a slow one, and decide which of two tied cells is
recommended.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from suite.results import Profile, Result

__all__ = ["with_shared_costs"]

MEASURED = ("latency_ms_p50", "latency_ms_p95", "throughput_per_second")


def with_shared_costs(results: Sequence[Result]) -> list[Result]:
    """The results, latency and throughput of equal graphs on one device replaced by their medians."""
    groups: dict[tuple[Any, ...], list[Profile]] = {}
    for result in results:
        if result.profile is not None:
            groups.setdefault(_graph(result, result.profile), []).append(result.profile)
    medians = {graph: _medians(profiles) for graph, profiles in groups.items()}
    return [_with(result, medians) for result in results]


def _graph(result: Result, profile: Profile) -> tuple[Any, ...]:
    """What two models must have in common to be one graph."""
    counts = (profile.parameters, profile.macs, profile.throughput_batch_size)
    return (result.model, result.family, result.input_size, profile.device, *counts)


def _medians(profiles: Iterable[Profile]) -> dict[str, float]:
    """The median of each measurement that any of them has."""
    found = list(profiles)
    values = {name: [v for one in found if (v := getattr(one, name)) is not None] for name in MEASURED}
    return {name: statistics.median(there) for name, there in values.items() if there}


def _with(result: Result, medians: dict[tuple[Any, ...], dict[str, float]]) -> Result:
    if result.profile is None:
        return result
    profile = result.profile.model_copy(update=medians[_graph(result, result.profile)])
    return result.model_copy(update={"profile": profile})
