"""What a stage is, for every architecture that the sources give: one file per family.

A stage is a run of layers that is frozen or trained together. Stages go from the input to the output and
cover every layer that owns weights exactly once. Their names are those of the architecture's paper or of
its Keras code, and a last ``1x1`` convolution or normalisation belongs to the last stage, so that the "last
stage" of two architectures is the same kind of thing: everything at the lowest resolution.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Any

from suite.errors import ModelError, did_you_mean
from suite.models.backbone import Stage
from suite.models.stages.graph import weighted_layers

__all__ = ["families", "stages_of"]


def families() -> tuple[str, ...]:
    """The architecture families that have stages: the files of this folder."""
    return tuple(
        sorted(
            item.name
            for item in pkgutil.iter_modules([str(Path(__file__).parent)])
            if item.name not in {"graph", "stage"}
        )
    )


def stages_of(model: Any, family: str) -> tuple[Stage, ...]:
    """The stages of a built backbone.

    Args:
        model: A ``keras.Model`` without head.
        family: Name of a file in this folder; ``generic`` goes by resolution alone.

    Returns:
        Stages from the input to the output; every layer that owns weights is in exactly one.

    Raises:
        ModelError: For an unknown family, a model that is not of it, or one without weights.
    """
    if family not in families():
        raise ModelError(did_you_mean(family, families(), what="architecture family"))
    stages: tuple[Stage, ...] = importlib.import_module(f"{__package__}.{family}").stages(model)
    _check_coverage(model, stages)
    return stages


def _check_coverage(model: Any, stages: tuple[Stage, ...]) -> None:
    """A layer in no stage would never be trained, one in two could be frozen and trained at once."""
    expected = sorted(item.path for item in weighted_layers(model))
    if not expected:
        raise ModelError(f"'{model.name}' has no layer with weights, so there is nothing to adapt.")
    if sorted(path for stage in stages for path in stage.layers) != expected:
        raise ModelError(f"the stages of '{model.name}' do not cover its layers exactly once.")
