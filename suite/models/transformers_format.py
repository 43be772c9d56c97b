"""What KerasHub leaves out when it reads a folder in the format of Hugging Face's Transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from suite.errors import ModelError

__all__ = ["load_transformers", "match_config", "pooling_of", "read_json", "tokenizer_options"]

ACTIVATION_KEYS = {
    "albert": "hidden_act",
    "bart": "activation_function",
    "bert": "hidden_act",
    "distilbert": "activation",
    "gpt2": "activation_function",
    "roberta": "hidden_act",
    "xlm-roberta": "hidden_act",
}
"""Where each ``model_type`` writes the activation of its blocks, which KerasHub takes as given by the class."""
EPSILON_KEYS = {"albert": "layer_norm_eps", "bert": "layer_norm_eps", "gpt2": "layer_norm_epsilon"} | dict.fromkeys(
    ("roberta", "xlm-roberta"), "layer_norm_eps"
)
BASES = {"albert": "albert.", "bert": "bert.", "roberta": "roberta.", "xlm-roberta": "roberta."}
"""What stands before the names of weights in a model with a head, and not in a bare one."""
UNREAD = ("pooler.",)
"""Weights that a masked language model is saved without; no state of a token is computed from them."""
EXACT = ("gelu", "gelu_python")
APPROXIMATE = ("gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate")
POOLINGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls", "pooling_mode_lasttoken": "last"}


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file; empty where there is no file. Raises ``ModelError`` where it is damaged."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is damaged: {error}.") from None
    if not isinstance(found, dict):
        raise ModelError(f"{path} is damaged: expected an object.")
    return found


def load_transformers(folder: str, *, load_weights: bool) -> Any:
    """A folder in the format of Transformers as a KerasHub backbone.

    KerasHub's converters ask for exactly the names that the published weights have; those of a bare model, or of one
    fine-tuned with another head, are found here too.

    Raises:
        ModelError: For an encoder-decoder whose halves are of different depth.
    """
    from keras_hub.src.utils.preset_utils import get_preset_loader
    from keras_hub.src.utils.transformers.safetensor_utils import SafetensorLoader

    preset = get_preset_loader(folder)
    kind = str(preset.config["model_type"])
    if kind == "bart":
        depths = {preset.config["encoder_layers"], preset.config["decoder_layers"]}
        if len(depths) > 1:
            raise ModelError(f"'{folder}': KerasHub's BART has as many encoder as decoder layers, got {depths}.")
        preset.config.setdefault("num_hidden_layers", preset.config["encoder_layers"])
    base = BASES.get(kind, "")

    class Weights(SafetensorLoader):  # type: ignore[misc]  # KerasHub has no types
        """Finds a weight with or without the model's name before it."""

        def get_prefixed_key(self, hf_weight_key: str, dict_like: Any) -> str:
            """The name in the file."""
            names = dict_like.keys()
            bare = hf_weight_key.removeprefix(base)
            near = next((name for name in (hf_weight_key, bare, base + bare) if name in names), None)
            return near or str(super().get_prefixed_key(hf_weight_key, dict_like))

        def port_weight(self, keras_variable: Any, hf_weight_key: str, hook_fn: Any = None) -> None:
            """Copies a weight into a variable; one that may be missing keeps its random value."""
            try:
                super().port_weight(keras_variable, hf_weight_key, hook_fn)
            except Exception:  # safetensors raises an error of its own, KeyError where there are several files
                if not hf_weight_key.removeprefix(base).startswith(UNREAD):
                    raise

    model = preset.load_backbone(preset.check_backbone_class(), load_weights=False)
    if load_weights:
        with Weights(folder) as weights:
            preset.converter.convert_weights(model, weights, preset.config)
            if kind == "roberta":
                _add_segment(model, weights)
    return model


def _add_segment(model: Any, weights: Any) -> None:
    """Adds the embedding of segment 0, which a RoBERTa of Transformers has and KerasHub's has not, to the positions.

    It is zero in the published weights, and no longer after fine-tuning.
    """
    segment = weights.get_tensor("roberta.embeddings.token_type_embeddings.weight")[0]
    positions = model.embeddings.position_embedding.position_embeddings
    positions.assign(positions.numpy() + segment[None, :])


