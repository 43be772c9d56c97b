"""Gradual unfreezing: the head first, then stage by stage from the top."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from suite.spec.needs import Need
from suite.spec.options import Options
from suite.spec.search.settings import Domain
from suite.strategies.fit import Fit, FitContext
from suite.strategies.gradient import Phase, run_phases
from suite.strategies.options import GradientOptions, gradient_space

__all__ = ["GradualUnfreeze", "GradualUnfreezeOptions"]


class GradualUnfreezeOptions(GradientOptions):
    """Options of ``gradual_unfreeze``."""

    stages: Annotated[int, Field(ge=1, le=1000)] | None = None
    """How many stages are unfrozen in the end; all when left out."""
    layer_decay: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Learning-rate factor from each stage to the one below it."""


class GradualUnfreeze:
    """Unfreezes one more stage in each phase, from the top (ULMFiT: Howard and Ruder 2018, section 3.3)."""

    summary: ClassVar[str] = "unfreeze stage by stage from the top, the epochs shared between the phases"
    Options: ClassVar[type[Options]] = GradualUnfreezeOptions
    needs: ClassVar[frozenset[Need]] = frozenset({"gradient"})

    @classmethod
    def label(cls, options: GradualUnfreezeOptions) -> str:
        """The name, and how far it goes where that was chosen."""
        return "gradual_unfreeze" if options.stages is None else f"gradual_unfreeze: {options.stages} stages"

    @classmethod
    def candidates(cls, options: GradualUnfreezeOptions) -> tuple[dict[str, Any], ...]:
        """One setting for each learning rate."""
        return options.candidates()

    @classmethod
    def search_space(cls, options: GradualUnfreezeOptions) -> dict[str, Domain]:
        """Learning rate, weight decay and the decay from stage to stage."""
        return gradient_space(options) | {"layer_decay": (1.0, 0.8, 0.6)}

    @classmethod
    def fit(cls, context: FitContext, options: GradualUnfreezeOptions) -> Fit:
        """The model after the last phase. ``learning_rate`` must be one value by now."""
        rate = options.rates[0]
        adapted = context.workshop.adapted(num_classes=context.num_classes, dropout=options.dropout)
        context.workshop.reset(adapted, context.seed)
        stages = len(adapted.backbone.stages)
        phases = split_epochs(context.epochs, min(options.stages or stages, stages))
        return run_phases(
            context,
            adapted,
            options,
            [Phase(unfreeze or "head", epochs, rate) for unfreeze, epochs in phases],
            hyperparameters={"learning_rate": rate, "phases": [list(phase) for phase in phases]},
            layer_decay=options.layer_decay,
        )


def split_epochs(epochs: int, stages: int) -> tuple[tuple[int, int], ...]:
    """Phases as ``(stages unfrozen, epochs)``: the head alone first, all ``stages`` last.

    The epochs are shared evenly, what is left over goes to the last phase.  With fewer epochs than phases
    the steps are larger, so that the sum is always ``epochs`` and the last phase always unfreezes all.
    """
    count = min(epochs, stages + 1)
    depths = [stages] if count == 1 else [round(index * stages / (count - 1)) for index in range(count)]
    lengths = [epochs // count] * count
    lengths[-1] += epochs % count
    return tuple(zip(depths, lengths, strict=True))
