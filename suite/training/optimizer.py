"""Optimizers and the schedule of their learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np

__all__ = [
    "OptimizerName",
    "OptimizerSettings",
    "WarmupCosine",
    "make_optimizer",
    "reset_optimizer",
    "with_loss_scale",
]

OptimizerName = Literal["adamw", "adam", "sgd"]


@dataclass(frozen=True)
class OptimizerSettings:
    """What is baked into a compiled step; everything else may change between fits."""

    name: OptimizerName = "adamw"
    weight_decay: float = 0.0
    """Decoupled decay of matrices and kernels; biases and normalisation parameters are spared."""
    multipliers: tuple[tuple[str, float], ...] = ()
    """Learning-rate multiplier per variable path (layer-wise decay); 1 where a path is not named."""
    label_smoothing: float = 0.0


class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras is untyped
    """Linear warm-up and a cosine to 0, held in variables so that a compiled step can be used again."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = keras.Variable(1e-3, trainable=False, dtype="float32", name="peak")
        self.total = keras.Variable(1.0, trainable=False, dtype="float32", name="total")
        self.warmup = keras.Variable(0.0, trainable=False, dtype="float32", name="warmup")

    def set(self, peak: float, total_steps: int, warmup_steps: int) -> None:
        """Starts a new schedule."""
        self.peak.assign(peak)
        self.total.assign(float(total_steps))
        self.warmup.assign(float(warmup_steps))

    def __call__(self, step: Any) -> Any:
        """The learning rate of one step, a scalar tensor."""
        now = keras.ops.cast(step, "float32")
        rising = self.peak * (now + 1.0) / keras.ops.maximum(self.warmup, 1.0)
        progress = (now - self.warmup) / keras.ops.maximum(self.total - self.warmup, 1.0)
        falling = 0.5 * self.peak * (1.0 + keras.ops.cos(math.pi * keras.ops.clip(progress, 0.0, 1.0)))
        return keras.ops.where(now < self.warmup, rising, falling)


def _scaled(base: type) -> type:
    """An optimizer whose learning rate is multiplied per variable.

    A subclass rather than ``keras.optimizers.MultiOptimizer``, whose saved state does not load again.
    """

    class Scaled(base):  # type: ignore[misc]  # the base is chosen at run time
        multipliers: dict[str, float]

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            path = self._trainable_variables[self._get_variable_index(variable)].path
            super().update_step(gradient, variable, learning_rate * self.multipliers.get(path, 1.0))

    return Scaled


def make_optimizer(settings: OptimizerSettings, schedule: WarmupCosine) -> Any:
    """A Keras optimizer whose learning rate follows ``schedule``."""
    base = {"adamw": keras.optimizers.AdamW, "adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}[settings.name]
    # Adam and SGD take the decay too, decoupled as in AdamW, and None switches it off.
    arguments: dict[str, Any] = {"weight_decay": settings.weight_decay or None}
    if settings.name == "adamw":
        arguments = {"weight_decay": settings.weight_decay}
    if settings.name == "sgd":
        arguments |= {"momentum": 0.9, "nesterov": True}
    optimizer = (_scaled(base) if settings.multipliers else base)(learning_rate=schedule, **arguments)
    optimizer.multipliers = dict(settings.multipliers)
    return optimizer


def with_loss_scale(optimizer: Any) -> Any:
    """The optimizer, in 16-bit floats with a loss scale that keeps small gradients (Micikevicius et al. 2018)."""
    if keras.config.dtype_policy().name != "mixed_float16":
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)


def reset_optimizer(optimizer: Any) -> None:
    """The state of a built optimizer as before its first step."""
    for variable in optimizer.variables:
        variable.assign(np.zeros(variable.shape, variable.dtype))
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer.dynamic_scale.assign(optimizer.initial_scale)
