"""Stages of Swin Transformer: patch embedding, then its stages."""

from __future__ import annotations

from typing import Any

from suite.models.backbone import Stage
from suite.models.stages.graph import by_name

__all__ = ["stages"]

RULES = (
    (r"patch_embedding|absolute_pos", "embedding"),
    *((rf"stage_{number}/", f"stage{number + 1}") for number in range(8)),
    (r"norm", None),
)


def stages(model: Any) -> tuple[Stage, ...]:
    """Stages of Swin Transformer: see ``RULES``."""
    return by_name(model, RULES)
