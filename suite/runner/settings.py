"""How a plan is run, as the caller asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from suite.runner.schedule import Redo
from suite.runner.workers import ClusterChoice
from suite.spec.placement import DeviceSettings

__all__ = ["SessionSettings"]


@dataclass(frozen=True)
class SessionSettings:
    """How a plan is run; see ``suite.runner.run.run_plan``."""

    out: Path
    cache_root: Path
    redo: Redo
    jobs: int | None
    timeout_seconds: float | None
    base: Path
    command: str | None
    executor: str
    devices: DeviceSettings
    cluster: ClusterChoice | None = None
    again: frozenset[str] = frozenset()
    """Trials whose stored results are damaged."""
