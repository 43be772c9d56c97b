"""What there is to choose from: every registered variant, and one model or data set in full."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from suite.errors import UnknownNameError, did_you_mean
from suite.registry import (
    CHARTS,
    CHECKS,
    CORRUPTIONS,
    DATASETS,
    DESTINATIONS,
    EXPORTERS,
    METRICS,
    MODELS,
    STRATEGIES,
    TRANSFERABILITY,
    Registry,
)

__all__ = ["CATALOGUES", "Choice", "Listing", "describe_dataset", "describe_model", "find_choice", "listings"]

CATALOGUES: Mapping[str, Registry[Any]] = {
    "models": MODELS,
    "datasets": DATASETS,
    "strategies": STRATEGIES,
    "exporters": EXPORTERS,
    "destinations": DESTINATIONS,
    "metrics": METRICS,
    "charts": CHARTS,
    "checks": CHECKS,
    "corruptions": CORRUPTIONS,
    "transferability": TRANSFERABILITY,
}

_NAMING_FIELDS = ("name", "path", "file", "preset", "folder")


@dataclass(frozen=True)
class Listing:
    """One registered variant."""

    name: str
    summary: str
    known_names: tuple[str, ...]
    """What a source can be asked for by name; empty where it takes anything, and for other variants."""
    licences: Mapping[str, str] = field(default_factory=dict)
    """Of a model source: name to the licence of its weights, where it is known."""


@dataclass(frozen=True)
class Choice:
    """A variant with options that name one thing of it."""

    source: str
    variant: Any
    options: Any
    """``variant.Options``, validated."""


def listings(kind: str) -> tuple[Listing, ...]:
    """The variants of one of ``CATALOGUES``, sorted by name."""
    registry = _catalogue(kind)
    found = []
    for name in registry.names():
        variant = registry.get(name)
        known = variant.known_names() if hasattr(variant, "known_names") else ()
        found.append(Listing(name, str(variant.summary), tuple(sorted(known)), _licences(variant, known)))
    return tuple(found)


def _licences(variant: Any, names: Iterable[str]) -> dict[str, str]:
    if not hasattr(variant, "licence"):
        return {}
    key = next(field for field in ("name", "preset") if field in variant.Options.model_fields)
    stated = {name: variant.licence(variant.Options.model_validate({key: name})) for name in sorted(names)}
    return {name: licence for name, licence in stated.items() if licence is not None}


def find_choice(kind: str, name: str) -> Choice:
    """The source that ``name`` belongs to, with its options.

    Args:
        kind: ``models`` or ``datasets``.
        name: ``source:name``, a name that one source knows, or an existing path.

    Raises:
        UnknownNameError: With the nearest known name.
        SpecError: Where the source refuses the name.
    """
    registry = _catalogue(kind)
    source, colon, rest = name.partition(":")
    if colon and source in registry:
        return _choose(registry, source, rest)
    known = {item: listing.name for listing in listings(kind) for item in listing.known_names}
    if name in known:
        return _choose(registry, known[name], name)
    local = {"models": "file", "datasets": "folder"}.get(kind, "")
    if local in registry and Path(name).exists():
        return _choose(registry, local, name)
    complaint = did_you_mean(name, known, what=registry.noun.partition(" ")[0])
    shown = complaint.partition(" Available: ")[0]
    raise UnknownNameError(
        f"{shown} 'suite list {kind}' has every name; a source that takes any name wants 'source:name', "
        f"with one of the sources {', '.join(registry.names())}."
    )


def describe_model(name: str) -> dict[str, Any]:
    """One model in full, as JSON values; see ``suite.models.describe.ModelDescription``.

    The model is built, with its weights where they are on this machine and without them otherwise.
    """
    from suite.models import describe

    choice = find_choice("models", name)
    description = asdict(describe.describe_model(choice.source, choice.options))
    return {"source": choice.source, **description, "requirements": _requirements(choice)}


def describe_dataset(name: str) -> dict[str, Any]:
    """One data set in full, as JSON values; see ``suite.data.describe.DatasetDescription``. It is loaded for that."""
    from suite.data import describe
    from suite.spec.spec import SplitsSpec

    choice = find_choice("datasets", name)
    dataset = choice.variant.load(choice.options, splits=SplitsSpec(), on_bad_example="skip")
    description = asdict(describe.describe_dataset(dataset))
    return {"source": choice.source, **description, "requirements": _requirements(choice)}


def _catalogue(kind: str) -> Registry[Any]:
    if kind not in CATALOGUES:
        raise UnknownNameError(did_you_mean(kind, CATALOGUES, what="list"))
    return CATALOGUES[kind]


def _choose(registry: Registry[Any], source: str, name: str) -> Choice:
    """Options of a source with ``name`` in the field that names things there."""
    from suite.spec.spec import DatasetSpec, ModelSpec, parse_variant

    variant = registry.get(source)
    fields = variant.Options.model_fields
    required = [field for field in _NAMING_FIELDS if field in fields and fields[field].is_required()]
    field = next(iter(required or [field for field in _NAMING_FIELDS if field in fields]), None)
    if field is None:
        raise UnknownNameError(f"{registry.noun} '{source}' takes no name; write it into a spec.")
    kind = ModelSpec if registry is MODELS else DatasetSpec
    document = {"source": source, field: name}
    choice = parse_variant(kind, document, place=registry.kind, at=source, key="source", registry=registry)
    return Choice(source, variant, choice.options(variant))


def _requirements(choice: Choice) -> list[dict[str, Any]]:
    needs = choice.variant.requirements(choice.options)
    return [{**asdict(need), "path": str(need.path)} for need in needs]
