"""The zoo: small pretrained backbones that ship with the suite, so that it runs with no network.

A preset is a folder ``suite/models/zoo/<name>`` with ``config.json`` (the architecture), ``model.weights.h5``
and ``card.json`` (data, licence, recipe, accuracy, how to make it again). A model of texts has the files of
its tokeniser beside them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, cast

import pydantic

from suite.errors import ModelError, Requirement, SuiteError, WeightsError, did_you_mean
from suite.models.architecture import Architecture
from suite.models.backbone import AnyBackbone, Backbone, Pooling, WeightsOrigin
from suite.models.hashing import file_sha256
from suite.models.preprocessing import preprocessing_for
from suite.models.stages import stages_of
from suite.models.text_families import text_tasks
from suite.models.zoo.texts import build_text_architecture
from suite.spec.options import Options
from suite.store.records.resizing import STRETCH, Resizing

R = TypeVar("R", bound=Options)

__all__ = ["Architecture", "Card", "ZooOptions", "ZooSource", "build_architecture", "load_weights", "zoo_folder"]


class Card(Options):
    """What is known of a zoo model."""

    name: str
    pretrained_on: str
    data_licence: str
    data_fingerprint: str
    """SHA-256 over ids, targets and content of the pretraining data."""
    data_origin: str = ""
    """Where the data came from, with the versions of the libraries whose docstrings it is; others give other data."""
    objective: str
    recipe: dict[str, Any]
    """The pretraining spec, complete."""
    seconds: float
    """Wall time of the pretraining."""
    cpu_seconds: float
    """Processor time of the pretraining, all threads together."""
    machine: str
    upstream_metric: str
    upstream_score: float
    """On the test split of the pretraining data, read once."""
    upstream_examples: int
    parameters: int
    weights_sha256: str
    """Of the file ``model.weights.h5``."""
    weights_licence: str
    command: str
    """Reproduces the weights."""
    packages: dict[str, str]


class ZooOptions(Options):
    """Options of the model source ``zoo``."""

    name: str
    """A folder in ``suite/models/zoo``."""


def zoo_folder() -> Path:
    """The folder that holds the presets."""
    return Path(__file__).parent


class ZooSource:
    """Small pretrained backbones that ship with the suite."""

    summary: ClassVar[str] = "small pretrained backbones that ship with the suite; no network needed"
    Options: ClassVar[type[Options]] = ZooOptions

    @classmethod
    def known_names(cls) -> tuple[str, ...]:
        """Names of the presets."""
        return tuple(sorted(path.parent.name for path in zoo_folder().glob("*/config.json")))

    @classmethod
    def label(cls, options: ZooOptions) -> str:
        """The preset's name."""
        return options.name

    @classmethod
    def check(cls, options: ZooOptions) -> ZooOptions:
        """Refuses a name that is not in the zoo. Raises ``ModelError``."""
        if options.name not in cls.known_names():
            raise ModelError(did_you_mean(options.name, cls.known_names(), what="zoo model"))
        return options

    @classmethod
    def licence(cls, options: ZooOptions) -> str | None:
        """Of the weights, as their card says it."""
        return read_card(options.name).weights_licence

    @classmethod
    def tasks(cls, options: ZooOptions) -> tuple[str, ...]:
        """What the model is good for."""
        architecture = read_architecture(options.name)
        return text_tasks(architecture.constructor) if architecture.reads_text else ("image_classification",)

    @classmethod
    def requirements(cls, options: ZooOptions) -> tuple[Requirement, ...]:
        """Nothing: the weights ship with the suite."""
        return ()

    @classmethod
    def input_size(cls, options: ZooOptions) -> tuple[int, int] | None:
        """Height and width that the weights were trained at; None for a model of texts."""
        return read_architecture(options.name).input_size

    @classmethod
    def weights_size(cls, options: ZooOptions) -> tuple[int, int] | None:
        """Height and width that the weights were trained at."""
        return cls.input_size(options)

    @classmethod
    def weights_resizing(cls, options: ZooOptions) -> Resizing | None:
        """Stretched, as in their pretraining; None for a model of texts."""
        return STRETCH if cls.input_size(options) is not None else None

    @classmethod
    def pretrained_on(cls, options: ZooOptions) -> str | None:
        """What the card says."""
        return read_card(options.name).pretrained_on

    @classmethod
    def build(
        cls,
        options: ZooOptions,
        *,
        weights: Literal["pretrained", "random"] = "pretrained",
        input_size: tuple[int, int] | None = None,
    ) -> AnyBackbone:
        """Builds a preset. Raises ``WeightsError`` where the weights file is damaged or does not fit."""
        cls.check(options)
        architecture = read_architecture(options.name)
        if input_size is not None and tuple(input_size) != architecture.input_size:
            raise ModelError(f"zoo model '{options.name}' has the input size {architecture.input_size} only.")
        backbone = _build(architecture, options.name)
        if weights == "random":
            return backbone
        card = read_card(options.name)
        path = zoo_folder() / options.name / "model.weights.h5"
        load_weights(backbone.model, path, card.weights_sha256)
        origin = WeightsOrigin(
            name=card.pretrained_on,
            location=f"suite/zoo/{options.name}",
            sha256=card.weights_sha256,
            licence=card.weights_licence,
            pretrained_on=card.pretrained_on,
        )
        return replace(backbone, weights=origin)


