"""What is wrong with a JSON document, in the suite's grammar: place, what was expected, what came, nearest key."""

from __future__ import annotations

import json
from typing import Any

import pydantic
from pydantic import BaseModel

from suite.errors import did_you_mean

__all__ = ["complaints", "first_complaint", "kind_of"]

MOST = 5


def complaints(model: type[BaseModel], error: pydantic.ValidationError, at: str) -> list[str]:
    """The first few complaints about a document that is no ``model``; ``at`` is the JSON path that it came from."""
    return [_complaint(model, item, at) for item in error.errors() if not _follows(item, error)][:MOST]


def first_complaint(error: Exception) -> str:
    """What is wrong with a stored document, in one line: the place in it, and what pydantic or the reader says."""
    if isinstance(error, pydantic.ValidationError):
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        said = str(first["msg"]).removeprefix("Value error, ")
    else:
        where, said = "", (str(error).splitlines() or [type(error).__name__])[0]
    told = f"{where}: {said}" if where else said
    return told.encode("utf-8", "backslashreplace").decode()


def _follows(item: Any, error: pydantic.ValidationError) -> bool:
    """Whether an error only follows from another: a list whose only entry is refused is not too short as well."""
    place = item["loc"]
    inside = (other["loc"] for other in error.errors() if len(other["loc"]) > len(place))
    return item["type"] == "too_short" and any(other[: len(place)] == place for other in inside)


def _complaint(model: type[BaseModel], item: Any, at: str) -> str:
    """One validation error in the grammar: place, what was expected, what came, nearest name."""
    where = _json_path(at, item["loc"])
    if item["type"] == "extra_forbidden":
        key = str(item["loc"][-1])
        return f"{where}: {did_you_mean(key, _keys(model, item['loc']), what='key')}"
    if item["type"] == "missing":
        return f"{where}: is missing; it is required."
    if item["type"] == "too_short":
        least = item["ctx"]["min_length"]
        return f"{where}: expected at least {least} {'entry' if least == 1 else 'entries'}, got {_show(item['input'])}."
    message = str(item["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    expected = message if item["type"] == "value_error" else f"expected {message}"
    return f"{where}: {expected}, got {_show(item['input'])}."


def _keys(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """The keys that the object at ``location`` may have."""
    here: Any = model
    for part in location[:-1]:
        if isinstance(part, int) or not (isinstance(here, type) and issubclass(here, BaseModel)):
            continue
        field = here.model_fields.get(str(part))
        here = _model_in(field.annotation) if field else here
    fields = here.model_fields if isinstance(here, type) and issubclass(here, BaseModel) else model.model_fields
    return [field.alias or name for name, field in fields.items() if name != "why"]


def _model_in(annotation: Any) -> Any:
    """The first pydantic model inside an annotation such as ``tuple[ModelSpec, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in getattr(annotation, "__args__", ()) if (found := _model_in(arg))), None)


def _json_path(at: str, location: tuple[Any, ...]) -> str:
    path = at
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not _is_union_tag(part):
            path += f".{part}" if path else str(part)
    return path or "spec"


def _is_union_tag(part: str) -> bool:
    """Pydantic puts the tried type into the location of a union's error; it is no key of the user's."""
    return part in {"str", "int", "float", "bool", "none"} or part.startswith(
        ("constrained", "literal[", "function-", "tuple[", "list[", "dict[", "nullable")
    )


def _show(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def kind_of(value: Any) -> str:
    """A JSON value's kind in words; what is none of them is a number."""
    return {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}.get(type(value), "a number")
