"""Targets of ``benchmarks.fuzz``: specs, plans and ``--set``."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from random import Random
from typing import Any

from suite.registry import DATASETS, MODELS, REGISTRIES, STRATEGIES
from suite.runner.run import verify_datasets
from suite.spec.plan import make_plan
from suite.spec.shipped import shipped_specs
from suite.spec.spec import Spec, parse_spec

__all__ = ["TARGETS", "mutated", "value"]

RICH: dict[str, Any] = {
    "name": "rich",
    "task": "image_classification",
    "headline": "accuracy",
    "models": [
        {"source": "zoo", "name": "vit_tiny", "label": "a"},
        {"source": "zoo", "name": "resnet_tiny", "tuning": {"trials": 2, "epochs": 3}},
        {"source": "hub", "preset": "vit_base_patch16_224_imagenet"},
    ],
    "unequal_tuning": True,
    "datasets": [
        {"source": "sklearn", "name": "digits", "splits": {"test": 0.3, "seed": 1}, "on_bad_example": "skip"},
        {"source": "folder", "path": "photos"},
    ],
    "evaluate_on": [{"source": "sklearn", "name": "digits_photo"}],
    "robustness": {"corruptions": ["blur", "noise"], "severity": [1, 3]},
    "strategies": [
        {"strategy": "linear_probe"},
        {"strategy": "knn"},
        {"strategy": "fine_tune", "unfreeze": 2, "search": {"trials": 3, "sampler": "tpe", "pruner": "median"}},
        {"strategy": "gradual_unfreeze", "learning_rate": 0.001},
        {"strategy": "lora", "rank": 4},
        {"strategy": "bitfit"},
        {"strategy": "prune", "sparsity": 0.5},
        {"strategy": "from_scratch", "learning_rate": 0.01, "augmentation": ["flip"]},
    ],
    "search": {"space": {"learning_rate": {"low": 0.0001, "high": 0.01, "log": True}}, "trials": 4},
    "budget": {"seconds_per_model": 60.0},
    "funnel": {"rank": {"by": "logme", "keep": 0.5}, "short": {"epochs": [1, 2], "keep": 0.5}},
    "constraints": {"max_latency_ms": 20, "minimum": {"accuracy": 0.5}},
    "exports": [{"format": "onnx"}],
    "resources": {"cpus": 1},
    "training": {"epochs": 4, "batch_size": 8, "patience": 2},
    "seeds": [1, 2],
    "jobs": 1,
}
FEW_LABELS: dict[str, Any] = {
    "name": "labels",
    "task": "image_classification",
    "models": [{"source": "zoo", "name": "mobilenet_025"}, {"source": "zoo", "name": "resnet_tiny"}],
    "datasets": [{"source": "sklearn", "name": "digits"}, {"source": "sklearn", "name": "digits_photo"}],
    "out_of_class": [{"source": "folder", "path": "other"}],
    "cross_data": True,
    "strategies": [
        {"strategy": "fine_tune", "unfreeze": "*block*", "layer_decay": 0.8, "learning_rate": [0.01, 0.1]},
        {"strategy": "distill", "teacher": "resnet_tiny", "teacher_strategy": "fine_tune: *block*", "alpha": 0.5},
    ],
    "train_examples": [5, "25%", "all"],
    "resample": True,
    "feature_engine": "onnx",
    "precision": "float32",
    "distribution": "none",
}
FILES: dict[str, Any] = {
    "name": "files",
    "task": "image_classification",
    "models": [{"source": "file", "path": "models/mine.keras"}, {"source": "zoo", "name": "resnet_tiny"}],
    "datasets": [{"source": "folder", "path": "photos"}, {"source": "table", "train": "train.csv", "label": "y"}],
    "strategies": [{"strategy": "linear_probe"}],
}
"""Names files that are not there: no plan can be made of it as it is."""
ATOMS: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 10**6, 10**40, -(10**19), 0.0, 0.5, -0.5, 1e-9, 1e9, 1e308, float("nan"),
    float("inf"), "", " ", "a", "all", "head", "auto", "best", "none", "5%", "250%", "..", "/", "~",
    "~nouser/x.keras", "~nouser/x.csv",
    "C:\\x", "a/../../b", "x" * 300, "/" + "y" * 5000, "a\0b", "\ud800", "\u202e", "*", "[", "test:accuracy", "ü" * 200,
    {}, [], [[]], [{}], {"": ""}, {"low": 1, "high": 0}, {"low": 0, "high": 1, "log": True}, [1, 1], ["all", "all"],
    [0.1, "x"], {"learning_rate": []}, {"epochs": [1]},
)  # fmt: skip


@cache
def _bases() -> tuple[dict[str, Any], ...]:
    return (RICH, FEW_LABELS, FILES, *(json.loads(path.read_text(encoding="utf-8")) for path in shipped_specs()))


@cache
def _keys() -> tuple[str, ...]:
    """Every key that a spec may have somewhere."""
    found = dict.fromkeys(Spec.model_fields)
    for registry in (MODELS, DATASETS, STRATEGIES):
        for name in registry.names():
            found |= dict.fromkeys(registry.get(name).Options.model_fields)
    more = ["source", "strategy", "label", "why", "search", "tuning", "splits", "on_bad_example", "space", "trials"]
    found |= dict.fromkeys(more)
    del found["plugins"]  # a path that happens to be there would be imported
    return tuple(found)


def _keys_for(here: dict[str, Any]) -> tuple[str, ...]:
    """The keys that an object may have: the options of the variant that it names, else any."""
    for key, registries in (("strategy", (STRATEGIES,)), ("source", (MODELS, DATASETS))):
        for registry in registries:
            if isinstance(here.get(key), str) and here[key] in registry:
                return tuple(registry.get(here[key]).Options.model_fields)
    return _keys()


@cache
def _names() -> tuple[str, ...]:
    """Every name that is registered."""
    return tuple(name for registry in REGISTRIES for name in registry.names())


def value(rng: Random, depth: int = 0) -> Any:
    """A JSON value: mostly one that a person or a program might write by mistake."""
    kind = rng.random()
    if kind < 0.4 or depth > 2:
        return deepcopy(rng.choice(ATOMS))
    if kind < 0.55:
        return rng.choice(_names())
    if kind < 0.63:
        return "".join(
            chr(rng.choice((rng.randrange(32, 127), rng.randrange(0x110000)))) for _ in range(rng.randrange(9))
        )
    if kind < 0.8:
        return rng.choice((rng.randrange(-5, 100), rng.uniform(-2, 2), 10 ** rng.uniform(-12, 12)))
    if kind < 0.93:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(_keys()): value(rng, depth + 1) for _ in range(rng.randrange(4))}


def _places(document: Any) -> list[tuple[Any, Any]]:
    """Every container inside a JSON value with each of its keys."""
    found: list[tuple[Any, Any]] = []
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, item in inner:
        found.append((document, key))
        found += _places(item)
    return found


def mutated(rng: Random) -> dict[str, Any]:
    """A valid spec with one to three values replaced, removed, added, doubled, or taken from elsewhere in it."""
    document = deepcopy(rng.choice(_bases()))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = _places(document)
        if not places:
            break
        here, key = rng.choice(places)
        action = rng.randrange(5)
        if action == 0:
            here[key] = value(rng)
        elif action == 1:
            del here[key]
        elif action == 2:
            _add(here, rng)
        elif action == 3:
            other, its_key = rng.choice(places)
            here[key] = deepcopy(other[its_key])
        else:
            inner = here[key]
            _add(inner if isinstance(inner, dict | list) else here, rng)
    document.pop("plugins", None)
    return document


def _add(here: Any, rng: Random) -> None:
    if isinstance(here, dict):
        here[rng.choice(_keys_for(here) if rng.random() < 0.7 else _keys())] = value(rng)
    else:
        here.insert(
            rng.randrange(len(here) + 1), deepcopy(rng.choice(here)) if here and rng.random() < 0.5 else value(rng)
        )


def _text(rng: Random) -> str:
    """The text of a mutated spec; one in eight damaged as a text too."""
    text = json.dumps(mutated(rng))
    if rng.random() < 0.125:
        at, length = rng.randrange(len(text) + 1), rng.choice((0, 1, 1, 5, 200))
        text = (
            text[:at] + rng.choice(("", "\0", "{", '"', "[" * 3000, "1" * 5000, "\ud800", "NaN")) + text[at + length :]
        )
    return text


def read_spec(rng: Random) -> None:
    """``load_spec``, without the file."""
    parse_spec(_text(rng))


def plan_spec(rng: Random) -> None:
    """``suite plan``: what is looked at before anything is read of the data."""
    plan = make_plan(parse_spec(_text(rng)))
    verify_datasets(plan.trials)


def override(rng: Random) -> None:
    """``--set``."""
    document = deepcopy(rng.choice(_bases()))
    here: Any = document
    path = []
    while isinstance(here, dict | list) and here and (not path or rng.random() < 0.7):
        key = rng.choice(list(here)) if isinstance(here, dict) else rng.randrange(len(here))
        path.append(str(key))
        here = here[key]
    if rng.random() < 0.4:
        path.insert(rng.randrange(len(path) + 1), rng.choice((rng.choice(_keys()), "", "-1", "99", "²", "[0]", "a\0b")))
    shown = json.dumps(value(rng)) if rng.random() < 0.7 else str(value(rng))
    text = rng.choice((".".join(path) + "=" + shown,) * 8 + (shown, ".".join(path), "=" + shown))
    if "plugins" not in text:
        make_plan(parse_spec(json.dumps(document), overrides=(text,)))


TARGETS = {"spec": read_spec, "plan": plan_spec, "set": override}