def _build(architecture: Architecture, name: str) -> AnyBackbone:
    if not architecture.reads_text:
        return build_architecture(architecture, name=name)

    return build_text_architecture(architecture, name=name, folder=zoo_folder() / name)


def read_architecture(name: str) -> Architecture:
    """The architecture of a preset. Raises ``ModelError`` where its file is damaged."""
    return _read(Architecture, zoo_folder() / name / "config.json")


def read_card(name: str) -> Card:
    """The card of a preset. Raises ``ModelError`` where its file is damaged."""
    return _read(Card, zoo_folder() / name / "card.json")


def build_architecture(architecture: Architecture, *, name: str) -> Backbone:
    """A backbone of images with random weights from Keras's global seed.

    Raises:
        ModelError: Where the class is unknown, reads texts, or refuses its arguments.
    """
    if architecture.input_size is None:
        raise ModelError(f"{architecture.constructor} reads texts; an architecture of images is needed here.")

    constructor = _constructor(architecture)
    height, width = architecture.input_size
    shape = {"input_shape": (height, width, 3)} if architecture.builder == "applications" else {}
    shape = shape or {"image_shape": (height, width, 3)}
    try:
        model = constructor(**shape, **architecture.config)
    except (ValueError, TypeError) as error:
        raise ModelError(f"{architecture.constructor} refuses its arguments: {error}") from error
    return Backbone(
        name=name,
        model=model,
        preprocess=preprocessing_for("tf"),
        input_size=architecture.input_size,
        pooling=cast("Pooling", architecture.pooling),
        stages=stages_of(model, architecture.family),
        weights=WeightsOrigin(name="random", location="", sha256=""),
        family=architecture.family,
    )


def _constructor(architecture: Architecture) -> Any:
    """The class or function that builds the backbone."""
    import functools

    if architecture.builder == "applications":
        import keras

        known = {name for name in dir(keras.applications) if name[0].isupper()}
        if architecture.constructor not in known:
            raise ModelError(did_you_mean(architecture.constructor, known, what="constructor of keras.applications"))
        constructor = getattr(keras.applications, architecture.constructor)
        return functools.partial(constructor, include_top=False, weights=None)
    import keras_hub

    known = {name for name in dir(keras_hub.models) if name.endswith("Backbone")}
    if architecture.constructor not in known:
        raise ModelError(did_you_mean(architecture.constructor, known, what="backbone of keras_hub.models"))
    return getattr(keras_hub.models, architecture.constructor)


def load_weights(model: Any, path: Path, sha256: str) -> None:
    """Loads a preset's weights. Raises ``WeightsError`` where the file is missing, another, or does not fit."""
    if not path.is_file():
        raise WeightsError(f"{path.name} of zoo model '{path.parent.name}' is missing; install the suite again.")
    found = file_sha256(path)
    if found != sha256:
        raise WeightsError(
            f"{path.name} of zoo model '{path.parent.name}': expected SHA-256 {sha256[:12]}..., got {found[:12]}...; "
            "the file is damaged, install the suite again."
        )
    try:
        model.load_weights(path)
    except (ValueError, OSError) as error:
        raise WeightsError(f"{path.name} does not fit zoo model '{path.parent.name}': {error}") from error


def _read(model: type[R], path: Path) -> R:
    try:
        return model.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(did_you_mean(path.parent.name, ZooSource.known_names(), what="zoo model")) from None
    except (pydantic.ValidationError, json.JSONDecodeError, OSError) as error:
        raise SuiteError(f"{path.parent.name}/{path.name} is damaged: {error}") from error
