"""Model source ``file``: a ``.keras`` file, loaded in safe mode."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from suite.errors import ModelError, Requirement, SuiteError, WeightsError, did_you_mean
from suite.models.backbone import Backbone, Pooling, WeightsOrigin
from suite.models.hashing import file_sha256, weights_sha256
from suite.models.input_size import InputSize, check_input_size
from suite.models.keras_file import check_keras_file
from suite.models.other_file_kinds import other_kind
from suite.models.preprocessing import PreprocessingMode, preprocessing_for
from suite.models.presets import static_size
from suite.models.stages import families, stages_of
from suite.spec.options import Options, PathText
from suite.store.records.resizing import STRETCH, Resizing

__all__ = ["FileOptions", "FileSource"]

MEND = "It is damaged, or was saved by another version of Keras; save the model again with the one that is here."


class FileOptions(Options):
    """Options of the model source ``file``."""

    path: PathText
    """A ``.keras`` file; the model takes one batch of RGB images."""
    layer: str | None = None
    """Name of the layer whose output is the features; the model's own output when left out."""
    preprocessing: PreprocessingMode = "none"
    """What the weights expect, as in keras.applications; ``none`` where the model does it itself."""
    input_size: InputSize | None = None
    """Height and width in pixels; needed where the model takes any."""
    resizing: Resizing | None = None
    """How images of any size are brought to it; stretched when left out, since a file does not say how it was."""
    family: str = "generic"
    """A family of ``suite/models/stages.py``, where the model is of that architecture."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None = None
    """SHA-256 that the file must have."""


class FileSource:
    """A Keras model in a file of the user's."""

    summary: ClassVar[str] = "a .keras file, loaded in safe mode; the feature layer is chosen by name"
    Options: ClassVar[type[Options]] = FileOptions

    @classmethod
    def known_names(cls) -> tuple[str, ...]:
        """None: any file will do."""
        return ()

    @classmethod
    def label(cls, options: FileOptions) -> str:
        """The file's name, and the layer where one is chosen."""
        name = Path(options.path).stem
        return f"{name}: {options.layer}" if options.layer else name

    @classmethod
    def check(cls, options: FileOptions) -> FileOptions:
        """Refuses what is no ``.keras`` file. Raises ``ModelError``; needs no TensorFlow."""
        path = Path(options.path).expanduser()
        if other := other_kind(path):
            raise ModelError(f"path: expected a .keras file; '{options.path}' is {other}")
        if path.suffix != ".keras":
            raise ModelError(f"path: expected a file that ends in .keras, got '{options.path}'.")
        if not path.is_file():
            raise ModelError(f"path: '{options.path}' is no file; expected a .keras file.")
        if not zipfile.is_zipfile(path):
            raise ModelError(f"path: '{options.path}' is damaged or no .keras file: it is not a zip archive.")
        check_keras_file(path, layer=options.layer)
        if options.family not in families():
            raise ModelError(f"family: {did_you_mean(options.family, families(), what='architecture family')}")
        return options

    @classmethod
    def requirements(cls, options: FileOptions) -> tuple[Requirement, ...]:
        """The file itself."""
        path = Path(options.path).expanduser()
        present = path.is_file()
        return (
            Requirement(
                what=f"model file {path.name}",
                url="",
                path=path,
                present=present,
                size_bytes=path.stat().st_size if present else None,
                sha=options.sha256,
            ),
        )

    @classmethod
    def input_size(cls, options: FileOptions) -> tuple[int, int] | None:
        """Height and width from the options, else from the file's own configuration where it is fixed there."""
        if options.input_size is not None:
            return options.input_size
        try:
            with zipfile.ZipFile(Path(options.path).expanduser()) as archive:
                layers = json.loads(archive.read("config.json"))["config"]["layers"]
            shape = next(layer for layer in layers if layer["class_name"] == "InputLayer")["config"]["batch_shape"]
        except (OSError, ValueError, KeyError, TypeError, StopIteration, zipfile.BadZipFile):
            return None
        return static_size(shape[1:]) if isinstance(shape, list) else None

    @classmethod
    def build(
        cls,
        options: FileOptions,
        *,
        weights: Literal["pretrained", "random"] = "pretrained",
        input_size: tuple[int, int] | None = None,
    ) -> Backbone:
        """Loads the file; ``random`` keeps its architecture and draws new weights.

        Raises:
            ModelError: Where the file is unsafe or damaged, holds no model of RGB images, or has no such layer.
            WeightsError: Where its hash is another than ``sha256``.
        """
        cls.check(options)
        path = Path(options.path).expanduser()
        _check_sha256(path, options.sha256)
        try:
            return cls._build(path, options, weights=weights, input_size=input_size)
        except (SuiteError, MemoryError):
            raise
        # What Keras makes of a damaged configuration can fail in any way.
        except Exception as error:
            reason = " ".join(str(error).split())[:400]
            raise ModelError(f"path: {path.name} cannot be used ({type(error).__name__}: {reason}). {MEND}") from error

    @classmethod
    def _build(
        cls,
        path: Path,
        options: FileOptions,
        *,
        weights: Literal["pretrained", "random"],
        input_size: tuple[int, int] | None,
    ) -> Backbone:
        import keras

        whole = _load(path)
        model = _features(whole, options)
        size = _size(model, input_size or options.input_size, options)
        if weights == "random":
            whole = model = keras.models.clone_model(model)
        origin = WeightsOrigin(name="random", location="", sha256="")
        if weights == "pretrained":
            origin = WeightsOrigin(name=path.name, location=path.name, sha256=weights_sha256(model))
        return Backbone(
            name=cls.label(options),
            model=model,
            preprocess=preprocessing_for(options.preprocessing),
            source_head=None if whole is model else _source_head(whole, options, size),
            input_size=size,
            pooling=_pooling(model, options),
            stages=stages_of(model, options.family),
            weights=origin,
            family=options.family,
            resizing=options.resizing or STRETCH,
        )


