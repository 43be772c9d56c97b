"""JSON to a spec to a plan of trials: options, constraints, search, funnel, label budgets, schema, starter."""

from typing import Any


def __getattr__(name: str) -> Any:
    """What plugins import from here since before the rooms, such as ``from suite.spec import Options``."""
    from suite.spec import spec

    if name in {*spec.__all__, "Options"}:
        return getattr(spec, name)
    raise AttributeError(f"module 'suite.spec' has no attribute '{name}'")
