"""What a strategy gets and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.data.batches import Examples
from suite.errors import SealedSplitError
from suite.metrics.validation_score import Judge
from suite.spec.search.pruning import Stop, Watch
from suite.store.records.result import Candidate, EpochRecord, FeatureEngineRecord, SparsityRecord, TeachingRecord
from suite.strategies.workshop import Workshop
from suite.tasks.adapted import Adapted
from suite.training.features import Features

__all__ = ["Fit", "FitContext", "TeacherAnswers"]


@dataclass(frozen=True)
class Fit:
    """An adapted model and how it came to be."""

    adapted: Adapted
    """Its weights are the fitted ones."""
    hyperparameters: Mapping[str, Any]
    fit_seconds: float
    """Training without compilation and validation."""
    trainable_parameters: int
    compile_seconds: float = 0.0
    validation_seconds: float = 0.0
    seconds_to_best: float = 0.0
    features_seconds: float = 0.0
    best_epoch: int | None = None
    selected_by: str | None = None
    """What epochs or ``candidates`` were judged by; None where there were none."""
    history: tuple[EpochRecord, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    """Settings tried inside the fit, on validation."""
    examples: int | None = None
    """Training examples seen, repetitions counted; None for fits without epochs."""
    validation_logits: Any = None
    """Logits on validation before a refit that used it; None where the model itself gives them."""
    logits_before: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None
    """Pooled features ``(n, width)`` to logits ``(n, classes)`` of the model that was chosen, before a refit that used
    validation; None where there was none, and where ``FitContext.before_refit`` was shown that model."""
    refit: bool = False
    """Whether it learned from training and validation examples together, as ``FitContext.refit`` asks."""
    jit_compile: bool = False
    jit_reason: str = ""
    sparsity: SparsityRecord | None = None
    """Of a pruned model."""
    teaching: TeachingRecord | None = None
    """Of a student."""
    frozen: bool = False
    """Whether the model is the pretrained backbone as it was, with a head on its features, which may be kept."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TeacherAnswers:
    """The chosen trial of a teacher, and its answers for the training examples."""

    trial_id: str
    model: str
    strategy: str
    validation_score: float | None
    logits: NDArray[np.float32]
    """Shape ``(n, classes)``, in the order of the student's training examples."""
    validation_logits: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    """Of its validation examples, for a refit that learns from them too; no rows where there is none."""


@dataclass(frozen=True)
class FitContext:
    """Everything that a strategy may see. There is no test split in it."""

    workshop: Workshop
    """Builds and keeps models and compiled steps; warm between the trials of a cell."""
    train: Examples
    validation: Examples
    class_names: tuple[str, ...]
    fingerprint: str
    """Of the data set."""
    seed: int
    epochs: int
    batch_size: int
    patience: int | None
    watch: Watch | Stop | None = None
    """What may end a fit early, a search trial or a short one; None where nothing does."""
    teacher: TeacherAnswers | None = None
    """What the teacher says of the training examples; None for what learns from none."""
    planned_fits: int = 1
    """How many fits of this cell are planned; what a measurement may cost depends on it."""
    on_epoch: Callable[[EpochRecord], None] = lambda _: None
    """Told of each epoch, counted through all phases, when it ends."""
    headline: str = "accuracy"
    """Name of the metric that chooses on validation: an epoch, a strength, a number of neighbours."""
    refit: bool = False
    """Whether what was chosen is fitted again on training and validation examples together."""
    before_refit: Callable[[Adapted, Callable[[Any], Any]], None] = lambda _, __: None
    """Shown the chosen model, and a maker of predictors, before it learns from validation too: only so it can be
    scored there. Of what gives ``Fit.validation_logits`` it is not shown anything."""

    @cached_property
    def judge(self) -> Judge:
        """What chooses on validation: the headline metric; of equals the lower loss."""
        return Judge.by(self.headline, self.class_names)

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @property
    def test(self) -> Examples:
        """Always an error: the test split is opened by the runner, once, after the fit."""
        raise SealedSplitError("the test split is sealed: a strategy sees 'train' and 'validation' only.")

    def engine_of(self, fit: Fit) -> FeatureEngineRecord | None:
        """What computed the frozen features that a fit has just used; None where it used none."""
        return self.workshop.feature_engine if fit.features_seconds else None

    def features(self, examples: Examples) -> Features:
        """Pooled features of the pretrained, frozen backbone; from disk where they were computed before.

        Examples that were chosen from others share the features of these; their seconds are their share.
        """
        features = self._features(examples, self.fingerprint)
        self.workshop.feature_engine = features.engine
        return features

    def predictor(self, fit: Fit, examples: Examples, *, fingerprint: str) -> Callable[[Any], Any]:
        """A maker of predictors of a fitted model for these examples.

        A frozen backbone's features are taken from where they are kept, so that the seeds of a cell share them, and
        come from the engine that made those of the fit.

        Args:
            fit: Of this context.
            examples: What the predictor will be called with.
            fingerprint: Of their data set.
        """
        if not fit.frozen:
            return self.workshop.predictor
        return lambda _: lambda _: fit.adapted.logits_of(self._features(examples, fingerprint).values)

    def _features(self, examples: Examples, fingerprint: str) -> Features:
        asked = examples if examples.whole is None else examples.whole
        kept = self.workshop.features(asked, num_classes=self.num_classes, fingerprint=fingerprint)
        if examples.chosen is None:
            return kept
        return Features(kept.values[examples.chosen], kept.seconds * len(examples) / len(asked), kept.engine)
