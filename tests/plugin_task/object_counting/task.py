"""How many objects are on an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from object_counting.outputs import Counts
from suite.data.batches import Examples
from suite.data.cache import decoded
from suite.data.dataset import Dataset, Split
from suite.data.example_ids import id_array
from suite.tasks.adapted import FEATURES, LOGITS, Adapted
from suite.tasks.image_classification import pool
from suite.tasks.task import Task


@dataclass(frozen=True)
class SquaredError:
    """The objective: squared errors while training, the mean absolute one between epochs."""

    def losses(self, model: Any, inputs: Any, targets: Any, *, label_smoothing: Any) -> Any:
        """Squared error, and 1 where the rounded count is right."""
        import keras

        from suite.training.objective import Losses
        from suite.training.predictor import model_input

        counted = keras.ops.cast(model(model_input(model, inputs), training=True)[:, 0], "float32")
        error = counted - keras.ops.cast(targets["count"], "float32")
        right = keras.ops.cast(keras.ops.abs(error) < 0.5, "float32")
        return Losses(keras.ops.square(error), right, keras.ops.ones_like(right))

    def validate(self, predict: Callable[[Any], Any], model: Any, examples: Examples, judge: Any = None) -> Any:
        """Mean squared error, share of right counts, and the judge's word."""
        from suite.training.objective import Validation

        said = counts_of(predict(model)(examples.inputs), examples)
        loss = float((said.errors**2).mean())
        score = float((np.abs(said.errors) < 0.5).mean())
        return Validation(loss=loss, score=score, headline=None if judge is None else judge(said, loss))


class ObjectCounting(Task):
    """A dense layer with one output on pooled features, squared error."""

    summary: ClassVar[str] = "how many objects are on an image"
    headline: ClassVar[str] = "mean_absolute_error"
    examples: ClassVar[Literal["image", "text"]] = "image"
    answers: ClassVar[str] = "count"
    beside: ClassVar[tuple[str, ...]] = ("explained_variance",)
    panels: ClassVar[tuple[str, ...]] = ("errors_by_count",)
    backbones_of: ClassVar[str | None] = "image_classification"

    @classmethod
    def label(cls, options: Any) -> str:
        """The task's name for people."""
        return "object counting"

    @classmethod
    def read(
        cls, backbone: Any, dataset: Dataset, split: Split, *, cell: Any = None, root: Path | None = None
    ) -> Examples:
        """Decoded images with their counts."""
        images = decoded(split, dataset, size=backbone.input_size, resizing=backbone.resizing, root=root)
        return Examples(images, split.targets, split.ids, annotations=split.annotations)

    @classmethod
    def assemble(cls, backbone: Any, *, num_classes: int = 0, dropout: float = 0.0) -> Adapted:
        """One number from pooled features."""
        import keras

        images = keras.Input((*backbone.input_size, 3), name="image", dtype="float32")
        features = pool(backbone.model(backbone.preprocess(images)), backbone)
        head = keras.layers.Dense(1, name="head")
        return Adapted(
            backbone=backbone,
            logits=keras.Model(images, head(features), name=LOGITS),
            features=keras.Model(images, features, name=FEATURES),
            head=head,
            objective=SquaredError(),
            activation="linear",
        )

    @classmethod
    def predict(
        cls, adapted: Adapted, predictor: Callable[[Any], Any], examples: Examples, *,
        class_names: tuple[str, ...] = (), cell: Any = None,
    ) -> Counts:  # fmt: skip
        """A count for every image."""
        return counts_of(predictor(adapted.logits)(examples.inputs), examples)


def counts_of(counted: Any, examples: Examples) -> Counts:
    """Outputs from what the model gives, ``(n, 1)``."""
    true = examples.annotations.batch(np.arange(len(examples)))["count"]
    return Counts(id_array(examples.ids), np.asarray(counted, np.float32), true)
