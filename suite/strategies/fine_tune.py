"""Fine-tuning: the head and some or all stages of the backbone are trained."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from suite.models.freezing import check_unfreeze
from suite.spec.needs import Need
from suite.spec.options import Options
from suite.spec.search.settings import Domain
from suite.strategies.fit import Fit, FitContext
from suite.strategies.gradient import Phase, probe_head, run_phases
from suite.strategies.options import GradientOptions, gradient_space

__all__ = ["FineTune", "FineTuneOptions"]


class FineTuneOptions(GradientOptions):
    """Options of ``fine_tune``."""

    unfreeze: str | Annotated[int, Field(ge=1, le=1000)] = "all"
    """``"all"``, ``"head"``, a number of stages from the top, or a pattern of layer paths such as ``"*block3*"``."""
    layer_decay: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Learning-rate factor from each stage to the one below it; 1 trains all at the same rate."""
    head_first: bool = False
    """Start from the head of a linear probe (LP-FT) instead of a random one."""


class FineTune:
    """Trains the head and the unfrozen stages, cosine schedule, best epoch on validation kept."""

    summary: ClassVar[str] = "train the head and some or all stages of the backbone"
    Options: ClassVar[type[Options]] = FineTuneOptions
    needs: ClassVar[frozenset[Need]] = frozenset({"gradient"})

    @classmethod
    def label(cls, options: FineTuneOptions) -> str:
        """What is unfrozen, and whether the head came first."""
        unfrozen = {"all": "all", "head": "head only", 1: "last stage"}.get(options.unfreeze)
        if unfrozen is None:
            unfrozen = f"last {options.unfreeze} stages" if isinstance(options.unfreeze, int) else options.unfreeze
        return f"fine_tune: {unfrozen}{', head first' if options.head_first else ''}"

    @classmethod
    def check(cls, options: FineTuneOptions) -> FineTuneOptions:
        """Refuses what can be nothing to unfreeze. Raises ``SuiteError``."""
        check_unfreeze(options.unfreeze)
        return options

    @classmethod
    def candidates(cls, options: FineTuneOptions) -> tuple[dict[str, Any], ...]:
        """One setting for each learning rate."""
        return options.candidates()

    @classmethod
    def search_space(cls, options: FineTuneOptions) -> dict[str, Domain]:
        """Learning rate and weight decay; the decay from stage to stage too, where more than one is trained."""
        several = options.unfreeze not in {"head", 1}
        return gradient_space(options) | ({"layer_decay": (1.0, 0.8, 0.6)} if several else {})

    @classmethod
    def fit(cls, context: FitContext, options: FineTuneOptions) -> Fit:
        """The fine-tuned model. ``learning_rate`` must be one value by now."""
        rate = options.rates[0]
        adapted = context.workshop.adapted(num_classes=context.num_classes, dropout=options.dropout)
        context.workshop.reset(adapted, context.seed)
        probe_seconds, features_seconds = probe_head(context, adapted, options) if options.head_first else (0.0, 0.0)
        return run_phases(
            context,
            adapted,
            options,
            [Phase(options.unfreeze, context.epochs, rate)],
            hyperparameters={"learning_rate": rate},
            layer_decay=options.layer_decay,
            features_seconds=features_seconds,
            extra_seconds=probe_seconds,
        )
