"""Stages of the Mix Transformer (SegFormer's backbone): its levels, patch embedding included."""

from __future__ import annotations

from typing import Any

from suite.models.backbone import Stage
from suite.models.stages.graph import by_name

__all__ = ["stages"]

RULES = (
    *((rf"(?:patch_and_embed|hierarchical_encoder)_{number}[_/]", f"stage{number + 1}") for number in range(8)),
    (r"layer_normalization", None),
)


def stages(model: Any) -> tuple[Stage, ...]:
    """Stages of the Mix Transformer (SegFormer's backbone): see ``RULES``."""
    return by_name(model, RULES)
