"""One cell's trials to its summary: means over seeds, costs, curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from suite.compare.cell import (
    LearningCurve,
    MetricSpread,
    ProfileSummary,
    Spread,
    TimingsSummary,
    WritingSummary,
)
from suite.store.records.result import GenerationRecord, Profile, Result, Timings

__all__ = [
    "curves_of",
    "metric_spreads",
    "profile_of",
    "spread",
    "timings_of",
    "writing_of",
]


def spread(values: Iterable[float | None], *, reason: str | None = None) -> Spread:
    """Mean, lowest and highest of the values that are there, and how many of how many they are."""
    everything = list(values)
    there = [value for value in everything if value is not None]
    missing = reason if len(there) < len(everything) else None
    if not there:
        return Spread(mean=None, lowest=None, highest=None, count=0, of=len(everything), reason=missing)
    mean = math.fsum(there) / len(there)
    return Spread(
        mean=mean, lowest=min(there), highest=max(there), count=len(there), of=len(everything), reason=missing
    )


def metric_spreads(finals: Sequence[Result], name: str) -> dict[str, MetricSpread]:
    """Every metric of the finished trials on one evaluation set, in the order in which trials list them.

    Without intervals, which need the other cells: ``suite.compare.statistics.score_intervals``.
    """
    scored = [result.scores.get(name, {}) for result in finals]
    names = dict.fromkeys(metric for scores in scored for metric in scores)
    spreads = {}
    for metric in names:
        found = [scores.get(metric) for scores in scored]
        reasons = (score.reason for score in found if score is not None and score.value is None and score.reason)
        reason = next(reasons, "it was not scored.")
        over = spread((score.value if score is not None else None for score in found), reason=reason)
        spreads[metric] = MetricSpread(**over.model_dump())
    return spreads


def profile_of(finals: Sequence[Result]) -> ProfileSummary | None:
    """Counts of the first profile that is there, measurements as means over all of them."""
    profiles = [result.profile for result in finals if result.profile is not None]
    if not profiles:
        return None
    first = profiles[0]

    def over(field: Callable[[Profile], float | None]) -> Spread:
        return spread((field(profile) for profile in profiles), reason="it was not measured.")

    latency = over(lambda profile: profile.latency_ms_p50)
    if first.latency_ms_low is not None and first.latency_ms_high is not None and latency.mean is not None:
        latency = latency.model_copy(update={"lowest": first.latency_ms_low, "highest": first.latency_ms_high})
    return ProfileSummary(
        parameters=first.parameters,
        trainable_parameters=first.trainable_parameters,
        macs=first.macs,
        size_bytes=first.size_bytes,
        latency_ms_p50=latency,
        latency_ms_p95=over(lambda profile: profile.latency_ms_p95),
        throughput_per_second=over(lambda profile: profile.throughput_per_second),
        throughput_batch_size=first.throughput_batch_size,
        peak_memory_bytes=over(lambda profile: profile.peak_memory_bytes),
        device=first.device,
        disturbed=first.disturbed,
    )


def timings_of(finals: Sequence[Result]) -> TimingsSummary | None:
    """The seconds of the finished trials; None where none has them."""
    timings = [result.timings for result in finals if result.timings is not None]
    if not timings:
        return None

    def over(field: Callable[[Timings], float | None]) -> Spread:
        return spread((field(timing) for timing in timings), reason="it was not measured.")

    return TimingsSummary(
        fit_seconds=over(lambda timing: timing.fit_seconds),
        compile_seconds=over(lambda timing: timing.compile_seconds),
        seconds_to_best=over(lambda timing: timing.seconds_to_best),
        examples_per_second=over(lambda timing: timing.examples_per_second),
        features_seconds=over(lambda timing: timing.features_seconds),
        training_seconds=over(lambda timing: timing.fit_seconds + timing.features_seconds),
        total_seconds=over(lambda timing: timing.total_seconds),
    )


def writing_of(finals: Sequence[Result]) -> WritingSummary | None:
    """How fast the finished trials wrote; None where none did."""
    records = [result.generation for result in finals if result.generation is not None]
    if not records:
        return None

    def over(field: Callable[[GenerationRecord], float | None]) -> Spread:
        return spread((field(record) for record in records), reason="it was not measured.")

    return WritingSummary(
        first_token_ms=over(lambda record: record.first_token_ms),
        tokens_per_second=over(lambda record: record.tokens_per_second),
        decoding=records[0].decoding,
        new_tokens=records[0].new_tokens,
    )


def curves_of(finals: Sequence[Result]) -> tuple[LearningCurve, ...]:
    """The epochs of each seed."""
    return tuple(
        LearningCurve(seed=result.seed, best_epoch=result.best_epoch, epochs=result.history) for result in finals
    )
