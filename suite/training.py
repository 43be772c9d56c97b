"""One fit: a compiled training step that is built once and serves every seed and setting of a cell.

Keras's own ``fit`` traces its step through AutoGraph and, when variables are made inside it, twice; a
MobileNetV2 waits 24 s for its first step so, 6 s with the step below, which is the same computation:
``model(x, training=True)``, the loss, ``optimizer.apply``.  Only this module and ``suite.runner`` know of
devices.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from suite.data.batches import Batches
from suite.errors import TrialDiverged
from suite.results import EpochRecord

__all__ = ["Fitted", "OptimizerSettings", "Predictor", "Recipe", "Trainer", "Validation", "prepare_device"]

OptimizerName = Literal["adamw", "adam", "sgd"]

NEGLIGIBLE = 1e-3
"""Share of the initial statistics that may be left in a moving average."""
REFRESH_STEPS = 200
REFRESH_MOMENTUM = 0.95
"""After ``REFRESH_STEPS`` batches 0.004 % of what was there before is left."""


def prepare_device(*, threads: int) -> None:
    """Settings that must precede the first operation of a process: threads, graph rewriting, determinism.

    Grappler's rewriting costs 4 s for the training step of a MobileNetV2 and was not measured to make
    its steps faster on a CPU.
    """
    # In a notebook TensorFlow may be running already; it keeps the threads that it has then.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)


@dataclass(frozen=True)
class OptimizerSettings:
    """What is baked into a compiled step; everything else may change between fits."""

    name: OptimizerName = "adamw"
    weight_decay: float = 0.0
    """Decoupled decay of matrices and kernels; biases and normalisation parameters are spared."""
    multipliers: tuple[tuple[str, float], ...] = ()
    """Learning-rate multiplier per variable path (layer-wise decay); 1 where a path is not named."""
    label_smoothing: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """What may change from one fit to the next without a new compilation."""

    epochs: int
    learning_rate: float
    """Peak of the schedule: linear warm-up, then a cosine to 0 (Loshchilov and Hutter 2017, equation 5)."""
    warmup_fraction: float = 0.1
    patience: int | None = None


@dataclass(frozen=True)
class Validation:
    """What a model scores on validation."""

    loss: float
    score: float
    """Accuracy, a fraction."""


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


class _WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras is untyped
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


def _make_optimizer(settings: OptimizerSettings, schedule: _WarmupCosine) -> Any:
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


@dataclass
class Predictor:
    """Calls a model batch by batch through one compiled function.

    ``Model.predict`` runs a MobileNetV2 at 96 items per second where a plain function runs 176.
    """

    model: Any = field(repr=False)
    batch_size: int = 64
    jit_compile: bool = False
    _call: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        model = self.model

        def call(images: Any) -> Any:
            return model(keras.ops.cast(images, "float32"), training=False)

        self._call = tf.function(call, autograph=False, reduce_retracing=True, jit_compile=self.jit_compile)

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Outputs for images of shape ``(n, height, width, 3)``; shape ``(n, outputs)``, float32."""
        size = min(self.batch_size, max(1, len(images)))
        outputs = []
        for start in range(0, len(images), size):
            batch = np.asarray(images[start : start + size])
            # The last batch is filled up, so that one shape is compiled and rounding is the same in all.
            filled = np.concatenate([batch, np.repeat(batch[-1:], size - len(batch), axis=0)])
            outputs.append(self._call(tf.constant(filled)).numpy()[: len(batch)])
        return np.concatenate(outputs).astype(np.float32)

    def single(self, image: Any) -> Any:
        """The compiled function itself, for timing: a uint8 tensor ``(batch, height, width, 3)`` in, a tensor out."""
        return self._call(image)


