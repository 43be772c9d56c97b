"""The search of each strategy and model of a spec, completed and checked before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from suite.errors import SpecError, SuiteError
from suite.registry import STRATEGIES
from suite.spec.search.settings import SearchSpec, TuningSpec
from suite.spec.search.space import check_space, completed

__all__ = ["refuse_unequal_tuning", "resolve_searches"]

T = TypeVar("T", bound=BaseModel)


def resolve_searches(
    strategies: Sequence[T], models: Sequence[BaseModel], default: SearchSpec | None, *, place: str
) -> tuple[T, ...]:
    """Strategies with their searches completed: their own, else the spec's where they have something to search.

    Args:
        strategies: ``StrategySpec`` with their own options resolved.
        models: ``ModelSpec``, whose ``tuning`` must fit every searched strategy.
        default: The spec's own ``search``.
        place: The file, for complaints.

    Raises:
        SpecError: With the place and the JSON path.
    """
    resolved: list[T] = []
    for index, item in enumerate(strategies):
        own = getattr(item, "search", None)
        at = f"strategies[{index}]"
        variant = STRATEGIES.get(getattr(item, "strategy", ""))
        given = own or (default if _space_of(variant, item) else None)
        if given is None:
            resolved.append(item)
            continue
        try:
            search = _complete(given, variant, item)
            for model in models:
                tuning: TuningSpec | None = getattr(model, "tuning", None)
                if tuning is not None:
                    _complete(tuned(search, tuning), variant, item)
        except SuiteError as error:
            raise SpecError(f"{place}: {at + '.' if own else ''}{error}") from None
        resolved.append(item.model_copy(update={"search": search}))
    if default is not None and not any(getattr(item, "search", None) for item in resolved):
        raise SpecError(
            f"{place}: search: none of the strategies has anything to search between fits; leave 'search' out, or "
            "name options and values in a strategy's own 'search'."
        )
    return tuple(resolved)


def tuned(search: SearchSpec, tuning: TuningSpec) -> SearchSpec:
    """The search of a model that is tuned unlike the others."""
    trials = None if search.sampler == "grid" else search.trials
    return search.model_copy(update={"trials": tuning.trials or trials, "space": tuning.space or search.space})


def refuse_unequal_tuning(models: Sequence[BaseModel], *, allowed: bool, place: str) -> None:
    """Raises ``SpecError`` where a model has a budget of its own and the spec does not say so openly."""
    for index, model in enumerate(models):
        if getattr(model, "tuning", None) is not None and not allowed:
            raise SpecError(
                f"{place}: models[{index}].tuning: every model gets the same number of trials, epochs and the same "
                'space. Leave it out, or say "unequal_tuning": true; then the report says so too.'
            )


def _complete(search: SearchSpec, variant: Any, item: BaseModel) -> SearchSpec:
    strategy = str(getattr(item, "strategy", ""))
    own = dict(item.model_extra or {})
    check_space(search.space or {}, variant.Options, own, strategy=strategy)
    found = completed(search, _space_of(variant, item), strategy=strategy)
    _refuse_two_searches(own, found)
    return found


def _space_of(variant: Any, item: Any) -> dict[str, Any] | None:
    """What a strategy searches where the spec does not say; None where it searches nothing between fits."""
    return variant.search_space(item.options(variant)) if hasattr(variant, "search_space") else None


def _refuse_two_searches(own: dict[str, Any], search: SearchSpec) -> None:
    """A list of learning rates is a grid already."""
    for name, value in own.items():
        if name == "learning_rate" and isinstance(value, list | tuple) and len(value) > 1:
            inside = "is searched too" if name in (search.space or {}) else "would be a second search"
            raise SuiteError(
                f"search: '{name}' is a list of {len(value)} values, a grid of its own, and {inside}; put the list "
                "into 'search.space', or leave 'search' out."
            )
