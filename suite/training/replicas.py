"""One batch over several devices: who gets which examples, and what comes back as one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

__all__ = ["Replicas", "reset_seed_generators"]


class Replicas:
    """The devices of the strategy in whose scope this is made; one, where there is no strategy.

    Every device gets as many examples, neighbours in the batch.  What is missing to that is filled up with the last
    example, which then weighs nothing: a device without examples would spoil the statistics of a batch norm, and equal
    shapes are one compiled step.
    """

    def __init__(self) -> None:
        self._strategy = tf.distribute.get_strategy()
        self.count: int = self._strategy.num_replicas_in_sync

    def run(self, step: Callable[..., Any], *batch: Any) -> Any:
        """Inside a compiled function: ``step`` on every device.

        Args:
            step: Takes the shares of one device, and last the weights of its examples, ``(share,)``: 1, or 0 for
                one that only fills up.
            batch: Tensors, or tensors by name, all with the same number of examples first.

        Returns:
            What ``step`` returns, for ``total`` or ``joined``.
        """
        shares = self._shares(batch)

        def of_replica() -> Any:
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            return step(*shares[int(tf.get_static_value(number))])

        return self._strategy.run(of_replica)

    def total(self, outcome: Any) -> Any:
        """The sum over the devices of a scalar that ``run`` returned."""
        return self._strategy.reduce(tf.distribute.ReduceOp.SUM, outcome, axis=None)

    def joined(self, outcome: Any, count: int | Any) -> Any:
        """What ``run`` returned of each example, in the order of the batch, ``(count, ...)``."""
        return tf.concat(self._strategy.experimental_local_results(outcome), axis=0)[:count]

    def synchronise(self, model: Any) -> None:
        """Sets what every device measured by itself, the statistics of batch norms, to the mean over the devices.

        Moving averages are linear: the mean of the averages is the average of the means, whenever it is taken.
        """
        if self.count == 1:
            return
        for variable in model.non_trainable_variables:
            copies = [copy.numpy() for copy in self._strategy.experimental_local_results(variable.value)]
            differ = any(not np.array_equal(copies[0], other) for other in copies[1:])
            if differ and np.issubdtype(copies[0].dtype, np.floating):
                variable.assign(np.mean(copies, axis=0, dtype=np.float64).astype(copies[0].dtype))

    def _shares(self, batch: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        # Pinned, so that each device fetches its own share and not the whole batch.
        with tf.device("/CPU:0"):
            first = tf.nest.flatten(batch)[0]
            count = first.shape[0] if first.shape[0] is not None else tf.shape(first)[0]
            share = -(-count // self.count)
            shares = []
            for replica in range(self.count):
                places = tf.range(replica * share, (replica + 1) * share)
                rows = tf.minimum(places, count - 1)
                own = tf.nest.map_structure(lambda part, rows=rows: tf.gather(part, rows), batch)
                shares.append((*own, tf.cast(places < count, tf.float32)))
            return shares


def reset_seed_generators(model: Any, seed: int) -> None:
    """Sets every dropout's random state from ``seed`` and its place in the model; each device draws its own numbers."""
    strategy = tf.distribute.get_strategy()
    states = [variable for variable in model.variables if "seed_generator_state" in variable.path]
    for index, variable in enumerate(states):
        for replica, copy in enumerate(strategy.experimental_local_results(variable.value)):
            entropy = [seed, index, replica] if replica else [seed, index]
            words = np.random.SeedSequence(entropy).generate_state(math.prod(variable.shape))
            copy.assign(words.astype(variable.dtype).reshape(variable.shape))
