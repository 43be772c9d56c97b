"""Options that the gradient strategies share."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from suite.data.augmentation import AUGMENTATIONS
from suite.errors import did_you_mean
from suite.spec.options import Options
from suite.spec.search.settings import Domain, Range
from suite.strategies.class_weights import ClassWeights

__all__ = ["NO_CANDIDATES", "GradientOptions", "Rate", "gradient_space"]

NO_CANDIDATES: tuple[dict[str, Any], ...] = ({},)
"""One setting, so there is nothing to search between trials."""

Rate = Annotated[float, Field(gt=0.0, le=10.0)]


class GradientOptions(Options):
    """What every strategy that trains by gradient has."""

    learning_rate: Rate | Annotated[tuple[Rate, ...], Field(min_length=1, max_length=100)] = 1e-3
    """Peak learning rate, or several: a grid, searched on validation, the same for every model."""
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    weight_decay: Annotated[float, Field(ge=0.0, le=10.0)] = 0.01
    """Decoupled, of kernels and matrices only."""
    warmup_fraction: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    """Share of the steps in which the learning rate rises; then a cosine to 0."""
    augmentation: tuple[str, ...] = ()
    """Of ``brightness``, ``contrast``, ``erase``, ``flip``, ``shift``, in this order."""
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Before the head."""
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    class_weights: ClassWeights | None = None
    """``balanced`` lets every class weigh the same however many examples it has; left out, every example does."""
    epochs: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Instead of ``training.epochs``."""
    batch_size: Annotated[int, Field(ge=1, le=65_536)] | None = None
    """Instead of ``training.batch_size``."""
    jit: Literal["auto", "on", "off"] = "auto"
    """XLA: measured on a few steps and chosen where it is clearly faster, or as told."""

    @field_validator("augmentation")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in AUGMENTATIONS:
                raise ValueError(did_you_mean(name, AUGMENTATIONS, what="augmentation"))
        return names

    @property
    def rates(self) -> tuple[float, ...]:
        """The learning rates to choose from, the lowest first."""
        chosen = self.learning_rate if isinstance(self.learning_rate, tuple) else (self.learning_rate,)
        return tuple(sorted(set(chosen)))

    def candidates(self) -> tuple[dict[str, Any], ...]:
        """One setting for each learning rate."""
        if len(self.rates) == 1:
            return NO_CANDIDATES
        return tuple({"learning_rate": rate} for rate in self.rates)


def gradient_space(options: GradientOptions) -> dict[str, Domain]:
    """What a search tries for a strategy that trains by gradient, where the spec does not say.

    Learning rate and decay matter most (Kornblith et al. 2019, section A.3, search the same two); SGD wants rates that
    are ten times larger.
    """
    tenfold = 10.0 if options.optimizer == "sgd" else 1.0
    return {
        "learning_rate": Range(low=1e-4 * tenfold, high=1e-2 * tenfold, log=True, steps=5),
        "weight_decay": Range(low=1e-4, high=1e-1, log=True, steps=3),
    }
