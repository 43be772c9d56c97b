"""Which setting a search trial tries: drawn by Optuna from the space, its number and the trials before it.

Nothing is kept between two calls: the study is made anew from what is stored, with a sampler seeded by the trial's
number.  A search that was interrupted therefore goes on exactly as it would have.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from suite.spec.search.settings import Range, SearchSpec
from suite.spec.search.space import rounded

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

__all__ = ["Tried", "propose"]

STARTUP_TRIALS = 4
"""Random trials before TPE models what it saw; Optuna's 10 would leave a search of 8 without any."""
REDRAWS = 200


@dataclass(frozen=True)
class Tried:
    """An earlier search trial of the same cell."""

    setting: dict[str, Any]
    score: float | None
    """The headline on validation; None where the trial failed."""
    curve: tuple[float, ...] = ()
    """How good validation was after each epoch, the higher the better: see ``suite.spec.search.pruning.heights``."""
    pruned: bool = False


def propose(
    search: SearchSpec, number: int, earlier: Sequence[Tried] = (), *, higher_is_better: bool = True
) -> dict[str, Any]:
    """The setting of one trial of a sampled search.

    Args:
        search: Completed, its sampler ``random`` or ``tpe``.
        number: Which trial of the cell, from 0.
        earlier: The trials before it, in their order; ``random`` does not look at them.
        higher_is_better: Of the scores of ``earlier``.

    Returns:
        Option to value. The same arguments give the same setting on every machine. ``random`` gives the same settings
        to every model, no setting twice.
    """
    if search.sampler == "random":
        return _distinct(search, number)
    return _draw(search, _sampler(search, number), earlier, higher_is_better=higher_is_better)


def _distinct(search: SearchSpec, number: int) -> dict[str, Any]:
    """The ``number``-th different setting of a sequence of random draws."""
    seen: dict[str, dict[str, Any]] = {}
    for draw in range(REDRAWS * (number + 1)):
        setting = _draw(search, _sampler(search, draw), ())
        seen.setdefault(json.dumps(setting, sort_keys=True), setting)
        if len(seen) > number:
            break
    return list(seen.values())[-1]


def _sampler(search: SearchSpec, number: int) -> optuna.samplers.BaseSampler:
    import optuna

    seed = int(np.random.SeedSequence([search.seed, number]).generate_state(1)[0])
    if search.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS)


def _draw(
    search: SearchSpec,
    sampler: optuna.samplers.BaseSampler,
    earlier: Sequence[Tried],
    *,
    higher_is_better: bool = True,
) -> dict[str, Any]:
    import optuna
    from optuna.trial import TrialState, create_trial

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {name: _distribution(domain) for name, domain in (search.space or {}).items()}
    study = optuna.create_study(sampler=sampler, direction="maximize" if higher_is_better else "minimize")
    sign = 1.0 if higher_is_better else -1.0
    for one in earlier:
        done = one.score is not None
        study.add_trial(
            create_trial(
                state=TrialState.PRUNED if one.pruned else TrialState.COMPLETE if done else TrialState.FAIL,
                value=one.score,
                params=_parameters(search, one.setting),
                distributions=distributions,
                intermediate_values={epoch: sign * height for epoch, height in enumerate(one.curve, start=1)},
            )
        )
    drawn = study.ask(distributions).params
    return {name: _value(domain, drawn[name]) for name, domain in (search.space or {}).items()}


def _distribution(domain: Any) -> BaseDistribution:
    """Lists are drawn by their places, since a value may be a list itself."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if isinstance(domain, Range):
        return FloatDistribution(domain.low, domain.high, log=domain.log)
    return CategoricalDistribution(tuple(range(len(domain))))


def _value(domain: Any, drawn: Any) -> Any:
    return rounded(drawn, domain) if isinstance(domain, Range) else domain[drawn]


def _parameters(search: SearchSpec, setting: dict[str, Any]) -> dict[str, Any]:
    """A setting as the study knows it."""
    return {
        name: setting[name] if isinstance(domain, Range) else list(domain).index(setting[name])
        for name, domain in (search.space or {}).items()
    }
