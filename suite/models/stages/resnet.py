"""Stages of ResNet, both versions, with the names of the paper: stem, conv2 to conv5."""

from __future__ import annotations

from typing import Any

from suite.models.backbone import Stage
from suite.models.stages.graph import by_name

__all__ = ["stages"]

RULES = (
    (r"conv1", "stem"),
    (r"conv(\d+)_block", r"conv\1"),
    *((rf"stack{number}_", f"conv{number + 2}") for number in range(8)),  # KerasHub counts from 0
    (r"post_bn", None),
)


def stages(model: Any) -> tuple[Stage, ...]:
    """Stages of ResNet, both versions, with the names of the paper: see ``RULES``."""
    return by_name(model, RULES)
