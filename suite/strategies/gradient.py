"""One gradient fit inside a warm worker: shared by every strategy that trains by gradient."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from suite.data.batches import Batches, Examples
from suite.models.freezing import stage_of_variables
from suite.spec.search.pruning import heights
from suite.store.records.result import EpochRecord
from suite.strategies.class_weights import weights_of
from suite.strategies.fit import Fit, FitContext
from suite.strategies.options import GradientOptions
from suite.strategies.workshop import Prepared, Pruned
from suite.tasks.adapted import Adapted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from suite.training.objective import Objective, Validation
    from suite.training.trainer import Fitted

__all__ = ["Phase", "Pruning", "Teaching", "class_weights", "layer_multipliers", "probe_head", "run_phases"]


@dataclass(frozen=True)
class Pruning:
    """How a phase makes the model sparse."""

    sparsity: float
    """Share of each pruned kernel that is zero in the end."""
    start: float
    """Share of the phase's steps before anything is pruned."""
    end: float
    """Share of its steps after which the final sparsity is reached."""
    updates: int
    pruned: Pruned


@dataclass(frozen=True)
class Teaching:
    """What a student learns beside the classes."""

    logits: NDArray[Any]
    """The teacher's, of every training example, shape ``(n, classes)``, float32."""
    validation_logits: NDArray[Any]
    """The same of every validation example, for a refit; without rows where none is asked for."""
    objective: Objective


@dataclass(frozen=True)
class Phase:
    """One stretch of training with one set of trainable layers."""

    unfreeze: str | int
    epochs: int
    learning_rate: float
    pruning: Pruning | None = None


@dataclass
class _Total:
    """The sum of the phases so far."""

    fit_seconds: float
    compile_seconds: float = 0.0
    validation_seconds: float = 0.0
    seconds_to_best: float = 0.0
    best_epoch: int = 0
    examples: int = 0
    history: list[EpochRecord] = field(default_factory=list)
    chosen: list[int] = field(default_factory=list)
    """The best epoch of each phase, counted in it."""

    def add(self, fitted: Fitted, compile_seconds: float) -> None:
        """One more phase; its epochs are counted on."""
        before = len(self.history)
        self.chosen.append(fitted.best_epoch)
        self.seconds_to_best = self.fit_seconds + fitted.seconds_to_best
        self.best_epoch = before + fitted.best_epoch
        self.history += [record.model_copy(update={"epoch": before + record.epoch}) for record in fitted.history]
        self.fit_seconds += fitted.fit_seconds
        self.compile_seconds += compile_seconds
        self.validation_seconds += fitted.validation_seconds
        self.examples += fitted.examples

    def add_refit(self, fitted: Fitted, compile_seconds: float) -> None:
        """A phase that was trained again; the model that is kept is there when it ends."""
        self.fit_seconds += fitted.fit_seconds
        self.seconds_to_best = self.fit_seconds
        self.compile_seconds += compile_seconds
        self.examples += fitted.examples


