"""Reading a built Keras model: which layers own weights, and which of them feed into which tensor."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from suite.errors import ModelError
from suite.models.backbone import Stage

__all__ = [
    "WeightedLayer",
    "ancestors",
    "assemble",
    "by_feeds",
    "by_name",
    "layer_paths",
    "own_variables",
    "weighted_layers",
]


@dataclass(frozen=True)
class WeightedLayer:
    """A layer that owns weights itself, not only through layers inside it."""

    path: str
    layer: Any
    top: str
    """Name of the layer of the model that it is or that contains it."""


def layer_paths(model: Any) -> dict[int, str]:
    """Path of every flattened layer by ``id(layer)``, without the model's own name, each path unique.

    It is ``layer.path``; a layer that Keras gave none (or one that another layer has) takes the path of the
    layer around it and its own name.
    """
    paths: dict[int, str] = {}
    taken: set[str] = set()
    for layer, around in _walk(model):
        # A model that got another name after it was built has the old one in its path.
        path = (layer.path or "").removeprefix(f"{model.path or model.name}/").removeprefix(f"{model.name}/")
        if not path or path in taken:
            path = "/".join(filter(None, (paths.get(id(around), ""), layer.name)))
        path = _unique(path, taken)
        taken.add(path)
        paths[id(layer)] = path
    return paths


def weighted_layers(model: Any) -> tuple[WeightedLayer, ...]:
    """Every layer that owns weights, from the input to the output as far as the graph tells it."""
    paths = layer_paths(model)
    found: list[WeightedLayer] = []
    seen: set[int] = set()
    for top in model.layers:
        for layer in (top, *(inner for inner, _ in _walk(top))):
            if id(layer) not in seen and own_variables(layer):
                found.append(WeightedLayer(paths[id(layer)], layer, top.name))
            seen.add(id(layer))
    return tuple(found)


def own_variables(layer: Any) -> list[Any]:
    """The weights that belong to a layer itself and to none of the layers inside it."""
    inside = {id(variable) for inner in _inner(layer) for variable in inner.weights}
    return [variable for variable in layer.weights if id(variable) not in inside]


def by_name(model: Any, rules: Sequence[tuple[str, str | None]]) -> tuple[Stage, ...]:
    r"""Stages from the paths of layers, in the order in which the graph reaches them first.

    Args:
        model: A built model.
        rules: Pairs of a regular expression, matched at the start of the path, and the name of the stage, in
            which ``\1`` stands for the first group, or None for the stage of the layer before. The first
            match wins.

    Returns:
        The stages.

    Raises:
        ModelError: For a layer with weights that no rule matches.
    """
    assigned: dict[str, list[str]] = {}
    stage: str | None = None
    for item in weighted_layers(model):
        matched = ((re.match(pattern, item.path), name) for pattern, name in rules)
        match, name = next(((match, name) for match, name in matched if match), (None, None))
        if match and name is not None:
            stage = match.expand(name)
        if match is None or stage is None:
            raise ModelError(f"layer '{item.path}' of '{model.name}' belongs to no stage of its architecture.")
        assigned.setdefault(stage, []).append(item.path)
    return assemble(assigned.items())


def by_feeds(model: Any, feeds: Sequence[tuple[str, AbstractSet[str]]]) -> tuple[Stage, ...]:
    """Stages that end at given places: a layer belongs to the first place that it feeds into.

    Args:
        model: A built functional model.
        feeds: Pairs of a stage's name and the names of all operations up to its end (see ``ancestors``), from
            the input to the output. Layers after the last place belong to the last stage.

    Returns:
        The stages that own weights.
    """
    assigned: dict[str, list[str]] = {name: [] for name, _ in feeds}
    for item in weighted_layers(model):
        stage = next((name for name, names in feeds if item.top in names), feeds[-1][0])
        assigned[stage].append(item.path)
    return assemble(assigned.items())


def ancestors(tensor: Any) -> set[str]:
    """Names of all operations that a Keras tensor is computed from."""
    names: set[str] = set()
    open_tensors = [tensor]
    seen: set[tuple[int, int]] = set()
    while open_tensors:
        history = open_tensors.pop()._keras_history  # noqa: SLF001 - the graph has no public reader
        key = (id(history.operation), history.node_index)
        if key in seen:
            continue
        seen.add(key)
        names.add(history.operation.name)
        nodes = history.operation._inbound_nodes  # noqa: SLF001 - as above
        if nodes:
            open_tensors.extend(nodes[history.node_index].input_tensors)
    return names


def assemble(stages: Iterable[tuple[str, Sequence[str]]]) -> tuple[Stage, ...]:
    """Stages from pairs of name and paths; those without layers are left out."""
    return tuple(Stage(name, tuple(paths)) for name, paths in stages if paths)


def _inner(layer: Any) -> list[Any]:
    """The layers directly inside a layer."""
    return list(layer._flatten_layers(recursive=False, include_self=False))  # noqa: SLF001 - no public reader


def _walk(layer: Any) -> Iterator[tuple[Any, Any]]:
    """Every layer inside a layer with the one directly around it, outer first, siblings in their order."""
    seen: set[int] = set()

    def visit(around: Any) -> Iterator[tuple[Any, Any]]:
        for inner in _inner(around):
            if id(inner) not in seen:
                seen.add(id(inner))
                yield inner, around
                yield from visit(inner)

    yield from visit(layer)


def _unique(path: str, taken: set[str]) -> str:
    count = 1
    candidate = path
    while candidate in taken:
        count += 1
        candidate = f"{path}_{count}"
    return candidate
