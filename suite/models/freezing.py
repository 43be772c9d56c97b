"""Which layers of a backbone are trained: from "the last two stages" to the ``trainable`` of each layer."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Sequence
from typing import Any

from suite.errors import SuiteError
from suite.models.backbone import Stage
from suite.models.layer_graph import layer_paths, own_variables, weighted_layers

__all__ = [
    "BIASES",
    "LORA",
    "Unfreeze",
    "apply_trainable",
    "check_unfreeze",
    "chosen_variables",
    "stage_of_variables",
    "unfrozen_paths",
]

BIASES = "=biases"
"""Instead of layers: the biases of every layer and the shifts of its normalisations, but those of batch norm."""
LORA = "=lora"
"""Instead of layers: the low-rank factors that Keras's ``enable_lora`` has added."""

Unfreeze = str | int
"""``"all"``, ``"head"``, a number of stages from the top, a pattern, ``BIASES`` or ``LORA``.

A pattern is the name of a stage, a glob over stage names and layer paths (``conv5*``), or ``re:`` and a regular
expression that is searched in the layer paths.
"""


def apply_trainable(model: Any, stages: Sequence[Stage], unfreeze: Unfreeze) -> tuple[str, ...]:
    """Sets ``trainable`` of every layer of a backbone, one by one. Compile the model again afterwards.

    Frozen batch normalisation gets ``trainable=False`` and so runs in inference mode even while the rest
    trains: its statistics stay as they are.

    Args:
        model: The backbone's Keras model.
        stages: Its stages, from the input to the output.
        unfreeze: What is trained, see ``Unfreeze``.

    Returns:
        Names of the stages that are trained at least in part, from the input to the output.

    Raises:
        SuiteError: Where there are fewer stages than asked for, or a pattern matches nothing.
    """
    _release(model)
    if unfreeze in (BIASES, LORA):
        return _apply_variables(model, stages, str(unfreeze))
    chosen = unfrozen_paths(stages, unfreeze)
    paths = layer_paths(model)
    owners = {id(item.layer) for item in weighted_layers(model)}
    wanted = {identity for identity, path in paths.items() if path in chosen}
    model.trainable = bool(wanted)
    for layer in _outer_first(model, paths):
        # A layer passes its value on to those inside it, which are set after it.
        layer.trainable = id(layer) in wanted or any(id(inner) in wanted for inner in _inside(layer))
        if id(layer) in owners and id(layer) not in wanted:
            for variable in own_variables(layer):
                variable.trainable = False
    return tuple(stage.name for stage in stages if not chosen.isdisjoint(stage.layers))


def chosen_variables(model: Any, kind: str) -> dict[str, list[Any]]:
    """The variables that ``BIASES`` or ``LORA`` names, by the path of their layer; layers without any are left out."""
    found = {
        item.path: [variable for variable in own_variables(item.layer) if _is_of_kind(item.layer, variable, kind)]
        for item in weighted_layers(model)
    }
    return {path: variables for path, variables in found.items() if variables}


def _is_of_kind(layer: Any, variable: Any, kind: str) -> bool:
    import keras

    if kind == LORA:
        return variable.name in {"lora_kernel_a", "lora_kernel_b"}
    # A batch norm that trains would also move its statistics; the backbone's are to stay.
    return variable.name in {"bias", "beta"} and not isinstance(layer, keras.layers.BatchNormalization)


def _apply_variables(model: Any, stages: Sequence[Stage], kind: str) -> tuple[str, ...]:
    """Sets ``trainable`` of every variable; layers with none that is trained are frozen as by ``apply_trainable``."""
    chosen = chosen_variables(model, kind)
    kept = {id(variable) for variables in chosen.values() for variable in variables}
    paths = layer_paths(model)
    wanted = {identity for identity, path in paths.items() if path in chosen}
    model.trainable = bool(wanted)
    for layer in _outer_first(model, paths):
        layer.trainable = id(layer) in wanted or any(id(inner) in wanted for inner in _inside(layer))
    for item in weighted_layers(model):
        for variable in own_variables(item.layer):
            if id(variable) in kept:
                variable.trainable = True
            elif variable.trainable:
                variable.trainable = False
                variable.held_back = True
    return tuple(stage.name for stage in stages if not chosen.keys().isdisjoint(stage.layers))


