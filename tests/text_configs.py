"""Narrow KerasHub text backbones that build in a second, by class name, and their tokenisers."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

TOKENS = 300
"""Rows of every model's vocabulary; the tokenisers below know fewer."""
_PLAIN = {"num_layers": 2, "hidden_dim": 8, "intermediate_dim": 16}
_HEADS = {**_PLAIN, "num_heads": 2}
_POSITIONS = {**_HEADS, "max_sequence_length": 32}
_GROUPED = {**_PLAIN, "num_query_heads": 2, "num_key_value_heads": 1}
_EXPERTS = {**_GROUPED, "num_experts": 2, "top_k": 1}
_GEMMA = {**_GROUPED, "head_dim": 4}
_QWEN_MOE = {
    **_GROUPED,
    "moe_intermediate_dim": 8,
    "num_experts": 2,
    "top_k": 1,
}

TEXT_CONFIGS: dict[str, dict[str, Any]] = {
    "AlbertBackbone": {**_POSITIONS, "embedding_dim": 8},
    "BertBackbone": _POSITIONS,
    "DebertaV3Backbone": {**_POSITIONS, "bucket_size": 8},
    "DistilBertBackbone": _POSITIONS,
    "ElectraBackbone": {**_POSITIONS, "embedding_dim": 8},
    "FNetBackbone": {**_PLAIN, "max_sequence_length": 32},
    "RobertaBackbone": _POSITIONS,
    "RoformerV2Backbone": {**_HEADS, "head_size": 4},
    "XLMRobertaBackbone": _POSITIONS,
    "BloomBackbone": _HEADS,
    "FalconBackbone": {**_PLAIN, "num_attention_heads": 2},
    "GPT2Backbone": _POSITIONS,
    "GPTNeoXBackbone": {**_HEADS, "rotary_percentage": 1.0},
    "GemmaBackbone": _GEMMA,
    "Gemma3Backbone": {**_GEMMA, "image_size": 8},
    "GptOssBackbone": {**_EXPERTS, "top_k": 2, "sliding_window": 8, "head_dim": 4},
    "LlamaBackbone": _GROUPED,
    "Llama3Backbone": _GROUPED,
    "MistralBackbone": _GROUPED,
    "MixtralBackbone": {**_EXPERTS},
    "OPTBackbone": _POSITIONS,
    "Phi3Backbone": _GROUPED,
    "QwenBackbone": _GROUPED,
    "Qwen3Backbone": {**_GEMMA},
    "Qwen3MoeBackbone": {**_QWEN_MOE, "head_dim": 4},
    "QwenMoeBackbone": {**_QWEN_MOE, "shared_expert_intermediate_dim": 8},
    "SmolLM3Backbone": {
        "num_layers": 2,
        "hidden_dim": 8,
        "intermediate_dim": 16,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "mlp_bias": False,
        "rope_layer_enabled_list": [True, True],
        "layer_types": ["attention", "attention"],
        "layer_norm_epsilon": 1e-6,
        "max_position_embeddings": 32,
        "rope_theta": 10000.0,
        "partial_rotary_factor": 1.0,
    },
    "BartBackbone": _POSITIONS,
    "T5Backbone": _HEADS,
    "T5GemmaBackbone": {
        "encoder_hidden_dim": 8,
        "encoder_intermediate_dim": 16,
        "encoder_num_layers": 2,
        "encoder_num_attention_heads": 2,
        "encoder_num_key_value_heads": 1,
        "encoder_head_dim": 4,
        "encoder_layer_types": ["full_attention", "full_attention"],
        "decoder_hidden_dim": 8,
        "decoder_intermediate_dim": 16,
        "decoder_num_layers": 2,
        "decoder_num_attention_heads": 2,
        "decoder_num_key_value_heads": 1,
        "decoder_head_dim": 4,
        "decoder_layer_types": ["full_attention", "full_attention"],
        "dropout_rate": 0.0,
        "rms_norm_eps": 1e-6,
        "query_pre_attn_scalar": 4,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "hidden_activation": "gelu_approximate",
    },
}
SENTENCES = (
    "the quick brown fox jumped over the lazy dog",
    "a model reads tokens and gives states",
    "one row of numbers for every token of a text",
    "padding is hidden by the mask",
)


def text_config(kind: str) -> dict[str, Any]:
    """Keyword arguments of a class."""
    return {"vocab_size" if kind == "ElectraBackbone" else "vocabulary_size": TOKENS, **TEXT_CONFIGS[kind]}


def write_word_pieces(folder: Path, name: str = "vocabulary.txt") -> list[str]:
    """A word-piece vocabulary of BERT: special tokens, letters, and the words of the sentences."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    words = sorted({word for text in SENTENCES for word in text.split()} - set(letters))
    found = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{one}" for one in letters), *words, ".", ","]
    (folder / name).write_text("\n".join(found) + "\n", encoding="utf-8")
    return found


def write_byte_pairs(folder: Path, special: tuple[str, ...], vocabulary: str = "vocabulary.json") -> None:
    """A byte-level BPE of about 290 tokens."""
    from tokenizers import ByteLevelBPETokenizer

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(SENTENCES, vocab_size=290, min_frequency=1, special_tokens=list(special))
    trained.save_model(str(folder))
    if vocabulary != "vocab.json":
        (folder / "vocab.json").rename(folder / vocabulary)
    assert json.loads((folder / vocabulary).read_text())


def write_sentence_pieces(folder: Path) -> None:
    """A SentencePiece model of T5."""
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES),
        model_writer=written,
        vocab_size=60,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        pad_piece="<pad>",
        eos_piece="</s>",
        unk_piece="<unk>",
        minloglevel=2,
        hard_vocab_limit=False,
    )
    (folder / "spiece.model").write_bytes(written.getvalue())
