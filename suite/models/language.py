"""KerasHub's own generating model around a text backbone."""

from __future__ import annotations

from typing import Any

from suite.errors import ModelError
from suite.models.backbone import TextBackbone

__all__ = ["language_model"]


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