def _release(model: Any) -> None:
    """Undoes what was held back variable by variable; a layer's own ``trainable`` does not bring all of it back."""
    for variable in model.variables:
        if getattr(variable, "held_back", False):
            variable.trainable = True
            variable.held_back = False


def unfrozen_paths(stages: Sequence[Stage], unfreeze: Unfreeze) -> frozenset[str]:
    """Paths of the layers that ``unfreeze`` names; empty for ``"head"``. Raises like ``apply_trainable``."""
    check_unfreeze(unfreeze)
    every = frozenset(path for stage in stages for path in stage.layers)
    if unfreeze == "all":
        return every
    if unfreeze == "head":
        return frozenset()
    if isinstance(unfreeze, int):
        if unfreeze > len(stages):
            raise SuiteError(
                f"unfreeze: {unfreeze} stages were asked for, this backbone has {len(stages)}: "
                f"{', '.join(stage.name for stage in stages)}."
            )
        return frozenset(path for stage in stages[-unfreeze:] for path in stage.layers)
    found = _matching(stages, unfreeze)
    if not found:
        raise SuiteError(_nothing_matches(stages, unfreeze))
    return found


def check_unfreeze(unfreeze: Unfreeze) -> Unfreeze:
    """Refuses what can be nothing to unfreeze, before there is a model. Raises ``SuiteError``."""
    if isinstance(unfreeze, bool) or (isinstance(unfreeze, int) and unfreeze < 1):
        raise SuiteError(f"unfreeze: expected at least 1 stage, got {unfreeze}; 'head' trains the head alone.")
    if unfreeze == "":
        raise SuiteError("unfreeze: expected 'all', 'head', a number of stages or a pattern, got an empty text.")
    if unfreeze in (BIASES, LORA):
        strategy = "bitfit" if unfreeze == BIASES else "lora"
        raise SuiteError(f"unfreeze: '{unfreeze}' is no pattern; use the strategy '{strategy}' instead.")
    if isinstance(unfreeze, str) and unfreeze.startswith("re:"):
        try:
            re.compile(unfreeze.removeprefix("re:"))
        except re.error as error:
            raise SuiteError(f"unfreeze: '{unfreeze}' is not a regular expression: {error}.") from None
    return unfreeze


def stage_of_variables(model: Any, stages: Sequence[Stage]) -> dict[str, int]:
    """Index of the stage, from the input, by the path of each variable (``variable.path``)."""
    indices = {path: index for index, stage in enumerate(stages) for path in stage.layers}
    return {
        variable.path: indices[item.path] for item in weighted_layers(model) for variable in own_variables(item.layer)
    }


def _matching(stages: Sequence[Stage], pattern: str) -> frozenset[str]:
    if pattern.startswith("re:"):
        expression = re.compile(pattern.removeprefix("re:"))
        return frozenset(path for stage in stages for path in stage.layers if expression.search(path))
    return frozenset(
        path
        for stage in stages
        for path in stage.layers
        if fnmatch.fnmatchcase(stage.name, pattern) or fnmatch.fnmatchcase(path, pattern)
    )


def _nothing_matches(stages: Sequence[Stage], pattern: str) -> str:
    names = [stage.name for stage in stages]
    near = difflib.get_close_matches(pattern.removeprefix("re:").strip("*^$"), names, n=1, cutoff=0.5)
    question = f" Did you mean '{near[0]}'?" if near else ""
    return (
        f"unfreeze: pattern '{pattern}' matches no layer with weights.{question} Stages: {', '.join(names)}; "
        "'suite show model' lists the layers."
    )


def _inside(layer: Any) -> list[Any]:
    return list(layer._flatten_layers(include_self=False))  # noqa: SLF001 - no public reader of inner layers


def _outer_first(model: Any, paths: dict[int, str]) -> list[Any]:
    """Every layer, each before the layers inside it; ``layer_paths`` walks in that order."""
    layers = {id(layer): layer for layer in _inside(model)}
    return [layers[identity] for identity in paths if identity in layers]
