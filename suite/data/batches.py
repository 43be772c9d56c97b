"""Batches for training: the order of examples is a function of seed and epoch, the same for every model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from suite.data.augmentation import augment

__all__ = ["Batches", "Examples"]


@dataclass(frozen=True)
class Examples:
    """Decoded examples of one split."""

    images: NDArray[np.uint8] = field(repr=False)
    """Shape ``(n, height, width, 3)``; usually memory-mapped. Of a label budget it has ``shape``, length and indexing,
    and ``numpy.asarray`` makes an array of it."""
    targets: NDArray[np.int64] = field(repr=False)
    """Class indices, shape ``(n,)``."""
    ids: tuple[str, ...] = field(repr=False)
    whole: Examples | None = field(default=None, repr=False)
    """What these were chosen from; None where they are all there are."""
    chosen: NDArray[np.int64] | None = field(default=None, repr=False)
    """Their positions in ``whole``."""

    def __len__(self) -> int:
        return len(self.targets)

    def some(self, chosen: NDArray[np.int64]) -> Examples:
        """The examples at these positions; their pictures are read from disk when they are asked for."""
        images = cast("NDArray[np.uint8]", _Rows(self.images, chosen))
        ids = tuple(self.ids[index] for index in chosen.tolist())
        return Examples(images, self.targets[chosen], ids, whole=self, chosen=chosen)


@dataclass(frozen=True)
class _Rows:
    """Some rows of an array: what batches need of one, without a copy of a quarter of a large data set in memory."""

    array: NDArray[np.uint8]
    chosen: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.chosen), *self.array.shape[1:])

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        rows: NDArray[np.uint8] = self.array[self.chosen[key]]
        return rows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self.array[self.chosen], dtype)


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
