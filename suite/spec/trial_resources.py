"""What one trial is given of a machine, and how many trials that leaves room for; the same here and on a cluster."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, model_validator

from suite.spec.options import Options

__all__ = ["Capacity", "ResourcesSpec", "Share", "share_of"]

GIGABYTE = 1_000_000_000


class ResourcesSpec(Options):
    """What one trial is given; part of no trial's identity."""

    cpus: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Cores, and the threads that a trial computes with; an equal share of the machine's when left out."""
    gpus: Annotated[float, Field(ge=0.0, le=1024.0)] | None = None
    """GPUs; ``0.5`` puts two trials on each. One where a machine has any, when left out."""
    memory_gb: Annotated[float, Field(gt=0.0)] | None = None
    """Main memory in GB (10^9 bytes); it counts how many trials fit, and ends none."""

    @model_validator(mode="after")
    def _whole_gpus(self) -> Self:
        if self.gpus is not None and self.gpus > 1 and self.gpus != int(self.gpus):
            raise ValueError(f"gpus: {self.gpus:g} cannot be had; expected a part of one, or a whole number")
        return self

    @property
    def in_words(self) -> str:
        """``2 cpus, 0.5 gpus, 8 GB``."""
        asked = [
            f"{value:g} {unit}"
            for value, unit in ((self.cpus, "cpus"), (self.gpus, "gpus"), (self.memory_gb, "GB"))
            if value is not None
        ]
        return ", ".join(asked) or "nothing in particular"


@dataclass(frozen=True)
class Capacity:
    """What a machine has for trials."""

    cpus: float
    gpus: float
    memory_bytes: float

    @property
    def in_words(self) -> str:
        """``16 cpus, 2 gpus, 64 GB``."""
        return f"{self.cpus:g} cpus, {self.gpus:g} gpus, {self.memory_bytes / GIGABYTE:.3g} GB"


@dataclass(frozen=True)
class Share:
    """What each trial of a machine gets."""

    count: int
    """Trials at once; 0 where there is no room for one."""
    threads: int
    cpus: float
    """Cores; below 1 where there are more trials than cores."""
    gpus: float
    memory_bytes: int
    """0 where nothing was asked for."""


def share_of(capacity: Capacity, resources: ResourcesSpec | None, jobs: int | None) -> Share:
    """How a machine is shared out: as many trials as fit, at most ``jobs``; one, or one per GPU, where nothing says."""
    asked = resources or ResourcesSpec()
    gpus = _gpus_each(capacity, asked, jobs)
    memory_bytes = round((asked.memory_gb or 0) * GIGABYTE)
    limits = [] if jobs is None else [jobs]
    if gpus:
        limits.append(math.floor(capacity.gpus) * math.floor(1 / gpus) if gpus <= 1 else int(capacity.gpus // gpus))
    if asked.cpus is not None:
        limits.append(int(capacity.cpus // asked.cpus))
    if memory_bytes:
        limits += [int(capacity.memory_bytes // memory_bytes), max(1, int(capacity.cpus))]
    count = min(limits, default=1) if capacity.cpus else 0
    # Rounded down: all shares together must be there.
    cpus = asked.cpus or _below(capacity.cpus / max(1, count))
    return Share(count, max(1, int(cpus)), cpus, gpus, memory_bytes)


def _gpus_each(capacity: Capacity, asked: ResourcesSpec, jobs: int | None) -> float:
    if asked.gpus is not None:
        return asked.gpus
    if capacity.gpus < 1:
        return 0.0
    return _below(1 / math.ceil((jobs or 1) / math.floor(capacity.gpus)))


def _below(value: float) -> float:
    """Whole from 1 on, else in ten-thousandths, which is what Ray counts in."""
    return float(math.floor(value)) if value >= 1 else math.floor(value * 10_000) / 10_000
