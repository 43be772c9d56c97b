"""Magnitude pruning while training: how sparse after which step, and the masks that keep pruned weights at zero.

TensorFlow's own pruning package does not support Keras 3. Magnitudes are compared within each kernel, as there
(``tfmot.sparsity.keras.prune_low_magnitude``), so that every layer becomes equally sparse.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

__all__ = ["Masks", "SparsitySchedule"]


@dataclass(frozen=True)
class SparsitySchedule:
    """The share of weights that are zero rises fast first, while there are many to spare, then slower.

    Zhu and Gupta (2017, "To prune, or not to prune", equation 1), from a dense model:
    ``s(t) = s_f - s_f * (1 - (t - t_0) / (t_n - t_0)) ** 3``.
    """

    final: float
    """``s_f``: share of each pruned kernel that is zero in the end."""
    begin: int
    """``t_0``: steps before anything is pruned."""
    end: int
    """``t_n``: steps after which the final share is reached; above ``begin``."""
    updates: int
    """How many times, evenly spaced from ``begin`` to ``end``, the masks are drawn anew."""

    @classmethod
    def of(cls, final: float, *, start: float, end: float, updates: int, total_steps: int) -> SparsitySchedule:
        """The schedule of a fit of ``total_steps``; ``start`` and ``end`` are shares of them."""
        last = max(1, math.floor(end * total_steps))
        return cls(final, min(math.floor(start * total_steps), last - 1), last, updates)

    def at(self, step: int) -> float:
        """The share that is zero after ``step`` steps."""
        left = 1.0 - (step - self.begin) / (self.end - self.begin)
        return self.final * (1.0 - min(1.0, max(0.0, left)) ** 3)

    @cached_property
    def steps(self) -> frozenset[int]:
        """The steps after which the masks are drawn anew; the last is ``end``."""
        length = self.end - self.begin
        return frozenset(self.begin + math.ceil(part * length / self.updates) for part in range(1, self.updates + 1))

    def final_epoch(self, steps_per_epoch: int) -> int:
        """The first epoch, from 1, at whose end the final share is reached."""
        return math.ceil(self.end / steps_per_epoch)


class Masks:
    """Which weights of some variables are pruned: a mask for each, held in variables that a compiled step reads."""

    def __init__(self, variables: Sequence[Any]) -> None:
        self.variables = tuple(variables)
        self._kept = tuple(
            keras.Variable(np.ones(variable.shape, np.bool_), dtype="bool", trainable=False, name="kept")
            for variable in self.variables
        )

    def clear(self) -> None:
        """Nothing is pruned."""
        for kept in self._kept:
            kept.assign(np.ones(kept.shape, np.bool_))

    def hold(self) -> None:
        """Sets pruned weights to exactly zero again, inside a compiled step after the optimizer's update."""
        # On every device by itself: an assignment would copy the weights of the first one to all others.
        extended = tf.distribute.get_strategy().extended
        for variable, kept in zip(self.variables, self._kept, strict=True):
            extended.update(variable.value, _held, args=(kept.value,), group=False)

    def prune(self, share: float) -> None:
        """Prunes the smallest weights of each variable until ``round(share * size)`` are; what is pruned stays so."""
        for variable, kept in zip(self.variables, self._kept, strict=True):
            values, mask = variable.numpy(), kept.numpy()
            # A weight that was pruned before goes before every other, zeros among them.
            order = np.where(mask, np.abs(values), -1.0).ravel()
            count = round(share * order.size)
            if count:
                smallest = np.argpartition(order, count - 1)[:count]
                mask.ravel()[smallest] = False
            kept.assign(mask)
            variable.assign(np.where(mask, values, np.zeros_like(values)))


def _held(weights: Any, kept: Any) -> Any:
    return weights.assign(tf.where(kept, weights, tf.zeros_like(weights)))
