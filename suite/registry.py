"""The page of every extension point: one ``Registry`` class and its instances.

Built-in variants are listed at the foot of this file as ``"module:object"`` and imported when they are
first asked for.  An installed package adds its own through an entry point (group ``suite.<kind>``, for
instance ``suite.metrics``), a file through ``--plugin FILE`` and the decorator::

    from suite.registry import METRICS


    @METRICS.register("error_rate")
    class ErrorRate: ...

A variant's module must import TensorFlow and Keras inside its functions only, so that a spec can be
validated, planned and listed without them.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from suite import old_names
from suite.errors import SuiteError, UnknownNameError, did_you_mean

__all__ = [
    "CHARTS",
    "CHECKS",
    "CORRUPTIONS",
    "DATASETS",
    "DESTINATIONS",
    "EXPORTERS",
    "METRICS",
    "MODELS",
    "OBJECTIVES",
    "OUTPUTS",
    "PANELS",
    "REGISTRIES",
    "STRATEGIES",
    "TASKS",
    "TRANSFERABILITY",
    "Registry",
    "added_names",
    "load_plugin_file",
    "loaded_plugin_files",
    "shown_path",
]

T = TypeVar("T")
LONGEST_SHOWN = 200
"""Letters of a path in a message."""


class Registry(Generic[T]):
    """Names of one kind of thing, each an object or a ``"module:object"`` that is imported late."""

    def __init__(self, kind: str, noun: str, builtin: dict[str, str]) -> None:
        self.kind = kind
        self.noun = noun
        self._builtin = frozenset(builtin)
        self._entries: dict[str, T | str] = dict(builtin)
        self._packages: dict[str, str] = {}
        self._entry_points_read = False

    def register(self, name: str) -> Callable[[T], T]:
        """A decorator that adds an object under ``name``. Raises ``SuiteError`` when the name is taken."""

        def add(item: T) -> T:
            known = self._entries.get(name)
            if known is not None and not _is_same_place(known, item):
                raise SuiteError(f"{self.noun} '{name}' is registered already; choose another name.")
            self._entries[name] = item
            return item

        return add

    def get(self, name: str) -> T:
        """The object behind ``name``. Raises ``UnknownNameError`` with the nearest valid name."""
        self._read_entry_points()
        if name not in self._entries:
            raise UnknownNameError(did_you_mean(name, self._entries, what=self.noun))
        entry = self._entries[name]
        if isinstance(entry, str):
            module, _, attribute = entry.partition(":")
            entry = self._entries[name] = getattr(importlib.import_module(module), attribute)
        return entry

    def names(self) -> tuple[str, ...]:
        """Every registered name, sorted; nothing is imported except the list of installed plugins."""
        self._read_entry_points()
        return tuple(sorted(self._entries))

    def is_builtin(self, name: str) -> bool:
        """Whether the suite brings it itself; everything else is of a plugin."""
        return name in self._builtin

    def snapshot(self) -> dict[str, T | str]:
        """What is registered now, of installed packages only what was read already."""
        return dict(self._entries)

    def restore(self, entries: dict[str, T | str]) -> None:
        """Makes it what ``snapshot`` gave."""
        self._entries = dict(entries)

    def packages(self) -> dict[str, str]:
        """Name to the installed package that added it, once these were read; see ``names``."""
        return dict(self._packages)

    def __contains__(self, name: object) -> bool:
        self._read_entry_points()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _read_entry_points(self) -> None:
        if self._entry_points_read:
            return
        self._entry_points_read = True
        for point in importlib.metadata.entry_points(group=f"suite.{self.kind}"):
            old_names.install()
            if point.name in self._entries:
                raise SuiteError(f"an installed package adds {self.noun} '{point.name}', which exists already.")
            self._entries[point.name] = point.value
            self._packages[point.name] = point.dist.name if point.dist is not None else point.value.partition(".")[0]


def _is_same_place(known: object, item: object) -> bool:
    """Whether a lazy entry ``"module:object"`` names the object that now registers itself."""
    here = f"{getattr(item, '__module__', '')}:{getattr(item, '__qualname__', '')}"
    return known is item or known == here


_LOADED: dict[Path, dict[str, tuple[str, ...]]] = {}
"""Plugin files that were imported in this process, each with the names that it added, by kind."""


def load_plugin_file(path: Path) -> None:
    """Imports a Python file whose decorators register variants, once.

    Only for a file that the person named, on the command line or in the spec that is run: what a stored run names is
    never imported.

    Raises:
        SuiteError: If it cannot be imported; nothing of it stays registered, and the next call tries again.
    """
    if not _is_file(path):
        raise SuiteError(f"plugin file '{shown_path(path)}' does not exist; expected a Python file.")
    place = path.resolve()
    if place in _LOADED:
        return
    # Two files may have one name: the module is called after its place too.
    module_name = f"suite_plugin_{path.stem}_{hashlib.sha256(str(place).encode()).hexdigest()[:8]}"
    module_spec = importlib.util.spec_from_file_location(module_name, place)
    if module_spec is None or module_spec.loader is None:
        raise SuiteError(f"plugin file '{path}' is not a Python file (expected a name that ends in .py).")
    before = {registry.kind: registry.snapshot() for registry in REGISTRIES}
    old_names.install()
    module = importlib.util.module_from_spec(module_spec)
    sys.modules[module_name] = module
    try:
        module_spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[module_name]
        for registry in REGISTRIES:
            registry.restore(_without_module(registry.snapshot(), before[registry.kind], module_name))
        if isinstance(error, SuiteError) or not isinstance(error, Exception):
            raise
        raise SuiteError(f"plugin file '{path}' cannot be imported: {type(error).__name__}: {error}") from error
    _LOADED[place] = {
        registry.kind: tuple(sorted(added))
        for registry in REGISTRIES
        if (added := registry.snapshot().keys() - before[registry.kind].keys() - registry.packages().keys())
    }


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is longer than names may be, or holds what none may hold
        return False


def shown_path(path: Path) -> str:
    """A path for a message: one that is longer than any sentence is cut."""
    text = str(path)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _without_module(entries: dict[str, Any], before: dict[str, Any], module: str) -> dict[str, Any]:
    """Without what a module registered that could not be imported; what modules beside it added stays."""
    return {
        name: item for name, item in entries.items() if name in before or getattr(item, "__module__", None) != module
    }


def loaded_plugin_files() -> tuple[Path, ...]:
    """The plugin files that were imported in this process, for a process that it starts."""
    return tuple(_LOADED)


def added_names(*registries: Registry[Any]) -> dict[str, dict[str, tuple[str, ...]]]:
    """What plugins added to these registries in this process: name of the file or package to kind to names."""
    kinds = {registry.kind for registry in registries}
    found = {
        path.name: {kind: names for kind, names in added.items() if kind in kinds} for path, added in _LOADED.items()
    }
    for registry in registries:
        registry.names()
        for name, package in sorted(registry.packages().items()):
            of_package = found.setdefault(package, {})
            of_package[registry.kind] = (*of_package.get(registry.kind, ()), name)
    return found


TASKS: Registry[Any] = Registry(
    "tasks",
    "task",
    {
        "image_classification": "suite.tasks.image_classification:ImageClassification",
        "text_classification": "suite.tasks.text_classification:TextClassification",
        "text_generation": "suite.tasks.text_generation:TextGeneration",
    },
)
OUTPUTS: Registry[Any] = Registry(
    "outputs",
    "kind of outputs",
    {
        "class": "suite.store.records.predictions:Predictions",
        "text": "suite.store.records.generations:Generations",
    },
)
DATASETS: Registry[Any] = Registry(
    "datasets",
    "dataset source",
    {
        "api_docs": "suite.data.api_docs:ApiDocsSource",
        "folder": "suite.data.folder:FolderSource",
        "huggingface": "suite.data.huggingface:HuggingFaceSource",
        "images_table": "suite.data.images_table:ImagesTableSource",
        "keras": "suite.data.keras:KerasSource",
        "sklearn": "suite.data.sklearn:SklearnSource",
        "table": "suite.data.table:TableSource",
        "tfds": "suite.data.tfds:TfdsSource",
    },
)
MODELS: Registry[Any] = Registry(
    "models",
    "model source",
    {
        "applications": "suite.models.applications:ApplicationsSource",
        "file": "suite.models.file:FileSource",
        "hub": "suite.models.hub:HubSource",
        "zoo": "suite.models.zoo.images:ZooSource",
    },
)
STRATEGIES: Registry[Any] = Registry(
    "strategies",
    "strategy",
    {
        "bitfit": "suite.strategies.bitfit:BitFit",
        "distill": "suite.strategies.distill:Distill",
        "fine_tune": "suite.strategies.fine_tune:FineTune",
        "from_scratch": "suite.strategies.from_scratch:FromScratch",
        "gradual_unfreeze": "suite.strategies.gradual_unfreeze:GradualUnfreeze",
        "knn": "suite.strategies.knn:Knn",
        "linear_probe": "suite.strategies.linear_probe:LinearProbe",
        "lora": "suite.strategies.lora:Lora",
        "prune": "suite.strategies.prune:Prune",
    },
)
EXPORTERS: Registry[Any] = Registry(
    "exporters",
    "export format",
    {
        "keras": "suite.export.formats.keras:KerasExporter",
        "litert": "suite.export.formats.litert:LiteRtExporter",
        "onnx": "suite.export.formats.onnx:OnnxExporter",
        "openvino": "suite.export.formats.openvino:OpenVinoExporter",
        "saved_model": "suite.export.formats.saved_model:SavedModelExporter",
    },
)
METRICS: Registry[Any] = Registry(
    "metrics",
    "metric",
    {
        "accuracy": "suite.metrics.classification:accuracy",
        "balanced_accuracy": "suite.metrics.classification:balanced_accuracy",
        "bits_per_byte": "suite.metrics.generation:bits_per_byte",
        "bleu": "suite.metrics.generation:bleu",
        "brier": "suite.metrics.calibration:brier",
        "chrf": "suite.metrics.generation:chrf",
        "distinct_1": "suite.metrics.generation:distinct_1",
        "distinct_2": "suite.metrics.generation:distinct_2",
        "exact_match": "suite.metrics.generation:exact_match",
        "expected_calibration_error": "suite.metrics.calibration:expected_calibration_error",
        "f1_macro": "suite.metrics.classification:f1_macro",
        "f1_weighted": "suite.metrics.classification:f1_weighted",
        "log_loss": "suite.metrics.calibration:log_loss",
        "perplexity": "suite.metrics.generation:perplexity",
        "precision_macro": "suite.metrics.classification:precision_macro",
        "precision_weighted": "suite.metrics.classification:precision_weighted",
        "recall_macro": "suite.metrics.classification:recall_macro",
        "recall_weighted": "suite.metrics.classification:recall_weighted",
        "repetition_rate": "suite.metrics.generation:repetition_rate",
        "roc_auc": "suite.metrics.classification:roc_auc",
        "rouge_1": "suite.metrics.generation:rouge_1",
        "rouge_2": "suite.metrics.generation:rouge_2",
        "rouge_l": "suite.metrics.generation:rouge_l",
        "top5_accuracy": "suite.metrics.classification:top5_accuracy",
    },
)
PANELS: Registry[Any] = Registry(
    "panels",
    "panel",
    {
        "classes": "suite.compare.panels:classes",
        "confusion": "suite.compare.panels:confusion",
        "reliability": "suite.compare.panels:reliability",
    },
)
CHARTS: Registry[Any] = Registry(
    "charts",
    "chart",
    {
        "calibration": "suite.report.charts.calibration:Calibration",
        "complexity": "suite.report.charts.complexity:Complexity",
        "confusion_matrix": "suite.report.charts.confusion_matrix:ConfusionMatrix",
        "corruptions": "suite.report.charts.corruptions:Corruptions",
        "cross_data": "suite.report.charts.cross_data:CrossData",
        "expected_best": "suite.report.charts.expected_best:ExpectedBest",
        "critical_difference": "suite.report.charts.critical_difference:CriticalDifference",
        "exports_latency": "suite.report.charts.exported_files:ExportsLatency",
        "exports_size": "suite.report.charts.exported_files:ExportsSize",
        "generalisation": "suite.report.charts.generalisation:Generalisation",
        "labels": "suite.report.charts.labels:LabelsChart",
        "learning_curves": "suite.report.charts.learning_curves:LearningCurves",
        "out_of_class": "suite.report.charts.out_of_class:OutOfClass",
        "per_class": "suite.report.charts.per_class:PerClass",
        "quality_latency": "suite.report.charts.quality_cost:QualityLatency",
        "quality_parameters": "suite.report.charts.quality_cost:QualityParameters",
        "quality_training": "suite.report.charts.quality_cost:QualityTraining",
        "ranks": "suite.report.charts.ranks:Ranks",
        "reliability": "suite.report.charts.reliability:Reliability",
        "risk_coverage": "suite.report.charts.risk_coverage:RiskCoverage",
        "robustness": "suite.report.charts.robustness:Robustness",
        "seeds": "suite.report.charts.seeds:Seeds",
        "severity": "suite.report.charts.severity:Severity",
        "training_time": "suite.report.charts.training_time:TrainingTime",
        "tuning": "suite.report.charts.tuning:Tuning",
    },
)
CHECKS: Registry[Any] = Registry(
    "checks",
    "check",
    {
        "below_probe": "suite.lint.below_probe:BelowProbe",
        "chance": "suite.lint.chance:Chance",
        "duplicates": "suite.lint.duplicates:Duplicates",
        "equal_seeds": "suite.lint.equal_seeds:EqualSeeds",
        "fit_notes": "suite.lint.fit_notes:FitNotes",
        "frames": "suite.lint.frames:Frames",
        "label_budgets": "suite.lint.label_budgets:LabelBudgets",
        "more_data": "suite.lint.more_data:MoreData",
        "picture_size": "suite.lint.image_size:ImageSize",
        "pixels": "suite.lint.pixels:Pixels",
        "rates": "suite.lint.rates:Rates",
        "reading": "suite.lint.reading:ReadingCheck",
        "resolution": "suite.lint.resolution:Resolution",
        "seen_before": "suite.lint.seen_before:SeenBefore",
        "splits": "suite.lint.splits:Splits",
        "test_size": "suite.lint.test_size:TestSize",
        "training": "suite.lint.training_runs:Training",
        "unbalanced": "suite.lint.unbalanced:Unbalanced",
    },
)
CORRUPTIONS: Registry[Any] = Registry(
    "corruptions",
    "corruption",
    {
        "blur": "suite.data.corruptions.images:Blur",
        "brightness": "suite.data.corruptions.images:Brightness",
        "contrast": "suite.data.corruptions.images:Contrast",
        "deletion": "suite.data.corruptions.texts:Deletion",
        "jpeg": "suite.data.corruptions.images:Jpeg",
        "letter_case": "suite.data.corruptions.texts:LetterCase",
        "noise": "suite.data.corruptions.images:Noise",
        "occlusion": "suite.data.corruptions.images:Occlusion",
        "pixelation": "suite.data.corruptions.images:Pixelation",
        "typos": "suite.data.corruptions.texts:Typos",
        "word_drop": "suite.data.corruptions.texts:WordDrop",
    },
)
DESTINATIONS: Registry[Any] = Registry(
    "destinations",
    "destination",
    {
        "mlflow": "suite.publish.destinations.mlflow:MLflow",
        "tensorboard": "suite.publish.destinations.tensorboard:TensorBoard",
    },
)
OBJECTIVES: Registry[Any] = Registry(
    "objectives",
    "pretraining objective",
    {
        "causal_lm": "suite.strategies.pretraining.causal_lm:CausalLM",
        "masked_lm": "suite.strategies.pretraining.masked_lm:MaskedLM",
        "span_corruption": "suite.strategies.pretraining.span_corruption:SpanCorruptionObjective",
        "supervised": "suite.strategies.pretraining.supervised:Supervised",
    },
)
TRANSFERABILITY: Registry[Any] = Registry(
    "transferability",
    "transferability estimator",
    {
        "h_score": "suite.metrics.transferability.h_score:h_score",
        "knn": "suite.metrics.transferability.knn:knn",
        "leep": "suite.metrics.transferability.leep:leep",
        "linear_probe": "suite.metrics.transferability.linear_probe:linear_probe",
        "logme": "suite.metrics.transferability.logme:logme",
        "n_leep": "suite.metrics.transferability.n_leep:n_leep",
        "nce": "suite.metrics.transferability.nce:nce",
        "transrate": "suite.metrics.transferability.transrate:transrate",
    },
)

REGISTRIES: tuple[Registry[Any], ...] = (
    TASKS,
    OUTPUTS,
    DATASETS,
    MODELS,
    STRATEGIES,
    EXPORTERS,
    METRICS,
    PANELS,
    CHARTS,
    CHECKS,
    CORRUPTIONS,
    DESTINATIONS,
    OBJECTIVES,
    TRANSFERABILITY,
)
