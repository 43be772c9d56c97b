"""KerasHub's own generating model around a text backbone."""

from __future__ import annotations

from typing import Any, Literal

from suite.errors import ModelError, SuiteError
from suite.models.backbone import TextBackbone, TextPooling, WeightsOrigin
from suite.models.hashing import weights_sha256
from suite.models.licences import licence_of_preset
from suite.models.preset_loading import backbone_class, call_preset, load_preset
from suite.models.presets import Preset, find_preset
from suite.models.stages import stages_of
from suite.models.text_encoder import STAGES, construct, encoder_of, longest_sequence
from suite.models.text_families import TEXT_FAMILIES
from suite.models.tokenizer import Tokenizer, tokenizer_of
from suite.models.transformers_format import load_transformers, match_config, pooling_of, read_json, tokenizer_options

__all__ = ["AskedPooling", "language_model", "text_backbone", "text_from_class", "text_from_preset", "tokenizer_from"]


def language_model(backbone: TextBackbone) -> Any:
    """A ``keras_hub.models.CausalLM`` or ``Seq2SeqLM`` that shares the backbone's weights, without preprocessor.

    Raises:
        ModelError: Where the backbone writes no text.
    """
    import keras_hub

    base = {"causal": keras_hub.models.CausalLM, "seq2seq": keras_hub.models.Seq2SeqLM, None: None}[backbone.generates]
    if base is None:
        raise ModelError(f"'{backbone.name}' reads text and writes none; text generation needs a decoder.")
    kinds = (getattr(keras_hub.models, name) for name in dir(keras_hub.models))
    of_kind: list[Any] = [
        kind for kind in kinds if isinstance(kind, type) and issubclass(kind, base) and kind is not base
    ]
    # A class may come from another one's, as Llama3 from Llama; the one made for this very backbone is taken.
    found = next((kind for kind in of_kind if kind.backbone_cls is type(backbone.model)), None)
    if found is None:
        raise ModelError(f"KerasHub has no {base.__name__} for {type(backbone.model).__name__}.")
    return found(backbone=backbone.model, preprocessor=None)


# Text backbones of KerasHub, from a preset or from a class and its configuration, with their tokeniser.

AskedPooling = Literal["auto", "mean", "cls", "last"]
USUAL_LENGTH = 512
"""Longest sequence where nobody asks for another; models with relative positions would take any."""


def text_from_preset(
    name: str,
    *,
    label: str,
    load_weights: bool,
    tokenizer: str | None = None,
    sequence_length: int | None = None,
    pooling: AskedPooling = "auto",
) -> TextBackbone:
    """The text backbone of a preset.

    Args:
        name: As in ``HubOptions.preset``; its class is in ``TEXT_FAMILIES``.
        label: Its name in reports.
        load_weights: Whether weights are loaded, or left random.
        tokenizer: Preset or folder of another tokeniser; the preset's own when left out.
        sequence_length: Longest sequence in tokens; None takes the model's own, 512 at most.
        pooling: ``auto`` is what belongs to the model.

    Raises:
        ModelError, WeightsError, DownloadError: As the message says.
    """
    preset = find_preset(name)
    kind = backbone_class(preset).__name__
    layer = tokenizer_from(tokenizer or name, kind)
    folder = preset.folder
    model = construct(lambda: _load(preset, load_weights=load_weights))
    match_config(model, read_json(folder / "config.json"))
    origin = WeightsOrigin(name="random", location="", sha256="")
    if load_weights:
        location = preset.url or folder.name
        licence = licence_of_preset(preset)
        origin = WeightsOrigin(name=label, location=location, sha256=weights_sha256(model), licence=licence)
    trained = read_json(folder / "sentence_bert_config.json").get("max_seq_length")
    own = pooling_of(folder) if pooling == "auto" else None
    return text_backbone(
        label,
        model,
        layer,
        origin=origin,
        sequence_length=sequence_length or (int(trained) if trained else None),
        pooling=own or pooling,  # type: ignore[arg-type]  # one of the three
    )


