"""What a worker process keeps from trial to trial: data sets, and the workshops of one model or a few."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.data.batches import Examples
from suite.data.dataset import Dataset, Split
from suite.errors import DataError, SuiteError
from suite.models.backbone import AnyBackbone, Backbone
from suite.models.precision import refuse_other_precision
from suite.registry import DATASETS, MODELS, TASKS
from suite.spec.placement import Precision
from suite.spec.plan import canonical_json
from suite.spec.spec import DatasetSpec, ModelSpec
from suite.spec.trial import Cell
from suite.store.records.resizing import Resizing
from suite.strategies.jit import JitChooser
from suite.strategies.workshop import Workshop
from suite.training.feature_engines import EngineChooser

if TYPE_CHECKING:
    from suite.training.device import Placement

__all__ = ["Warm", "load_dataset"]


@dataclass
class Warm:
    """``most_models`` at a time; data sets stay, since their images are mapped from disk."""

    cache_root: Path
    threads: int
    placement: Placement
    """What fits are shared out over."""
    precision: Precision = "float32"
    """What the layers of the models compute in that are built now."""
    deterministic: bool = True
    """Whether every operation of this process is."""
    most_models: int = 1
    """How many models are kept: trials come model by model, unless a funnel comes back to each of them."""
    _datasets: dict[str, Dataset] = field(default_factory=dict)
    _workshops: dict[str, Workshop] = field(default_factory=dict)
    """The last used at the end."""

    @property
    def device(self) -> str:
        """What fits run on, in words: ``2 x NVIDIA A100``."""
        from suite.training.profiler import device_name

        name, count = device_name(), self.placement.replicas
        if count == 1:
            return name
        return f"{name} shown as {count} devices" if name.startswith("CPU") else f"{count} x {name}"

    def dataset(self, choice: DatasetSpec) -> Dataset:
        """The data set of a spec entry, loaded once."""
        key = canonical_json(choice.model_dump(mode="json", exclude={"label"}))
        if key not in self._datasets:
            try:
                self._datasets[key] = load_dataset(choice)
            except DataError:
                raise
            except SuiteError as error:
                # A download that cannot be had, for instance: for a run it is a data set that cannot be used.
                raise DataError(str(error)) from error
        return self._datasets[key]

    def further(self, choice: DatasetSpec, home: Dataset) -> Dataset:
        """A data set of ``evaluate_on``. Raises ``DataError`` where its classes are others."""
        dataset = self.dataset(choice)
        if dataset.class_names != home.class_names:
            missing = sorted(set(home.class_names) ^ set(dataset.class_names))
            raise DataError(
                f"evaluate_on '{dataset.name}' must have the classes of '{home.name}' in the same order; "
                f"only one of them has: {', '.join(missing[:5]) or 'the same names in another order'}."
            )
        return dataset

    def workshop(self, cell: Cell) -> Workshop:
        """The workshop of the cell's model; beyond ``most_models`` the one that was not used for longest goes."""
        model = cell.model.model_dump(mode="json", exclude={"label"})
        resizing = None if cell.resizing is None else cell.resizing.model_dump(mode="json")
        key = canonical_json([cell.task, model, resizing, cell.feature_engine, self.precision])
        workshop = self._workshops.pop(key, None)
        if workshop is None:
            self._make_room()
            from suite.training.profiler import device_name

            device = device_name()
            # What is measured for one of these does not hold for another.
            place = self.device if self.precision == "float32" else f"{self.device}, {self.precision}"
            place += "" if self.deterministic else ", not deterministic"
            workshop = Workshop(
                build=_builder(cell.model, TASKS.get(cell.task), self.precision, cell.resizing),
                assemble=TASKS.get(cell.task).assemble,
                cache_root=self.cache_root,
                jit_chooser=JitChooser(self.cache_root, f"{place}, {self.threads} threads"),
                engine_chooser=EngineChooser(cell.feature_engine, self.cache_root, device, self.threads),
            )
        self._workshops[key] = workshop
        return workshop

    def forget_models(self) -> None:
        """Frees every model and its compiled steps, as after memory ran out."""
        self._workshops.clear()
        gc.collect()

    def _make_room(self) -> None:
        while self._workshops and len(self._workshops) >= self.most_models:
            del self._workshops[next(iter(self._workshops))]
        gc.collect()

    def examples(self, cell: Cell, dataset: Dataset, split: Split) -> Examples:
        """A split as the cell's model takes it, mapped from disk."""
        backbone = self.workshop(cell).backbone
        read: Examples = TASKS.get(cell.task).read(backbone, dataset, split, cell=cell, root=self.cache_root)
        return read


def load_dataset(choice: DatasetSpec) -> Dataset:
    """The data set of a spec entry; what it raises is its source's."""
    source = DATASETS.get(choice.source)
    options = source.Options.model_validate_json(json.dumps(choice.own()))
    dataset: Dataset = source.load(options, splits=choice.splits, on_bad_example=choice.on_bad_example)
    return dataset


def _builder(
    choice: ModelSpec, task: Any, precision: Precision, resizing: Resizing | None
) -> Callable[[str], AnyBackbone]:
    source = MODELS.get(choice.source)
    options = source.Options.model_validate_json(json.dumps(choice.own()))

    def build(weights: str) -> AnyBackbone:
        backbone: AnyBackbone = source.build(options, weights=weights)
        refuse_other_precision(backbone.model, precision)
        # Of an encoder-decoder a classifier takes the encoder alone.
        narrowed: AnyBackbone = task.narrow(backbone)
        if resizing is not None and isinstance(narrowed, Backbone):
            return replace(narrowed, resizing=resizing)
        return narrowed

    return build
