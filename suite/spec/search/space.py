"""A space of settings: whether a strategy has these options, how many settings there are, and all of a grid."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from typing import Any

import pydantic

from suite.errors import SuiteError, did_you_mean
from suite.spec.search.settings import DEFAULT_TRIALS, Domain, Range, SearchSpec, Space

__all__ = ["check_space", "completed", "domain_words", "grid", "rounded", "size_of", "values_of"]

BUDGET_OPTIONS = ("epochs",)
"""What every setting is given equally, so that it cannot be searched."""
DIGITS = 4
"""Significant digits of a drawn number: as many as a person would write, and far more than matter."""


def completed(search: SearchSpec, default: Space | None, *, strategy: str) -> SearchSpec:
    """The search with its space and number of trials filled in.

    Args:
        search: As the spec has it.
        default: The strategy's own space; None where it has none.
        strategy: Its name, for complaints.

    Raises:
        SuiteError: Where there is nothing to search, or trials and grid do not fit each other.
    """
    space = search.space if search.space is not None else default
    if not space:
        raise SuiteError(
            f"search: strategy '{strategy}' has no space of its own (what it tries, it tries inside one fit); "
            "name options and values in 'space', or leave 'search' out."
        )
    return search.model_copy(update={"space": dict(space), "trials": _trials(search, space)})


def check_space(space: Space, options: type[pydantic.BaseModel], own: dict[str, Any], *, strategy: str) -> None:
    """Refuses options that the strategy lacks and values that it would not take.

    Args:
        space: What is to be searched.
        options: The strategy's options.
        own: Its options as the spec has them.
        strategy: Its name, for complaints.

    Raises:
        SuiteError: With the option, and the nearest one that the strategy has.
    """
    searchable = sorted(set(options.model_fields) - {"why", *BUDGET_OPTIONS})
    for name, domain in space.items():
        if name in BUDGET_OPTIONS:
            raise SuiteError(f"search.space.{name}: every setting is given the same {name}; it cannot be searched.")
        if name not in searchable:
            raise SuiteError(f"search.space: {did_you_mean(name, searchable, what=f'option of {strategy}')}")
        for value in _samples(domain):
            try:
                options.model_validate_json(json.dumps({**own, name: value}))
            except pydantic.ValidationError as error:
                message = str(error.errors()[0]["msg"]).removeprefix("Input should be ")
                raise SuiteError(
                    f"search.space.{name}: '{strategy}' does not take {json.dumps(value)}: expected {message}."
                ) from None


def size_of(space: Space) -> float:
    """How many settings a space has; infinite where it has a range."""
    return math.prod(math.inf if isinstance(domain, Range) else len(domain) for domain in space.values())


def grid(search: SearchSpec) -> tuple[dict[str, Any], ...]:
    """Every combination of a completed search's space, the last option changing fastest."""
    space = search.space or {}
    columns = [values_of(domain) for domain in space.values()]
    return tuple(dict(zip(space, setting, strict=True)) for setting in itertools.product(*columns))


def values_of(domain: Domain) -> tuple[Any, ...]:
    """The values of a list, or those that a grid takes of a range."""
    if not isinstance(domain, Range):
        return tuple(domain)
    steps = domain.steps or 2
    shares = [step / (steps - 1) for step in range(steps)]
    if domain.log:
        return tuple(rounded(domain.low * (domain.high / domain.low) ** share, domain) for share in shares)
    return tuple(rounded(domain.low + (domain.high - domain.low) * share, domain) for share in shares)


def rounded(value: float, domain: Range) -> float:
    """A drawn number with few digits, inside its range."""
    return min(max(float(f"{value:.{DIGITS}g}"), domain.low), domain.high)


def domain_words(domain: Domain) -> str:
    """A domain as a reader would write it: ``0.0001 to 0.01, log`` or ``0, 0.01, 0.1``."""
    if isinstance(domain, Range):
        return f"{domain.low:g} to {domain.high:g}{', log' if domain.log else ''}"
    return ", ".join(value if isinstance(value, str) else json.dumps(value) for value in domain)


def _samples(domain: Domain) -> Iterator[Any]:
    """Values whose acceptance shows that all of a domain are accepted: the ends of a range."""
    yield from (domain.low, domain.high) if isinstance(domain, Range) else domain


def _trials(search: SearchSpec, space: Space) -> int:
    if search.sampler != "grid":
        return _drawn_trials(search, space)
    endless = [name for name, domain in space.items() if isinstance(domain, Range) and domain.steps is None]
    if endless:
        raise SuiteError(
            f"search.space.{endless[0]}: a grid needs to know how many values it takes of a range; add 'steps', "
            "list the values, or take the sampler random."
        )
    settings = math.prod(len(values_of(domain)) for domain in space.values())
    if search.trials is not None and search.trials != settings:
        raise SuiteError(
            f"search.trials: the grid has {settings} settings, got {search.trials}; leave 'trials' out to try all, "
            "change the space, or take the sampler random."
        )
    return settings


def _drawn_trials(search: SearchSpec, space: Space) -> int:
    settings = size_of(space)
    trials = search.trials or int(min(DEFAULT_TRIALS, settings))
    if trials > settings:
        raise SuiteError(
            f"search.trials: the space has {settings:.0f} settings, got {trials} trials; take the sampler grid, "
            "which tries each once."
        )
    return trials
