"""Model source ``hub``: KerasHub presets - built-in, Kaggle, Hugging Face, a folder - or a class and its config."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from suite.errors import ModelError, Requirement, did_you_mean
from suite.models.backbone import AnyBackbone, Backbone, Pooling, WeightsOrigin
from suite.models.hashing import weights_sha256
from suite.models.hub_text import AskedPooling, text_from_class, text_from_preset
from suite.models.input_size import InputSize, check_input_size
from suite.models.licences import licence_of_preset
from suite.models.preprocessing import PreprocessingMode, preprocessing_for
from suite.models.preset_loading import (
    SHAPE_ARGUMENTS,
    backbone_class,
    converter_preprocessing,
    converter_resizing,
    image_converter,
    load_preset,
    shape_argument,
)
from suite.models.presets import (
    Preset,
    builtin_presets,
    find_preset,
    native_size,
    planned_class,
    preset_resizing,
    static_size,
)
from suite.models.stages import stages_of
from suite.models.text_families import TEXT_FAMILIES, text_tasks
from suite.spec.options import Options, PathText
from suite.store.records.resizing import STRETCH, Resizing

__all__ = ["HubOptions", "HubSource"]

FAMILIES: dict[str, tuple[str, Pooling]] = {
    "CSPNetBackbone": ("generic", "average"),
    "DINOV2Backbone": ("vit", "token"),
    "DINOV3Backbone": ("vit", "token"),
    "DeiTBackbone": ("vit", "token"),
    "DenseNetBackbone": ("densenet", "average"),
    "EfficientNetBackbone": ("efficientnet", "average"),
    "HGNetV2Backbone": ("hgnet", "average"),
    "MiTBackbone": ("mit", "average"),
    "MobileNetBackbone": ("mobilenet", "average"),
    "MobileNetV5Backbone": ("generic", "average"),
    "ResNetBackbone": ("resnet", "average"),
    "SwinTransformerBackbone": ("swin", "average"),
    "VGGBackbone": ("vgg", "average"),
    "ViTBackbone": ("vit", "token"),
    "XceptionBackbone": ("xception", "average"),
}
"""Stages and pooling of the vision backbones. A class token gathers an image by itself; maps are averaged."""
ALL_TASKS = ("image_classification", "text_classification", "text_generation")
SMALLEST = 8
SHORTEST = 8
"""Tokens; two texts and their special tokens need about as many."""
USUAL_SIZE = (224, 224)


TOKENIZER_FILES = (
    "tokenizer.json", "assets/tokenizer", "vocab.txt", "vocab.json", "vocabulary.txt", "vocabulary.json",
    "vocabulary.spm", "spiece.model", "tokenizer.model", "sentencepiece.bpe.model",
)  # fmt: skip
"""Of which a tokeniser is read, in the formats of KerasHub and of Transformers."""


class HubOptions(Options):
    """Options of the model source ``hub``: a ``preset``, or a ``backbone`` with its ``config``."""

    preset: PathText | None = None
    """Built-in name, ``kaggle://...``, ``hf://owner/name``, or a folder in KerasHub, Transformers or timm format."""
    backbone: str | None = None
    """A class of ``keras_hub.models``, for instance ``ViTBackbone`` or ``BertBackbone``; its weights are random."""
    config: dict[str, Any] | None = None
    """Keyword arguments of ``backbone``."""
    input_size: InputSize | None = None
    """Height and width in pixels; the preset's own when left out. For images."""
    resizing: Resizing | None = None
    """How images of any size are brought to it; as the preset's image converter or timm configuration says when left
    out, stretched where neither does. For images."""
    preprocessing: Literal["auto", "none", "tf", "torch", "caffe"] = "auto"
    """``auto``: the preset's image converter, or -1 to 1 for a ``backbone``; else as in keras.applications.

    For images.
    """
    tokenizer: PathText | None = None
    """Preset or folder that the tokeniser is read from; the preset's own when left out. For texts."""
    sequence_length: Annotated[int, Field(ge=SHORTEST)] | None = None
    """Longest sequence in tokens, special tokens counted; the model's own, at most 512, when left out. For texts."""
    pooling: AskedPooling = "auto"
    """How the states of tokens become one vector; ``auto`` is what belongs to the model. For texts."""


