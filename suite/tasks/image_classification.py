"""Image classification: one class per image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

from suite.data.batches import Examples
from suite.data.cache import decoded
from suite.data.dataset import Dataset, Split
from suite.models.backbone import Backbone
from suite.spec.trial import Cell
from suite.store.records.result import Predictions
from suite.tasks.adapted import CLASS_METRICS, CLASS_PANELS, FEATURES, LOGITS, Adapted, class_predictions
from suite.tasks.task import Task

__all__ = ["ImageClassification", "pool"]


class ImageClassification(Task):
    """One class per image: a dense head on pooled features, cross-entropy, probabilities."""

    summary: ClassVar[str] = "one class per image"
    headline: ClassVar[str] = "accuracy"
    examples: ClassVar[Literal["image", "text"]] = "image"
    answers: ClassVar[str] = "class"
    classifies: ClassVar[bool] = True
    beside: ClassVar[tuple[str, ...]] = CLASS_METRICS
    panels: ClassVar[tuple[str, ...]] = CLASS_PANELS

    @classmethod
    def label(cls, options: Any) -> str:
        """The task's name for people."""
        return "image classification"

    @classmethod
    def assemble(cls, backbone: Backbone, *, num_classes: int, dropout: float = 0.0) -> Adapted:
        """The backbone with its preprocessing in front and a dense head behind."""
        import keras

        from suite.training.objective import CrossEntropy

        height, width = backbone.input_size
        images = keras.Input((height, width, 3), name="image", dtype="float32")
        features = pool(backbone.model(backbone.preprocess(images)), backbone)
        head = keras.layers.Dense(num_classes, name="head", dtype=keras.config.dtype_policy().variable_dtype)
        logits = head(keras.layers.Dropout(dropout, name="dropout")(features) if dropout else features)
        return Adapted(
            backbone=backbone,
            logits=keras.Model(images, logits, name=LOGITS),
            features=keras.Model(images, features, name=FEATURES),
            head=head,
            objective=CrossEntropy(),
        )

    @classmethod
    def read(
        cls, backbone: Backbone, dataset: Dataset, split: Split, *, cell: Cell | None = None, root: Path | None = None
    ) -> Examples:
        """A split decoded and resized as the backbone's weights want it, mapped from disk."""
        images = decoded(split, dataset, size=backbone.input_size, resizing=backbone.resizing, root=root)
        return Examples(inputs=images, targets=split.targets, ids=split.ids)

    @classmethod
    def predict(
        cls,
        adapted: Adapted,
        predictor: Callable[[Any], Any],
        examples: Examples,
        *,
        class_names: tuple[str, ...],
        cell: Cell | None = None,
    ) -> Predictions:
        """Probabilities for every image.

        Args:
            adapted: The fitted model.
            predictor: Makes a ``suite.training.Predictor`` of a Keras model.
            examples: Of ``read``.
            class_names: In the order of the logits.
            cell: The cell of the trial; a classifier has nothing to decide by it.
        """
        return class_predictions(predictor(adapted.logits), examples, class_names=class_names)


def pool(features: Any, backbone: Backbone) -> Any:
    """A vector per image, ``(batch, width)``, by the pooling that belongs to the backbone."""
    import keras

    if backbone.pooling == "token":
        return features[:, 0]
    if backbone.pooling == "average" and len(features.shape) == 4:
        return keras.layers.GlobalAveragePooling2D(name="pool")(features)
    if backbone.pooling == "average" and len(features.shape) == 3:
        return keras.layers.GlobalAveragePooling1D(name="pool")(features)
    return features if len(features.shape) == 2 else keras.layers.Flatten(name="pool")(features)
