"""Stages of VGG: the blocks between two poolings."""

from __future__ import annotations

from typing import Any

from suite.models.backbone import Stage
from suite.models.stages.graph import by_name

__all__ = ["stages"]

RULES = ((r"block(\d+)_", r"block\1"),)


def stages(model: Any) -> tuple[Stage, ...]:
    """Stages of VGG: see ``RULES``."""
    return by_name(model, RULES)
