"""A backbone with a head: what every task assembles and every strategy trains."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.data.batches import Examples
from suite.data.example_ids import id_array
from suite.models.backbone import AnyBackbone
from suite.store.records.result import Predictions

__all__ = ["CLASS_METRICS", "CLASS_PANELS", "FEATURES", "LOGITS", "Adapted", "class_predictions", "softmax"]

CLASS_METRICS = ("f1_macro", "balanced_accuracy", "log_loss")
"""What may stand beside the headline of a classifier."""
CLASS_PANELS = ("confusion", "classes", "reliability")
"""What is shown of a classifier beside its scores."""
LOGITS, FEATURES = "logits", "features"
"""Names of Keras models: never a user's. TensorFlow refuses many as scopes, and Keras leaves these open then."""


@dataclass(frozen=True)
class Adapted:
    """A backbone with a head, in the two forms that training and everything after it need."""

    backbone: AnyBackbone
    logits: Any = field(repr=False)
    """``keras.Model`` that is trained: raw RGB 0-255 ``(batch, height, width, 3)``, or named arrays of tokens
    ``(batch, length)``, to logits ``(batch, classes)``; of a model that writes ``(batch, length, vocabulary)``."""
    features: Any = field(repr=False)
    """``keras.Model``: the same inputs to pooled features ``(batch, width)``; shares its layers with ``logits``.
    None of a model that writes."""
    head: Any = field(repr=False)
    """The ``keras.layers.Dense`` that turns features into logits; None where the head is no layer of its own."""
    objective: Any = field(default=None, repr=False)
    """The ``suite.training.Objective`` that it is trained by."""
    writer: Any = field(default=None, repr=False)
    """The ``keras_hub`` model that generates, sharing every weight; None for one that does not."""
    activation: str = "softmax"
    """What turns the outputs of ``logits`` into what a deployed model gives; ``linear`` leaves them as they are."""

    def deployed(self) -> Any:
        """``keras.Model`` from the raw inputs to probabilities, sharing every weight; this is what is kept.

        Of a model that generates they are those of the next token at each position; with another ``activation`` what
        it gives.
        """
        import keras

        name = "probabilities" if self.activation == "softmax" else "output"
        output = keras.layers.Activation(self.activation, name=name, dtype="float32")(self.logits.output)
        return keras.Model(self.logits.input, output, name="classifier" if name == "probabilities" else "model")

    def reset_head(self, seed: int) -> None:
        """Glorot-uniform weights from ``seed`` and zero biases (Glorot and Bengio 2010, equation 16)."""
        width, classes = self.head.kernel.shape
        limit = np.sqrt(6.0 / (width + classes))
        kernel = np.random.default_rng([seed, width, classes]).uniform(-limit, limit, (width, classes))
        self.set_head(kernel, np.zeros(classes))

    def set_head(self, kernel: NDArray[Any], bias: NDArray[Any]) -> None:
        """Sets the head: kernel ``(features, classes)``, bias ``(classes,)``."""
        self.head.kernel.assign(kernel.astype(np.float32))
        self.head.bias.assign(bias.astype(np.float32))

    def logits_of(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the head makes of pooled features ``(n, width)``: logits ``(n, classes)``."""
        kernel, bias = (np.asarray(weight, dtype=np.float32) for weight in self.head.get_weights())
        logits: NDArray[np.float32] = features @ kernel + bias
        return logits


def class_predictions(predict: Any, examples: Examples, *, class_names: tuple[str, ...]) -> Predictions:
    """Probabilities (softmax of the logits) for every example, with ids and targets beside them."""
    return Predictions(
        example_ids=id_array(examples.ids),
        targets=examples.targets,
        probabilities=softmax(predict(examples.inputs)),
        class_names=class_names,
    )


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Row-wise softmax in double precision, shape as given, float32."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    probabilities: NDArray[np.float32] = (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities
