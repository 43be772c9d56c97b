"""The slices of a run's test sets, computed once beside its trials."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from suite.data.slices import slice_of
from suite.registry import DATASETS
from suite.spec.plan import Plan, canonical_json
from suite.spec.slices import PROPERTIES, as_slice
from suite.spec.spec import DatasetSpec
from suite.store.records.slices import DatasetSlices, examples_digest

__all__ = ["slices_of"]


def slices_of(plan: Plan, kept: Sequence[DatasetSlices]) -> tuple[DatasetSlices, ...]:
    """Which slice each test example is in, for every data set of a plan that is to be sliced.

    Args:
        plan: Of the spec.
        kept: From an earlier run of it: what did not change is not read again.

    Raises:
        DataError: Where a slice cannot be made, before anything is trained.
        BadExampleError: For an example that cannot be read.
    """
    choices = {cell.labels[1]: cell.dataset for cell in plan.cells if cell.dataset.slices}
    known = {one.key: one for one in kept}
    return tuple(known.get(_key(label, choice)) or _made(label, choice) for label, choice in choices.items())


def _key(label: str, choice: DatasetSpec) -> str:
    asked = [label, choice.identity, [as_slice(one).model_dump(mode="json") for one in choice.slices]]
    return hashlib.sha256(canonical_json(asked).encode()).hexdigest()


def _made(label: str, choice: DatasetSpec) -> DatasetSlices:
    source = DATASETS.get(choice.source)
    options = choice.options(source)
    if "further_columns" in source.Options.model_fields:
        columns = [by for one in choice.slices if (by := as_slice(one).by) not in PROPERTIES]
        options = options.model_copy(update={"further_columns": tuple(dict.fromkeys(columns))})
    dataset = source.load(options, splits=choice.splits, on_bad_example=choice.on_bad_example)
    found = [slice_of(dataset, as_slice(one), choice.splits.group) for one in choice.slices]
    return DatasetSlices(
        dataset=label,
        key=_key(label, choice),
        examples=examples_digest(dataset.splits["test"].ids),
        slices=tuple(found),
    )
