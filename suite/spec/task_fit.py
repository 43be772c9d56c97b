"""What does not go together with a task, refused before anything runs."""

from __future__ import annotations

from typing import Any

from suite.errors import SpecError
from suite.registry import DATASETS, MODELS, STRATEGIES, TASKS, Registry
from suite.spec.spec import DatasetSpec, ModelSpec, Spec

__all__ = ["refuse_unsuitable", "tasks_of"]

DEFAULT = ("image_classification",)
"""What a source without ``tasks`` is for."""


def tasks_of(source: Any, options: Any) -> tuple[str, ...]:
    """The tasks that a choice of a model or data source is good for."""
    return tuple(source.tasks(options)) if hasattr(source, "tasks") else DEFAULT


def refuse_unsuitable(spec: Spec) -> None:
    """Models, data sets and settings that do not fit the task.

    Raises:
        SpecError: Naming the first of them, what it is for and what would fit.
    """
    task = TASKS.get(spec.task)
    places: tuple[tuple[str, tuple[ModelSpec | DatasetSpec, ...], Registry[Any]], ...] = (
        ("models", spec.models, MODELS),
        ("datasets", spec.datasets, DATASETS),
        ("evaluate_on", spec.evaluate_on, DATASETS),
        ("out_of_class", spec.out_of_class, DATASETS),
    )
    for at, choices, registry in places:
        for index, choice in enumerate(choices):
            source = registry.get(choice.source)
            options = choice.options(source)
            able = tasks_of(source, options)
            accepted = {spec.task, task.backbones_of} if at == "models" else {spec.task}
            if not accepted & set(able):
                kind = "model" if at == "models" else "data set"
                name = choice.label or source.label(options)
                raise SpecError(
                    f"{spec.name}: {at}[{index}]: the {kind} '{name}' is for {' and '.join(able) or 'no task'}, "
                    f"and the spec's task is {spec.task}. {_fitting(registry, spec.task, kind)}"
                )
    if task.examples == "text":
        _refuse_augmentation(spec)
    if not task.classifies:
        _refuse_what_needs_classes(spec)
    if spec.generation is not None and not task.generates:
        raise SpecError(f"{spec.name}: generation: the task {spec.task} writes no texts; leave it out.")


def _fitting(registry: Any, task: str, kind: str) -> str:
    """What would fit, of the choices that are known by name."""
    found: list[str] = []
    for name in registry.names():
        source = registry.get(name)
        if name not in {"zoo", "api_docs", "sklearn"}:
            continue
        for known in source.known_names():
            options = source.Options.model_validate({"name": known})
            if task in tasks_of(source, options):
                found.append(f"{name}:{known}")
    return f"A {kind} that fits: {', '.join(found[:6])}." if found else f"Choose a {kind} for {task}."


def _refuse_augmentation(spec: Spec) -> None:
    for index, choice in enumerate(spec.strategies):
        if choice.own().get("augmentation"):
            raise SpecError(
                f"{spec.name}: strategies[{index}].augmentation: changes images, and {spec.task} is about texts; "
                "leave it out."
            )


def _refuse_what_needs_classes(spec: Spec) -> None:
    asked = {
        "funnel": spec.funnel is not None,
        "robustness": spec.robustness is not None,
        "out_of_class": bool(spec.out_of_class),
        "cross_data": spec.cross_data,
        "train_examples": any(isinstance(budget, int) for budget in spec.train_examples),
    }
    for name, is_there in asked.items():
        if is_there:
            what = "counts examples per class" if name == "train_examples" else "is about classes"
            raise SpecError(f"{spec.name}: {name}: {what}, and {spec.task} has none; leave it out.")
    if spec.feature_engine not in {"auto", "keras"}:
        raise SpecError(
            f"{spec.name}: feature_engine: '{spec.feature_engine}' computes frozen features, and no strategy of "
            f"{spec.task} uses any; leave it out."
        )
    for index, choice in enumerate(spec.strategies):
        own = choice.own()
        for option in ("head_first", "dropout"):
            if own.get(option):
                raise SpecError(
                    f"{spec.name}: strategies[{index}].{option}: is about a head of classes, and {spec.task} has none; "
                    "leave it out."
                )
        if hasattr(STRATEGIES.get(choice.strategy), "search_space") and own.get("unfreeze") == "head":
            raise SpecError(
                f"{spec.name}: strategies[{index}].unfreeze: 'head' alone trains nothing in {spec.task}, which has no "
                "head of its own; give a number of stages or 'all'."
            )
