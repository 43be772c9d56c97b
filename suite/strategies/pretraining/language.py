"""What the objectives on texts share: options, rows of tokens in batches, one fit, and perplexity."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from suite.data.batches import generated
from suite.data.masking import IGNORED
from suite.errors import SuiteError
from suite.spec.options import Options
from suite.store.records.result import EpochRecord

__all__ = ["Example", "LanguageOptions", "Rows", "fit_rows", "perplexity"]

HELD_OUT = 0
"""The epoch whose corruption the held-out rows get; training begins with epoch 1."""

Example = tuple[Mapping[str, NDArray[np.int32]], NDArray[np.int32]]
"""What a model reads, by the names of its inputs, and the token at each place where it predicts (or ``IGNORED``)."""


class LanguageOptions(Options):
    """Recipe of a pretraining on texts."""

    epochs: Annotated[int, Field(ge=1, le=10_000)]
    batch_size: Annotated[int, Field(ge=1)] = 32
    """Rows."""
    sequence_length: Annotated[int, Field(ge=8, le=4096)] = 128
    """Tokens of a row; texts are strung together until it is full."""
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-3
    embedding_rate: Annotated[float, Field(gt=0.0)] = 1.0
    """How many times as fast the token embedding learns. T5's begins a hundred times as large as its other weights, and
    T5 was trained with steps in proportion to the size of what they change (Shazeer and Stern 2018, section 8)."""
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.01
    warmup_fraction: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    jit_compile: bool = True
    """Compile the step with XLA, which makes that of a small transformer faster on a CPU."""
    seed: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True)
class Rows:
    """Batches of examples that are made anew in every epoch, from the seed, the epoch and the row alone."""

    rows: NDArray[np.int32] = field(repr=False)
    """Token ids, shape ``(n, length)``."""
    batch_size: int
    seed: int
    make: Callable[[NDArray[np.int32], np.random.Generator], Example] = field(repr=False)

    @property
    def size(self) -> int:
        """Rows in a batch."""
        return min(self.batch_size, len(self.rows))

    @property
    def steps(self) -> int:
        """Batches in an epoch; what is left over waits for the next one, in which the order is another."""
        return max(1, len(self.rows) // self.size)

    def epoch(self, epoch: int) -> Iterator[tuple[dict[str, NDArray[np.int32]], NDArray[np.int32]]]:
        """The shuffled batches of one epoch."""
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.rows))
        for step in range(self.steps):
            yield self._batch(order[step * self.size : (step + 1) * self.size], epoch)

    def dataset(self, epoch: int) -> Any:
        """The batches of one epoch as a ``tf.data.Dataset`` that is prepared two batches ahead."""
        import tensorflow as tf

        inputs, targets = self._batch(np.zeros(self.size, np.int64), epoch)
        signature = (
            {name: tf.TensorSpec(array.shape, tf.int32) for name, array in inputs.items()},
            tf.TensorSpec(targets.shape, tf.int32),
        )
        return generated(self, lambda rows: rows.epoch(epoch), signature)

    def held_out(self) -> Iterator[tuple[dict[str, NDArray[np.int32]], NDArray[np.int32]]]:
        """Every row once, in order, as ``HELD_OUT`` corrupts it; the last batch is filled up with what counts not."""
        for start in range(0, len(self.rows), self.size):
            chosen = np.arange(start, start + self.size)
            inputs, targets = self._batch(np.minimum(chosen, len(self.rows) - 1), HELD_OUT)
            targets[chosen >= len(self.rows)] = IGNORED
            yield inputs, targets

    def _batch(self, chosen: NDArray[np.int64], epoch: int) -> tuple[dict[str, NDArray[np.int32]], NDArray[np.int32]]:
        made = [
            self.make(self.rows[index], np.random.default_rng([self.seed, epoch, index])) for index in chosen.tolist()
        ]
        inputs = {name: np.stack([example[0][name] for example in made]) for name in made[0][0]}
        return inputs, np.stack([example[1] for example in made])


def fit_rows(
    model: Any, rows: Rows, options: LanguageOptions, *, embedding: Any, on_epoch: Callable[[EpochRecord], None]
) -> None:
    """Trains ``model``, which gives the scores of all tokens at each place of the targets, in place.

    Every epoch is kept (the last one ends the schedule), so no split is used for selection.

    Args:
        model: A ``keras.Model``, from the inputs of ``rows``.
        rows: What it is trained on.
        options: The recipe.
        embedding: The layer that embeds tokens.
        on_epoch: Takes what an epoch came to.

    Raises:
        SuiteError: Where the texts do not fill one batch.
        TrialDiverged: When the loss is not finite.
    """
    from suite.training.objective import Validation
    from suite.training.optimizer import OptimizerSettings
    from suite.training.trainer import Recipe, Trainer

    if len(rows.rows) < options.batch_size:
        raise SuiteError(
            f"batch_size {options.batch_size} is larger than the {len(rows.rows)} rows of {options.sequence_length} "
            "tokens that the training texts fill."
        )

    faster = [(variable.path, options.embedding_rate) for variable in embedding.trainable_variables]
    multipliers = tuple(faster) if options.embedding_rate != 1.0 else ()
    settings = OptimizerSettings("adamw", options.weight_decay, multipliers, multiplies_decay=False)
    trainer = Trainer(model, settings, objective=_Foretelling(), jit_compile=options.jit_compile)
    epochs = iter(range(1, options.epochs + 1))
    # A score that rises by itself keeps the last epoch.
    trainer.fit(
        rows,
        lambda: Validation(loss=0.0, score=float(next(epochs))),
        Recipe(options.epochs, options.learning_rate, options.warmup_fraction),
        on_epoch=on_epoch,
    )


class _Foretelling:
    """The ``suite.training.Objective`` of tokens that are to be said."""

    def losses(self, model: Any, inputs: Any, targets: Any, *, label_smoothing: float) -> Any:
        """Of each row: negative log-likelihood, targets with the highest score, targets that count."""
        from suite.training.objective import Losses

        return Losses(*row_losses(model(inputs, training=True), targets))

    def validate(self, predict: Any, model: Any, examples: Any, judge: Any = None) -> Any:
        """Never asked: a pretraining keeps its last epoch."""
        raise NotImplementedError


def perplexity(model: Any, rows: Rows, *, jit_compile: bool = False, left_out: frozenset[int] = frozenset()) -> float:
    """Exponential of the mean negative log-likelihood, in nats, of the tokens to be predicted.

    Args:
        model: Inputs to the scores of all tokens at each place of the targets.
        rows: Held-out texts; they are corrupted alike at every call.
        jit_compile: Whether to compile with XLA.
        left_out: Tokens that do not count when they are the target.

    Returns:
        At least 1; infinite where it is too large for a float.
    """
    import tensorflow as tf

    measure = tf.function(
        lambda inputs, targets: token_losses(model(inputs, training=False), targets)[:2],
        autograph=False,
        jit_compile=jit_compile,
    )
    total, count = 0.0, 0.0
    for inputs, targets in rows.held_out():
        kept = np.where(np.isin(targets, sorted(left_out)), np.int32(IGNORED), targets)
        if not (kept != IGNORED).any():
            continue
        loss, counted = measure({name: tf.constant(array) for name, array in inputs.items()}, tf.constant(kept))
        total, count = total + float(loss), count + float(counted)
    mean = total / count if count else math.inf
    return math.exp(mean) if mean < 700 else math.inf


def token_losses(scores: Any, targets: Any) -> tuple[Any, Any, Any]:
    """Sum of the negative log-likelihoods, how many targets count (at least 1), and how many have the highest score.

    Args:
        scores: Shape ``(batch, places, vocabulary)``.
        targets: Shape ``(batch, places)``, int32; ``IGNORED`` where nothing is predicted.
    """
    from keras import ops

    losses, right, counted = row_losses(scores, targets)
    return ops.sum(losses), ops.maximum(ops.sum(counted), 1.0), ops.sum(right)


def row_losses(scores: Any, targets: Any) -> tuple[Any, Any, Any]:
    """Of each row, ``(batch,)``: negative log-likelihood, targets with the highest score, targets that count."""
    from keras import ops

    counted = ops.cast(ops.not_equal(targets, IGNORED), "float32")
    wanted = ops.maximum(targets, 0)
    losses = ops.sparse_categorical_crossentropy(wanted, ops.cast(scores, "float32"), from_logits=True)
    right = ops.cast(ops.equal(ops.cast(ops.argmax(scores, axis=-1), targets.dtype), wanted), "float32")
    return ops.sum(losses * counted, axis=-1), ops.sum(right * counted, axis=-1), ops.sum(counted, axis=-1)
