"""Model source ``applications``: every constructor of ``keras.applications``."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from suite.errors import ModelError, Requirement, WeightsError, did_you_mean
from suite.models.backbone import Backbone, WeightsOrigin
from suite.models.cache import fetch, keras_models_folder, refuse_wrong_hash
from suite.models.constructors import (
    CONSTRUCTORS,
    Constructor,
    WeightsFile,
    evaluation_resizing,
    published_side,
    published_widths,
    weights_file,
    weights_licence,
)
from suite.models.hashing import file_matches, file_sha256, weights_sha256
from suite.models.input_size import InputSize, check_input_size
from suite.models.preprocessing import preprocessing_for
from suite.models.stages import stages_of
from suite.spec.options import Options, PathText
from suite.store.records.resizing import Resizing

__all__ = ["ApplicationsOptions", "ApplicationsSource"]

OPTION_OWNERS = {
    "alpha": ("MobileNet", "MobileNetV2", "MobileNetV3Large", "MobileNetV3Small"),
    "depth_multiplier": ("MobileNet",),
    "minimalistic": ("MobileNetV3Large", "MobileNetV3Small"),
}
WEIGHTS_SUFFIXES = (".h5", ".keras")


class ApplicationsOptions(Options):
    """Options of the model source ``applications``."""

    name: str
    """A constructor of ``keras.applications``, for instance ``MobileNetV2``."""
    weights: PathText | None = "imagenet"
    """``imagenet``, the path of an ``.h5`` or ``.keras`` file without head, or null for random weights."""
    input_size: InputSize | None = None
    """Height and width in pixels; the size of the published weights when left out."""
    resizing: Resizing | None = None
    """How images of any size are brought to it; as in the published evaluation when left out."""
    alpha: Annotated[float, Field(gt=0.0, le=4.0)] | None = None
    """Width of a MobileNet; 1.0 when left out."""
    depth_multiplier: Annotated[int, Field(ge=1, le=8)] | None = None
    """Filters per channel of MobileNet's depthwise convolutions; 1 when left out."""
    minimalistic: bool | None = None
    """MobileNetV3 without squeeze-and-excite, hard-swish and 5x5 kernels; false when left out."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None = None
    """SHA-256 that the weights file must have."""


class ApplicationsSource:
    """Architectures of ``keras.applications``, with ImageNet weights, a file's, or none."""

    summary: ClassVar[str] = "every constructor of keras.applications; ImageNet weights, a file's, or none"
    Options: ClassVar[type[Options]] = ApplicationsOptions

    @classmethod
    def known_names(cls) -> tuple[str, ...]:
        """Names of the constructors."""
        return tuple(sorted(CONSTRUCTORS))

    @classmethod
    def licence(cls, options: ApplicationsOptions) -> str | None:
        """Of the published weights; None for a file's, or for none."""
        return weights_licence(options.name) if options.weights == "imagenet" else None

    @classmethod
    def label(cls, options: ApplicationsOptions) -> str:
        """Name, with what differs from the usual: ``MobileNet 0.25 @128 (random)``."""
        parts = [options.name]
        if options.alpha is not None:
            parts.append(f"{options.alpha:g}")
        if options.depth_multiplier is not None:
            parts.append(f"x{options.depth_multiplier}")
        if options.minimalistic:
            parts.append("minimalistic")
        if options.input_size is not None:
            height, width = options.input_size
            parts.append(f"@{height}" if height == width else f"@{height}x{width}")
        if options.weights != "imagenet":
            parts.append(f"({Path(options.weights).name if options.weights else 'random'})")
        return " ".join(parts)

    @classmethod
    def check(cls, options: ApplicationsOptions) -> ApplicationsOptions:
        """Refuses what cannot be built. Raises ``ModelError`` or ``WeightsError``; needs no TensorFlow."""
        if options.name not in CONSTRUCTORS:
            raise ModelError(did_you_mean(options.name, CONSTRUCTORS, what="constructor of keras.applications"))
        for option, owners in OPTION_OWNERS.items():
            if getattr(options, option) is not None and options.name not in owners:
                raise ModelError(f"'{options.name}' has no option '{option}'; it belongs to {', '.join(owners)}.")
        check_input_size(_size(options, None), smallest=CONSTRUCTORS[options.name].smallest, what=options.name)
        if options.weights == "imagenet":
            _check_published(options)
        elif options.weights is not None:
            _check_path(options.weights)
        elif options.sha256 is not None:
            raise ModelError("sha256: there is no weights file to compare it with, since 'weights' is null.")
        return options

    @classmethod
    def requirements(cls, options: ApplicationsOptions) -> tuple[Requirement, ...]:
        """The weights file; nothing where weights are random."""
        if options.weights is None:
            return ()
        if options.weights != "imagenet":
            path = Path(options.weights).expanduser()
            return (
                Requirement(
                    what=f"weights of {options.name}",
                    url="",
                    path=path,
                    present=path.is_file(),
                    size_bytes=path.stat().st_size if path.is_file() else None,
                    sha=options.sha256,
                ),
            )
        file = _published(options, _size(options, None))
        return (_cached(options.name, file),)

    @classmethod
    def input_size(cls, options: ApplicationsOptions) -> tuple[int, int] | None:
        """Height and width that the backbone is built for."""
        return _size(options, None)

    @classmethod
    def weights_size(cls, options: ApplicationsOptions) -> tuple[int, int] | None:
        """Height and width that the published weights were trained at; None for other weights."""
        if options.weights != "imagenet":
            return None
        side = published_side(options.name, _size(options, None))
        return (side, side)

    @classmethod
    def weights_resizing(cls, options: ApplicationsOptions) -> Resizing | None:
        """How images were resized when the constructor's published weights were evaluated; None for random ones."""
        return evaluation_resizing(options.name) if options.weights is not None else None

    @classmethod
    def pretrained_on(cls, options: ApplicationsOptions) -> str | None:
        """The data of the published weights; None where there are none, or a file does not say."""
        return _pretrained_on(options.name) if options.weights == "imagenet" else None

    @classmethod
    def build(
        cls,
        options: ApplicationsOptions,
        *,
        weights: Literal["pretrained", "random"] = "pretrained",
        input_size: tuple[int, int] | None = None,
    ) -> Backbone:
        """Builds the constructor's network without head.

        Args:
            options: Which one, and its weights.
            weights: ``random`` leaves the options' weights unread.
            input_size: Height and width in pixels instead of the options'.

        Returns:
            The backbone; features are ``(batch, height, width, channels)``.

        Raises:
            ModelError: Where the options fit no constructor, or the images are too small for it.
            WeightsError: Where the weights do not fit, or their hash is another.
            DownloadError: Where ImageNet weights cannot be fetched.
        """
        cls.check(options)
        constructor = CONSTRUCTORS[options.name]
        size = _size(options, input_size)
        check_input_size(size, smallest=constructor.smallest, what=options.name)
        if weights == "random" or options.weights is None:
            model, origin = _construct(options, size, None), WeightsOrigin(name="random", location="", sha256="")
        elif options.weights == "imagenet":
            model, origin = _with_imagenet(options, size)
        else:
            model, origin = _with_file(options, size, Path(options.weights).expanduser())

        return Backbone(
            name=options.name,
            model=model,
            preprocess=preprocessing_for(constructor.mode),
            input_size=size,
            pooling="average",
            stages=stages_of(model, constructor.family),
            weights=origin,
            family=constructor.family,
            resizing=options.resizing or evaluation_resizing(options.name),
        )


