"""The data sets beside the one that is learned: their names, and which of them cannot be used."""

from __future__ import annotations

import json
from typing import Any

from suite.errors import SpecError
from suite.registry import DATASETS
from suite.spec.spec import DatasetSpec, ModelSpec, Spec, StrategySpec

__all__ = ["canonical_json", "label_of", "labels_of", "other_sets", "refuse_unusable_sets"]

# Made once: ``json.dumps`` would make another for each of a million trials.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return _CANONICAL.encode(value)


def label_of(choice: ModelSpec | DatasetSpec | StrategySpec, variant: Any) -> str:
    """The label from the spec, else the one that the variant makes from its options."""
    if choice.label:
        return choice.label
    options = choice.options(variant)
    label: str = variant.label(options)
    return f"{label}, class weights" if getattr(options, "class_weights", None) else label


def labels_of(sets: tuple[DatasetSpec, ...]) -> tuple[str, ...]:
    """The labels of data sets, in order."""
    return tuple(label_of(one, DATASETS.get(one.source)) for one in sets)


def other_sets(home: DatasetSpec, spec: Spec) -> tuple[DatasetSpec, ...]:
    """The other data sets, in the splits of this one, where models are to be scored on them too."""
    others = [one for one in spec.datasets if one is not home] if spec.cross_data else []
    return tuple(one.model_copy(update={"splits": home.splits}) for one in others)


def refuse_unusable_sets(spec: Spec) -> None:
    """Further sets that could not be scored, or whose results could not be told apart.

    Raises:
        SpecError: For an out-of-class set that is also a data set to learn, two of one name, and where there is no
            second data set to cross with.
    """
    if spec.cross_data and len(spec.datasets) < 2:
        raise SpecError("cross_data: there is one data set, and nothing to cross it with; add another or leave it out.")
    homes = {canonical_json([one.source, one.own()]): labels_of((one,))[0] for one in spec.datasets}
    labels = labels_of(spec.out_of_class)
    for index, (choice, label) in enumerate(zip(spec.out_of_class, labels, strict=True)):
        home = homes.get(canonical_json([choice.source, choice.own()]))
        if home is not None:
            raise SpecError(
                f"out_of_class[{index}]: '{label}' is the data set '{home}' that the models learn; "
                "expected one of other classes."
            )
        if labels.index(label) != index:
            raise SpecError(f"out_of_class[{index}]: '{label}' is listed twice; keep one or give it a 'label'.")
