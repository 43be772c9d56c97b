"""Distillation: a small model learns from the answers of a larger one, beside the classes."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, ClassVar

from pydantic import Field

from suite.errors import SuiteError, TrialSkipped
from suite.spec.needs import Need
from suite.spec.options import Options
from suite.spec.trial import Cell
from suite.store.records.result import TeachingRecord
from suite.strategies.fine_tune import FineTune, FineTuneOptions
from suite.strategies.fit import Fit, FitContext
from suite.strategies.gradient import Phase, Teaching, class_weights, probe_head, run_phases
from suite.strategies.options import NO_CANDIDATES

__all__ = ["Distill", "DistillOptions"]


class DistillOptions(FineTuneOptions):
    """Options of ``distill``: those of ``fine_tune``, and the teacher."""

    teacher: Annotated[str, Field(min_length=1, max_length=200)]
    """Label of another model of the spec. Its best cell on validation teaches, each seed by the trial of that seed."""
    teacher_strategy: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """Label of one of its strategies, where not the best of all is meant."""
    temperature: Annotated[float, Field(gt=0.0, le=100.0)] = 4.0
    """The higher, the more counts what the teacher says of the classes that it does not name."""
    alpha: Annotated[float, Field(ge=0.0, le=1.0)] = 0.9
    """Weight of the teacher's answers against the classes; 0 is plain fine-tuning."""


class Distill:
    """Fine-tunes on the softened answers of a teacher (Hinton, Vinyals and Dean 2015, section 2)."""

    summary: ClassVar[str] = "fine-tune on the softened answers of another model of the spec, its teacher"
    Options: ClassVar[type[Options]] = DistillOptions
    needs: ClassVar[frozenset[Need]] = frozenset({"class_probabilities", "gradient"})

    @classmethod
    def label(cls, options: DistillOptions) -> str:
        """Who teaches, and what is trained where it is not everything."""
        trained = FineTune.label(options).partition(": ")[2]
        by = f", {options.teacher_strategy}" if options.teacher_strategy else ""
        return f"distill: {options.teacher}{by}{'' if trained == 'all' else f', {trained}'}"

    @classmethod
    def check(cls, options: DistillOptions) -> DistillOptions:
        """Refuses several learning rates: which one suits would be searched for the student alone."""
        if len(options.rates) > 1:
            raise SuiteError(
                "learning_rate: 'distill' takes one, so that the student and the same model without a teacher have the "
                "same budget; give the one that 'fine_tune' found."
            )
        FineTune.check(options)
        return options

    @classmethod
    def impossible(cls, options: DistillOptions, cell: Cell) -> str | None:
        """Why it cannot be done: for a model that would teach itself."""
        if cell.labels[0] == options.teacher:
            return "a model is not its own teacher"
        return None

    @classmethod
    def candidates(cls, options: DistillOptions) -> tuple[dict[str, Any], ...]:
        """One setting."""
        return NO_CANDIDATES

    @classmethod
    def fit(cls, context: FitContext, options: DistillOptions) -> Fit:
        """The student. Raises ``TrialSkipped`` where no trial of the teacher's is done."""
        from suite.training.objective import Distillation

        teacher = context.teacher
        if teacher is None:
            raise TrialSkipped(f"no trial of the teacher '{options.teacher}' with this seed is done.")
        rate = options.rates[0]
        adapted = context.workshop.adapted(num_classes=context.num_classes, dropout=options.dropout)
        context.workshop.reset(adapted, context.seed)
        probe_seconds, features_seconds = probe_head(context, adapted, options) if options.head_first else (0.0, 0.0)
        fit = run_phases(
            context,
            adapted,
            options,
            [Phase(options.unfreeze, context.epochs, rate)],
            hyperparameters={"learning_rate": rate, "temperature": options.temperature, "alpha": options.alpha},
            layer_decay=options.layer_decay,
            features_seconds=features_seconds,
            extra_seconds=probe_seconds,
            teaching=Teaching(
                teacher.logits,
                teacher.validation_logits,
                Distillation(options.temperature, options.alpha, class_weights=class_weights(context, options)),
            ),
        )
        record = TeachingRecord(
            trial_id=teacher.trial_id,
            model=teacher.model,
            strategy=teacher.strategy,
            validation_score=teacher.validation_score,
            temperature=options.temperature,
            alpha=options.alpha,
        )
        return dataclasses.replace(fit, teaching=record)