def _size(options: ApplicationsOptions, asked: tuple[int, int] | None) -> tuple[int, int]:
    side = CONSTRUCTORS[options.name].default_size
    height, width = asked or options.input_size or (side, side)
    return height, width


def _check_published(options: ApplicationsOptions) -> None:
    widths = published_widths(options.name, minimalistic=bool(options.minimalistic))
    if (options.alpha or 1.0) not in widths:
        raise ModelError(
            f"alpha: ImageNet weights of {options.name} are published for {', '.join(f'{w:g}' for w in widths)}, "
            f"got {options.alpha:g}; take one of them, or weights null."
        )
    if (options.depth_multiplier or 1) != 1:
        raise ModelError(
            f"depth_multiplier: ImageNet weights are published for 1 only, got {options.depth_multiplier}; "
            "take weights null."
        )


def _check_path(weights: str) -> None:
    path = Path(weights).expanduser()
    if path.suffix not in WEIGHTS_SUFFIXES:
        raise WeightsError(
            f"weights: expected 'imagenet', null, or a file that ends in {' or '.join(WEIGHTS_SUFFIXES)}, "
            f"got '{weights}'."
        )
    if not path.is_file():
        raise WeightsError(f"weights: '{weights}' is no file; expected 'imagenet', null, or the path of a file.")


