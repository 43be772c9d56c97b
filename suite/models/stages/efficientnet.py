"""Stages of EfficientNet, both versions: stem, then block1 to block7, the top convolution in the last."""

from __future__ import annotations

from typing import Any

from suite.models.backbone import Stage
from suite.models.stages.graph import by_name

__all__ = ["stages"]

RULES = (
    (r"normalization|rescaling|stem_", "stem"),
    (r"block(\d+)[a-z]", r"block\1"),
    (r"top_", None),
)


def stages(model: Any) -> tuple[Stage, ...]:
    """Stages of EfficientNet, both versions: see ``RULES``."""
    return by_name(model, RULES)
