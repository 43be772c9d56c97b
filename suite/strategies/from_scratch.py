"""From scratch: the same architecture from random weights, the baseline that shows what pretraining brought."""

from __future__ import annotations

from typing import Any, ClassVar

from suite.spec.needs import Need
from suite.spec.options import Options
from suite.spec.search.settings import Domain
from suite.strategies.fit import Fit, FitContext
from suite.strategies.gradient import Phase, run_phases
from suite.strategies.options import GradientOptions, gradient_space

__all__ = ["FromScratch", "FromScratchOptions"]


class FromScratchOptions(GradientOptions):
    """Options of ``from_scratch``; the same as those of ``fine_tune`` where they make sense."""


class FromScratch:
    """Trains everything from random weights with the same budget as fine-tuning."""

    summary: ClassVar[str] = "the same architecture from random weights: what pretraining is worth"
    Options: ClassVar[type[Options]] = FromScratchOptions
    needs: ClassVar[frozenset[Need]] = frozenset({"gradient"})

    @classmethod
    def label(cls, options: FromScratchOptions) -> str:
        """One name: it is a baseline."""
        return "from_scratch"

    @classmethod
    def candidates(cls, options: FromScratchOptions) -> tuple[dict[str, Any], ...]:
        """One setting for each learning rate."""
        return options.candidates()

    @classmethod
    def search_space(cls, options: FromScratchOptions) -> dict[str, Domain]:
        """Learning rate and weight decay."""
        return gradient_space(options)

    @classmethod
    def fit(cls, context: FitContext, options: FromScratchOptions) -> Fit:
        """The trained model. ``learning_rate`` must be one value by now."""
        rate = options.rates[0]
        adapted = context.workshop.adapted(num_classes=context.num_classes, dropout=options.dropout)
        context.workshop.reset(adapted, context.seed, weights="random")
        return run_phases(
            context,
            adapted,
            options,
            [Phase("all", context.epochs, rate)],
            hyperparameters={"learning_rate": rate},
        )