class HubSource:
    """Vision and text backbones of KerasHub."""

    summary: ClassVar[str] = "KerasHub presets: built-in, kaggle://, hf://, a local folder; or a class and its config"
    Options: ClassVar[type[Options]] = HubOptions

    @classmethod
    def known_names(cls) -> tuple[str, ...]:
        """Names of the built-in presets; other handles and folders work too."""
        return tuple(sorted(builtin_presets()))

    @classmethod
    def label(cls, options: HubOptions) -> str:
        """The last part of the preset's name, or the class."""
        name = (options.preset or "").rstrip("/").split("/")[-1] if options.preset else f"{options.backbone} (random)"
        if options.preset and options.preset.startswith("kaggle://") and name.isdigit():
            name = options.preset.rstrip("/").split("/")[-2]
        return f"{name} @{options.input_size[0]}x{options.input_size[1]}" if options.input_size else name

    @classmethod
    def check(cls, options: HubOptions) -> HubOptions:
        """Refuses what cannot be found or built. Raises ``ModelError``; needs no TensorFlow."""
        if (options.preset is None) == (options.backbone is None):
            raise ModelError("expected either 'preset' or 'backbone' with 'config'; give one of the two.")
        if options.preset is not None:
            if options.config is not None:
                raise ModelError("config: belongs to 'backbone'; a preset has its own.")
            _check_preset(options.preset)
        elif options.backbone not in {**FAMILIES, **TEXT_FAMILIES}:
            known = (*FAMILIES, *TEXT_FAMILIES)
            raise ModelError(did_you_mean(str(options.backbone), known, what="backbone of keras_hub.models"))
        kind = _planned_class(options)
        if kind is not None:
            _check_reads(options, kind)
        if kind in TEXT_FAMILIES:
            _check_tokenizer(options)
        if options.backbone in FAMILIES and cls.input_size(options) is None:
            raise ModelError("input_size: is missing; a 'backbone' without weights has no size of its own.")
        size = cls.input_size(options)
        if size is not None:
            check_input_size(size, smallest=SMALLEST, what=options.preset or str(options.backbone))
        return options

    @classmethod
    def tasks(cls, options: HubOptions) -> tuple[str, ...]:
        """What the model is good for; every task where only its files tell and they are not here yet."""
        kind = _planned_class(options)
        if kind is None:
            return ALL_TASKS
        return text_tasks(kind) if kind in TEXT_FAMILIES else ("image_classification",)

    @classmethod
    def requirements(cls, options: HubOptions) -> tuple[Requirement, ...]:
        """The folder with the preset's files; nothing for random weights."""
        if options.preset is None:
            return ()
        preset = find_preset(options.preset)
        files = [path for path in preset.folder.glob("*") if path.is_file()] if preset.is_present else []
        beside = "the tokeniser's files" if _planned_class(options) in TEXT_FAMILIES else "image_converter.json"
        return (
            Requirement(
                what=f"KerasHub preset {options.preset} (config.json, {beside} and the weights)",
                url=preset.url,
                path=preset.folder,
                present=preset.is_present,
                size_bytes=sum(path.stat().st_size for path in files) or None,
            ),
        )

    @classmethod
    def input_size(cls, options: HubOptions) -> tuple[int, int] | None:
        """Height and width where the options, a local configuration or the preset's name tell them; None for text."""
        if _planned_class(options) in TEXT_FAMILIES:
            return None
        if options.input_size is not None:
            return options.input_size
        if options.preset is None:
            shapes = (static_size((options.config or {}).get(name)) for name in SHAPE_ARGUMENTS)
            return next(filter(None, shapes), None)
        size = native_size(find_preset(options.preset))
        if size is not None:
            return size
        match = re.search(r"_(\d{3})(?:_|$)", options.preset)
        return (int(match[1]), int(match[1])) if match else None

    @classmethod
    def weights_size(cls, options: HubOptions) -> tuple[int, int] | None:
        """Height and width that the preset's weights were trained at, where its files or its name tell them."""
        return cls.input_size(HubOptions(preset=options.preset)) if options.preset is not None else None

    @classmethod
    def weights_resizing(cls, options: HubOptions) -> Resizing | None:
        """How images are resized for a preset's weights; None for texts, and where no file that is here says."""
        if options.preset is None or _planned_class(options) in TEXT_FAMILIES:
            return None
        return preset_resizing(find_preset(options.preset))

    @classmethod
    def pretrained_on(cls, options: HubOptions) -> str | None:
        """Data that the preset names; None where it names none, or the weights are random."""
        return _pretrained_on(find_preset(options.preset)) if options.preset is not None else None

    @classmethod
    def licence(cls, options: HubOptions) -> str | None:
        """Of a preset's weights, as its card says it or as it is known of its family."""
        return licence_of_preset(find_preset(options.preset)) if options.preset is not None else None

    @classmethod
    def build(
        cls,
        options: HubOptions,
        *,
        weights: Literal["pretrained", "random"] = "pretrained",
        input_size: tuple[int, int] | None = None,
    ) -> AnyBackbone:
        """Builds the backbone of a preset, or of a class.

        Args:
            options: Which one.
            weights: ``random`` builds a preset's architecture alone.
            input_size: Height and width in pixels instead of the options'.

        Returns:
            The backbone; features are ``(batch, height, width, channels)`` or ``(batch, tokens, channels)``. A
            ``TextBackbone`` where it reads texts.

        Raises:
            ModelError: Where it reads neither images nor texts, or does not take the size.
            WeightsError: Where the weights do not fit.
            DownloadError: Where the preset is not there and cannot be fetched.
        """
        cls.check(options)
        if (options.backbone or _built_class(options)) in TEXT_FAMILIES:
            return _text(options, load_weights=weights == "pretrained")
        asked = input_size or options.input_size
        if options.preset is None:
            return _from_class(options, asked or cls.input_size(options) or USUAL_SIZE)
        return _from_preset(options, options.preset, asked, load_weights=weights == "pretrained")


