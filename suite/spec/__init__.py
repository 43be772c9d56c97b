"""JSON to a spec to a plan of trials: options, constraints, search, funnel, label budgets, schema."""

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    """What plugins import from here since before the rooms, such as ``from suite.spec import Options``."""
    spec = importlib.import_module("suite.spec.spec")
    if name in spec.__all__:
        return getattr(spec, name)
    raise AttributeError(f"module 'suite.spec' has no attribute '{name}'")
