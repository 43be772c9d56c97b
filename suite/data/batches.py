"""Batches for training: the order of examples is a function of seed and epoch, the same for every model."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from suite.data.augmentation import augment
from suite.data.example_ids import some_ids
from suite.data.large import LARGE_BYTES, let_go, new_array
from suite.data.targets import Targets
from suite.data.token_rows import Arrays, TokenRows

__all__ = [
    "CLASS",
    "IMAGES",
    "TEACHER",
    "BatchTargets",
    "Batches",
    "Examples",
    "Inputs",
    "ModelInput",
    "generated",
    "in_batches",
    "padding_share",
    "prediction_batches",
    "typical_inputs",
]

Inputs = NDArray[np.uint8] | TokenRows
"""The examples of a split: images ``(n, height, width, 3)``, or tokens."""
ModelInput = NDArray[np.uint8] | Arrays
"""A batch of them, as a model takes it."""
IMAGES = "images"
"""The name of images among the inputs of a model that has several kinds of them."""
T = TypeVar("T")
CLASS, TEACHER = "class", "teacher"
"""Names of what a student learns of an example: its class, and the teacher's logits."""
BatchTargets = NDArray[np.int64] | dict[str, NDArray[Any]]
"""Of a batch: class indices ``(batch,)``; by name those of a student with the teacher's logits, and annotations."""
WINDOW = 16
"""Batches among which texts are sorted by length: enough that padding is rare, few enough that order stays random."""


@dataclass(frozen=True)
class Examples:
    """Decoded examples of one split."""

    inputs: Inputs = field(repr=False)
    """Images are usually memory-mapped. Of a label budget they have ``shape``, length and indexing, and
    ``numpy.asarray`` makes an array of them."""
    targets: NDArray[np.int64] = field(repr=False)
    """Class indices, shape ``(n,)``; zeros where there are no classes."""
    ids: Sequence[str] = field(repr=False)
    whole: Examples | None = field(default=None, repr=False)
    """What these were chosen from; None where they are all there are."""
    chosen: NDArray[np.int64] | None = field(default=None, repr=False)
    """Their positions in ``whole``."""
    texts: Any = field(default=None, repr=False)
    """Position to ``Text``, for tasks that show or continue texts; None for images."""
    annotations: Targets | None = field(default=None, repr=False)
    """What is to be said of each, where it is neither a class nor a text."""

    def __len__(self) -> int:
        return len(self.targets)

    def some(self, chosen: NDArray[np.int64]) -> Examples:
        """The examples at these positions; their images are read from disk when they are asked for."""
        if isinstance(self.inputs, TokenRows):
            inputs: Inputs = self.inputs.some(chosen)
        else:
            inputs = cast("NDArray[np.uint8]", _Rows(self.inputs, chosen))
        ids = some_ids(self.ids, chosen)
        texts = None if self.texts is None else _Some(self.texts, chosen)
        told = None if self.annotations is None else self.annotations.take(chosen)
        return Examples(inputs, self.targets[chosen], ids, whole=self, chosen=chosen, texts=texts, annotations=told)

    def joined(self, other: Examples) -> Examples:
        """These and then others of the same data set, as the same model reads them."""
        inputs: Any = (
            self.inputs.joined(other.inputs)
            if isinstance(self.inputs, TokenRows) and isinstance(other.inputs, TokenRows)
            else _Behind(self.inputs, other.inputs)
        )
        targets = np.concatenate([self.targets, other.targets])
        texts = None if self.texts is None else _Either(self.texts, other.texts, len(self))
        told = self.annotations
        if told is not None and other.annotations is not None:
            told = told.joined(other.annotations)
        return Examples(inputs, targets, (*self.ids, *other.ids), texts=texts, annotations=told)


@dataclass(frozen=True)
class _Either:
    """Reads the texts of one split or, behind them, of another."""

    first: Any
    second: Any
    count: int

    def __call__(self, index: int) -> Any:
        return self.first(index) if index < self.count else self.second(index - self.count)


@dataclass(frozen=True)
class _Behind:
    """The rows of two arrays behind one another, read where they lie."""

    first: Any
    second: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self), *self.first.shape[1:])

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        places = np.arange(len(self))[key]
        inside = places < len(self.first)
        rows = np.empty((len(places), *self.shape[1:]), np.uint8)
        rows[inside] = self.first[places[inside]]
        rows[~inside] = self.second[places[~inside] - len(self.first)]
        return rows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype)


