"""Batches for training: the order of examples is a function of seed and epoch, the same for every model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.data.augmentation import augment

__all__ = ["Batches", "Examples"]


@dataclass(frozen=True)
class Examples:
    """Decoded examples of one split."""

    images: NDArray[np.uint8] = field(repr=False)
    """Shape ``(n, height, width, 3)``; usually memory-mapped."""
    targets: NDArray[np.int64] = field(repr=False)
    """Class indices, shape ``(n,)``."""
    ids: tuple[str, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class Batches:
    """Shuffled batches of equal size.

    The examples left over at the end of an epoch wait for the next one, in which the order is another:
    equal shapes mean one compiled step.  A split smaller than a batch is one batch.
    """

    examples: Examples
    batch_size: int
    seed: int
    augmentation: Sequence[str] = ()

    @property
    def size(self) -> int:
        """Examples in a batch."""
        return min(self.batch_size, len(self.examples))

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return max(1, len(self.examples) // self.size)

    def epoch(self, epoch: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        """The batches of one epoch: images uint8, targets int64."""
        generator = np.random.default_rng([self.seed, epoch])
        order = generator.permutation(len(self.examples))
        for step in range(self.steps):
            # Sorted reads are sequential on disk; the order inside a batch changes no gradient.
            chosen = np.sort(order[step * self.size : (step + 1) * self.size])
            images = augment(self.examples.images[chosen], self.augmentation, generator)
            yield images, self.examples.targets[chosen]

    def dataset(self, epoch: int) -> Any:
        """The batches of one epoch as a ``tf.data.Dataset`` that is prepared two batches ahead."""
        import tensorflow as tf

        shape = (self.size, *self.examples.images.shape[1:])
        signature = (
            tf.TensorSpec(shape, tf.uint8),
            tf.TensorSpec((self.size,), tf.int64),
        )
        return tf.data.Dataset.from_generator(lambda: self.epoch(epoch), output_signature=signature).prefetch(2)
