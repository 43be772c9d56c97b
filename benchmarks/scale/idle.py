"""Trials that do nothing, and plans of them: what is left of a run's time is the suite's own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, ClassVar

from suite import registry
from suite.runner.environment import environment
from suite.runner.request import TrialRequest
from suite.spec.plan import Plan, make_plan
from suite.spec.spec import Options, parse_spec
from suite.store.records.result import Result, Score, Timings

__all__ = ["EXECUTOR", "execute", "plan_of"]

EXECUTOR = "benchmarks.scale.idle:execute"
KIND = "idle_benchmark"


class IdleOptions(Options):
    """Options of a variant that does nothing."""

    name: str = "idle"


class Idle:
    """A model, data set or strategy that is only a name."""

    summary: ClassVar[str] = "for benchmarks"
    Options: ClassVar[type[Options]] = IdleOptions

    @classmethod
    def label(cls, options: Any) -> str:
        """Its name."""
        return str(options.name)

    @classmethod
    def candidates(cls, options: Any) -> tuple[dict[str, Any], ...]:
        """One setting."""
        return ({},)


def plan_of(*, models: int, strategies: int, seeds: int) -> Plan:
    """A plan of ``models * strategies * seeds`` trials that do nothing."""
    for kind in (registry.MODELS, registry.DATASETS, registry.STRATEGIES):
        if KIND not in kind:
            kind.register(KIND)(Idle)
    document = {
        "name": "idle",
        "task": "image_classification",
        "models": [{"source": KIND, "name": f"model {number}"} for number in range(models)],
        "datasets": [{"source": KIND, "name": "nothing"}],
        "strategies": [{"strategy": KIND, "name": f"strategy {number}"} for number in range(strategies)],
        "seeds": list(range(1, seeds + 1)),
        "keep_models": "none",
    }
    return make_plan(parse_spec(json.dumps(document)))


def execute(request: TrialRequest) -> Result:
    """Does nothing and says so, with everything that a result must have."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    trial = request.trial
    model, dataset, strategy = request.labels
    seconds: dict[str, Any] = dict.fromkeys(Timings.model_fields, 0.0) | {"examples_per_second": None}
    return Result(
        id=trial.id,
        cell_id=trial.cell.id,
        status="done",
        trial=trial.as_json(),
        phase=trial.phase,
        seed=trial.seed,
        model=model,
        dataset=dataset,
        strategy=strategy,
        scores={"test": {"accuracy": Score(value=0.5)}},
        timings=Timings(**seconds),
        environment=environment(device="CPU", threads=request.threads),
        started_at=now,
        finished_at=now,
    )
