"""What a spec says of the funnel."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field, field_validator

from suite.spec.options import Options

__all__ = ["FEWEST_KEPT", "FunnelSpec", "RankSpec", "ShortSpec", "rungs_of"]

Kept = Annotated[float, Field(gt=0.0, le=1.0)]
FEWEST_KEPT = 2
"""What guesses and short fits leave at least: neither can tell the best from the second best."""
LONGEST_RUNG = 1 / 3
"""Of a full fit: a longer rung would save too little."""


class RankSpec(Options):
    """Stage 2: models judged by the features of their frozen backbones."""

    by: Annotated[str, Field(min_length=1)] = "linear_probe"
    """The transferability estimator that decides; the others are shown beside it."""
    keep: Kept = 0.5
    """Share of the models that goes on, rounded up, and never fewer than 2."""
    estimators: tuple[str, ...] | None = None
    """Which ones are computed; all that are registered when left out."""


class ShortSpec(Options):
    """Stage 3: the first epochs of a full fit, by successive halving (Jamieson and Talwalkar 2016)."""

    epochs: tuple[Annotated[int, Field(ge=1, le=10_000)], ...] | None = None
    """Epochs after which the better ones go on, ascending; 1, 2, 4, ... up to a third of a full fit when left out.
    An empty list leaves the stage out."""
    keep: Kept = 0.5
    """Share that goes on after each, rounded up, and never fewer than 2."""

    @field_validator("epochs")
    @classmethod
    def _ascending(cls, epochs: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if epochs is not None and list(epochs) != sorted(set(epochs)):
            raise ValueError("expected ascending numbers of epochs, each once")
        return epochs


class FunnelSpec(Options):
    """Cheap first: profile, features, short fits, and full fits only of what can still win."""

    rank: RankSpec = RankSpec()
    short: ShortSpec = ShortSpec()
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.99
    """How sure it must be that a model is worse after one full fit, on validation, before its other seeds are left
    out."""


def rungs_of(short: ShortSpec, epochs: int) -> tuple[int, ...]:
    """After how many epochs short fits are judged, where a full fit has ``epochs``; empty where none is shorter.

    Args:
        short: Of the spec.
        epochs: Of a full fit.
    """
    if short.epochs is not None:
        return tuple(rung for rung in short.epochs if rung < epochs)
    longest = max(1, math.floor(LONGEST_RUNG * epochs)) if epochs > 1 else 0
    return tuple(2**power for power in range(32) if 2**power <= longest)