def text_from_class(
    kind: str,
    config: dict[str, Any],
    *,
    label: str,
    tokenizer: str,
    sequence_length: int | None = None,
    pooling: AskedPooling = "auto",
) -> TextBackbone:
    """A text backbone with random weights. Raises ``ModelError`` where the class refuses its configuration."""
    import keras_hub

    layer = tokenizer_from(tokenizer, kind)
    try:
        model = construct(lambda: getattr(keras_hub.models, kind)(**config))
    except (ValueError, TypeError, ZeroDivisionError) as error:
        raise ModelError(f"{kind} refuses its config: {' '.join(str(error).split())[:400]}") from error
    origin = WeightsOrigin(name="random", location="", sha256="")
    return text_backbone(label, model, layer, origin=origin, sequence_length=sequence_length, pooling=pooling)


def text_backbone(
    name: str,
    model: Any,
    layer: Any,
    *,
    origin: WeightsOrigin,
    sequence_length: int | None = None,
    pooling: AskedPooling = "auto",
) -> TextBackbone:
    """The backbone around a built KerasHub model and a tokeniser layer.

    Raises:
        ModelError: Where the model reads more than text, has fewer tokens than the tokeniser, or takes no sequence
            as long as asked.
    """
    kind = type(model).__name__
    family = TEXT_FAMILIES[kind]
    encoder = encoder_of(model)
    tokens = tokenizer_of(layer, family.frame, segments="segment_ids" in {item.name for item in encoder.inputs})
    _check_vocabulary(name, model, tokens)
    belongs: TextPooling = family.pooling
    return TextBackbone(
        name=name,
        model=model,
        encoder=encoder,
        tokenizer=tokens,
        sequence_length=_length(name, sequence_length, longest_sequence(model)),
        pooling=belongs if pooling == "auto" else pooling,
        stages=stages_of(model, STAGES),
        weights=origin,
        family=STAGES,
        generates=family.generates,
    )


def tokenizer_from(name: str, kind: str) -> Any:
    """The tokeniser layer of a preset or folder, for a backbone class.

    Raises:
        ModelError: Where there is none, or it belongs to another kind of model.
    """
    import keras_hub

    preset = find_preset(name)
    wanted = kind.removesuffix("Backbone") + "Tokenizer"
    cls = getattr(keras_hub.models, wanted)
    if "model_type" in read_json(preset.folder / "config.json"):
        try:
            options = tokenizer_options(preset.folder, wanted)
            if options is not None:
                return cls(**options)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"preset '{name}': its tokeniser cannot be read: {' '.join(str(error).split())}"
            ) from error
    try:
        # The general class finds the one that the preset was saved with, which may be another than the usual.
        layer = call_preset(preset, keras_hub.tokenizers.Tokenizer.from_preset, needs_weights=False)
    except SuiteError as error:
        if preset.is_present or not preset.host:
            raise ModelError(
                f"preset '{name}' has no tokeniser that KerasHub can read ({_reason(error)}); give one as "
                '"tokenizer": a preset or a folder.'
            ) from error
        raise
    return layer


def _load(preset: Preset, *, load_weights: bool) -> Any:
    if preset.is_present and "model_type" in read_json(preset.folder / "config.json"):
        return call_preset(preset, lambda handle: load_transformers(handle, load_weights=load_weights))
    return load_preset(preset.name, load_weights=load_weights)


def _reason(error: BaseException) -> str:
    return " ".join(str(error.__cause__ or error).split())[:200]


def _check_vocabulary(name: str, model: Any, tokenizer: Tokenizer) -> None:
    rows = getattr(model, "vocabulary_size", getattr(model, "vocab_size", None))
    if rows is not None and tokenizer.vocabulary_size > int(rows):
        raise ModelError(
            f"'{name}': its tokeniser knows {tokenizer.vocabulary_size} tokens, the model {rows}; "
            "they do not belong together."
        )


def _length(name: str, asked: int | None, longest: int | None) -> int:
    if asked is None:
        return min(longest or USUAL_LENGTH, USUAL_LENGTH)
    if longest is not None and asked > longest:
        raise ModelError(f"sequence_length: '{name}' takes {longest} tokens at most, got {asked}.")
    return asked
