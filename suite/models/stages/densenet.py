"""Stages of DenseNet: stem, then each dense block with the transition after it, conv2 to conv5."""

from __future__ import annotations

from typing import Any

from suite.models.backbone import Stage
from suite.models.stages.graph import by_name

__all__ = ["stages"]

RULES = (
    (r"conv1_", "stem"),
    (r"(?:conv|pool)(\d+)_", r"conv\1"),
    *((rf"(?:stack|transition){number}_", f"conv{number + 1}") for number in range(1, 8)),  # KerasHub's names
    (r"bn$", None),
)


def stages(model: Any) -> tuple[Stage, ...]:
    """Stages of DenseNet: see ``RULES``."""
    return by_name(model, RULES)
