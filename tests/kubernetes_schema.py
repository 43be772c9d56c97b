"""What Kubernetes lets a pod, a service and their parts hold, as JSON Schema.

``kubernetes_schema.json`` is the part of Kubernetes' own OpenAPI document (Apache License 2.0) that KubeRay's resources
are made of, without descriptions, one definition a line.  ``python tests/kubernetes_schema.py`` writes it anew from the
package ``kubernetes-validate``, which carries that document for each version and is needed for nothing else here::

    pip install kubernetes-validate==1.37.0
    python tests/kubernetes_schema.py

KubeRay is built with a version of ``k8s.io/api`` (its go.mod) that is this one or newer.  Fields of ``v1`` are added
and never taken away: what fits here fits there, and a name that only a newer Kubernetes knows is refused.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

__all__ = ["definitions"]

FILE = Path(__file__).with_suffix(".json")
VERSION = "1.33.0"
ROOTS = (
    "io.k8s.api.core.v1.PodTemplateSpec",
    "io.k8s.api.core.v1.Service",
    "io.k8s.api.networking.v1.IngressTLS",
    "io.k8s.api.networking.v1.NetworkPolicyEgressRule",
    "io.k8s.api.networking.v1.NetworkPolicyIngressRule",
)
KEPT = frozenset({"$ref", "type", "format", "enum", "required", "items", "properties", "additionalProperties", "oneOf"})
MAP_KEYS = "x-kubernetes-list-map-keys"
WHOLE_NUMBERS = {"int32": 2**31, "int64": 2**63}


def definitions() -> dict[str, Any]:
    """Each definition by its name in Kubernetes' OpenAPI document, closed: a name that is not there is refused."""
    written: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return written


def _cleaned(schema: Any) -> Any:
    """The schema without words for people and without ``null``, which the API server drops or refuses."""
    if isinstance(schema, list):
        return [_cleaned(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    cleaned = {key: _cleaned(value) for key, value in schema.items() if key in KEPT - {"properties", "type"}}
    if "properties" in schema:
        cleaned["properties"] = {name: _cleaned(part) for name, part in schema["properties"].items()}
    if "type" in schema:
        kinds = [kind for kind in _listed(schema["type"]) if kind != "null"]
        cleaned["type"] = kinds[0] if len(kinds) == 1 else kinds
    if limit := WHOLE_NUMBERS.get(schema.get("format", "")):
        cleaned |= {"minimum": -limit, "maximum": limit - 1}
    if MAP_KEYS in schema:
        cleaned[MAP_KEYS] = schema[MAP_KEYS]
    if schema.get("x-kubernetes-list-type") == "set":
        cleaned["uniqueItems"] = True
    return cleaned


def _listed(kinds: str | list[str]) -> list[str]:
    return [kinds] if isinstance(kinds, str) else kinds


def _references(schema: Any) -> set[str]:
    """Names of the definitions that a schema uses by itself."""
    if isinstance(schema, list):
        return {name for part in schema for name in _references(part)}
    if not isinstance(schema, dict):
        return set()
    own = {schema["$ref"].rpartition("/")[2]} if isinstance(schema.get("$ref"), str) else set()
    return own | {name for part in schema.values() for name in _references(part)}


def _make() -> None:
    """Write the file anew: all that the roots are made of."""
    place = f"kubernetes-json-schema/v{VERSION}-local-strict/_definitions.json"
    document = json.loads(resources.files("kubernetes_validate").joinpath(place).read_text(encoding="utf-8"))
    found: dict[str, Any] = {}
    waiting = set(ROOTS)
    while waiting:
        name = waiting.pop()
        found[name] = _cleaned(document["$defs"][name])
        waiting |= _references(found[name]) - set(found)
    lines = (f"{json.dumps(name)}:{json.dumps(found[name], separators=(',', ':'))}" for name in sorted(found))
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    _make()
