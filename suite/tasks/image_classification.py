"""Image classification: one class per picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from suite.models.backbone import Backbone
from suite.results import Predictions
from suite.spec import Options

__all__ = ["Adapted", "ImageClassification"]


@dataclass(frozen=True)
class Adapted:
    """A backbone with a head, in the two forms that training and everything after it need."""

    backbone: Backbone
    logits: Any = field(repr=False)
    """``keras.Model``: raw RGB 0-255 ``(batch, height, width, 3)`` to logits ``(batch, classes)``; it is trained."""
    features: Any = field(repr=False)
    """``keras.Model``: raw RGB to pooled features ``(batch, width)``; shares its layers with ``logits``."""
    head: Any = field(repr=False)
    """The ``keras.layers.Dense`` that turns features into logits."""

    def deployed(self) -> Any:
        """``keras.Model`` from raw RGB 0-255 to probabilities, sharing every weight; this is what is kept."""
        import keras

        probabilities = keras.layers.Activation("softmax", name="probabilities", dtype="float32")(self.logits.output)
        return keras.Model(self.logits.input, probabilities, name=_keras_name(self.backbone.name))

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


class ImageClassification:
    """One class per picture: a dense head on pooled features, cross-entropy, probabilities."""

    summary: ClassVar[str] = "one class per picture"
    Options: ClassVar[type[Options]] = Options
    headline: ClassVar[str] = "accuracy"
    examples: ClassVar[str] = "image"
    """What an example is; corruptions for anything else are refused."""

    @classmethod
    def label(cls, options: Any) -> str:
        """The task's name for people."""
        return "image classification"

    @classmethod
    def assemble(cls, backbone: Backbone, *, num_classes: int, dropout: float = 0.0) -> Adapted:
        """The backbone with its preprocessing in front and a dense head behind."""
        import keras

        height, width = backbone.input_size
        images = keras.Input((height, width, 3), name="image", dtype="float32")
        features = pool(backbone.model(backbone.preprocess(images)), backbone)
        head = keras.layers.Dense(num_classes, name="head", dtype="float32")
        logits = head(keras.layers.Dropout(dropout, name="dropout")(features) if dropout else features)
        return Adapted(
            backbone=backbone,
            logits=keras.Model(images, logits, name=f"{_keras_name(backbone.name)}_logits"),
            features=keras.Model(images, features, name=f"{_keras_name(backbone.name)}_features"),
            head=head,
        )

    @classmethod
    def predict(
        cls,
        logits: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
        images: NDArray[np.uint8],
        *,
        ids: tuple[str, ...],
        targets: NDArray[np.int64],
        class_names: tuple[str, ...],
    ) -> Predictions:
        """Probabilities (softmax of the logits) for every image, with ids and targets beside them."""
        return Predictions(
            example_ids=np.array(ids, dtype=np.str_),
            targets=targets,
            probabilities=softmax(logits(images)),
            class_names=class_names,
        )


def pool(features: Any, backbone: Backbone) -> Any:
    """A vector per picture, ``(batch, width)``, by the pooling that belongs to the backbone."""
    import keras

    if backbone.pooling == "token":
        return features[:, 0]
    if backbone.pooling == "average" and len(features.shape) == 4:
        return keras.layers.GlobalAveragePooling2D(name="pool")(features)
    if backbone.pooling == "average" and len(features.shape) == 3:
        return keras.layers.GlobalAveragePooling1D(name="pool")(features)
    return features if len(features.shape) == 2 else keras.layers.Flatten(name="pool")(features)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Row-wise softmax in double precision, shape as given, float32."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    probabilities: NDArray[np.float32] = (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities


def _keras_name(name: str) -> str:
    """A name that Keras accepts for a model: it uses '/' for paths."""
    return "".join(letter if letter.isalnum() or letter in "_-." else "_" for letter in name)