class Trainer:
    """A compiled training step of one model with one set of trainable variables.

    The set is read when the object is made: freeze first.  ``fit`` may be called any number of times; it
    starts from the weights that the model has then and from a new optimizer state.
    """

    def __init__(self, model: Any, settings: OptimizerSettings, *, jit_compile: bool = False) -> None:
        self.model = model
        self.settings = settings
        self.jit_compile = jit_compile
        self.schedule = _WarmupCosine()
        self.optimizer = _make_optimizer(settings, self.schedule)
        self.variables = list(model.trainable_variables)
        self.optimizer.exclude_from_weight_decay(var_list=[v for v in self.variables if len(v.shape) < 2])
        self.optimizer.build(self.variables)
        self.loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=settings.label_smoothing)
        self._step = tf.function(self._train_step, autograph=False, jit_compile=jit_compile)

    @property
    def trainable_parameters(self) -> int:
        """How many numbers a step changes."""
        return sum(math.prod(variable.shape) for variable in self.variables)

    def compile(self, batch: tuple[NDArray[np.uint8], NDArray[np.int64]]) -> float:
        """Traces and compiles the step for batches of this shape; weights are as before.

        Returns:
            Seconds that it took.
        """
        started = time.perf_counter()
        kept = [variable.numpy() for variable in self.model.variables]
        self.schedule.set(0.0, 1, 0)
        self._step(tf.constant(batch[0]), tf.constant(batch[1]))
        for variable, value in zip(self.model.variables, kept, strict=True):
            variable.assign(value)
        return time.perf_counter() - started

    def time_steps(self, batch: tuple[NDArray[np.uint8], NDArray[np.int64]], *, count: int) -> float:
        """Seconds per step, the best of ``count``; weights are as before."""
        kept = [variable.numpy() for variable in self.model.variables]
        images, targets = tf.constant(batch[0]), tf.constant(batch[1])
        best = math.inf
        for _ in range(count):
            started = time.perf_counter()
            self._step(images, targets)[0].numpy()
            best = min(best, time.perf_counter() - started)
        for variable, value in zip(self.model.variables, kept, strict=True):
            variable.assign(value)
        return best

    def fit(
        self,
        batches: Batches,
        validate: Callable[[], Validation],
        recipe: Recipe,
        *,
        on_epoch: Callable[[EpochRecord], bool | None] = lambda _: None,
    ) -> Fitted:
        """Trains, validates after each epoch and leaves the best weights in the model; ends where ``on_epoch`` says so.

        The best epoch is the one with the highest validation score; ties go to the lower loss, then to
        the earlier epoch.

        Raises:
            TrialDiverged: When the training loss of an epoch is not finite.
        """
        self._reset(batches, recipe)
        records: list[EpochRecord] = []
        best: tuple[float, float] = (-math.inf, -math.inf)
        best_epoch, best_weights, fit_seconds, seconds_to_best, validation_seconds = 0, [], 0.0, 0.0, 0.0
        for epoch in range(1, recipe.epochs + 1):
            seconds, loss, accuracy = self._run_epoch(batches, epoch)
            if not math.isfinite(loss):
                raise TrialDiverged(
                    f"the training loss is {loss} in epoch {epoch} at learning rate {recipe.learning_rate:g}"
                )
            fit_seconds += seconds
            started = time.perf_counter()
            validation = validate()
            validation_seconds += time.perf_counter() - started
            records.append(self._record(epoch, seconds, loss, accuracy, validation))
            if (validation.score, -validation.loss) > best:
                best, best_epoch, seconds_to_best = (validation.score, -validation.loss), epoch, fit_seconds
                best_weights = self._snapshot()
            patient = recipe.patience is None or epoch - best_epoch < recipe.patience
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

    def _train_step(self, images: Any, targets: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            logits = self.model(keras.ops.cast(images, "float32"), training=True)
            loss = self.loss(keras.ops.one_hot(targets, logits.shape[-1]), logits)
        gradients = tape.gradient(loss, [variable.value for variable in self.variables])
        self.optimizer.apply(gradients, self.variables)
        labels = keras.ops.cast(keras.ops.argmax(logits, axis=-1), targets.dtype)
        correct = keras.ops.mean(keras.ops.cast(keras.ops.equal(labels, targets), "float32"))
        return loss, correct

    def _run_epoch(self, batches: Batches, epoch: int) -> tuple[float, float, float]:
        """Seconds, mean loss and accuracy of one epoch."""
        outcomes = []
        started = time.perf_counter()
        for images, targets in batches.dataset(epoch):
            outcomes.append(self._step(images, targets))
        losses, accuracies = np.array([[float(loss), float(correct)] for loss, correct in outcomes]).T
        return time.perf_counter() - started, float(losses.mean()), float(accuracies.mean())

    def _reset(self, batches: Batches, recipe: Recipe) -> None:
        """A new optimizer state, a new schedule, and dropout that depends on the seed alone."""
        total = recipe.epochs * batches.steps
        self.schedule.set(recipe.learning_rate, total, round(total * recipe.warmup_fraction))
        for variable in self.optimizer.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))
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
            trainable_parameters=self.trainable_parameters,
        )

    def _snapshot(self) -> list[tuple[Any, NDArray[Any]]]:
        """Copies of what training changes: trained variables and moving statistics."""
        moving = self.model.non_trainable_variables
        return [(variable, variable.numpy()) for variable in [*self.variables, *moving]]

    def _restore(self, weights: Iterable[tuple[Any, NDArray[Any]]]) -> None:
        for variable, value in weights:
            variable.assign(value)


def reset_seed_generators(model: Any, seed: int) -> None:
    """Sets every dropout's random state from ``seed`` and its place in the model."""
    for index, variable in enumerate(_seed_states(model)):
        words = np.random.SeedSequence([seed, index]).generate_state(math.prod(variable.shape))
        variable.assign(words.astype(variable.dtype).reshape(variable.shape))


def _seed_states(model: Any) -> Sequence[Any]:
    return [variable for variable in model.variables if "seed_generator_state" in variable.path]


def refresh_batch_norm(model: Any, batches: Batches, *, trained_steps: int) -> bool:
    """Measures the batch-norm statistics anew where training was too short for their momentum.

    MobileNetV2 averages over 1,000 steps: after 4,000 its statistics still hold 2 % of their initial variance of
    1, which is far more than the true variance of many channels, and the network is right in training mode and
    at chance in inference mode.  Here the final weights see ``REFRESH_STEPS`` batches at a faster momentum (Wu and
    Johnson 2021, "Rethinking Batch in BatchNorm", section 3).

    Returns:
        Whether it was needed; the model is untouched otherwise.
    """
    layers = [
        layer
        for layer in model._flatten_layers()  # noqa: SLF001 - Keras has no public walk over nested layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    if all(layer.momentum**trained_steps < NEGLIGIBLE for layer in layers):
        return False
    kept = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = REFRESH_MOMENTUM
    forward = tf.function(lambda images: model(keras.ops.cast(images, "float32"), training=True), autograph=False)
    seen = 0
    while seen < REFRESH_STEPS:
        for images, _ in batches.dataset(epoch=0):
            forward(images)
            seen += 1
            if seen == REFRESH_STEPS:
                break
    for layer, momentum in zip(layers, kept, strict=True):
        layer.momentum = momentum
    return True
