"""A text backbone's states of tokens as one plain Keras model, whatever its class calls its inputs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from suite.errors import ModelError
from suite.models.backbone import TextBackbone
from suite.models.stages import stages_of
from suite.models.text_families import TEXT_FAMILIES

__all__ = ["construct", "encoder_of", "encoder_only", "longest_sequence"]

INPUTS = ("token_ids", "padding_mask", "segment_ids")
PREFIX = "encoder_"
"""What encoder-decoders of KerasHub write before the inputs and outputs of their encoder."""
STAGES = "transformer"


def construct(build: Callable[[], Any]) -> Any:
    """A KerasHub text backbone from what builds it; from then on, T5's attention is silent about masks.

    It hands its mask down as Keras's own, and Keras warns at every call that the mask ends there, as it should.
    """
    warnings.filterwarnings("ignore", message=r"Layer '.*' \(of type T5MultiHeadAttention\)", category=UserWarning)
    return build()


def encoder_of(model: Any) -> Any:
    """The states of the tokens of a KerasHub text backbone.

    Args:
        model: A ``keras_hub.models.Backbone`` that reads text alone.

    Returns:
        A ``keras.Model`` that shares the layers: a dict of int32 ``(batch, length)`` named ``token_ids``,
        ``padding_mask`` and, where the model has them, ``segment_ids``, to ``(batch, length, width)``. Of an
        encoder-decoder it is the encoder alone.

    Raises:
        ModelError: Where the backbone has other inputs, images for instance.
    """
    import keras

    inputs = {tensor.name: tensor for tensor in model.inputs}
    outputs = model.output if isinstance(model.output, dict) else {"sequence_output": model.output}
    if f"{PREFIX}token_ids" in inputs:
        own = {key: tensor for key, tensor in inputs.items() if key.startswith(PREFIX)}
        part = keras.Model(own, outputs[f"{PREFIX}sequence_output"])
        given = {
            key.removeprefix(PREFIX): keras.Input((None,), dtype="int32", name=key.removeprefix(PREFIX)) for key in own
        }
        _check_inputs(model, given)
        # Calling the layers again on inputs of the common names keeps the graph flat: every layer is the model's own.
        states = part.call({f"{PREFIX}{key}": tensor for key, tensor in given.items()})
        return keras.Model(given, states, name="encoder")
    family = TEXT_FAMILIES.get(type(model).__name__)
    if family is not None and family.is_saved_whole:
        _check_inputs(model, inputs)
        given = {key: keras.Input((None,), dtype="int32", name=key) for key in inputs}
        model.name = "backbone"  # a preset's own configuration may name it as TensorFlow does not take
        return keras.Model(given, model(given), name="encoder")
    # F-Net mixes all positions and has no mask; it takes one here, so that every encoder is called alike.
    inputs.setdefault("padding_mask", keras.Input((None,), dtype="int32", name="padding_mask"))
    _check_inputs(model, inputs)
    return keras.Model(inputs, outputs["sequence_output"], name="encoder")


def encoder_only(backbone: TextBackbone) -> TextBackbone:
    """An encoder-decoder as its encoder, which is what classifies; any other backbone as it is.

    Returns:
        A backbone whose ``model`` is its ``encoder``, with stages of its own; it does not generate.
    """
    if backbone.generates != "seq2seq":
        return backbone
    return replace(
        backbone, model=backbone.encoder, stages=stages_of(backbone.encoder, backbone.family), generates=None
    )


def longest_sequence(model: Any) -> int | None:
    """The most tokens that a backbone has positions for; None where its positions are relative."""
    longest = getattr(model, "max_sequence_length", None)
    return int(longest) if longest else None


def _check_inputs(model: Any, inputs: dict[str, Any]) -> None:
    if not {"token_ids", "padding_mask"} <= set(inputs) <= set(INPUTS):
        raise ModelError(
            f"'{model.name}' reads {', '.join(sorted(inputs))}; expected a backbone that reads text alone "
            f"({', '.join(INPUTS)})."
        )
