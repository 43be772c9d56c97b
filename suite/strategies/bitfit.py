"""BitFit: the head and the biases of the backbone are trained (Ben Zaken et al. 2022)."""

from __future__ import annotations

from typing import Any, ClassVar

from suite.errors import TrialSkipped
from suite.models.freezing import BIASES, chosen_variables
from suite.spec.needs import Need
from suite.spec.options import Options
from suite.spec.search.settings import Domain
from suite.strategies.fit import Fit, FitContext
from suite.strategies.gradient import Phase, run_phases
from suite.strategies.options import GradientOptions, gradient_space

__all__ = ["BitFit", "BitFitOptions"]


class BitFitOptions(GradientOptions):
    """Options of ``bitfit``; the same as those of ``fine_tune`` where they make sense."""


class BitFit:
    """Trains the head, the biases and the shifts of layer norms; kernels and batch norms stay as they are."""

    summary: ClassVar[str] = "train the head and the biases of the backbone"
    Options: ClassVar[type[Options]] = BitFitOptions
    needs: ClassVar[frozenset[Need]] = frozenset({"gradient"})

    @classmethod
    def label(cls, options: BitFitOptions) -> str:
        """One name: there is nothing to choose but how it is trained."""
        return "bitfit"

    @classmethod
    def candidates(cls, options: BitFitOptions) -> tuple[dict[str, Any], ...]:
        """One setting for each learning rate."""
        return options.candidates()

    @classmethod
    def search_space(cls, options: BitFitOptions) -> dict[str, Domain]:
        """Learning rate and weight decay."""
        return gradient_space(options)

    @classmethod
    def fit(cls, context: FitContext, options: BitFitOptions) -> Fit:
        """The trained model. Raises ``TrialSkipped`` where the backbone has no biases."""
        if not chosen_variables(context.workshop.backbone.model, BIASES):
            raise TrialSkipped("bitfit: this backbone has no biases outside its batch norms, so nothing is to train.")
        rate = options.rates[0]
        adapted = context.workshop.adapted(num_classes=context.num_classes, dropout=options.dropout)
        context.workshop.reset(adapted, context.seed)
        return run_phases(
            context,
            adapted,
            options,
            [Phase(BIASES, context.epochs, rate)],
            hyperparameters={"learning_rate": rate},
        )
