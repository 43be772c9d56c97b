"""Text models of the zoo: the tokeniser from its files, the backbone around it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from suite.errors import ModelError
from suite.models.architecture import Architecture
from suite.models.backbone import TextBackbone, TextPooling, WeightsOrigin
from suite.models.hub_text import text_backbone
from suite.models.text_encoder import construct
from suite.models.text_families import TEXT_FAMILIES
from suite.models.tokenizer import Tokenizer, tokenizer_of

__all__ = ["build_text_architecture", "load_tokenizer"]

BASES = {
    "word_piece": "WordPieceTokenizer",
    "byte_level_bpe": "BytePairTokenizer",
    "sentence_piece": "SentencePieceTokenizer",
}
"""The class of ``keras_hub.tokenizers`` that reads each kind of files."""


def load_tokenizer(architecture: Architecture, folder: Path) -> Tokenizer:
    """The tokeniser of a text architecture, from the files beside its ``config.json``.

    Args:
        architecture: Of a model that reads texts.
        folder: Where the files lie that ``architecture.tokenizer.files`` names.

    Returns:
        The tokeniser, with the special tokens of the architecture's class.

    Raises:
        ModelError: Where a file is missing or damaged, or the class takes another kind of tokeniser.
    """
    import inspect

    import keras_hub

    layer = _layer(architecture, folder)
    kind = getattr(keras_hub.models, architecture.constructor)
    segments = "num_segments" in inspect.signature(kind.__init__).parameters
    return tokenizer_of(layer, TEXT_FAMILIES[architecture.constructor].frame, segments=segments)


def build_text_architecture(architecture: Architecture, *, name: str, folder: Path) -> TextBackbone:
    """A text backbone with random weights from Keras's global seed.

    Args:
        architecture: Of a model that reads texts.
        name: Its name in reports.
        folder: Where the files of its tokeniser lie.

    Raises:
        ModelError: As ``load_tokenizer`` does, or where the class refuses its arguments.
    """
    import keras_hub

    layer = _layer(architecture, folder)
    try:
        model = construct(lambda: getattr(keras_hub.models, architecture.constructor)(**architecture.config))
    except (ValueError, TypeError) as error:
        raise ModelError(f"{architecture.constructor} refuses its arguments: {error}") from error
    pooling: TextPooling = architecture.pooling  # type: ignore[assignment]  # the architecture is checked
    origin = WeightsOrigin(name="random", location="", sha256="")
    length = architecture.sequence_length
    return text_backbone(name, model, layer, origin=origin, sequence_length=length, pooling=pooling)


def _layer(architecture: Architecture, folder: Path) -> Any:
    import keras_hub

    files = architecture.tokenizer
    if files is None or not architecture.reads_text:
        raise ModelError(f"{architecture.constructor} reads images, so it has no tokeniser.")
    wanted = architecture.constructor.removesuffix("Backbone") + "Tokenizer"
    cls = getattr(keras_hub.models, wanted)
    if not issubclass(cls, getattr(keras_hub.tokenizers, BASES[files.kind])):
        kinds = [kind for kind, base in BASES.items() if issubclass(cls, getattr(keras_hub.tokenizers, base))]
        raise ModelError(f"tokenizer: {architecture.constructor} takes {' or '.join(kinds)}, not {files.kind}.")
    missing = [file for file in files.files if not (folder / file).is_file()]
    if missing:
        raise ModelError(f"the tokeniser's file {missing[0]} is missing in {folder}.")
    try:
        if files.kind == "word_piece":
            words = (folder / "vocabulary.txt").read_text(encoding="utf-8").split("\n")
            return cls([word for word in words if word], lowercase=files.lowercase, strip_accents=files.lowercase)
        if files.kind == "sentence_piece":
            return cls((folder / "spiece.model").read_bytes())
        vocabulary = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
        lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
        return cls(vocabulary, [line for line in lines if line and not line.startswith("#version:")])
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"the tokeniser's files in {folder} are damaged: {reason}") from error