def _planned_class(options: HubOptions) -> str | None:
    """Class that the options name or that can be told without loading anything."""
    return options.backbone if options.preset is None else planned_class(find_preset(options.preset))


def _built_class(options: HubOptions) -> str:
    return str(backbone_class(find_preset(str(options.preset))).__name__)


def _check_tokenizer(options: HubOptions) -> None:
    """Raises ``ModelError`` where the folder that texts are to be cut by is here and has no tokeniser in it."""
    name = options.tokenizer or options.preset
    if name is None:
        return
    preset = find_preset(name)
    # What comes from a host may be there in part, and the rest is fetched when it is built.
    if preset.host or not preset.folder.is_dir():
        return
    if any((preset.folder / file).exists() for file in TOKENIZER_FILES):
        return
    raise ModelError(
        f"preset: '{name}' has no tokeniser: expected one of {', '.join(TOKENIZER_FILES)} in {preset.folder}. Save it "
        'with its tokeniser, or name another preset or folder that has the right one as "tokenizer".'
    )


def _check_reads(options: HubOptions, kind: str) -> None:
    """Refuses options of images for a model of texts, and the reverse."""
    if kind in TEXT_FAMILIES:
        wrong = _given(options, "input_size", "resizing", "preprocessing")
        if wrong:
            raise ModelError(f"{wrong[0]}: is for images; {kind} reads texts and takes 'sequence_length'.")
        if options.preset is None and options.tokenizer is None:
            raise ModelError(f"tokenizer: is missing; give a preset or a folder that {kind} takes its tokeniser from.")
        longest = (options.config or {}).get("max_sequence_length")
        if options.sequence_length and isinstance(longest, int) and options.sequence_length > longest:
            raise ModelError(f"sequence_length: {kind} takes {longest} tokens at most, got {options.sequence_length}.")
        return
    texts_only = _given(options, "tokenizer", "sequence_length", "pooling")
    if texts_only:
        raise ModelError(f"{texts_only[0]}: is for texts; {kind or 'this preset'} reads images.")


def _given(options: HubOptions, *names: str) -> list[str]:
    """Which of these are not what they are when left out; a plan writes every option down, also those."""
    fields = HubOptions.model_fields
    return [name for name in names if getattr(options, name) != fields[name].default]


def _text(options: HubOptions, *, load_weights: bool) -> AnyBackbone:
    label = HubSource.label(options)
    if options.preset is None:
        return text_from_class(
            str(options.backbone),
            options.config or {},
            label=label,
            tokenizer=str(options.tokenizer),
            sequence_length=options.sequence_length,
            pooling=options.pooling,
        )
    _check_reads(options, _built_class(options))
    return text_from_preset(
        options.preset,
        label=label,
        load_weights=load_weights,
        tokenizer=options.tokenizer,
        sequence_length=options.sequence_length,
        pooling=options.pooling,
    )


