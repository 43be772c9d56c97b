"""One fit: a compiled training step that is built once and serves every seed and setting of a cell.

Keras's own ``fit`` traces its step through AutoGraph and, when variables are made inside it, twice; a
MobileNetV2 waits 24 s for its first step so, 6 s with the step below, which is the same computation:
``model(x, training=True)``, the loss, ``optimizer.apply``.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from suite.data.batches import BatchTargets, ModelInput
from suite.errors import BatchTooLarge, TrialDiverged
from suite.store.records.result import EpochRecord
from suite.training.objective import CrossEntropy, Losses, Objective, Validation
from suite.training.optimizer import OptimizerSettings, WarmupCosine, make_optimizer, reset_optimizer, with_loss_scale
from suite.training.predictor import as_tensors
from suite.training.pruning import Masks, SparsitySchedule
from suite.training.replicas import Replicas, reset_seed_generators

__all__ = ["Fitted", "Recipe", "Trainer"]


@dataclass(frozen=True)
class Recipe:
    """What may change from one fit to the next without a new compilation."""

    epochs: int
    learning_rate: float
    """Peak of the schedule: linear warm-up, then a cosine to 0 (Loshchilov and Hutter 2017, equation 5)."""
    warmup_fraction: float = 0.1
    patience: int | None = None
    sparsity: SparsitySchedule | None = None
    """Of a trainer with masks: what is pruned after which step."""

    def judged_from(self, steps_per_epoch: int) -> int:
        """The first epoch whose weights go before all earlier ones: before it, a pruned model is not yet as sparse."""
        return 1 if self.sparsity is None else self.sparsity.final_epoch(steps_per_epoch)


@dataclass(frozen=True)
class Fitted:
    """What one call of ``Trainer.fit`` did. The best weights are in the model when it returns."""

    history: tuple[EpochRecord, ...]
    best_epoch: int
    fit_seconds: float
    """Training steps only."""
    seconds_to_best: float
    validation_seconds: float
    examples: int
    """Training examples seen, repetitions counted."""


class TrainingBatches(Protocol):
    """What a trainer asks of batches; ``suite.data.batches.Batches`` for one."""

    @property
    def size(self) -> int:
        """Examples in a batch."""

    @property
    def steps(self) -> int:
        """Batches in an epoch."""

    @property
    def seed(self) -> int:
        """Of the order, and of dropout."""

    def dataset(self, epoch: int) -> Any:
        """The batches of one epoch as a ``tf.data.Dataset`` of inputs and targets."""


class Trainer:
    """A compiled training step of one model with one set of trainable variables.

    The set is read when the object is made: freeze first.  ``fit`` may be called any number of times; it
    starts from the weights that the model has then and from a new optimizer state.  Made in the scope of a strategy,
    as the model must have been, it shares every batch out over its devices; the loss is the mean over the whole batch.

    Args:
        model: A ``keras.Model``; images or named arrays of tokens in.
        settings: Of the optimizer.
        objective: What is made smaller; cross-entropy over classes when left out.
        signature: Of a batch, where shapes vary from batch to batch: see ``Batches.signature``.
        masks: Of weights that are pruned while training.
        jit_compile: Whether XLA compiles the step.
    """

    def __init__(
        self,
        model: Any,
        settings: OptimizerSettings,
        *,
        objective: Objective | None = None,
        signature: tuple[Any, Any] | None = None,
        masks: Masks | None = None,
        jit_compile: bool = False,
    ) -> None:
        self.model = model
        self.masks = masks
        self.objective = objective or CrossEntropy()
        self.jit_compile = jit_compile
        self.schedule = WarmupCosine()
        self.variables = list(model.trainable_variables)
        self.optimizer = make_optimizer(settings, self.schedule, [variable.path for variable in self.variables])
        self.strengths = self.optimizer.strengths
        self.optimizer.exclude_from_weight_decay(var_list=[v for v in self.variables if len(v.shape) < 2])
        self.optimizer = with_loss_scale(self.optimizer)
        self.optimizer.build(self.variables)
        self.replicas = Replicas()
        alone = self.replicas.count == 1
        # XLA compiles what one device does by itself; what passes between devices stays outside.
        inner = tf.function(self._gradients, autograph=False, jit_compile=True)
        self._gradients_of = inner if jit_compile and not alone else self._gradients
        self._step = tf.function(
            self._train_step if alone else self._shared_step,
            input_signature=signature,
            autograph=False,
            jit_compile=jit_compile and alone,
        )

    def use(self, settings: OptimizerSettings) -> None:
        """Takes other numbers for the next fit: see ``OptimizerSettings.graph`` for what they may not change."""
        self.strengths.set(settings)

    @property
    def trainable_parameters(self) -> int:
        """How many numbers a step changes."""
        return sum(math.prod(variable.shape) for variable in self.variables)

    @property
    def state_size(self) -> int:
        """Numbers that its optimizer holds."""
        return sum(math.prod(variable.shape) for variable in self.optimizer.variables)

    def compile(self, batch: tuple[ModelInput, BatchTargets]) -> float:
        """Traces and compiles the step for batches of this shape; weights are as before.

        Returns:
            Seconds that it took.

        Raises:
            BatchTooLarge: When memory runs out.
        """
        started = time.perf_counter()
        kept = [variable.numpy() for variable in self.model.variables]
        self.schedule.set(0.0, 1, 0)
        targets = as_tensors(batch[1])
        with _room_for(len(tf.nest.flatten(targets)[0])):
            self._step(as_tensors(batch[0]), targets)
        for variable, value in zip(self.model.variables, kept, strict=True):
            variable.assign(value)
        return time.perf_counter() - started

    def time_steps(self, batch: tuple[ModelInput, BatchTargets], *, count: int) -> float:
        """Seconds per step, the best of ``count``; weights are as before."""
        kept = [variable.numpy() for variable in self.model.variables]
        inputs, targets = as_tensors(batch[0]), as_tensors(batch[1])
        best = math.inf
        for _ in range(count):
            started = time.perf_counter()
            self._step(inputs, targets)[0].numpy()
            best = min(best, time.perf_counter() - started)
        for variable, value in zip(self.model.variables, kept, strict=True):
            variable.assign(value)
        return best

    def fit(
        self,
        batches: TrainingBatches,
        validate: Callable[[], Validation],
        recipe: Recipe,
        *,
        on_epoch: Callable[[EpochRecord], bool | None] = lambda _: None,
    ) -> Fitted:
        """Trains, validates after each epoch and leaves the best weights in the model; ends where ``on_epoch`` says so.

        The best epoch is the one that ranks highest on validation (see ``Validation.rank``); ties go to the earlier.
        Of a pruned model it is one of those at its final sparsity, unless the fit ends before them.

        Raises:
            BatchTooLarge: When memory runs out in a step.
            TrialDiverged: When the loss of an epoch, in training or on validation, is not finite.
        """
        self._reset(batches, recipe)
        records: list[EpochRecord] = []
        judged_from = recipe.judged_from(batches.steps)
        best: tuple[float, ...] = (float(judged_from == 1), -math.inf, -math.inf)
        best_epoch, best_weights, fit_seconds, seconds_to_best, validation_seconds = 0, [], 0.0, 0.0, 0.0
        for epoch in range(1, recipe.epochs + 1):
            with _room_for(batches.size):
                seconds, loss, accuracy = self._run_epoch(batches, epoch, recipe.sparsity)
            if not math.isfinite(loss):
                raise TrialDiverged(
                    f"the training loss is {loss} in epoch {epoch} at learning rate {recipe.learning_rate:g}"
                )
            fit_seconds += seconds
            started = time.perf_counter()
            validation = validate()
            validation_seconds += time.perf_counter() - started
            if not math.isfinite(validation.loss):
                raise TrialDiverged(
                    f"the validation loss is {validation.loss} in epoch {epoch} at learning rate "
                    f"{recipe.learning_rate:g}"
                )
            records.append(self._record(epoch, seconds, loss, accuracy, validation))
            rank = (float(epoch >= judged_from), *validation.rank)
            if rank > best:
                best, best_epoch, seconds_to_best = rank, epoch, fit_seconds
                best_weights = self._snapshot()
            patient = recipe.patience is None or epoch - max(best_epoch, judged_from - 1) < recipe.patience
            if on_epoch(records[-1]) or not patient:
                break
        self._restore(best_weights)
        return Fitted(
            history=tuple(records),
            best_epoch=best_epoch,
            fit_seconds=fit_seconds,
            seconds_to_best=seconds_to_best,
            validation_seconds=validation_seconds,
            examples=len(records) * batches.steps * batches.size,
        )

    def _train_step(self, inputs: Any, targets: Any) -> tuple[Any, Any]:
        """The mean loss and score of a batch on the only device."""
        gradients, loss, score, count = self._gradients_of(inputs, targets)
        self.optimizer.apply(gradients, self.variables)
        if self.masks is not None:
            self.masks.hold()
        count = tf.maximum(count, 1.0)
        return loss / count, score / count

    def _shared_step(self, inputs: Any, targets: Any) -> tuple[Any, Any]:
        """The mean loss and score of a batch that is shared out over the devices."""
        loss, score = self.replicas.run(self._step_of_share, inputs, targets)
        if self.masks is not None:
            self.masks.hold()
        return self.replicas.total(loss), self.replicas.total(score)

    def _step_of_share(self, inputs: Any, targets: Any, weights: Any) -> tuple[Any, Any]:
        """What one device adds to the mean loss and score of the batch."""
        gradients, loss, score, count = self._gradients_of(inputs, targets, weights)
        context = tf.distribute.get_replica_context()
        total = tf.maximum(context.all_reduce(tf.distribute.ReduceOp.SUM, count), 1.0)
        # The optimizer adds up the gradients of all devices, each of the mean over its own share.
        shares = [_scaled(gradient, count / total) for gradient in gradients]
        self.optimizer.apply(_all_or_none_finite(shares, self.optimizer, context), self.variables)
        return loss / total, score / total

    def _gradients(self, inputs: Any, targets: Any, weights: Any = None) -> tuple[list[Any], Any, Any, Any]:
        """Gradients of the mean loss, as large as the optimizer wants them, and the sums of loss, score and count."""
        with tf.GradientTape() as tape:
            smoothing = self.strengths.label_smoothing
            losses = self.objective.losses(self.model, inputs, targets, label_smoothing=smoothing)
            if weights is not None:
                losses = Losses(*(one * tf.cast(weights, one.dtype) for one in losses))
            loss, score, count = (tf.reduce_sum(one) for one in losses)
            mean = loss / tf.maximum(count, 1.0)
            scaled = self.optimizer.scale_loss(mean)
        gradients = tape.gradient(scaled, [variable.value for variable in self.variables])
        return [_summed(gradient) for gradient in gradients], loss, score, count

    def _run_epoch(
        self, batches: TrainingBatches, epoch: int, sparsity: SparsitySchedule | None
    ) -> tuple[float, float, float]:
        """Seconds, mean loss and accuracy of one epoch."""
        outcomes = []
        started = time.perf_counter()
        for step, (inputs, targets) in enumerate(batches.dataset(epoch), start=(epoch - 1) * batches.steps + 1):
            outcomes.append(self._step(inputs, targets))
            if self.masks is not None and sparsity is not None and step in sparsity.steps:
                self.masks.prune(sparsity.at(step))
        losses, accuracies = np.array([[float(loss), float(correct)] for loss, correct in outcomes]).T
        self.replicas.synchronise(self.model)
        return time.perf_counter() - started, float(losses.mean()), float(accuracies.mean())

    def _reset(self, batches: TrainingBatches, recipe: Recipe) -> None:
        """A new optimizer state, a new schedule, and dropout that depends on the seed alone."""
        total = recipe.epochs * batches.steps
        self.schedule.set(recipe.learning_rate, total, round(total * recipe.warmup_fraction))
        reset_optimizer(self.optimizer)
        if self.masks is not None:
            self.masks.clear()
        reset_seed_generators(self.model, batches.seed)

    def _record(self, epoch: int, seconds: float, loss: float, accuracy: float, validation: Validation) -> EpochRecord:
        return EpochRecord(
            epoch=epoch,
            seconds=seconds,
            learning_rate=float(self.optimizer.learning_rate),
            train_loss=loss,
            train_accuracy=accuracy,
            validation_loss=validation.loss,
            validation_score=validation.score,
            validation_headline=None if validation.headline is None else validation.headline.score,
            trainable_parameters=self.trainable_parameters,
        )

    def _snapshot(self) -> list[tuple[Any, NDArray[Any]]]:
        """Copies of what training changes: trained variables and moving statistics."""
        moving = self.model.non_trainable_variables
        return [(variable, variable.numpy()) for variable in [*self.variables, *moving]]

    def _restore(self, weights: Iterable[tuple[Any, NDArray[Any]]]) -> None:
        for variable, value in weights:
            variable.assign(value)


@contextlib.contextmanager
def _room_for(size: int) -> Iterator[None]:
    """Tells the lack of memory in a step, which a smaller batch may mend, from that anywhere else."""
    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise BatchTooLarge(size) from error


def _summed(gradient: Any) -> Any:
    """A gradient whose rows are there once.

    That of an embedding has a row for each time that a token was looked up.  Keras's Adam squares these one by one:
    a token that is there twice was divided by the root of ``g1^2 + g2^2`` and not of ``(g1 + g2)^2``, and two devices,
    each of which looks up every position, did not learn what one does.
    """
    return tf.convert_to_tensor(gradient) if isinstance(gradient, tf.IndexedSlices) else gradient


def _scaled(gradient: Any, factor: Any) -> Any:
    """A gradient times a number; None where there is none."""
    return None if gradient is None else gradient * tf.cast(factor, gradient.dtype)


def _all_or_none_finite(gradients: list[Any], optimizer: Any, context: Any) -> list[Any]:
    """Gradients of one device, not finite where those of another are not.

    Keras looks at those of the first device alone before it decides whether a step is left out.
    """
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return gradients
    finite = optimizer.check_finite(gradients)
    others = context.all_reduce(tf.distribute.ReduceOp.SUM, tf.where(finite, 0.0, 1.0))
    spoiled = tf.where(others > 0, math.nan, 1.0)
    return [_scaled(gradient, spoiled) for gradient in gradients]
