"""A KerasHub tokeniser as ``tokenizer.json``, the file of the library ``tokenizers`` that needs no Keras.

The two cut texts alike but for corner cases (rare spaces, controls, ligatures, texts that are cut), so what was written
is compared with the model's own tokeniser on the whole test set, and the card says what came out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from suite.data.dataset import Split
from suite.data.token_rows import TokenRows
from suite.models.tokenizer import Tokenizer

if TYPE_CHECKING:
    import tokenizers

__all__ = ["agreement", "tokenizer_json"]

LONGEST_WORD = 100_000
"""Letters of a word; longer ones are unknown. KerasHub has no such limit."""
FOLDS = {"ß": "ss", "ẞ": "ss", "ς": "σ"}
"""TensorFlow folds case, which is more than writing small: the letters in use that differ."""
UNIGRAM = 1
"""Number of that model in a SentencePiece file."""


def tokenizer_json(tokenizer: Tokenizer, sequence_length: int) -> str | None:
    """The file's text, with the special tokens around one text or two and the longest length.

    Returns:
        JSON; None for a tokeniser that is neither word pieces, byte-level BPE nor SentencePiece's unigrams.
    """
    import keras_hub

    kinds = keras_hub.tokenizers
    layer = tokenizer.layer
    made: tokenizers.Tokenizer | None
    if isinstance(layer, kinds.WordPieceTokenizer):
        made = _word_pieces(layer)
    elif isinstance(layer, kinds.BytePairTokenizer):
        made = _byte_pairs(layer)
    elif isinstance(layer, kinds.SentencePieceTokenizer):
        made = _unigrams(layer)
    else:
        made = None
    if made is None:
        return None
    _frame(made, tokenizer)
    made.enable_truncation(sequence_length, strategy="longest_first")
    return made.to_str(pretty=False)


def agreement(text: str | None, split: Split, rows: TokenRows) -> str:
    """How many texts of a split the file cuts exactly as the model's tokeniser did, in words."""
    if text is None:
        return "none: this tokeniser has no such file"
    import tokenizers

    made = tokenizers.Tokenizer.from_str(text)
    encoded = made.encode_batch([one if len(one) > 1 else one[0] for one in map(split.read, range(len(split)))])
    starts, ends = rows.tokens.starts_of(np.arange(len(rows.tokens))), rows.tokens.ends
    same = sum(
        np.array_equal(one.ids, rows.tokens.ids[start:end])
        for one, start, end in zip(encoded, starts, ends, strict=True)
    )
    return f"{same} of {len(split)} test texts cut as in training"


def _word_pieces(layer: Any) -> tokenizers.Tokenizer:
    from tokenizers import Tokenizer as Made
    from tokenizers import models, normalizers, pre_tokenizers

    vocabulary = {token: number for number, token in enumerate(layer.get_vocabulary())}
    made = Made(
        models.WordPiece(
            vocabulary,
            unk_token=layer.oov_token,
            continuing_subword_prefix=layer.suffix_indicator,
            max_input_chars_per_word=LONGEST_WORD,
        )
    )
    own = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=layer.split_on_cjk,
        strip_accents=layer.strip_accents,
        lowercase=layer.lowercase,
    )
    folds = [normalizers.Replace(letter, folded) for letter, folded in FOLDS.items()]
    made.normalizer = normalizers.Sequence([*folds, own]) if layer.lowercase else own
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made


def _byte_pairs(layer: Any) -> tokenizers.Tokenizer:
    from tokenizers import Tokenizer as Made
    from tokenizers import models, pre_tokenizers

    merges = [tuple(merge.split(" ", 1)) for merge in layer.merges]
    made = Made(models.BPE(dict(layer.vocabulary), merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=bool(layer.add_prefix_space))
    return made


def _unigrams(layer: Any) -> tokenizers.Tokenizer | None:
    from sentencepiece import sentencepiece_model_pb2
    from tokenizers import Regex, models, normalizers, pre_tokenizers
    from tokenizers import Tokenizer as Made

    proto = sentencepiece_model_pb2.ModelProto.FromString(layer.proto)
    if proto.trainer_spec.model_type != UNIGRAM:
        return None
    pieces = [(piece.piece, piece.score) for piece in proto.pieces]
    made = Made(models.Unigram(pieces, proto.trainer_spec.unk_id, byte_fallback=proto.trainer_spec.byte_fallback))
    spec = proto.normalizer_spec
    steps: list[Any] = []
    if spec.precompiled_charsmap:
        steps.append(normalizers.Precompiled(spec.precompiled_charsmap))
    if spec.remove_extra_whitespaces:
        steps += [normalizers.Replace(Regex(" {2,}"), " "), normalizers.Strip()]
    made.normalizer = normalizers.Sequence(steps)
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always" if spec.add_dummy_prefix else "never")
    return made


def _frame(made: tokenizers.Tokenizer, tokenizer: Tokenizer) -> None:
    """Special tokens around one text or two, the second with segment 1 where the model is told so."""
    from tokenizers import processors

    packing = tokenizer.packing
    second = 1 if packing.segments else 0
    names = {number: made.id_to_token(number) for number in {*packing.start, *packing.between, *packing.end}}

    def parts(numbers: tuple[int, ...], segment: int) -> list[str]:
        return [f"{names[number]}:{segment}" for number in numbers]

    single = [*parts(packing.start, 0), "$A:0", *parts(packing.end, 0)]
    pair = [*parts(packing.start, 0), "$A:0", *parts(packing.between, 0), f"$B:{second}", *parts(packing.end, second)]
    made.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[(name, number) for number, name in names.items()]
    )