def match_config(model: Any, config: dict[str, Any]) -> None:
    """Sets the activation and the epsilon of the norms to what the folder's ``config.json`` says, in place.

    KerasHub's BERT computes GELU by its tanh approximation (Hendrycks & Gimpel 2016, section 2), Transformers'
    ``gelu`` is the exact one; after six layers the states differ by 2e-4.

    Raises:
        ModelError: For an activation that Keras does not know.
    """
    import keras
    from keras_hub.src.utils.keras_utils import gelu_approximate

    kind = str(config.get("model_type"))
    word = config.get(ACTIVATION_KEYS.get(kind, ""))
    epsilon = config.get(EPSILON_KEYS.get(kind, ""))
    activation: Any = None
    if word is not None:
        try:
            activation = (
                keras.activations.gelu
                if word in EXACT
                else gelu_approximate
                if word in APPROXIMATE
                else keras.activations.get(word)
            )
        except ValueError as error:
            raise ModelError(f"config.json: activation '{word}' is none of Keras's.") from error
    gelus = (keras.activations.gelu, gelu_approximate)
    for layer in model._flatten_layers():  # noqa: SLF001 - no public reader
        if activation is not None and getattr(layer, "activation", None) in gelus:
            layer.activation = activation
        if epsilon is not None and isinstance(layer, keras.layers.LayerNormalization):
            layer.epsilon = float(epsilon)
        if epsilon is not None and hasattr(layer, "layer_norm_epsilon"):
            layer.layer_norm_epsilon = float(epsilon)


def pooling_of(folder: Path) -> str | None:
    """``mean``, ``cls`` or ``last`` of a sentence-transformers folder; None for any other folder.

    Raises:
        ModelError: Where the folder asks for another pooling, or for several.
    """
    config = read_json(folder / "1_Pooling" / "config.json")
    if not config:
        return None
    if "pooling_mode" in config:  # sentence-transformers from version 6 on
        modes = [config["pooling_mode"]] if isinstance(config["pooling_mode"], str) else list(config["pooling_mode"])
        asked = [{"lasttoken": "last"}.get(mode, mode) for mode in modes]
    else:
        asked = [POOLINGS.get(key, key) for key, on in config.items() if key.startswith("pooling_mode_") and on]
    if len(asked) != 1 or asked[0] not in POOLINGS.values():
        raise ModelError(
            f"{folder / '1_Pooling' / 'config.json'} asks for pooling {', '.join(map(str, asked)) or 'none'}; expected "
            'mean, cls or last alone. Give "pooling" in the spec to choose one.'
        )
    return str(asked[0])


def tokenizer_options(folder: Path, kind: str) -> dict[str, Any] | None:
    """Vocabulary and options of a word-piece or byte-level BPE tokeniser, from ``tokenizer.json`` or older files.

    Transformers 5 writes ``tokenizer.json`` alone, where KerasHub looks for ``vocab.txt`` or ``merges.txt``.

    Args:
        folder: In the format of Transformers.
        kind: The tokeniser's class in ``keras_hub.models``.

    Returns:
        Keyword arguments of the class; None where KerasHub is to read the folder by itself.
    """
    whole = read_json(folder / "tokenizer.json")
    options = read_json(folder / "tokenizer_config.json")
    if kind in {"BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer"}:
        return _word_piece(folder, whole, options)
    if kind in {"BartTokenizer", "GPT2Tokenizer", "RobertaTokenizer"} and not (folder / "merges.txt").is_file():
        return _byte_pairs(whole)
    return None


def _word_piece(folder: Path, whole: dict[str, Any], options: dict[str, Any]) -> dict[str, Any] | None:
    normalizer = whole.get("normalizer") or {}
    lowercase = bool(options.get("do_lower_case", normalizer.get("lowercase", True)))
    accents = options.get("strip_accents", normalizer.get("strip_accents"))
    common = {"lowercase": lowercase, "strip_accents": lowercase if accents is None else bool(accents)}
    if (folder / "vocab.txt").is_file():
        lines = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
        return {"vocabulary": [line.rstrip("\r") for line in lines if line], **common}
    model = whole.get("model") or {}
    if model.get("type") != "WordPiece":
        return None
    return {"vocabulary": [word for word, _ in sorted(model["vocab"].items(), key=lambda item: item[1])], **common}


def _byte_pairs(whole: dict[str, Any]) -> dict[str, Any] | None:
    model = whole.get("model") or {}
    if model.get("type") != "BPE":
        return None
    added = {token["content"]: token["id"] for token in whole.get("added_tokens", [])}
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    return {"vocabulary": {**model["vocab"], **added}, "merges": merges}
