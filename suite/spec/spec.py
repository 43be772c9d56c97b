"""The spec: one JSON file that says what is compared. ``load_spec`` is the only way in.

Everything is refused that is not understood: an unknown key, a wrong type, an unknown name.  Every
complaint carries the file, the JSON path, what was expected, what came and the nearest valid name.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cached_property, lru_cache
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, TypeVar

import pydantic
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from suite.errors import SpecError, SuiteError, did_you_mean
from suite.registry import DATASETS, METRICS, MODELS, STRATEGIES, TASKS, TRANSFERABILITY, Registry, load_plugin_file
from suite.spec.constraints import Constraints
from suite.spec.exports import ExportSpec, check_exports
from suite.spec.funnel.settings import FunnelSpec
from suite.spec.generation import GenerationSpec
from suite.spec.groups import GroupSpec
from suite.spec.label_budget import ALL, LabelBudgets
from suite.spec.options import Options
from suite.spec.placement import Deterministic, Distribution, Precision
from suite.spec.robustness import RobustnessSpec, check_robustness
from suite.spec.search.resolve import refuse_unequal_tuning, resolve_searches
from suite.spec.search.settings import BudgetSpec, SearchSpec, TuningSpec
from suite.spec.slices import SliceChoice
from suite.spec.trial_resources import ResourcesSpec
from suite.store.records.resizing import Resizing
from suite.store.records.result import FeatureEngine
from suite.store.records.validation import complaints, kind_of

__all__ = [
    "DatasetSpec",
    "ModelSpec",
    "Options",
    "Spec",
    "SplitsSpec",
    "StrategySpec",
    "TrainingSpec",
    "load_spec",
    "parse_spec",
    "parse_stored_spec",
]

Name = Annotated[str, Field(min_length=1, max_length=200)]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]


class SplitsSpec(Options):
    """How missing splits are made: stratified by class, from a seed that is part of the data set."""

    validation: Share = 0.2
    """Share of the training examples that becomes the validation split where the source has none."""
    test: Share = 0.2
    """Share of all examples that becomes the test split where the source has none."""
    seed: Annotated[int, Field(ge=0)] = 0
    duplicates: Literal["keep", "group", "drop"] = "keep"
    """Examples of the same content: ``group`` puts them on one side of every split that is made; ``drop`` does so, and
    takes out of a source's own train and validation splits what a later split has too."""
    group: GroupSpec | None = None
    """What examples have in common beside their class, such as a patient: no group is parted by splits, a label budget
    takes one group after another, and intervals and tests count groups and not examples."""

    @model_serializer(mode="wrap")
    def _as_before(self, inner: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what is as usual: trials from before there was a choice keep their ids."""
        found: dict[str, Any] = inner(self)
        if self.duplicates == "keep":
            found.pop("duplicates", None)
        if self.group is None:
            found.pop("group", None)
        return found


class VariantSpec(Options):
    """A choice from a registry: the common fields here, the variant's own options beside them."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False)

    label: Name | None = None
    """Name in reports; the variant finds one when it is left out."""

    def own(self) -> dict[str, Any]:
        """The variant's own options, validated, as plain JSON values."""
        return dict(self.model_extra or {})

    def options(self, variant: Any) -> Any:
        """The variant's own options as its ``Options``; equal ones are built once."""
        return _built_options(variant.Options, self._own_text)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """The choice as JSON; label and remark left out, since they change no score, and what is a cell's own."""
        return self.model_dump(mode="json", exclude={"label", "why", "search", "tuning", "slices"})

    @cached_property
    def _own_text(self) -> str:
        return json.dumps(self.model_extra or {}, sort_keys=True)


class ModelSpec(VariantSpec):
    """One backbone: where it comes from (``source``) and the options of that source."""

    source: Name
    tuning: TuningSpec | None = None
    """A search and epochs of its own; only with ``unequal_tuning``."""


class DatasetSpec(VariantSpec):
    """One data set: where it comes from (``source``) and the options of that source."""

    source: Name
    splits: SplitsSpec = SplitsSpec()
    on_bad_example: Literal["error", "skip"] = "error"
    """What to do with an example that cannot be decoded; skipped ones are counted in the report."""
    slices: tuple[SliceChoice, ...] = Field(default=(), exclude_if=lambda chosen: not chosen)
    """What the scores on its test split are told apart by in the report: columns of its table, ``image_size``,
    ``brightness``, ``text_length``, ``group``. Nothing is fitted on them, and no trial's id depends on them."""

    def with_splits_of(self, seed: int) -> DatasetSpec:
        """The data set with splits of this seed's own, where every seed draws its own."""
        splits = self.splits.model_copy(update={"seed": self.splits.seed + seed})
        return self.model_copy(update={"splits": splits})


class StrategySpec(VariantSpec):
    """One way of adapting: ``strategy`` and its options."""

    strategy: Name
    search: SearchSpec | None = None
    """How its settings are searched; the spec's ``search`` when left out."""


class TrainingSpec(Options):
    """What every fit shares, unless a strategy has an option of its own for it."""

    epochs: Annotated[int, Field(ge=1, le=10_000)] = 8
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 32
    patience: Annotated[int, Field(ge=1)] | None = None
    """Epochs without a better headline score on validation before stopping; the best weights are restored either way.
    """
    refit: bool = False
    """Fit what was chosen again, on training and validation examples together: every strategy, or none. It costs as
    much as the final fits themselves."""
    timeout_seconds: Annotated[float, Field(gt=0.0)] | None = Field(default=None, exclude=True)
    """Longest time that one trial may take; not part of a trial's identity."""
    deterministic: Deterministic = Field(default="auto", exclude=True)
    """Whether the same fit gives the same numbers bit for bit: ``auto`` is yes on a CPU, and no on a GPU, where it
    costs speed. Written into each result; like the device no part of a trial's identity."""


class Spec(Options):
    """What is compared. ``suite schema`` prints this as JSON Schema."""

    json_schema: str | None = Field(default=None, alias="$schema", exclude=True)
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    """Names the folder under ``reports/``: letters, digits, dot, dash, underscore."""
    title: Name | None = None
    """The question that the report answers."""
    task: Name
    models: Annotated[tuple[ModelSpec, ...], Field(min_length=1)]
    datasets: Annotated[tuple[DatasetSpec, ...], Field(min_length=1)]
    evaluate_on: tuple[DatasetSpec, ...] = ()
    """Further test sets with the same classes: the same fitted models are scored on them too."""
    robustness: RobustnessSpec | None = None
    """The test set again, under corruptions: the same fitted models are scored on it too."""
    out_of_class: tuple[DatasetSpec, ...] = ()
    """Data sets of other classes: does the confidence fall on examples that belong to none of the known classes?"""
    cross_data: bool = False
    """Score what was trained on each data set on the others too, on the classes that both have, by name."""
    strategies: Annotated[tuple[StrategySpec, ...], Field(min_length=1)]
    seeds: Annotated[tuple[Annotated[int, Field(ge=0, lt=2**31)], ...], Field(min_length=1)] = (1, 2, 3)
    resample: bool = False
    """Each seed also makes splits of its own, where the suite makes them; otherwise all seeds share one test split."""
    train_examples: LabelBudgets = (ALL,)
    """How many labelled examples a fit may learn from: a number per class (``5``), a share of the training split
    (``"25%"``), or ``"all"``. Of several each model is fitted with each, on nested subsets that are its seed's."""
    training: TrainingSpec = TrainingSpec()
    search: SearchSpec | None = None
    """How the settings of every strategy that has something to search are searched."""
    unequal_tuning: bool = False
    """Allows models with a ``tuning`` of their own; the report says so."""
    budget: BudgetSpec | None = None
    """Limits the search by time."""
    funnel: FunnelSpec | None = None
    """Drops models early, by limits, features and short fits, and fits in full what can still win."""
    generation: GenerationSpec | None = None
    """How texts are written; only for tasks that write."""
    resizing: Resizing | None = None
    """How images of any size become those that models take, for all models alike; each model's own way, which belongs
    to its weights, when left out."""
    feature_engine: FeatureEngine = "auto"
    """What computes frozen features: Keras, or the backbone exported to a faster runtime where that pays."""
    precision: Precision = "float32"
    """What models compute in, in training and after it; ``auto`` is what the GPU is fast in, and float32 on a CPU."""
    headline: Name | None = None
    """The metric that ranks; the task's first metric when left out."""
    exports: tuple[ExportSpec, ...] = ()
    """Files that are made of the adapted models when the trials are done, and measured; part of no trial's identity."""
    constraints: Constraints | None = None
    """What the recommended model may cost and must reach; part of no trial's identity."""
    jobs: Annotated[int, Field(ge=1, le=1024)] | None = Field(default=None, exclude=True)
    """Trials at once on one machine; ``--jobs`` goes before. One per GPU, or one on a CPU, when left out."""
    resources: ResourcesSpec | None = Field(default=None, exclude=True)
    """What one trial is given, on this machine and on each of a cluster; as many run at once as fit, at most ``jobs``.
    Part of no trial's identity."""
    retries: Annotated[int, Field(ge=0, le=100)] = Field(default=2, exclude=True)
    """How often a trial is run again whose worker or machine a cluster lost; its own faults are never retried."""
    distribution: Distribution = Field(default="auto", exclude=True)
    """Shares each fit out over all devices of its worker (``mirrored``) or over none; ``auto`` is ``mirrored`` where a
    worker has several GPUs. ``--distribution`` goes before; part of no trial's identity."""
    gpu_memory_mb: Annotated[int, Field(ge=64)] | None = Field(default=None, exclude=True)
    """The most that a worker takes of each of its GPUs; as much as it needs when left out."""
    keep_models: Literal["best", "none"] = "best"
    """Keep the adapted model of the best trial of each cell, or none."""
    plugins: tuple[str, ...] = ()
    """Python files that register further variants; paths relative to the spec."""


@lru_cache(maxsize=4096)
def _built_options(options: type[BaseModel], text: str) -> BaseModel:
    return options.model_validate_json(text)


V = TypeVar("V", bound=VariantSpec)
M = TypeVar("M", bound=BaseModel)


def load_spec(path: Path, *, overrides: tuple[str, ...] = (), plugins: tuple[Path, ...] = ()) -> Spec:
    """Reads and validates a spec file.

    Args:
        path: A JSON file.
        overrides: ``key.path=value`` pairs applied before validation; values are JSON, else text.
        plugins: Python files that register further variants, besides those that the spec names.

    Returns:
        The validated spec, every variant's options completed with their defaults, plugins as absolute paths.

    Raises:
        SpecError: With the file, the JSON path, what was expected and how to mend it.
    """
    return parse_spec(_read(path), place=str(path), base=path.parent, overrides=overrides, plugins=plugins)


def read_document(path: Path) -> dict[str, Any]:
    """A JSON file that holds one object. Raises ``SpecError`` with the file, line and column."""
    return _parse_object(_read(path), str(path))


def parse_spec(
    text: str,
    *,
    place: str = "spec",
    base: Path = Path(),
    overrides: tuple[str, ...] = (),
    plugins: tuple[Path, ...] = (),
) -> Spec:
    """Validates the text of a spec; see ``load_spec``. ``base`` is where relative plugin paths start."""
    document = _parse_object(text, place)
    for override in overrides:
        _apply_override(document, override)
    return _checked_spec(document, _load_plugins(document.get("plugins"), base, plugins), place)


def parse_stored_spec(text: str) -> Spec:
    """The spec that a run keeps. Its plugins are not imported: who reads a run has not chosen what it names.

    Raises:
        SpecError: As ``load_spec``; also for names of plugins that are not loaded, which the message then names.
    """
    place = "the stored spec"
    document = _parse_object(text, place)
    listed = document.get("plugins")
    files = tuple(one for one in listed if isinstance(one, str)) if isinstance(listed, list) else ()
    try:
        return _checked_spec(document, files, place)
    except SpecError as error:
        if not files:
            raise
        names = ", ".join(dict.fromkeys(PurePath(file).name for file in files))
        raise SpecError(f"{error} It may be of a plugin of the run: give --plugin FILE ({names}).") from None


def _checked_spec(document: dict[str, Any], files: tuple[str, ...], place: str) -> Spec:
    spec = validate(Spec, document, place=place, at="")
    if spec.task not in TASKS:
        raise SpecError(f"{place}: task: {did_you_mean(spec.task, TASKS, what='task')}")
    if spec.headline is not None and spec.headline not in METRICS:
        raise SpecError(f"{place}: headline: {did_you_mean(spec.headline, METRICS, what='metric')}")
    _check_headline(spec, place)
    _check_precision(spec, place)
    twice = sorted(seed for seed, count in Counter(spec.seeds).items() if count > 1)
    if twice:
        raise SpecError(f"{place}: seeds: {twice[0]} is given twice, which would be the same trial; keep one.")
    check_robustness(spec.robustness, spec.task, place=place)
    _check_resizing(spec, place)
    check_exports(spec.exports, spec.task, keep_models=spec.keep_models, place=place)
    refuse_unequal_tuning(spec.models, allowed=spec.unequal_tuning, place=place)
    models = _resolve(spec.models, "models", "source", MODELS, place)
    strategies = _resolve(spec.strategies, "strategies", "strategy", STRATEGIES, place)
    resolved = spec.model_copy(
        update={
            "models": models,
            "datasets": _resolve(spec.datasets, "datasets", "source", DATASETS, place),
            "evaluate_on": _resolve(spec.evaluate_on, "evaluate_on", "source", DATASETS, place),
            "out_of_class": _resolve(spec.out_of_class, "out_of_class", "source", DATASETS, place),
            "strategies": resolve_searches(strategies, models, spec.search, place=place),
            "plugins": files,
        }
    )
    _check_funnel(resolved, place)  # it reads options of strategies, which are checked by now
    return resolved


def _check_headline(spec: Spec, place: str) -> None:
    """A metric of other outputs than the task's would be missed after everything was trained."""
    answers = getattr(TASKS.get(spec.task), "answers", "class")
    if spec.headline is None or getattr(METRICS.get(spec.headline), "answers", answers) == answers:
        return
    able = [name for name in METRICS.names() if getattr(METRICS.get(name), "answers", None) == answers]
    raise SpecError(
        f"{place}: headline: '{spec.headline}' does not apply to what models of the task '{spec.task}' answer. "
        f"Metrics that do: {', '.join(able)}."
    )


def _check_precision(spec: Spec, place: str) -> None:
    """Raises ``SpecError`` for features of one precision and models of another."""
    if spec.precision.startswith("mixed") and spec.feature_engine in {"openvino", "onnx"}:
        raise SpecError(
            f"{place}: feature_engine: '{spec.feature_engine}' computes in float32 and would differ from models in "
            f"{spec.precision}; leave it at 'auto', or 'precision' at 'float32'."
        )


def _check_resizing(spec: Spec, place: str) -> None:
    """Raises ``SpecError`` where there are no images to resize."""
    if spec.resizing is not None and TASKS.get(spec.task).examples != "image":
        raise SpecError(f"{place}: resizing: '{spec.task}' is not about images; leave it out.")


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
        # Editors on Windows write a mark in front, or two bytes a letter.
        return raw.decode(json.detect_encoding(raw))
    except FileNotFoundError:
        raise SpecError(f"{path}: no such file; expected a spec such as specs/vision.json.") from None
    except IsADirectoryError:
        raise SpecError(f"{path}: is a folder; expected a JSON file such as specs/vision.json.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: cannot be read as UTF-8 or UTF-16 text: {error}.") from error


def _parse_object(text: str, place: str) -> dict[str, Any]:
    try:
        document = json.loads(text, object_pairs_hook=_refuse_duplicate_keys)
    except json.JSONDecodeError as error:
        raise SpecError(f"{place}: line {error.lineno}, column {error.colno}: not valid JSON: {error.msg}.") from None
    except RecursionError:
        raise SpecError(f"{place}: nested too deeply; a spec needs a few levels.") from None
    except (SpecError, ValueError) as error:  # the latter for a number of thousands of digits
        raise SpecError(f"{place}: {error}") from None
    if not isinstance(document, dict):
        raise SpecError(f"{place}: expected a JSON object with 'name', 'task', 'models', ..., got {kind_of(document)}.")
    return document


def _load_plugins(listed: Any, base: Path, further: tuple[Path, ...]) -> tuple[str, ...]:
    """Imports plugins before validation, since the names that they add may be used in the spec.

    Returns their absolute paths: a worker process loads them too, and has no idea where the spec lay.
    """
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    files = dict.fromkeys(path.absolute() for path in (*(base / name for name in names), *further))
    for file in files:
        load_plugin_file(file)
    return tuple(map(str, files))


def _resolve(items: tuple[V, ...], at: str, key: str, registry: Registry[Any], place: str) -> tuple[V, ...]:
    """Each variant with its own options validated by the class that the registry names for it."""
    return tuple(_resolve_one(item, f"{at}[{index}]", key, registry, place) for index, item in enumerate(items))


def parse_variant(
    kind: type[V], document: dict[str, Any], *, place: str, at: str, key: str, registry: Registry[Any]
) -> V:
    """One choice from a registry outside a comparison; see ``load_spec`` for what it raises."""
    return _resolve_one(validate(kind, document, place=place, at=at), at, key, registry, place)


def _resolve_one(item: V, here: str, key: str, registry: Registry[Any], place: str) -> V:
    try:
        variant = registry.get(getattr(item, key))
    except SuiteError as error:
        raise SpecError(f"{place}: {here}.{key}: {error}") from None
    clash = set(variant.Options.model_fields) & set(type(item).model_fields) - {"why"}
    if clash:
        raise SuiteError(
            f"{registry.noun} '{getattr(item, key)}' has an option '{min(clash)}', which every one has; rename it."
        )
    options = resolve_options(variant, item.own(), place=place, at=here)
    common = {field: getattr(item, field) for field in type(item).model_fields}
    built: Any = type(item).model_construct(**common, **options.model_dump(mode="json"))
    return built  # type: ignore[no-any-return]  # of item's own type, which model_construct does not tell


def resolve_options(variant: Any, document: dict[str, Any], *, place: str, at: str) -> Any:
    """A variant's own options, validated and checked. Raises ``SpecError`` with place and path."""
    options = validate(variant.Options, document, place=place, at=at)
    try:
        return variant.check(options) if hasattr(variant, "check") else options
    except (SuiteError, OSError) as error:  # the latter for a path that the system refuses
        raise SpecError(f"{place}: {at + ': ' if at else ''}{error}") from None


def validate(model: type[M], document: dict[str, Any], *, place: str, at: str) -> M:
    """``document`` as ``model``. Raises ``SpecError``: place, path, what was expected, what came, nearest key."""
    try:
        return model.model_validate_json(json.dumps(document))
    except pydantic.ValidationError as error:
        raise SpecError("\n".join(f"{place}: {complaint}" for complaint in complaints(model, error, at))) from None
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{place}: {at or 'spec'}: {error}") from None


def _refuse_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise SpecError(f"key '{key}' is given twice in one object; keep one.")
        seen[key] = value
    return seen


def _apply_override(document: dict[str, Any], override: str) -> None:
    """Sets ``a.b.0.c=value`` in the document, so that ``--set training.epochs=3`` works; ``a.b[0].c`` is the same."""
    path, equals, value = override.partition("=")
    path = re.sub(r"\[(\d+)\]", r".\1", path)
    if not equals or not path:
        raise SpecError(f"--set {override}: expected key=value, for instance --set training.epochs=3.")
    *parents, last = path.split(".")
    here: Any = document
    for part in parents:
        here = here.setdefault(part, {}) if isinstance(here, dict) else here[_index(here, part, override)]
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        parsed = value
    here[last if isinstance(here, dict) else _index(here, last, override)] = parsed


def _index(here: Any, part: str, override: str) -> int:
    """Where ``part`` points to in a list. Raises ``SpecError`` where it does not, or ``here`` is no list."""
    if not isinstance(here, list):
        raise SpecError(f"--set {override}: '{part}' leads into {kind_of(here)}; expected an object or an array there.")
    if not (part.isascii() and part.isdecimal() and len(part) < 9 and int(part) < len(here)):
        raise SpecError(f"--set {override}: expected an index from 0 to {len(here) - 1}, got '{part}'.")
    return int(part)


def _check_funnel(spec: Spec, place: str) -> None:
    """Raises ``SpecError`` for an estimator that there is not or is not computed, and for label budgets beside it."""
    funnel = spec.funnel
    if funnel is None:
        return
    if spec.train_examples != (ALL,):
        raise SpecError(
            f"{place}: train_examples: a funnel drops models by what they do with all labels, which says little of few "
            "labels; leave 'funnel' or 'train_examples' out."
        )
    longest = max(one.own().get("epochs") or spec.training.epochs for one in spec.strategies)
    too_long = [rung for rung in funnel.short.epochs or () if rung >= longest]
    if too_long:
        raise SpecError(
            f"{place}: funnel.short.epochs: {too_long[0]} is no short fit, since a full one has {longest} epochs; "
            "leave it out, or give fewer."
        )
    computed = funnel.rank.estimators
    for at, names in (("by", (funnel.rank.by,)), ("estimators", computed or ())):
        for name in names:
            if name not in TRANSFERABILITY:
                complaint = did_you_mean(name, TRANSFERABILITY, what="transferability estimator")
                raise SpecError(f"{place}: funnel.rank.{at}: {complaint}")
    if computed is not None and funnel.rank.by not in computed:
        raise SpecError(
            f"{place}: funnel.rank.by: '{funnel.rank.by}' decides, and is not among the 'estimators'; add it."
        )