def run_phases(
    context: FitContext,
    adapted: Adapted,
    options: GradientOptions,
    phases: Sequence[Phase],
    *,
    hyperparameters: Mapping[str, Any],
    layer_decay: float = 1.0,
    features_seconds: float = 0.0,
    extra_seconds: float = 0.0,
    teaching: Teaching | None = None,
) -> Fit:
    """Trains through the phases, each starting from the best weights of the one before.

    The model's weights must be set before; afterwards they are the fitted ones.  Where the context asks for a refit
    all of it is done again on training and validation examples together, for as many epochs as were chosen, on the
    same schedule.

    Args:
        context: Data, seed and workshop.
        adapted: The model to train.
        options: Optimizer, augmentation and so on.
        phases: At least one.
        hyperparameters: For the result.
        layer_decay: Learning-rate factor from each stage to the one below it.
        features_seconds: Spent on features before, for the result.
        extra_seconds: Training seconds spent before, for instance on a probe for the head.
        teaching: Of a student: what its teacher says, and how it is weighed.
    """
    total = _Total(fit_seconds=extra_seconds)
    start = adapted.logits.get_weights() if context.refit else []
    running = _Running(context, adapted, options, layer_decay, teaching)
    prepared: Prepared | None = None
    for index, phase in enumerate(phases):
        batches = running.batches(index, context.train, teaching.logits if teaching is not None else None)
        prepared = running.prepared(phase, batches)
        fitted = prepared.trainer.fit(
            batches,
            lambda: adapted.objective.validate(
                context.workshop.predictor, adapted.logits, context.validation, context.judge
            ),
            _recipe(phase, options, context, batches.steps),
            on_epoch=_watched(context, epochs_before=len(total.history)),
        )
        total.add(fitted, prepared.compile_seconds)
        if context.watch is not None and context.watch.ended:
            break
    assert prepared is not None, "a fit has at least one phase"  # noqa: S101 - for the type checker
    if context.refit:
        context.before_refit(adapted, context.workshop.predictor)
        adapted.logits.set_weights(start)
        running.again(phases, total)
    return Fit(
        adapted=adapted,
        hyperparameters={**hyperparameters, "unfrozen": list(prepared.unfrozen)},
        fit_seconds=total.fit_seconds,
        compile_seconds=total.compile_seconds,
        validation_seconds=total.validation_seconds,
        seconds_to_best=total.seconds_to_best,
        features_seconds=features_seconds,
        best_epoch=total.best_epoch,
        selected_by=context.judge.chose(*(epoch.validation_headline for epoch in total.history)),
        history=tuple(total.history),
        examples=total.examples,
        refit=context.refit,
        trainable_parameters=prepared.trainer.trainable_parameters,
        jit_compile=prepared.jit.jit_compile,
        jit_reason=prepared.jit.reason,
    )


def class_weights(context: FitContext, options: GradientOptions) -> tuple[float, ...]:
    """What an example of each class weighs, by the training split; empty where all weigh the same."""
    if options.class_weights is None:
        return ()
    return tuple(weights_of(context.train.targets, context.num_classes, options.class_weights).tolist())


def _weighted(context: FitContext, options: GradientOptions) -> Objective | None:
    """The loss with weights of classes; None where the task's own serves."""
    if options.class_weights is None:
        return None
    from suite.training.objective import CrossEntropy

    return CrossEntropy(class_weights=class_weights(context, options))


@dataclass(frozen=True)
class _Running:
    """What the phases of one fit share."""

    context: FitContext
    adapted: Adapted
    options: GradientOptions
    layer_decay: float
    teaching: Teaching | None

    def batches(self, index: int, examples: Examples, logits: NDArray[Any] | None) -> Batches:
        """Of one phase, each with an order of its own, so that its first epoch does not repeat another's."""
        seed = self.context.seed + 1_000_003 * index
        return Batches(examples, self.context.batch_size, seed, self.options.augmentation, logits)

    def prepared(self, phase: Phase, batches: Batches) -> Prepared:
        """The compiled step of a phase."""
        objective = self.teaching.objective if self.teaching is not None else _weighted(self.context, self.options)
        return _prepare(
            self.context,
            self.adapted,
            self.options,
            phase,
            batches=batches,
            layer_decay=self.layer_decay,
            objective=objective,
        )

    def again(self, phases: Sequence[Phase], total: _Total) -> None:
        """Trains all phases on both splits, from the weights that the model has now, for the epochs of ``total``."""
        context, teaching = self.context, self.teaching
        both = context.train.joined(context.validation)
        logits = None if teaching is None else np.concatenate([teaching.logits, teaching.validation_logits])
        for index, (phase, chosen) in enumerate(zip(phases, list(total.chosen), strict=True)):
            batches = self.batches(index, both, logits)
            before = self.batches(index, context.train, None if teaching is None else teaching.logits)
            # A step depends on the size of its batches only, and batch norms average over as many as before.
            prepared = self.prepared(phase, before if before.size == batches.size else batches)
            recipe = replace(_recipe(phase, self.options, context, batches.steps), patience=None)
            last = max(chosen, recipe.judged_from(batches.steps))
            epochs = itertools.count(1)
            fitted = prepared.trainer.fit(
                batches,
                # A score that rises by itself keeps the last epoch.
                partial(_rising, epochs),
                recipe,
                on_epoch=partial(_has_reached, last),
            )
            total.add_refit(fitted, prepared.compile_seconds)


