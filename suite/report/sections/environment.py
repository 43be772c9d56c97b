"""Where the trials ran, in words."""

from __future__ import annotations

from suite.compare.comparison import Comparison
from suite.compare.number_format import count, plural
from suite.store.records.result import Environment

__all__ = ["environment_note", "environment_pairs"]

MOST_REASONS = 3


def environment_pairs(comparison: Comparison) -> tuple[tuple[str, str], ...]:
    """Name and value of what matters in the environment that most trials ran in."""
    if not comparison.environments:
        return ()
    here = comparison.environments[0].environment
    packages = ", ".join(f"{name} {version}" for name, version in sorted(here.packages.items()))
    commit = f"{here.commit}{' with changes' if here.dirty else ''}" if here.commit else "not in a repository"
    pairs = (
        ("device", here.device),
        ("batches", _batches(here)),
        ("precision", here.precision if here.precision != "float32" else ""),
        ("operations", _operations(here)),
        ("processor", f"{here.processor}, {plural(here.cpu_count, 'core')}, {plural(here.threads, 'thread')} used"),
        ("platform", here.platform),
        ("suite", here.suite),
        ("python", here.python),
        ("packages", packages),
        ("commit", commit),
        ("compiled by XLA", _compiled(comparison)),
    )
    return tuple((name, value) for name, value in pairs if value)


def environment_note(comparison: Comparison) -> str:
    """One line that says whether all trials ran in the same place."""
    places: dict[tuple[object, ...], int] = {}
    for use in comparison.environments:
        place = _place(use.environment)
        places[place] = places.get(place, 0) + use.trials
    if len(places) < 2:
        return "Where the trials ran. Times and latencies hold for this machine."
    here = next(iter(places.values()))
    return (
        f"Where most trials ran: {count(here)} of {count(sum(places.values()))}. The others ran in "
        f"{plural(len(places) - 1, 'other environment')}; their times may not compare."
    )


def _place(environment: Environment) -> tuple[object, ...]:
    """What makes two environments different places; whether XLA was used differs by model."""
    here = environment
    return (
        here.platform,
        here.processor,
        here.device,
        here.precision,
        here.deterministic is False,
        *sorted(here.packages.items()),
    )


def _batches(environment: Environment) -> str:
    """Over how many devices they were shared out; empty for one."""
    count_of = environment.replicas
    return f"each shared out over {count_of} devices (MirroredStrategy)" if count_of > 1 else ""


def _operations(environment: Environment) -> str:
    """Whether a fit can be repeated bit for bit; empty of results from before that was recorded."""
    if environment.deterministic is None:
        return ""
    if environment.deterministic:
        return "deterministic: the same fit gives the same numbers"
    return "not deterministic, which is faster: the same fit, run again, gives slightly other numbers"


def _compiled(comparison: Comparison) -> str:
    """For how many trials XLA was used, and the measurements that decided."""
    used = sum(use.trials for use in comparison.environments if use.environment.jit_compile)
    trials = sum(use.trials for use in comparison.environments)
    reasons = list(dict.fromkeys(use.environment.jit_reason for use in comparison.environments))
    reasons = [reason for reason in reasons if reason]
    more = f"; and {len(reasons) - MOST_REASONS} more" if len(reasons) > MOST_REASONS else ""
    told = f" ({'; '.join(reasons[:MOST_REASONS])}{more})" if reasons else ""
    return f"{count(used)} of {plural(trials, 'trial')}{told}"
