"""What the layers of a model compute in, and files that every machine can run."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from suite.errors import ModelError

__all__ = ["refuse_other_precision", "store_in_float32"]

CONFIG = "config.json"


def refuse_other_precision(model: Any, precision: str) -> None:
    """Raises ``ModelError`` where no layer with weights computes in ``precision``, so that it would be ignored.

    Layers that come out of a file keep the precision that they were saved with.
    """
    if precision == "float32":
        return
    from suite.models.layer_graph import weighted_layers

    layers = [item.layer for item in weighted_layers(model)]
    if not any(layer.dtype_policy.name == precision for layer in layers):
        kept = layers[0].dtype_policy.name if layers else "float32"
        raise ModelError(
            f"precision: '{precision}' cannot be had for '{model.name}', whose layers keep the {kept} that they were "
            "saved with; leave 'precision' at 'float32' for it."
        )


def store_in_float32(path: Path) -> None:
    """Rewrites a ``.keras`` file so that all of its layers compute in float32; the weights always were."""
    part = path.with_name(f"{path.name}.part")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == CONFIG:
                content = json.dumps(_in_float32(json.loads(content))).encode()
            target.writestr(name, content)
    part.replace(path)


def _in_float32(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _in_float32(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_in_float32(inner) for inner in value]
    return "float32" if value in ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16") else value
