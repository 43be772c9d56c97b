"""Pruning: fine-tuning in which the smallest weights become zero, more and more of them, and stay so."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from suite.errors import SuiteError, TrialSkipped
from suite.models.freezing import apply_trainable, check_unfreeze
from suite.models.sparsity import gzip_bytes, prunable_variables, zeros_in
from suite.spec.needs import Need
from suite.spec.options import Options
from suite.spec.search.settings import Domain
from suite.store.records.result import SparsityRecord
from suite.strategies.fit import Fit, FitContext
from suite.strategies.gradient import Phase, Pruning, run_phases
from suite.strategies.options import GradientOptions, gradient_space
from suite.tasks.adapted import Adapted

__all__ = ["Prune", "PruneOptions"]


class PruneOptions(GradientOptions):
    """Options of ``prune``."""

    sparsity: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    """Share of each pruned kernel that is zero in the end."""
    start: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    """Share of the steps before anything is pruned."""
    end: Annotated[float, Field(gt=0.0, le=1.0)] = 0.6
    """Share of the steps after which the final sparsity is reached; the rest lets the model recover. A fit that ends
    early, such as a short one of a funnel, is judged by what it is then; a note in its result says so."""
    updates: Annotated[int, Field(ge=1, le=10_000)] = 20
    """How many times between ``start`` and ``end`` more weights are pruned."""
    embeddings: bool = True
    """Prune the tables of token embeddings too."""
    unfreeze: str | Annotated[int, Field(ge=1, le=1000)] = "all"
    """What is trained, as of ``fine_tune``; kernels that are frozen are not pruned."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.start < self.end:
            raise ValueError("expected 'start' below 'end'")
        return self


class Prune:
    """Trains like ``fine_tune`` and prunes on the way; of the epochs at the final sparsity the best is kept."""

    summary: ClassVar[str] = "fine-tune, and set the smallest weights of each kernel to zero on the way"
    Options: ClassVar[type[Options]] = PruneOptions
    needs: ClassVar[frozenset[Need]] = frozenset({"class_head", "gradient"})

    @classmethod
    def label(cls, options: PruneOptions) -> str:
        """How sparse, and what is trained where it is not everything."""
        trained = "" if options.unfreeze == "all" else f", unfreeze {options.unfreeze}"
        return f"prune: {100 * options.sparsity:g} %{trained}"

    @classmethod
    def check(cls, options: PruneOptions) -> PruneOptions:
        """Refuses what leaves nothing to prune. Raises ``SuiteError``."""
        check_unfreeze(options.unfreeze)
        if options.unfreeze == "head":
            raise SuiteError("unfreeze: the head is not pruned, so 'head' leaves nothing to prune; unfreeze stages.")
        return options

    @classmethod
    def candidates(cls, options: PruneOptions) -> tuple[dict[str, Any], ...]:
        """One setting for each learning rate."""
        return options.candidates()

    @classmethod
    def search_space(cls, options: PruneOptions) -> dict[str, Domain]:
        """Learning rate and weight decay; not the sparsity, of which the least would always win."""
        return gradient_space(options)

    @classmethod
    def fit(cls, context: FitContext, options: PruneOptions) -> Fit:
        """The pruned model. Raises ``TrialSkipped`` where the unfrozen layers have nothing to prune."""
        workshop, rate = context.workshop, options.rates[0]
        adapted = workshop.adapted(num_classes=context.num_classes, dropout=options.dropout)
        workshop.reset(adapted, context.seed)
        apply_trainable(workshop.backbone.model, workshop.backbone.stages, options.unfreeze)
        if not prunable_variables(workshop.backbone.model, embeddings=options.embeddings):
            raise TrialSkipped("prune: the unfrozen layers have no kernel of a dense or convolutional layer to prune.")
        dense_gzip = gzip_bytes(adapted.logits.weights)
        kinds: Any = "kernels and embeddings" if options.embeddings else "kernels"
        pruning = Pruning(options.sparsity, options.start, options.end, options.updates, kinds)
        fit = run_phases(
            context,
            adapted,
            options,
            [Phase(options.unfreeze, context.epochs, rate, pruning)],
            hyperparameters={"learning_rate": rate, "sparsity": options.sparsity},
        )
        record = _record(adapted, workshop.backbone.model, options, dense_gzip)
        # Stopped early, as in the short fits of a funnel, a model may not be as sparse as was asked for.
        short = record.pruned < record.prunable * options.sparsity - record.kernels
        notes = ("the fit ended before its final sparsity was reached.",) if short else ()
        return dataclasses.replace(fit, sparsity=record, notes=(*fit.notes, *notes))


def _record(adapted: Adapted, backbone: Any, options: PruneOptions, dense_gzip: int) -> SparsityRecord:
    """What is zero in the final weights, counted."""
    pruned = prunable_variables(backbone, embeddings=options.embeddings)
    weights = adapted.logits.weights
    return SparsityRecord(
        target=options.sparsity,
        kernels=len(pruned),
        prunable=sum(variable.numpy().size for variable in pruned),
        pruned=zeros_in(pruned),
        parameters=adapted.logits.count_params(),
        bytes=sum(variable.numpy().nbytes for variable in weights),
        gzip_bytes=gzip_bytes(weights),
        dense_gzip_bytes=dense_gzip,
    )