def _published(options: ApplicationsOptions, size: tuple[int, int]) -> WeightsFile:
    alpha, minimalistic = options.alpha or 1.0, bool(options.minimalistic)
    return weights_file(options.name, alpha=alpha, minimalistic=minimalistic, size=size)


def _cached(name: str, file: WeightsFile) -> Requirement:
    path = keras_models_folder() / file.name
    return Requirement(
        what=f"ImageNet weights of {name}",
        url=file.url,
        path=path,
        present=path.is_file(),
        size_bytes=path.stat().st_size if path.is_file() else None,
        sha=file.file_hash or None,
    )


def _construct(options: ApplicationsOptions, size: tuple[int, int], weights: str | None) -> Any:
    """Calls the constructor with the options that it has."""
    import keras

    own = {name: getattr(options, name) for name in OPTION_OWNERS if getattr(options, name) is not None}
    constructor = getattr(keras.applications, options.name)
    with warnings.catch_warnings():
        # MobileNets say so where no weights were published for this size; those of 224 are taken, and named.
        warnings.filterwarnings("ignore", message="`input_shape` is undefined or non-square")
        return constructor(include_top=False, weights=weights, input_shape=(*size, 3), **own)


def _with_imagenet(options: ApplicationsOptions, size: tuple[int, int]) -> tuple[Any, WeightsOrigin]:
    file = _published(options, size)
    requirement = _cached(options.name, file)
    refuse_wrong_hash(requirement.path, file.file_hash, what=requirement.what)
    fetch(file, requirement)
    _check_sha256(requirement.path, options.sha256)
    try:
        model = _construct(options, size, "imagenet")
    except (ValueError, OSError, KeyError) as error:
        raise WeightsError(_misfit(options.name, requirement.path, error)) from error
    origin = WeightsOrigin(
        name="imagenet",
        location=file.url,
        sha256=weights_sha256(model),
        licence=weights_licence(options.name),
        pretrained_on=_pretrained_on(options.name),
    )
    return model, origin


def _pretrained_on(name: str) -> str:
    larger = name in {"ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtXLarge"}
    return "ImageNet-21k, then ImageNet-1k" if larger else "ImageNet-1k"


def _with_file(options: ApplicationsOptions, size: tuple[int, int], path: Path) -> tuple[Any, WeightsOrigin]:
    _check_sha256(path, options.sha256)
    _refuse_published_copy(CONSTRUCTORS[options.name], options, path)
    model = _construct(options, size, None)
    try:
        model.load_weights(path)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise WeightsError(_misfit(options.name, path, error)) from error
    return model, WeightsOrigin(name=path.name, location=path.name, sha256=weights_sha256(model))


def _refuse_published_copy(constructor: Constructor, options: ApplicationsOptions, path: Path) -> None:
    """Keras rescales inside the first EfficientNets for ``imagenet`` alone; a path would lose that silently."""
    if constructor.module == "efficientnet" and file_matches(path, constructor.file_hash):
        place = keras_models_folder() / _published(options, _size(options, None)).name
        raise WeightsError(
            f"weights: '{path.name}' is the published ImageNet file of {options.name}, for which Keras builds a "
            f'rescaling that it leaves out for a path; copy the file to {place} and say "weights": "imagenet".'
        )


def _check_sha256(path: Path, expected: str | None) -> None:
    found = file_sha256(path) if expected else None
    if found is not None and expected is not None and found != expected.lower():
        raise WeightsError(
            f"sha256: {path} was expected to have {expected[:12]}..., it has {found[:12]}...; "
            "it is another file, or damaged."
        )


def _misfit(name: str, path: Path, error: Exception) -> str:
    reason = " ".join(str(error).split())
    return (
        f"weights: {path} does not fit {name} without head: {reason[:400]} Expected a file saved from the same "
        "constructor with the same options and include_top=False."
    )
