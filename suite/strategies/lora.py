"""LoRA: the head and low-rank updates of some kernels are trained, then added to the kernels (Hu et al. 2022)."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, ClassVar

from pydantic import Field

from suite.models.freezing import LORA
from suite.models.low_rank import merge_factors, reset_factors
from suite.spec.needs import Need
from suite.spec.options import Options
from suite.spec.search.settings import Domain
from suite.strategies.fit import Fit, FitContext
from suite.strategies.gradient import Phase, run_phases
from suite.strategies.options import GradientOptions, gradient_space

__all__ = ["Lora", "LoraOptions"]


class LoraOptions(GradientOptions):
    """Options of ``lora``."""

    rank: Annotated[int, Field(ge=1, le=1024)] = 4
    """Of the two factors whose product is added to a kernel."""
    alpha: Annotated[float, Field(gt=0.0, le=10_000.0)] | None = None
    """Scale of the update, which is ``alpha / rank``; as large as ``rank`` where it is not given."""
    targets: tuple[str, ...] = ()
    """Names of layers, or patterns such as ``"*dense*"``. Empty: queries and values of the attention for KerasHub
    backbones, every dense layer of others."""


class Lora:
    """Trains the head and low-rank factors; the result is an ordinary model with the updates in its kernels."""

    summary: ClassVar[str] = "train the head and low-rank updates of the backbone's kernels"
    Options: ClassVar[type[Options]] = LoraOptions
    needs: ClassVar[frozenset[Need]] = frozenset({"gradient"})

    @classmethod
    def label(cls, options: LoraOptions) -> str:
        """The rank, and what else is not as usual."""
        alpha = "" if options.alpha is None else f", alpha {options.alpha:g}"
        targets = f", {' '.join(options.targets)}" if options.targets else ""
        return f"lora: rank {options.rank}{alpha}{targets}"

    @classmethod
    def candidates(cls, options: LoraOptions) -> tuple[dict[str, Any], ...]:
        """One setting for each learning rate."""
        return options.candidates()

    @classmethod
    def search_space(cls, options: LoraOptions) -> dict[str, Domain]:
        """Learning rate and weight decay."""
        return gradient_space(options)

    @classmethod
    def fit(cls, context: FitContext, options: LoraOptions) -> Fit:
        """The merged model. Raises ``TrialSkipped`` where no layer of the backbone takes factors."""
        rate = options.rates[0]
        alpha = float(options.rank if options.alpha is None else options.alpha)
        low_rank = context.workshop.low_rank(options.rank, alpha, options.targets)
        adapted = low_rank.adapted(num_classes=context.num_classes, dropout=options.dropout)
        low_rank.reset(adapted, context.seed)
        reset_factors(low_rank.backbone.model, context.seed)
        fit = run_phases(
            dataclasses.replace(context, workshop=low_rank),
            adapted,
            options,
            [Phase(LORA, context.epochs, rate)],
            hyperparameters={"learning_rate": rate},
        )
        merged = context.workshop.adapted(num_classes=context.num_classes, dropout=options.dropout)
        context.workshop.reset(merged, context.seed)
        merge_factors(low_rank.backbone.model, context.workshop.backbone.model)
        if merged.head is not None:
            merged.head.set_weights(adapted.head.get_weights())
        return dataclasses.replace(fit, adapted=merged)
