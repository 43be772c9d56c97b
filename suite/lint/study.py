"""What the checks of data look at: the data sets of a plan, read once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from suite.data.dataset import Dataset, Split
from suite.lint.hashes import Marks, mark, stack
from suite.registry import DATASETS
from suite.spec.other_datasets import labels_of
from suite.spec.plan import Plan, canonical_json, label_of
from suite.spec.spec import DatasetSpec

__all__ = ["Home", "SplitMarks", "Study", "read_study"]

AT_ONCE = 64
"""Examples that one thread reads before it reports."""


@dataclass(frozen=True)
class SplitMarks:
    """A split that was read."""

    label: str
    """Of the data set."""
    split: Split
    class_names: tuple[str, ...]
    marks: Marks

    @property
    def place(self) -> str:
        """Data set and split."""
        return f"{self.label}, {self.split.name}"


@dataclass(frozen=True)
class Home:
    """A data set of the plan with the further sets that its models are scored on, by label."""

    label: str
    dataset: Dataset
    further: dict[str, Dataset]


@dataclass
class Study:
    """The data sets of a plan. Marks are computed when the first check asks for them, and kept."""

    plan: Plan
    homes: tuple[Home, ...]
    left_out: dict[str, str]
    """Label of a data set that is not on this machine, and why it was left out."""
    reads: bool = True
    """Whether checks may read every example; without it they say what labels and hashes of the content tell."""
    _marks: dict[tuple[int, str], SplitMarks] = field(default_factory=dict)

    def marks(self, label: str, dataset: Dataset, split: str) -> SplitMarks:
        """Every example of a split read once. Raises ``BadExampleError`` for one that cannot be."""
        key = (id(dataset), split)
        if key not in self._marks:
            self._marks[key] = _read(label, dataset, dataset.splits[split])
        return self._marks[key]

    def all_sets(self) -> Iterator[tuple[str, Dataset]]:
        """Every data set with its label, each once."""
        seen = set()
        for home in self.homes:
            for label, dataset in ((home.label, home.dataset), *home.further.items()):
                if id(dataset) not in seen:
                    seen.add(id(dataset))
                    yield label, dataset


def read_study(
    plan: Plan, *, tell: Callable[[str], None] = lambda _: None, leave: Callable[[Any], str | None] = lambda _: None
) -> Study:
    """Loads the data sets of a plan; nothing is downloaded for it.

    Args:
        plan: Of a validated spec.
        tell: Gets one line before each data set is read.
        leave: A source to the reason why its data sets are not loaded; None for those that are.

    Raises:
        DataError: Where a data set is there and cannot be read as one.
    """
    loaded: dict[str, Dataset | None] = {}
    left_out: dict[str, str] = {}

    def load(choice: DatasetSpec) -> Dataset | None:
        source = DATASETS.get(choice.source)
        key = canonical_json(choice.identity)
        if key not in loaded:
            label, options = label_of(choice, source), choice.options(source)
            needs = source.requirements(options) if hasattr(source, "requirements") else ()
            missing = [need for need in needs if not need.present]
            if missing:
                left_out[label] = (
                    f"it is not on this machine ({missing[0].what}), and nothing is downloaded for a check."
                )
                loaded[key] = None
            elif (reason := leave(source)) is not None:
                left_out[label] = reason
                loaded[key] = None
            else:
                tell(f"reading {label}")
                loaded[key] = source.load(options, splits=choice.splits, on_bad_example=choice.on_bad_example)
        return loaded[key]

    homes: dict[str, Home] = {}
    for cell in (*plan.cells, *(skip.cell for skip in plan.skips)):
        label = cell.labels[1]
        dataset = load(cell.dataset) if label not in homes else None
        if dataset is not None:
            sets = zip((*cell.evaluate_labels, *labels_of(cell.cross)), (*cell.evaluate_on, *cell.cross), strict=True)
            further = {name: load(one) for name, one in sets}
            homes[label] = Home(label, dataset, {name: one for name, one in further.items() if one is not None})
    return Study(plan, tuple(homes.values()), left_out)


def _read(label: str, dataset: Dataset, split: Split) -> SplitMarks:
    """Threads, since decoding lets go of Python's lock; each keeps one image at a time."""

    def run(start: int) -> Marks:
        return mark(_whole(split.read(index)) for index in range(start, min(start + AT_ONCE, len(split))))

    with ThreadPoolExecutor(max_workers=min(32, os.cpu_count() or 1)) as pool:
        parts = list(pool.map(run, range(0, len(split), AT_ONCE)))
    return SplitMarks(label, split, dataset.class_names, stack(parts))


def _whole(example: Any) -> Any:
    """An image as it is; the texts of an example as one."""
    return "\n".join(example) if isinstance(example, tuple) else example
