"""Stages of HGNetV2: stem, then its stages."""

from __future__ import annotations

from typing import Any

from suite.models.backbone import Stage
from suite.models.stages.graph import by_name

__all__ = ["stages"]

RULES = (
    (r"embedder/", "stem"),
    *((rf"encoder/encoder_stage_{number}/", f"stage{number + 1}") for number in range(8)),
)


def stages(model: Any) -> tuple[Stage, ...]:
    """Stages of HGNetV2: see ``RULES``."""
    return by_name(model, RULES)
