"""What training makes smaller, and what validation says of a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, cast

import keras
import numpy as np
from numpy.typing import NDArray

from suite.data.batches import CLASS, TEACHER, Examples, Inputs
from suite.data.example_ids import id_array
from suite.data.token_rows import TokenRows
from suite.metrics.validation_score import Judge, Judgement
from suite.store.records.generations import Generations
from suite.store.records.result import Predictions
from suite.training.predictor import model_input

__all__ = [
    "CrossEntropy",
    "Distillation",
    "Losses",
    "Objective",
    "Predict",
    "TokenCrossEntropy",
    "Validation",
    "token_sums",
]

Predict = Callable[[Inputs], NDArray[np.float32]]


@dataclass(frozen=True)
class Validation:
    """What a model scores on validation."""

    loss: float
    score: float
    """Accuracy, a fraction; of a model that writes, the share of tokens that it predicts."""
    headline: Judgement | None = None
    """By the metric that ranks; None where nobody asked, and ``score`` chooses."""

    @property
    def rank(self) -> tuple[float, float]:
        """The larger, the better; ties go to the lower loss."""
        return (self.score, -self.loss) if self.headline is None else self.headline.rank


class Losses(NamedTuple):
    """What each example of a batch adds to a loss and a score; tensors ``(batch,)`` of the loss's precision."""

    loss: Any
    score: Any
    count: Any
    """What the sums of the other two are divided by: 1, or the tokens that count."""


class Objective(Protocol):
    """A loss, and how a model is judged between epochs."""

    def losses(self, model: Any, inputs: Any, targets: Any, *, label_smoothing: Any) -> Losses:
        """What each example of a batch adds while training.

        Sums, not means: a batch may be shared out over devices, and its mean is that of all of it.
        ``label_smoothing`` is 0, or a scalar tensor that may change from fit to fit.
        """

    def validate(
        self, predict: Callable[[Any], Predict], model: Any, examples: Examples, judge: Judge | None = None
    ) -> Validation:
        """Loss, score and the judgement of a split. ``predict`` makes a predictor of a Keras model."""


@dataclass(frozen=True)
class CrossEntropy:
    """One class per example, from logits ``(batch, classes)``."""

    class_weights: tuple[float, ...] = field(default=(), kw_only=True, repr=False)
    """What an example of each class weighs while training; empty where all weigh the same."""

    def losses(self, model: Any, inputs: Any, targets: Any, *, label_smoothing: Any) -> Losses:
        """Cross-entropy, and 1 where the class is right."""
        logits = model(model_input(model, inputs), training=True)
        return _of_classes(logits, targets, label_smoothing, self.class_weights)

    def validate(
        self, predict: Callable[[Any], Predict], model: Any, examples: Examples, judge: Judge | None = None
    ) -> Validation:
        """Cross-entropy, accuracy and the judge's word on a model's logits on a split."""
        logits = predict(model)(examples.inputs).astype(np.float64)
        shifted = logits - logits.max(axis=1, keepdims=True)
        powers = np.exp(shifted)
        sums = powers.sum(axis=1)
        nats = np.minimum(np.log(sums) - shifted[np.arange(len(examples)), examples.targets], -np.log(1e-12))
        loss = float(nats.mean())
        headline = None
        if judge is not None:
            probabilities = (powers / sums[:, None]).astype(np.float32)
            said = Predictions(id_array(examples.ids), examples.targets, probabilities, judge.class_names)
            headline = judge(said, loss)
        score = float(np.mean(logits.argmax(axis=1) == examples.targets))
        return Validation(loss=loss, score=score, headline=headline)


@dataclass(frozen=True)
class Distillation(CrossEntropy):
    """The class and a teacher's softened answer for each example (Hinton, Vinyals and Dean 2015, section 2).

    ``alpha * T^2 * H(softmax(teacher / T), softmax(student / T)) + (1 - alpha) * H(class, softmax(student))``, where H
    is the cross-entropy. The gradient of the soft part shrinks with ``1 / T^2``, which the factor makes up for.
    Validation knows no teacher.
    """

    temperature: float
    """T: the higher, the more the teacher says of the classes that it does not name."""
    alpha: float
    """Weight of the soft part; 0 is learning without a teacher."""

    def losses(self, model: Any, inputs: Any, targets: Any, *, label_smoothing: Any) -> Losses:
        """The weighted loss, and 1 where the class is right; ``targets`` has class and teacher's logits by name."""
        logits = model(model_input(model, inputs), training=True)
        hard, correct, ones = _of_classes(logits, targets[CLASS], label_smoothing, self.class_weights)
        soft = soft_cross_entropy(targets[TEACHER], logits, self.temperature)
        return Losses(self.alpha * self.temperature**2 * soft + (1.0 - self.alpha) * hard, correct, ones)


