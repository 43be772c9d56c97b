"""The adapted backbone as a folder that KerasHub loads: ``keras_hub.models.Backbone.from_preset(folder)``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from suite.errors import SuiteError
from suite.export.prepare import built_backbone
from suite.registry import TASKS

__all__ = ["write_preset"]


def write_preset(model: Any, trial: dict[str, Any], folder: Path) -> str | None:
    """Writes the backbone, without its head, and its tokeniser.

    Args:
        model: The kept model, from raw inputs to probabilities.
        trial: What identifies the trial.
        folder: What is written.

    Returns:
        Why nothing was written; None where it was, or where the backbone is none of KerasHub's.
    """
    import keras_hub

    try:
        backbone = built_backbone(trial)
    except SuiteError as error:
        return f"no KerasHub preset: {error}"
    found = [one for one in _layers(backbone.model) if isinstance(one, keras_hub.models.Backbone)]
    if not found:
        return None
    task = TASKS.get(str(trial["task"]))
    adapted = task.assemble(backbone, num_classes=int(model.output.shape[-1])).deployed()
    ours, theirs = ([tuple(weight.shape) for weight in one.weights] for one in (adapted, model))
    if ours != theirs:
        return "no KerasHub preset: the model's source builds other layers than it did when the model was kept"
    adapted.set_weights(model.get_weights())
    found[0].save_to_preset(str(folder))
    if hasattr(backbone, "tokenizer"):
        backbone.tokenizer.layer.save_to_preset(str(folder))
    return None


def _layers(model: Any) -> list[Any]:
    return [model, *model._flatten_layers()]  # noqa: SLF001 - Keras has no public walk over nested layers
