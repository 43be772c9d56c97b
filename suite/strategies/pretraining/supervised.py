"""Supervised pretraining: classify a labelled data set, then drop the head."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from suite.data.augmentation import AUGMENTATIONS
from suite.data.batches import Batches, Examples
from suite.data.dataset import Content
from suite.errors import SuiteError, did_you_mean
from suite.models.backbone import Backbone
from suite.spec.options import Options
from suite.store.records.result import EpochRecord

__all__ = ["Supervised", "SupervisedOptions"]


class SupervisedOptions(Options):
    """Recipe of a supervised pretraining."""

    epochs: Annotated[int, Field(ge=1, le=10_000)]
    batch_size: Annotated[int, Field(ge=1)] = 128
    learning_rate: Annotated[float, Field(gt=0.0)] = 3e-3
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.05
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    warmup_fraction: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    augmentation: tuple[str, ...] = ("flip", "shift")
    jit_compile: bool = False
    """Compile the step with XLA: about twice as fast for a small ViT on a CPU, seven times slower for a MobileNet."""
    seed: Annotated[int, Field(ge=0)] = 0

    @field_validator("augmentation")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in AUGMENTATIONS:
                raise ValueError(did_you_mean(name, AUGMENTATIONS, what="augmentation"))
        return names


class Supervised:
    """Trains a backbone with a temporary head on the labels of a data set."""

    summary: ClassVar[str] = "classify a labelled data set, then drop the head"
    Options: ClassVar[type[Options]] = SupervisedOptions
    content: ClassVar[Content] = "image"
    metric: ClassVar[str] = "accuracy"

    @classmethod
    def label(cls, options: SupervisedOptions) -> str:
        """The objective and its length."""
        return f"supervised, {options.epochs} epochs"

    @classmethod
    def pretrain(
        cls,
        backbone: Backbone,
        options: SupervisedOptions,
        *,
        train: Examples,
        test: Examples,
        num_classes: int,
        on_epoch: Callable[[EpochRecord], None],
    ) -> float:
        """Trains ``backbone.model`` in place.

        Every epoch is kept (the last one ends the schedule), so no split is used for selection, and the
        test split is read once, at the end.

        Returns:
            Accuracy on ``test``, a fraction.
        """
        from suite.tasks.image_classification import ImageClassification
        from suite.training.batch_norm import refresh_batch_norm
        from suite.training.objective import Validation
        from suite.training.optimizer import OptimizerSettings
        from suite.training.predictor import Predictor
        from suite.training.trainer import Recipe, Trainer

        if len(train) < options.batch_size:
            raise SuiteError(f"batch_size {options.batch_size} is larger than the {len(train)} training examples.")
        adapted = ImageClassification.assemble(backbone, num_classes=num_classes)
        adapted.reset_head(options.seed)
        settings = OptimizerSettings(options.optimizer, options.weight_decay, (), options.label_smoothing)
        trainer = Trainer(adapted.logits, settings, jit_compile=options.jit_compile)
        batches = Batches(train, options.batch_size, options.seed, options.augmentation)
        epochs = iter(range(1, options.epochs + 1))
        # A score that rises by itself keeps the last epoch.
        trainer.fit(
            batches,
            lambda: Validation(loss=0.0, score=float(next(epochs))),
            Recipe(options.epochs, options.learning_rate, options.warmup_fraction),
            on_epoch=on_epoch,
        )
        refresh_batch_norm(adapted.logits, batches, trained_steps=options.epochs * batches.steps)
        return accuracy(Predictor(adapted.logits, 128), test)


def accuracy(predict: Callable[[Any], Any], examples: Examples) -> float:
    """Share of examples whose largest output is their target."""
    return float(np.mean(predict(examples.inputs).argmax(axis=1) == examples.targets))