def _rising(epochs: Iterator[int]) -> Validation:
    from suite.training.objective import Validation

    return Validation(loss=0.0, score=float(next(epochs)))


def _has_reached(last: int, record: EpochRecord) -> bool:
    return record.epoch >= last


def _watched(context: FitContext, *, epochs_before: int) -> Callable[[EpochRecord], bool]:
    """What a trainer asks after each epoch; epochs are counted through all phases."""

    def ended(record: EpochRecord) -> bool:
        counted = record.model_copy(update={"epoch": epochs_before + record.epoch})
        context.on_epoch(counted)
        (height,) = heights([record], higher_is_better=context.judge.metric.higher_is_better)
        return context.watch is not None and context.watch(counted.epoch, height)

    return ended


def layer_multipliers(stage_of: Mapping[str, int], layer_decay: float) -> tuple[tuple[str, float], ...]:
    """Learning-rate multiplier per variable path: ``layer_decay ** (stages between it and the head)``.

    Args:
        stage_of: Index of the stage, from the input, by the path of each variable.
        layer_decay: Factor per stage; 1 makes no multipliers (Howard and Ruder 2018, discriminative fine-tuning).
    """
    if layer_decay == 1.0:
        return ()
    stages = max(stage_of.values()) + 1
    return tuple((path, layer_decay ** (stages - index)) for path, index in sorted(stage_of.items()))


def _prepare(
    context: FitContext,
    adapted: Adapted,
    options: GradientOptions,
    phase: Phase,
    *,
    batches: Batches,
    layer_decay: float,
    objective: Objective | None,
) -> Prepared:
    from suite.training.optimizer import OptimizerSettings

    backbone = adapted.backbone
    multipliers: tuple[tuple[str, float], ...] = ()
    if layer_decay != 1.0:
        multipliers = layer_multipliers(stage_of_variables(backbone.model, backbone.stages), layer_decay)
    settings = OptimizerSettings(options.optimizer, options.weight_decay, multipliers, options.label_smoothing)
    return context.workshop.prepare(
        adapted,
        phase.unfreeze,
        settings,
        batches,
        epochs=phase.epochs,
        planned_steps=context.planned_fits * phase.epochs * batches.steps,
        jit=options.jit,
        objective=objective,
        pruned=phase.pruning.pruned if phase.pruning is not None else None,
    )


def _recipe(phase: Phase, options: GradientOptions, context: FitContext, steps: int) -> Any:
    from suite.training.pruning import SparsitySchedule
    from suite.training.trainer import Recipe

    asked = phase.pruning
    sparsity = None
    if asked is not None:
        sparsity = SparsitySchedule.of(
            asked.sparsity,
            start=asked.start,
            end=asked.end,
            updates=asked.updates,
            total_steps=phase.epochs * steps,
        )
    return Recipe(phase.epochs, phase.learning_rate, options.warmup_fraction, context.patience, sparsity)


def probe_head(context: FitContext, adapted: Adapted, options: GradientOptions) -> tuple[float, float]:
    """Sets the head to the linear probe on frozen features (LP-FT, Kumar et al. 2022, section 3).

    A refit starts from the same head: it is where the chosen epochs were counted from.

    Returns:
        Seconds of the probe and of the features.
    """
    from suite.strategies.linear_probe import LinearProbeOptions, probe_of

    train, validation = context.features(context.train), context.features(context.validation)
    probe = probe_of(context, LinearProbeOptions(class_weights=options.class_weights), refit=False)
    adapted.set_head(probe.kernel, probe.bias)
    return probe.fit_seconds, train.seconds + validation.seconds