def _check_sha256(path: Path, expected: str | None) -> None:
    found = file_sha256(path) if expected else None
    if found is not None and expected is not None and found != expected.lower():
        raise WeightsError(f"sha256: {path.name} was expected to have {expected[:12]}..., it has {found[:12]}...")


def _load(path: Path) -> Any:
    """The model in a file; nothing in it is unpickled and no code of its own is run."""
    import keras

    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except MemoryError:
        raise
    # Of 250 damaged files Keras raised seven kinds of errors; none of them is one that a user could read.
    except Exception as error:
        if type(error).__name__ == "ResourceExhaustedError":
            raise ModelError(f"path: {path.name} needs more memory than there is.") from error
        reason = " ".join(str(error).split())[:400]
        if "unsafe" in reason.lower() or "safe_mode" in reason:
            raise ModelError(
                f"path: {path.name} holds Python code (a Lambda layer or the like), which is never run from a file; "
                "save the model with registered layers instead."
            ) from error
        raise ModelError(f"path: {path.name} cannot be loaded ({type(error).__name__}: {reason}). {MEND}") from error
    # Somebody else's name may be one that TensorFlow refuses, or that another layer of the suite has.
    model.name = "backbone"
    return model


def _features(model: Any, options: FileOptions) -> Any:
    """The part of a model from its images to the layer that was asked for."""
    import keras

    inputs = getattr(model, "inputs", None)
    if not inputs or len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].shape[-1] != 3:
        raise ModelError(
            f"path: {Path(options.path).name}: expected a model of one batch of RGB images "
            f"(batch, height, width, 3), got inputs {[tuple(tensor.shape) for tensor in inputs or ()]}."
        )
    if options.layer is None:
        if len(model.outputs) != 1:
            known = ", ".join(layer.name for layer in model.layers)
            raise ModelError(f"layer: the model has {len(model.outputs)} outputs; name one of its layers: {known}.")
        return model
    names = [layer.name for layer in model.layers]
    if options.layer not in names:
        raise ModelError(f"layer: {did_you_mean(options.layer, names, what='layer')}")
    return keras.Model(inputs[0], model.get_layer(options.layer).output, name=model.name)


def _source_head(whole: Any, options: FileOptions, size: tuple[int, int]) -> Any | None:
    """From raw images to the class probabilities of the whole file; None where it does not end in a softmax."""
    import keras

    activation = getattr(whole.layers[-1], "activation", None)
    softmax = activation is keras.activations.softmax or isinstance(whole.layers[-1], keras.layers.Softmax)
    if len(whole.outputs) != 1 or len(whole.outputs[0].shape) != 2 or not softmax:
        return None
    images = keras.Input((*size, 3), dtype="float32")
    return keras.Model(images, whole(preprocessing_for(options.preprocessing)(images)), name="source_head")


def _size(model: Any, asked: tuple[int, int] | None, options: FileOptions) -> tuple[int, int]:
    native = static_size(tuple(model.inputs[0].shape[1:]))
    if asked is not None and native is not None and tuple(asked) != native:
        raise ModelError(
            f"input_size: {Path(options.path).name} takes {native[0]} x {native[1]} only, got {asked[0]} x {asked[1]}."
        )
    size = asked or native
    if size is None:
        raise ModelError(f"input_size: is missing; {Path(options.path).name} takes images of any size.")
    check_input_size(size, smallest=1, what=Path(options.path).name)
    return size


def _pooling(model: Any, options: FileOptions) -> Pooling:
    """Maps and tokens are averaged; a vector is taken as it is."""
    rank = len(model.outputs[0].shape)
    if rank not in {2, 3, 4}:
        raise ModelError(f"layer: features of {Path(options.path).name} have {rank} dimensions; expected 2, 3 or 4.")
    return "none" if rank == 2 else "average"
