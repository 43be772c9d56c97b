"""Giving up a search trial early, judged by the learning curves of the trials before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from suite.spec.search.propose import Tried
from suite.spec.search.settings import SearchSpec
from suite.store.records.result import EpochRecord

if TYPE_CHECKING:
    import optuna

__all__ = ["Stop", "Watch", "heights", "watch_for"]

TRIALS_BEFORE = 2
"""Trials that run to their end before any is given up."""
WARMUP_EPOCHS = 1


@dataclass
class Watch:
    """Looks at one trial after each epoch. Called with the epoch, from 1, and its height: see ``heights``."""

    trial: optuna.Trial
    pruned_after: int | None = field(default=None, init=False)
    """The epoch after which the trial was given up; None where it was not."""

    def __call__(self, epoch: int, height: float) -> bool:
        """Whether to stop here."""
        self.trial.report(height, epoch)
        if self.trial.should_prune():
            self.pruned_after = epoch
        return self.ended

    @property
    def ended(self) -> bool:
        """Whether the trial was given up."""
        return self.pruned_after is not None


@dataclass
class Stop:
    """Ends a short fit after some of its epochs; nothing is given up by that."""

    epochs: int
    pruned_after: None = field(default=None, init=False)
    ended: bool = field(default=False, init=False)

    def __call__(self, epoch: int, height: float) -> bool:
        """Whether to stop here."""
        self.ended = epoch >= self.epochs
        return self.ended


def heights(history: Sequence[EpochRecord], *, higher_is_better: bool) -> tuple[float, ...]:
    """How good each epoch was on validation, the higher the better.

    By the headline metric; where it cannot be computed after an epoch, as of a metric of written texts, by the loss.
    """
    sign = 1.0 if higher_is_better else -1.0
    return tuple(
        -epoch.validation_loss if epoch.validation_headline is None else sign * epoch.validation_headline
        for epoch in history
    )


def watch_for(search: SearchSpec, earlier: Sequence[Tried]) -> Watch | None:
    """The watch over the trial after ``earlier``; None where the search gives up nothing.

    The earlier trials are reported again epoch by epoch, since a pruner remembers in its study what it saw.
    """
    if search.pruner == "none":
        return None
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", pruner=_pruner(search))
    for one in earlier:
        if not one.curve:
            continue
        again = study.ask()
        for epoch, height in enumerate(one.curve, start=1):
            again.report(height, epoch)
            again.should_prune()
        if one.pruned:
            study.tell(again, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(again, one.curve[-1])
    return Watch(study.ask())


def _pruner(search: SearchSpec) -> optuna.pruners.BasePruner:
    import optuna

    if search.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=TRIALS_BEFORE, n_warmup_steps=WARMUP_EPOCHS)
    return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
