"""The spec as JSON Schema (draft 2020-12), every registered variant with its own options.

Editors check and complete a spec with it::

    suite schema > docs/spec.schema.json      # and in the spec: "$schema": "../docs/spec.schema.json"
"""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from typing import Any

from pydantic import BaseModel

from suite.registry import CORRUPTIONS, DATASETS, MODELS, STRATEGIES, TASKS, Registry
from suite.spec.robustness import RobustnessSpec
from suite.spec.spec import DatasetSpec, ModelSpec, Spec, StrategySpec

__all__ = ["MOST_NAMES", "field_descriptions", "spec_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

MOST_NAMES = 60
"""A source with more names than this, KerasHub's presets, is not spelled out: its list changes with its release."""

_VARIANTS: tuple[tuple[type[BaseModel], str, Registry[Any]], ...] = (
    (ModelSpec, "source", MODELS),
    (DatasetSpec, "source", DATASETS),
    (StrategySpec, "strategy", STRATEGIES),
)


def spec_schema() -> dict[str, Any]:
    """The schema as plain JSON values; plugins that are installed or loaded are in it."""
    schema = _with_descriptions(Spec, Spec.model_json_schema(by_alias=True))
    definitions: dict[str, Any] = schema.setdefault("$defs", {})
    for model, key, registry in _VARIANTS:
        definitions[model.__name__] = _choice(model, key, registry, definitions)
    schema["properties"]["task"]["enum"] = list(TASKS.names())
    definitions["RobustnessSpec"] = _with_descriptions(RobustnessSpec, definitions["RobustnessSpec"])
    definitions["RobustnessSpec"]["properties"]["corruptions"]["items"]["enum"] = list(CORRUPTIONS.names())
    return {"$schema": DIALECT, "title": "Spec of a comparison", **_without(schema, "title")}


def field_descriptions(model: type[BaseModel]) -> dict[str, str]:
    """Field name to the docstring under it, inherited fields included."""
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if issubclass(owner, BaseModel) and owner is not BaseModel:
            found |= _docstrings_in(owner)
    return {name: text for name, text in found.items() if name in model.model_fields}


def _choice(model: type[BaseModel], key: str, registry: Registry[Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """One entry of a list such as ``models``: the name in ``key`` decides which keys it may have."""
    common = _without(_with_descriptions(model, definitions[model.__name__]), "title", "additionalProperties")
    branches: list[dict[str, Any]] = []
    for name in registry.names():
        own = f"{registry.kind}.{name}"
        definitions[own] = _variant(common, key, name, registry.get(name), definitions)
        condition = {"properties": {key: {"const": name}}, "required": [key]}
        branches.append({"if": condition, "then": {"$ref": f"#/$defs/{own}"}})
    return {
        "type": "object",
        "description": inspect.cleandoc(model.__doc__ or ""),
        "properties": {key: {"enum": list(registry.names())}},
        "required": [key],
        "allOf": branches,
    }


def _variant(common: dict[str, Any], key: str, name: str, variant: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The common keys and those of one variant; no others."""
    options = _with_descriptions(variant.Options, variant.Options.model_json_schema(by_alias=True))
    definitions |= {inner: _without(body, "title") for inner, body in options.pop("$defs", {}).items()}
    properties = {**common["properties"], **options.get("properties", {}), key: {"const": name}}
    known = variant.known_names() if hasattr(variant, "known_names") else ()
    naming = next((field for field in ("name", "preset") if field in properties), None)
    if naming and 0 < len(known) <= MOST_NAMES:
        properties[naming] = {**properties[naming], "examples": list(known)}
    return {
        "type": "object",
        "description": variant.summary,
        "properties": properties,
        "required": sorted({key, *options.get("required", ())}),
        "additionalProperties": False,
    }


def _with_descriptions(model: type[BaseModel], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with the docstrings under the fields as descriptions, without titles made from names."""
    docstrings = field_descriptions(model)
    fields = {field.alias or name: docstrings.get(name) for name, field in model.model_fields.items()}
    properties = {
        key: {**_without(body, "title"), **({"description": fields[key]} if fields.get(key) else {})}
        for key, body in schema.get("properties", {}).items()
    }
    definitions = {name: _without(body, "title") for name, body in schema.get("$defs", {}).items()}
    return {**schema, "properties": properties, **({"$defs": definitions} if definitions else {})}


def _docstrings_in(owner: type) -> dict[str, str]:
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
    except (OSError, TypeError, SyntaxError):
        return {}
    statements = body.body if isinstance(body, ast.ClassDef) else []
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in itertools.pairwise(statements)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def _without(mapping: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key not in keys}
