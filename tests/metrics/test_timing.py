"""Blocks of calls: their medians, what disturbs them, and that they are timed once more then."""

from __future__ import annotations

import os
import time

import pytest

from suite.metrics.latency import BLOCKS, CallTimer, disturbance, reference_ms, wanting_threads


def sleeping(seconds: float) -> CallTimer:
    """A timer of a call that sleeps."""
    return CallTimer(lambda: time.sleep(seconds), seconds=0.05)


def test_a_block_is_the_median_of_its_calls() -> None:
    """Three blocks at least, each beside the fixed piece of work."""
    found = sleeping(0.01).timing()
    assert len(found.blocks) == len(found.reference) == BLOCKS
    assert all(10 <= block < 40 for block in found.blocks)
    assert min(found.blocks) <= found.p50 <= max(found.blocks)


def test_what_warms_up_is_not_timed() -> None:
    """The first calls trace and fill caches."""
    seconds = iter([0.3, 0.3])
    timer = CallTimer(lambda: time.sleep(next(seconds, 0.001)), seconds=0.02, warmup=2)
    assert timer.timing().p95 < 100


def test_a_slow_call_is_timed_once_a_block() -> None:
    """A model that takes seconds is not timed for minutes."""
    calls: list[None] = []
    timer = CallTimer(lambda: (calls.append(None), time.sleep(0.06)), seconds=0.02, warmup=1)
    timer.block()
    timer.block()
    assert len(calls) == 1 + 1 + 2


@pytest.mark.parametrize(
    ("milliseconds", "threads", "said"),
    [
        ([0.19] * 18 + [12.4] * 2, [1.0], "the slowest calls took 65.3 times the median"),
        ([0.19] * 20, [1.0, 1e4, 1e4], "10000 threads wanted the"),
        ([0.19] * 20, [1.0, 1.0, 1e4], None),
        ([0.19, 0.19, 0.5], [None], None),
    ],
)
def test_what_disturbs_is_said(milliseconds: list[float], threads: list[float | None], said: str | None) -> None:
    """A long tail, or more threads than cores."""
    found = disturbance(milliseconds, threads)
    assert (found is None) if said is None else (found is not None and found.startswith(said))


def test_a_disturbed_measurement_is_repeated_once() -> None:
    """What was disturbed is forgotten: the second time is quiet."""
    seconds = iter([0.01] * 4 + [0.3] * 2)
    timer = CallTimer(lambda: time.sleep(next(seconds, 0.01)), seconds=0.05, warmup=1)
    timer.block()
    assert timer.timing().p95 < 150


def test_a_measurement_that_stays_disturbed_is_marked() -> None:
    """Every eighth call takes forty times as long, both times."""
    count = iter(range(10**6))
    timer = CallTimer(lambda: time.sleep(0.04 if next(count) % 8 == 0 else 0.001), seconds=0.02, warmup=0)
    assert "the median" in (timer.timing().disturbed or "")


def test_the_machine_tells_how_busy_it_is() -> None:
    """At least this thread runs; the fixed piece of work takes some time."""
    threads = wanting_threads()
    assert threads is None or threads >= 0
    assert reference_ms() > 0
    assert (os.cpu_count() or 1) >= 1
