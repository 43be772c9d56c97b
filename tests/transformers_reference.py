"""Writes tiny random models with Transformers and what they compute; run by tests in a process without TensorFlow.

python transformers_reference.py FOLDER [SENTENCES_MODEL SENTENCES.json]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers

SMALL = {"vocab_size": 300, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
SMALL |= {"intermediate_size": 32, "max_position_embeddings": 40, "initializer_range": 0.5}
BERT = transformers.BertConfig(**SMALL)
MODELS = {
    "bert": transformers.BertForSequenceClassification(BERT),
    "bert_masked": transformers.BertForMaskedLM(BERT),
    "bert_relu": transformers.BertModel(transformers.BertConfig(**SMALL, hidden_act="relu")),
    "roberta": transformers.RobertaModel(transformers.RobertaConfig(**SMALL, pad_token_id=1)),
    "distilbert": transformers.DistilBertForSequenceClassification(
        transformers.DistilBertConfig(
            vocab_size=300,
            dim=16,
            n_layers=2,
            n_heads=2,
            hidden_dim=32,
            max_position_embeddings=40,
            initializer_range=0.5,
        )
    ),
    "gpt2": transformers.GPT2LMHeadModel(
        transformers.GPT2Config(vocab_size=300, n_embd=16, n_layer=2, n_head=2, n_positions=40, initializer_range=0.5)
    ),
    "bart": transformers.BartModel(
        transformers.BartConfig(
            vocab_size=300,
            d_model=16,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            max_position_embeddings=40,
            init_std=0.5,
        )
    ),
}


def main(folder: Path) -> None:
    """Saves every model in a folder of its own, and the states of the same tokens."""
    ids = np.random.default_rng(0).integers(5, 300, (2, 9)).astype("int64")
    mask = np.ones_like(ids)
    mask[1, 6:] = 0
    ids[1, 6:] = 1
    states = {"ids": ids.astype("int32"), "mask": mask.astype("int32")}
    for name, model in MODELS.items():
        model.eval().save_pretrained(folder / name)
        base = model.base_model
        encoder = base.get_encoder() if name == "bart" else base
        with torch.no_grad():
            found = encoder(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask)).last_hidden_state
        states[name] = found.numpy()
    np.savez(folder / "states.npz", **states)


def embed(folder: Path, model: str, sentences: Path) -> None:
    """What sentence-transformers gives for some sentences."""
    from sentence_transformers import SentenceTransformer

    texts = json.loads(sentences.read_text(encoding="utf-8"))
    np.save(folder / "embeddings.npy", SentenceTransformer(model, device="cpu").encode(texts))


if __name__ == "__main__":
    torch.manual_seed(0)
    if len(sys.argv) > 2:
        embed(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
    else:
        main(Path(sys.argv[1]))