def soft_cross_entropy(teacher: Any, student: Any, temperature: float) -> Any:
    """Cross-entropy of a student's softened answers against a teacher's, ``(batch,)``; logits ``(batch, classes)``."""
    logits = at_least_single(student)
    wanted = keras.ops.softmax(keras.ops.cast(teacher, logits.dtype) / temperature, axis=-1)
    said = keras.ops.log_softmax(logits / temperature, axis=-1)
    return -keras.ops.sum(wanted * said, axis=-1)


def _of_classes(logits: Any, targets: Any, label_smoothing: Any, class_weights: tuple[float, ...]) -> Losses:
    """Cross-entropy of logits ``(batch, classes)`` against class indices ``(batch,)``, and what is right."""
    logits = at_least_single(logits)
    wanted = keras.ops.one_hot(targets, logits.shape[-1], dtype=logits.dtype)
    if not _is_zero(label_smoothing):
        smoothing = keras.ops.cast(label_smoothing, logits.dtype)
        wanted = wanted * (1.0 - smoothing) + smoothing / logits.shape[-1]
    losses = keras.ops.categorical_crossentropy(wanted, logits, from_logits=True)
    if class_weights:
        losses = losses * keras.ops.take(keras.ops.convert_to_tensor(class_weights, dtype=losses.dtype), targets)
    labels = keras.ops.cast(keras.ops.argmax(logits, axis=-1), targets.dtype)
    correct = keras.ops.cast(keras.ops.equal(labels, targets), logits.dtype)
    return Losses(losses, correct, keras.ops.ones_like(correct))


def _is_zero(label_smoothing: Any) -> bool:
    """Whether a step smooths nothing; a tensor is another matter at every fit."""
    return isinstance(label_smoothing, int | float) and label_smoothing == 0


@dataclass(frozen=True)
class TokenCrossEntropy:
    """The next token at every counted position, from logits ``(batch, length, vocabulary)``."""

    scores: Any
    """``keras.Model``: the same arrays, labels and counts among them, to ``(batch, 3)``: see ``token_scores``."""

    def losses(self, model: Any, inputs: Any, targets: Any, *, label_smoothing: Any) -> Losses:
        """Cross-entropy, tokens predicted, and counted positions of each text."""
        logits = at_least_single(model(model_input(model, inputs), training=True))
        return Losses(*token_sums(logits, inputs["labels"], inputs["counted"], label_smoothing))

    def validate(
        self, predict: Callable[[Any], Predict], model: Any, examples: Examples, judge: Judge | None = None
    ) -> Validation:
        """Cross-entropy per token, share of tokens predicted, and the judge's word, over all counted positions.

        Nothing is written for it: a metric of written texts has no score here, and the loss chooses.
        """
        sums = predict(self.scores)(examples.inputs).astype(np.float64)
        nats, correct, counted = sums.sum(axis=0)
        loss = float(nats / counted)
        headline = Judgement(None, loss)
        if judge is not None:
            headline = judge(_unwritten(examples, sums), loss)
        return Validation(loss=loss, score=float(correct / counted), headline=headline)


def _unwritten(examples: Examples, sums: NDArray[np.float64]) -> Generations:
    """How likely a model finds the references of a split; ``sums`` are nats, tokens predicted and tokens of each."""
    rows = cast("TokenRows", examples.inputs)
    texts = [examples.texts(index) for index in range(len(examples))]
    return Generations(
        example_ids=id_array(examples.ids),
        sources=tuple(text[0] for text in texts),
        references=tuple(text[1] for text in texts),
        texts=None,
        nats=sums[:, 0],
        tokens=sums[:, 2].astype(np.int64),
        reference_bytes=rows.tokens.answer_bytes[rows.positions],
    )


def at_least_single(values: Any) -> Any:
    """A tensor in float32; one in double precision stays so. Losses are never computed in 16 bits."""
    return keras.ops.cast(values, keras.backend.result_type(values.dtype, "float32"))


def token_sums(logits: Any, labels: Any, counted: Any, label_smoothing: Any = 0.0) -> tuple[Any, Any, Any]:
    """Sums over the counted positions of each row: nats, tokens that are predicted, positions; each ``(batch,)``."""
    weights = keras.ops.cast(counted, logits.dtype)
    normaliser = keras.ops.logsumexp(logits, axis=-1)
    of_label = keras.ops.squeeze(keras.ops.take_along_axis(logits, labels[..., None], axis=-1), -1)
    nats = normaliser - of_label
    if not _is_zero(label_smoothing):
        smoothing = keras.ops.cast(label_smoothing, logits.dtype)
        nats = (1 - smoothing) * nats + smoothing * (normaliser - keras.ops.mean(logits, axis=-1))
    correct = keras.ops.cast(keras.ops.equal(keras.ops.argmax(logits, axis=-1), labels), logits.dtype)
    return (
        keras.ops.sum(nats * weights, axis=-1),
        keras.ops.sum(correct * weights, axis=-1),
        keras.ops.sum(weights, axis=-1),
    )
