"""Optimizers and the schedule of their learning rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np

__all__ = [
    "OptimizerName",
    "OptimizerSettings",
    "Strengths",
    "WarmupCosine",
    "make_optimizer",
    "reset_optimizer",
    "with_loss_scale",
]

OptimizerName = Literal["adamw", "adam", "sgd"]


@dataclass(frozen=True)
class OptimizerSettings:
    """What a step is built for, and numbers that a compiled step reads anew at every fit."""

    name: OptimizerName = "adamw"
    weight_decay: float = 0.0
    """Decoupled decay of matrices and kernels; biases and normalisation parameters are spared."""
    multipliers: tuple[tuple[str, float], ...] = ()
    """Multiplier of learning rate and decay per variable path (layer-wise decay); 1 where a path is not named."""
    label_smoothing: float = 0.0
    multiplies_decay: bool = True
    """False for multipliers of the learning rate alone, such as that of embeddings in a pretraining."""

    @property
    def graph(self) -> tuple[str, bool, bool, bool]:
        """What is compiled into a step. Settings that agree in it share one: their numbers are variables of it."""
        return self.name, bool(self.multipliers), self.label_smoothing > 0, self.multiplies_decay


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


class Strengths:
    """Decay, label smoothing and layer multipliers, held in variables so that a compiled step can be used again."""

    def __init__(self, settings: OptimizerSettings, paths: Sequence[str]) -> None:
        """Variables with the numbers of ``settings``, for trained variables of these paths, in their order."""
        self._graph = settings.graph
        self._paths = tuple(paths)
        self.decay = keras.Variable(0.0, trainable=False, dtype="float32", name="decay")
        self._smoothing = keras.Variable(0.0, trainable=False, dtype="float32", name="smoothing")
        self._multipliers = keras.Variable(np.ones(len(paths)), trainable=False, dtype="float32", name="multipliers")
        self.set(settings)

    def set(self, settings: OptimizerSettings) -> None:
        """Takes other numbers. Raises ``ValueError`` where the settings need another step."""
        if settings.graph != self._graph:
            raise ValueError(f"a step for {self._graph} cannot serve {settings.graph}")
        multipliers = dict(settings.multipliers)
        self.decay.assign(settings.weight_decay)
        self._smoothing.assign(settings.label_smoothing)
        self._multipliers.assign([multipliers.get(path, 1.0) for path in self._paths])

    @property
    def label_smoothing(self) -> Any:
        """A scalar tensor; plain 0 in a step that smooths nothing."""
        return self._smoothing.value if self._graph[2] else 0.0

    @property
    def multiplies_decay(self) -> bool:
        """Whether multipliers are of the decay too."""
        return self._graph[3]

    def multiplier(self, index: int) -> Any:
        """Of one variable, a scalar tensor; None in a step without layer multipliers."""
        return self._multipliers.value[index] if self._graph[1] else None


def _adjustable(base: type) -> type:
    """An optimizer with decoupled decay whose strength, and the rate of every variable, are variables.

    Where a variable has a multiplier it scales the decay too, as in timm, BEiT and ELECTRA: decay is a part of the
    step (Loshchilov and Hutter 2019, algorithm 2), and a layer that hardly learns must not shrink at the full rate.
    A subclass rather than ``keras.optimizers.MultiOptimizer``, whose saved state does not load again.
    """

    class Adjustable(base):  # type: ignore[misc]  # the base is chosen at run time
        strengths: Strengths

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            multiplier = self.strengths.multiplier(self._get_variable_index(variable))
            rate = learning_rate if multiplier is None else learning_rate * multiplier
            if self._use_weight_decay(variable):
                decay = keras.ops.cast(self.strengths.decay.value, variable.dtype)
                decay_rate = rate if self.strengths.multiplies_decay else learning_rate
                variable.assign_sub(variable * decay * keras.ops.cast(decay_rate, variable.dtype))
            super().update_step(gradient, variable, rate)

    return Adjustable


def make_optimizer(settings: OptimizerSettings, schedule: WarmupCosine, paths: Sequence[str]) -> Any:
    """A Keras optimizer whose learning rate follows ``schedule``; its ``strengths`` may be set anew.

    Args:
        settings: Name and strengths.
        schedule: Of the learning rate.
        paths: Of the variables that it is going to be built for.
    """
    # AdamW is Adam with decoupled decay, which every optimizer gets here.
    base = keras.optimizers.SGD if settings.name == "sgd" else keras.optimizers.Adam
    arguments: dict[str, Any] = {"momentum": 0.9, "nesterov": True} if settings.name == "sgd" else {}
    optimizer = _adjustable(base)(learning_rate=schedule, **arguments)
    optimizer.strengths = Strengths(settings, paths)
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