def _check_preset(name: str) -> None:
    """Refuses a name that can be no preset."""
    if name.startswith("kaggle://"):
        if not re.fullmatch(r"kaggle://[^/]+/[^/]+/[^/]+/[^/]+(/\d+)?/?", name):
            raise ModelError(f"preset: expected kaggle://owner/model/keras/variation[/version], got '{name}'.")
    elif name.startswith("hf://"):
        if not re.fullmatch(r"hf://[\w.-]+/[\w.-]+/?", name):
            raise ModelError(f"preset: expected hf://owner/name, got '{name}'.")
    elif "://" in name:
        raise ModelError(f"preset: expected a built-in name, kaggle://, hf:// or a folder, got '{name}'.")
    elif name not in builtin_presets():
        folder = find_preset(name).folder
        if not folder.is_dir():
            raise ModelError(f"preset: no such folder, and {did_you_mean(name, builtin_presets(), what='preset')}")
        if not (folder / "config.json").is_file():
            raise ModelError(f"preset: folder '{name}' has no config.json, so it is no preset.")


def _from_preset(options: HubOptions, name: str, asked: tuple[int, int] | None, *, load_weights: bool) -> Backbone:
    preset = find_preset(name)
    kind = backbone_class(preset)
    if kind.__name__ not in FAMILIES:
        raise ModelError(
            f"preset '{name}' is a {kind.__name__}, which the suite has no use for; it needs one of "
            f"{', '.join(sorted({**FAMILIES, **TEXT_FAMILIES}))}."
        )
    native = native_size(preset)
    converter = image_converter(preset)
    size = asked or native or getattr(converter, "image_size", None) or USUAL_SIZE
    check_input_size(size, smallest=SMALLEST, what=name)
    model = load_preset(name, load_weights=load_weights, size=None if size == native else size)
    origin = WeightsOrigin(name="random", location="", sha256="")
    if load_weights:
        origin = WeightsOrigin(
            name=HubSource.label(HubOptions(preset=name)),
            location=preset.url or preset.folder.name,
            sha256=weights_sha256(model),
            licence=licence_of_preset(preset),
            pretrained_on=_pretrained_on(preset),
        )
    if options.preprocessing == "auto":
        preprocess = converter_preprocessing(converter, name)
    else:
        preprocess = preprocessing_for(options.preprocessing)
    return _backbone(
        HubSource.label(options),
        model,
        kind.__name__,
        size=size,
        preprocess=preprocess,
        origin=origin,
        resizing=options.resizing or preset_resizing(preset) or converter_resizing(converter),
    )


def _pretrained_on(preset: Preset) -> str | None:
    """Data named in the preset's description or name; None where neither says."""
    match = re.search(r"imagenet[-_ ]?((?:1|12|21|22)k)?", f"{preset.description} {preset.name}".lower())
    return f"ImageNet-{match[1] or '1k'}" if match else None


def _from_class(options: HubOptions, size: tuple[int, int]) -> Backbone:
    import keras_hub

    kind = getattr(keras_hub.models, str(options.backbone))
    config = {name: value for name, value in (options.config or {}).items() if name not in SHAPE_ARGUMENTS}
    try:
        model = kind(**{shape_argument(kind): (*size, 3)}, **config)
    except (ValueError, TypeError, ZeroDivisionError) as error:
        raise ModelError(f"{options.backbone} refuses its config: {' '.join(str(error).split())[:400]}") from error
    mode: PreprocessingMode = "tf" if options.preprocessing == "auto" else options.preprocessing
    origin = WeightsOrigin(name="random", location="", sha256="")
    return _backbone(
        str(options.backbone),
        model,
        kind.__name__,
        size=size,
        preprocess=preprocessing_for(mode),
        origin=origin,
        resizing=options.resizing or STRETCH,
    )


def _backbone(
    name: str,
    model: Any,
    kind: str,
    *,
    size: tuple[int, int],
    preprocess: Callable[[Any], Any],
    origin: WeightsOrigin,
    resizing: Resizing,
) -> Backbone:
    """The backbone around a built KerasHub model, with one image in and one tensor out."""
    import keras

    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        raise ModelError(f"'{name}' ({kind}) does not take one image; an image task needs a vision backbone.")
    family, pooling = FAMILIES.get(kind, ("generic", "average"))
    if pooling == "token" and not getattr(model, "use_class_token", True):
        pooling = "average"
    if isinstance(model.output, dict):
        deepest = min(model.output.values(), key=lambda tensor: tensor.shape[1] or 0)
        model = keras.Model(model.inputs[0], deepest)
    model.name = "backbone"  # a preset's own configuration may name it as TensorFlow does not take
    if len(model.output.shape) == 2:
        pooling = "none"
    return Backbone(
        name=name,
        model=model,
        preprocess=preprocess,
        input_size=size,
        pooling=pooling,
        stages=stages_of(model, family),
        weights=origin,
        family=family,
        resizing=resizing,
    )
