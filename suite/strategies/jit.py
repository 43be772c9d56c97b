"""Whether XLA helps: measured per model and device on a few steps, remembered on disk, recorded in the result."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from suite.cache import entry_path, write_entry
from suite.errors import StoreError

__all__ = ["JitChoice", "JitChooser", "JitMode"]

JitMode = Literal["auto", "on", "off"]

WORTH_IT = 1.2
"""How many times faster XLA must be to be chosen; less is within the noise of a few steps."""
SHORTEST_STEPS = 150
"""A cell with fewer steps ends before a measurement pays."""


@dataclass(frozen=True)
class JitChoice:
    """Whether to compile with XLA, and the reason in words."""

    jit_compile: bool
    reason: str


@dataclass(frozen=True)
class JitChooser:
    """Decides about XLA."""

    root: Path
    device: str
    """Name and threads of the device, since the answer is another on another one."""

    def choose(
        self,
        make_trainer: Callable[[bool], Any],
        adapted: Any,
        batch: tuple[Any, Any],
        *,
        graph: str,
        planned_steps: int,
        mode: JitMode = "auto",
        one_shape: bool = True,
    ) -> JitChoice:
        """The choice for one training step.

        The forward pass decides first: where XLA makes it clearly slower (convolutions on a CPU), the far
        longer compilation of a training step is not tried.  A ``mode`` other than ``auto`` decides without
        measuring.
        """
        if mode != "auto":
            return JitChoice(mode == "on", f"asked for: jit {mode}")
        if not one_shape:
            reason = "not measured: texts come in many lengths, and XLA compiles anew for each"
            return JitChoice(jit_compile=False, reason=reason)
        path = entry_path(self.root, "jit", _identity(graph, self.device), ".choice")
        kept = _read(path)
        if kept is not None:
            return kept
        if planned_steps < SHORTEST_STEPS:
            return JitChoice(jit_compile=False, reason=f"not measured: only {planned_steps} steps are planned")
        choice = self._measure(make_trainer, adapted, batch)
        _write(path, choice, description=graph)
        return choice

    @staticmethod
    def _measure(make_trainer: Callable[[bool], Any], adapted: Any, batch: tuple[Any, Any]) -> JitChoice:
        try:
            forward = {compiled: _forward_seconds(adapted, batch[0][:8], compiled) for compiled in (False, True)}
        except Exception as error:  # noqa: BLE001 - whatever XLA cannot do, the plain step can
            return JitChoice(jit_compile=False, reason=f"XLA cannot compile this model ({type(error).__name__})")
        if forward[True] > 1.5 * forward[False]:
            return JitChoice(
                jit_compile=False,
                reason=f"forward pass {forward[True] * 1000:.1f} ms with XLA, {forward[False] * 1000:.1f} ms without",
            )
        plain = _step_seconds(make_trainer(False), batch)
        try:
            compiled = _step_seconds(make_trainer(True), batch)
        except Exception as error:  # noqa: BLE001 - whatever XLA cannot do, the plain step can
            return JitChoice(jit_compile=False, reason=f"XLA cannot compile this step ({type(error).__name__})")
        return JitChoice(
            jit_compile=plain > WORTH_IT * compiled,
            reason=f"training step {compiled * 1000:.1f} ms with XLA, {plain * 1000:.1f} ms without",
        )


def _step_seconds(trainer: Any, batch: tuple[Any, Any]) -> float:
    trainer.compile(batch)
    seconds: float = trainer.time_steps(batch, count=5)
    return seconds


def _forward_seconds(adapted: Any, images: Any, compiled: bool) -> float:
    import tensorflow as tf

    from suite.training.predictor import Predictor

    predictor = Predictor(adapted.logits, len(images), jit_compile=compiled)
    tensor = tf.constant(images)
    predictor.single(tensor)
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        predictor.single(tensor).numpy()
        best = min(best, time.perf_counter() - started)
    return best


def _identity(graph: str, device: str) -> dict[str, Any]:
    packages = {name: version(name) for name in ("tensorflow", "keras")}
    return {"version": 1, "graph": graph, "device": device, **packages}


def _read(path: Path) -> JitChoice | None:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return JitChoice(bool(kept["jit_compile"]), str(kept["reason"]))
    except (OSError, ValueError, KeyError):
        return None


def _write(path: Path, choice: JitChoice, *, description: str) -> None:
    """Kept for the next run, so that the same command takes the same path; a full disk only costs time."""
    content = json.dumps(vars(choice)).encode()
    with contextlib.suppress(StoreError):
        write_entry(path, lambda file: file.write(content), {"step": description, **vars(choice)})
