"""Stages of Xception: stem and the three flows of the paper."""

from __future__ import annotations

from typing import Any

from suite.models.backbone import Stage
from suite.models.stages.graph import by_name

__all__ = ["stages"]

RULES = (
    (r"block1_", "stem"),
    (r"block[2-4]_", "entry_flow"),
    (r"block([5-9]|1[0-2])_", "middle_flow"),
    (r"block\d+_", "exit_flow"),
    (r"conv2d|batch_normalization", None),  # Keras numbers the shortcut of a block, which follows its last layer
)


def stages(model: Any) -> tuple[Stage, ...]:
    """Stages of Xception: see ``RULES``."""
    return by_name(model, RULES)
