"""How long one call takes on a machine that does other things too: blocks of calls, and what disturbed them.

A median of calls in a row says nothing of the next minute, in which the machine may be slower.  So calls are timed in
blocks, with other work between them, and each block stands beside a fixed piece of work that is timed with it: where
that took longer too, the machine was slow and not the model.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLOCKS", "CallTimer", "Timing", "disturbance", "long_tail", "reference_ms", "wanting_threads"]

BLOCKS = 3
"""As many as a measurement has at least."""
MOST_CALLS = 200
"""Of one block."""
QUICK_SECONDS = 0.05
"""Of calls that are quicker a block has three at least; of slower ones one."""
TAIL = 3.0
"""A 95th percentile of so many medians says that something else took the processor meanwhile."""
REFERENCE_SIZE = 50_000


@dataclass(frozen=True)
class Timing:
    """What the blocks say, in milliseconds."""

    p50: float
    """The median of the blocks' medians."""
    p95: float
    """95th percentile of all calls."""
    blocks: tuple[float, ...]
    """The median of each block."""
    reference: tuple[float, ...]
    """What the fixed piece of work took beside each block."""
    disturbed: str | None
    """Why the times may be too long, also after they were measured again; None where nothing says so."""


@dataclass(frozen=True)
class _Block:
    calls: tuple[float, ...]
    reference: float
    threads: float | None


@dataclass
class CallTimer:
    """Times one call, block by block; the caller does other work between them."""

    call: Callable[[], Any]
    """Returns when the answer is there."""
    seconds: float
    """Aimed at for one block."""
    warmup: int = 2
    """Calls before the first block, which trace and fill caches."""
    _blocks: list[_Block] = field(default_factory=list)
    _calls: int = 0

    def block(self) -> None:
        """Times one more block."""
        if not self._calls:
            for _ in range(self.warmup):
                self.call()
            one = max(_milliseconds(self.call) / 1000, 1e-6)
            self._calls = int(np.clip(self.seconds / one, 3 if one < QUICK_SECONDS else 1, MOST_CALLS))
        threads = wanting_threads()
        calls = tuple(_milliseconds(self.call) for _ in range(self._calls))
        self._blocks.append(_Block(calls, reference_ms(), threads))

    def timing(self) -> Timing:
        """What the blocks say; they are timed once more, in a row, where the first were disturbed."""
        while len(self._blocks) < BLOCKS:
            self.block()
        if self._disturbance() is not None:
            self._blocks.clear()
            for _ in range(BLOCKS):
                self.block()
        medians = tuple(statistics.median(block.calls) for block in self._blocks)
        return Timing(
            p50=statistics.median(medians),
            p95=float(np.percentile(self._every_call(), 95)),
            blocks=medians,
            reference=tuple(block.reference for block in self._blocks),
            disturbed=self._disturbance(),
        )

    def _disturbance(self) -> str | None:
        return disturbance(self._every_call(), [block.threads for block in self._blocks])

    def _every_call(self) -> list[float]:
        return [milliseconds for block in self._blocks for milliseconds in block.calls]


def disturbance(milliseconds: Sequence[float], threads: Sequence[float | None]) -> str | None:
    """Why calls that took so long may have been disturbed, as part of a sentence; None where nothing says so.

    Args:
        milliseconds: Of every call.
        threads: How many threads of the machine wanted a core before each block; see ``wanting_threads``.
    """
    p50, p95 = np.percentile(milliseconds, [50, 95])
    if (tail := long_tail(p50, p95)) is not None:
        return tail
    known = [one for one in threads if one is not None]
    cores = os.cpu_count() or 1
    if known and statistics.median(known) > cores:
        return f"{statistics.median(known):.0f} threads wanted the {cores} core{'s' if cores != 1 else ''}"
    return None


def long_tail(p50: float, p95: float) -> str | None:
    """What a 95th percentile far above the median says, as part of a sentence; None where it is not far."""
    return f"the slowest calls took {p95 / p50:.1f} times the median" if p95 > TAIL * p50 else None


def wanting_threads() -> float | None:
    """How many threads of the whole machine run or could run now, this one included; None where nothing tells.

    The load average of other systems than Linux looks back over a minute, and so at what this process did before.
    """
    try:
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
        return float(next(line for line in lines if line.startswith("procs_running")).split()[1])
    except (OSError, StopIteration, ValueError, IndexError):
        pass
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def reference_ms() -> float:
    """Milliseconds of a fixed piece of work on one core, the quickest of three: sorting the same numbers.

    It uses neither TensorFlow nor BLAS, whose threads would get in the way of what is timed next.
    """
    return min(_milliseconds(lambda: np.sort(_numbers())) for _ in range(3))


@cache
def _numbers() -> NDArray[np.float64]:
    return np.random.default_rng(0).standard_normal(REFERENCE_SIZE)


def _milliseconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - started)
