"""Plans for tests of the runner, from variants that are registered as a plugin would register them."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from suite import registry
from suite.spec import spec
from suite.spec.plan import Plan, make_plan


class PlainOptions(spec.Options):
    name: str = "fit"


class Plain:
    """A model or data set whose name says what the executor of the tests does."""

    summary: ClassVar[str] = "for tests"
    Options: ClassVar[type[spec.Options]] = PlainOptions
    loads_with_tensorflow: ClassVar[bool] = True
    """As far as the planning machine is told: there is nothing that it could load."""

    @classmethod
    def label(cls, options: Any) -> str:
        return options.name


class SearchOptions(spec.Options):
    shrinkage: tuple[float, ...] = ()
    actions: tuple[str, ...] = ()
    penalty: float = 0.5


class Search:
    """A strategy with one candidate per shrinkage."""

    summary: ClassVar[str] = "for tests"
    Options: ClassVar[type[spec.Options]] = SearchOptions

    @classmethod
    def label(cls, options: Any) -> str:
        return "search" if options.shrinkage else "once"

    @classmethod
    def candidates(cls, options: Any) -> tuple[dict[str, Any], ...]:
        actions = options.actions or ("fit",) * len(options.shrinkage)
        return tuple(
            {"shrinkage": value, "action": action} for value, action in zip(options.shrinkage, actions, strict=True)
        )


def register() -> None:
    """Adds the variants, once per process."""
    for kind, variant in ((registry.MODELS, Plain), (registry.DATASETS, Plain), (registry.STRATEGIES, Search)):
        if "runner_test" not in kind:
            kind.register("runner_test")(variant)


def plan_of(
    *models: str,
    seeds: tuple[int, ...] = (1,),
    shrinkage: tuple[float, ...] = (),
    actions: tuple[str, ...] = (),
    **more: Any,
) -> Plan:
    """A plan with one cell per model; the model's name says what its trials do."""
    register()
    document = {
        "name": "runner",
        "task": "image_classification",
        "models": [{"source": "runner_test", "name": name} for name in models],
        "datasets": [{"source": "runner_test", "name": "digits"}],
        "strategies": [{"strategy": "runner_test", "shrinkage": list(shrinkage), "actions": list(actions)}],
        "seeds": list(seeds),
        **more,
    }
    return make_plan(spec.parse_spec(json.dumps(document)))