@dataclass(frozen=True)
class _Some:
    """Reads some of the texts."""

    texts: Any
    chosen: NDArray[np.int64]

    def __call__(self, index: int) -> Any:
        return self.texts(int(self.chosen[index]))


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
    equal shapes mean one compiled step.  A split smaller than a batch is one batch.  Texts of about one length share
    a batch; lengths are counted in characters, so that every tokeniser gets the same batches.
    """

    examples: Examples
    batch_size: int
    seed: int
    augmentation: Sequence[str] = ()
    teacher: NDArray[np.float32] | None = field(default=None, repr=False)
    """A teacher's logits of every example, shape ``(n, classes)``; None where there is no teacher."""

    @property
    def size(self) -> int:
        """Examples in a batch."""
        return min(self.batch_size, len(self.examples))

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return max(1, len(self.examples) // self.size)

    def epoch(self, epoch: int) -> Iterator[tuple[ModelInput, BatchTargets]]:
        """The batches of one epoch: images uint8 or arrays of tokens, and targets."""
        generator = np.random.default_rng([self.seed, epoch])
        order = generator.permutation(len(self.examples))
        inputs = self.examples.inputs
        if isinstance(inputs, TokenRows):
            for chosen in self._alike(inputs, order, generator):
                yield inputs.take(chosen), self._targets(chosen)
            return
        for step in range(self.steps):
            # Sorted reads are sequential on disk; the order inside a batch changes no gradient.
            chosen = np.sort(order[step * self.size : (step + 1) * self.size])
            images = augment(inputs[chosen], self.augmentation, generator)
            yield images, self._targets(chosen)

    def _targets(self, chosen: NDArray[np.int64]) -> BatchTargets:
        if self.examples.annotations is not None:
            return self.examples.annotations.batch(chosen)
        classes = self.examples.targets[chosen]
        return classes if self.teacher is None else {CLASS: classes, TEACHER: self.teacher[chosen]}

    def _alike(
        self, inputs: TokenRows, order: NDArray[np.int64], generator: np.random.Generator
    ) -> Iterator[NDArray[np.int64]]:
        """Positions of texts of about one length, batch by batch in a random order."""
        characters = inputs.characters
        used = order[: self.steps * self.size]
        batches: list[NDArray[np.int64]] = []
        for start in range(0, len(used), WINDOW * self.size):
            window = used[start : start + WINDOW * self.size]
            batches.extend(window[np.argsort(characters[window], kind="stable")].reshape(-1, self.size))
        for index in generator.permutation(len(batches)).tolist():
            yield batches[index]

    @property
    def signature(self) -> tuple[Any, Any]:
        """Shapes and types of a batch: lengths of texts are open, so that one compiled step takes them all."""
        import tensorflow as tf

        targets: Any = tf.TensorSpec((self.size,), tf.int64)
        if self.teacher is not None:
            targets = {CLASS: targets, TEACHER: tf.TensorSpec((self.size, self.teacher.shape[1]), tf.float32)}
        if self.examples.annotations is not None:
            one = self.examples.annotations.batch(np.zeros(1, np.int64))
            targets = {name: tf.TensorSpec((self.size, *array.shape[1:]), array.dtype) for name, array in one.items()}
        inputs = self.examples.inputs
        if isinstance(inputs, TokenRows):
            names = inputs.take(np.zeros(1, np.int64))
            return {name: tf.TensorSpec((self.size, None), tf.int32) for name in names}, targets
        return tf.TensorSpec((self.size, *inputs.shape[1:]), tf.uint8), targets

    def dataset(self, epoch: int) -> Any:
        """The batches of one epoch as a ``tf.data.Dataset`` that is prepared two batches ahead."""
        return generated(self, lambda batches: batches.epoch(epoch), self.signature)


def generated(source: T, make: Callable[[T], Iterator[Any]], signature: Any) -> Any:
    """What ``make`` yields from ``source``, as a ``tf.data.Dataset`` that is prepared two elements ahead.

    TensorFlow keeps the function of every generator for as long as the process lives.  It does not hold ``source``
    here, or the images of every fit would stay open; the data set does, which goes with its iterator.
    """
    import tensorflow as tf

    weak = weakref.ref(source)

    def elements() -> Iterator[Any]:
        alive = weak()
        if alive is None:
            raise RuntimeError("what the batches are made of is gone, and the data set with it")
        return make(alive)

    made = tf.data.Dataset.from_generator(elements, output_signature=signature).prefetch(2)
    made.source = source
    return made


def padding_share(batches: Batches) -> float | None:
    """Share of the positions of a first epoch's batches that hold padding; None for images."""
    if not isinstance(batches.examples.inputs, TokenRows):
        return None
    used = total = 0
    for inputs, _ in batches.epoch(1):
        for name, array in cast("Arrays", inputs).items():
            if name.endswith("padding_mask"):
                used, total = used + int(array.sum()), total + array.size
    return 1 - used / total


def prediction_batches(inputs: Inputs, size: int) -> Iterator[tuple[NDArray[np.int64], ModelInput]]:
    """All examples once: their positions, and what a model takes.

    Every batch has ``size`` rows, so that one shape is compiled and rounding is the same in all: the last example of
    the last batch is repeated, and has no position.
    """
    if isinstance(inputs, TokenRows):
        for positions in inputs.windows(size):
            filled = np.concatenate([positions, np.repeat(positions[-1:], size - len(positions))])
            yield positions, inputs.take(filled)
        return
    for start in range(0, len(inputs), size):
        batch = np.asarray(inputs[start : start + size])
        filled = np.concatenate([batch, np.repeat(batch[-1:], size - len(batch), axis=0)])
        yield np.arange(start, start + len(batch)), filled


def in_batches(call: Callable[[ModelInput], NDArray[np.float32]], inputs: Inputs, size: int) -> NDArray[np.float32]:
    """What a model says of all examples, in their order; shape ``(n, outputs)``, float32.

    Args:
        call: One batch to its outputs.
        inputs: At least one example.
        size: Of a batch, at the most.

    Raises:
        ValueError: Where there are no examples.
    """
    outputs: NDArray[np.float32] | None = None
    held = 0
    for positions, batch in prediction_batches(inputs, min(size, max(1, len(inputs)))):
        made = call(batch)[: len(positions)]
        if outputs is None:
            outputs = new_array((len(inputs), *made.shape[1:]), np.float32)
        outputs[positions] = made
        held += made.nbytes
        if held > LARGE_BYTES:
            let_go(outputs)
            held = 0
    if outputs is None:
        raise ValueError("there are no examples to predict.")
    return outputs


def typical_inputs(inputs: Inputs, count: int) -> ModelInput:
    """What a model is timed with: noise of the images' shape, float32, since the time does not depend on what is
    seen; or the text of median length.
    """
    if isinstance(inputs, TokenRows):
        return inputs.typical(count)
    noise = np.random.default_rng(0).uniform(0, 255, (count, *inputs.shape[1:]))
    return cast("ModelInput", noise.astype(np.float32))
