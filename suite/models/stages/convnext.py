"""Stages of ConvNeXt: stem, then four stages, each with the downsampling in front of it."""

from __future__ import annotations

from typing import Any

from suite.models.backbone import Stage
from suite.models.stages.graph import by_name

__all__ = ["stages"]

RULES = (
    (r".*_stem/", "stem"),
    *((rf".*downsampling_block_{number}/", f"stage{number + 2}") for number in range(3)),
    *((rf".*_stage_{number}_", f"stage{number + 1}") for number in range(4)),
    (r"layer_normalization", None),
)


def stages(model: Any) -> tuple[Stage, ...]:
    """Stages of ConvNeXt: see ``RULES``."""
    return by_name(model, RULES)
