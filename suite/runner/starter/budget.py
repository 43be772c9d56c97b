"""How the minutes that a user gives are shared out, and what a plan is expected to take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from suite.devices import Machine
from suite.runner.starter.candidates import Candidate, Strategy
from suite.spec.plan import Plan
from suite.spec.trial import Trial

__all__ = ["Cost", "Share", "cost_of", "filled", "shrunk"]

_GPU_FACTOR = 60.0
"""A data-centre GPU against two CPU cores, on convolutions; rough."""
_START_SECONDS = 10.0
"""Building a model and tracing one strategy; once per cell that trains."""
_TRIAL_SECONDS = 1.5
"""Weights, predictions and scores of one trial, whatever it learns."""
_FUNNEL_KEEPS = 0.5
"""Of what a funnel does not drop before it is searched and fitted in full."""


@dataclass(frozen=True)
class Share:
    """What a spec spends its minutes on."""

    models: tuple[Candidate, ...]
    strategies: tuple[Strategy, ...]
    rates: int = 3
    """Settings that the search tries per cell."""
    steps: int = 250
    """Of training in one fit, about; the epochs follow from it."""
    seeds: int = 3
    funnel: bool = False


@dataclass(frozen=True)
class Cost:
    """Expected seconds by what they are spent on."""

    search: float = 0.0
    finals: float = 0.0
    other: float = 0.0
    """Probes, a funnel's first looks, and starting."""

    @property
    def seconds(self) -> float:
        """All of them."""
        return self.search + self.finals + self.other


Field = Literal["rates", "steps", "seeds"]
STAGES: tuple[tuple[Field, tuple[int, ...]], ...] = (
    ("rates", (4, 5, 6, 7, 8)),
    ("steps", (350, 500, 700, 1_000)),
    ("seeds", (4, 5)),
    ("rates", (10, 12, 14, 16)),
    ("steps", (1_400, 2_000, 2_800, 4_000)),
    ("seeds", (6, 8, 10)),
    ("rates", (20, 24, 28, 32, 40, 48, 56, 64)),
)
"""In the order of worth: learning rates decide more than anything else (Greff et al. 2017; Bouthillier et al. 2021),
then enough steps, then seeds, without which a ranking is luck. Small tasks were fine-tuned in about 500 steps (BiT,
Kolesnikov et al. 2020)."""


def cost_of(plan: Plan, share: Share, *, train: int, machine: Machine) -> Cost:
    """What the trials of a plan are expected to take one after another, within a factor of about two.

    Args:
        plan: Of the spec that was written for ``share``.
        share: Its models and strategies, in the order of the spec.
        train: Training examples.
        machine: Where it will run.
    """
    models = dict(zip(dict.fromkeys(cell.labels[0] for cell in plan.cells), share.models, strict=True))
    labels = dict.fromkeys(cell.labels[2] for cell in plan.cells if cell.ranking is None)
    strategies = dict(zip(labels, share.strategies, strict=True))
    speed = _GPU_FACTOR * len(machine.gpus) if machine.gpus else machine.cores / 2
    at_once = max(1, len(machine.gpus))
    kept = _FUNNEL_KEEPS if share.funnel else 1.0
    started: set[str] = set()
    cost = Cost()
    for trial in plan.trials:
        strategy = strategies.get(trial.cell.labels[2])
        first = trial.cell.id not in started
        started.add(trial.cell.id)
        learning = _learning_seconds(trial, models[trial.cell.labels[0]], strategy, train, first=first)
        seconds = learning / speed + (_TRIAL_SECONDS + _START_SECONDS * first) / at_once
        if trial.phase == "search":
            cost = replace(cost, search=cost.search + kept * seconds)
        elif trial.phase == "final" and strategy is not None and strategy.has_epochs:
            cost = replace(cost, finals=cost.finals + kept * seconds)
        else:
            cost = replace(cost, other=cost.other + (kept if trial.phase != "rank" else 1.0) * seconds)
    return cost


def _learning_seconds(trial: Trial, model: Candidate, strategy: Strategy | None, train: int, *, first: bool) -> float:
    """On two CPU cores."""
    one_pass = train * model.train_ms / 1000
    if strategy is None or not strategy.has_epochs:
        return one_pass / 3 if first else 0.0  # features are kept, whatever the seed
    return one_pass * strategy.passes * (trial.epochs or trial.cell.epochs)


Price = Callable[[Share], float]
"""A share to its expected seconds."""


def shrunk(share: Share, price: Price, seconds: float) -> Share:
    """The share with less in it until it fits: a funnel first, then large models, strategies, and models at last."""
    if price(share) > seconds and len(share.models) > 3:
        with_funnel = replace(share, funnel=True)
        share = with_funnel if price(with_funnel) < price(share) else share
    while price(share) > seconds and len(share.models) > 2 and share.models[-1].train_ms > 5:
        share = replace(share, models=share.models[:-1])
    while price(share) > seconds and len(share.strategies) > 1:
        share = replace(share, strategies=share.strategies[:-1])
    if not _learns(share):
        share = replace(share, funnel=False)  # a probe costs what a look at the features does
    while price(share) > seconds and len(share.models) > 1:
        dearest = max(share.models, key=lambda model: model.train_ms)
        share = replace(share, models=tuple(one for one in share.models if one is not dearest))
    return share if len(share.models) > 2 else replace(share, funnel=False)


def _learns(share: Share) -> bool:
    """Whether there is anything that more minutes could be spent on."""
    return any(item.has_epochs for item in share.strategies)


def _with(share: Share, field: Field, level: int) -> Share:
    """The share with one number raised."""
    return Share(
        models=share.models,
        strategies=share.strategies,
        rates=level if field == "rates" else share.rates,
        steps=level if field == "steps" else share.steps,
        seeds=level if field == "seeds" else share.seeds,
        funnel=share.funnel,
    )


def filled(share: Share, price: Price, seconds: float) -> Share:
    """The share with more learning in it, in the order of worth, as long as it fits; of probes alone as it is."""
    for field, levels in STAGES if _learns(share) else ():
        for level in levels:
            if level <= getattr(share, field):
                continue
            more = _with(share, field, level)
            if price(more) > seconds:
                break
            share = more
    return share
