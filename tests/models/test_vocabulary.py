"""Vocabularies: trained on texts, alike every time, and read by the tokenisers of KerasHub."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from suite.models.architecture import Architecture
from suite.models.vocabulary.byte_level_bpe import ByteLevelBPE
from suite.models.vocabulary.sentence_piece import SentencePiece
from suite.models.vocabulary.word_piece import WordPiece

TEXTS = [
    f"The {noun} returns the {adjective} value of the {noun}, unless a {adjective} {noun} was given before."
    for noun in ("array", "tensor", "estimator", "frame", "session", "layer", "index", "kernel", "name")
    for adjective in ("first", "largest", "sorted", "masked", "naive", "sparse")
]
SENTINELS = ("<extra_id_0>", "<extra_id_1>")
KINDS = {
    "word_piece": (WordPiece, "BertBackbone", ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")),
    "byte_level_bpe": (ByteLevelBPE, "RobertaBackbone", ("<s>", "<pad>", "</s>", "<unk>", "<mask>")),
    "sentence_piece": (SentencePiece, "T5Backbone", SENTINELS),
}


def _train(kind: str, folder: Path, size: int = 400) -> Path:
    maker, _, special = KINDS[kind]
    folder.mkdir(exist_ok=True)
    maker.train(iter(TEXTS), folder, size=size, special_tokens=special)
    return folder


def _tokenizer(kind: str, folder: Path):
    from suite.models.zoo.texts import load_tokenizer

    architecture = Architecture.model_validate(
        {
            "builder": "keras_hub",
            "constructor": KINDS[kind][1],
            "config": {},
            "sequence_length": 32,
            "tokenizer": {"kind": kind, **({"lowercase": True} if kind == "word_piece" else {})},
            "pooling": "mean",
            "family": "transformer",
        }
    )
    return load_tokenizer(architecture, folder)


@pytest.mark.parametrize("kind", KINDS)
def test_a_vocabulary_gives_its_texts_back(kind, tmp_path):
    """Cut into ids and put together again, a text is what it was; words in capitals aside, which BERT does not see."""
    tokenizer = _tokenizer(kind, _train(kind, tmp_path))
    assert tokenizer.vocabulary_size <= 400
    for text, ids in zip(TEXTS[:5], tokenizer.encode(TEXTS[:5]), strict=True):
        back = tokenizer.decode(ids.tolist())
        assert back.replace(" ", "").lower() == text.replace(" ", "").lower()
        assert not set(ids.tolist()) & set(tokenizer.special_ids)


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_are_those_that_the_architecture_names(kind, tmp_path):
    """No more and no fewer."""
    maker = KINDS[kind][0]
    assert sorted(path.name for path in _train(kind, tmp_path).iterdir()) == sorted(maker.files)


def test_another_process_trains_the_same_vocabularies(tmp_path):
    """Hash tables have another order in every process; the vocabularies have not."""
    script = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[2]); import test_vocabulary as t\n"
        "for kind in t.KINDS: t._train(kind, pathlib.Path(sys.argv[1]) / kind)"
    )
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / name), str(Path(__file__).parent)], check=True, timeout=60
        )
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert len(files) == 4
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes(), file


def test_special_tokens_come_first_and_no_text_is_cut_into_a_sentinel(tmp_path):
    """The ids of special tokens are the same for every vocabulary of a kind, and a text cannot forge one."""
    lines = (_train("word_piece", tmp_path / "words") / "vocabulary.txt").read_text().splitlines()
    assert tuple(lines[:5]) == KINDS["word_piece"][2]
    tokenizer = _tokenizer("sentence_piece", _train("sentence_piece", tmp_path / "pieces"))
    numbers = [tokenizer.layer.token_to_id(token) for token in ("<pad>", "</s>", "<unk>", *SENTINELS)]
    assert numbers == [0, 1, 2, 3, 4]
    assert not {3, 4} & set(tokenizer.encode(["<extra_id_0> and <extra_id_1>"])[0].tolist())


@pytest.mark.parametrize("kind", KINDS)
def test_a_vocabulary_is_no_larger_than_asked(kind, tmp_path):
    """Few texts give fewer tokens, never more."""
    assert _tokenizer(kind, _train(kind, tmp_path, size=320)).vocabulary_size <= 320
