"""``suite pretrain``: from a spec and a folder of images to a preset with its card."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from suite.data.assemble import Part, assemble
from suite.data.dataset import Split
from suite.errors import SpecError, SuiteError
from suite.models.architecture import Architecture
from suite.models.zoo.images import Card, zoo_folder
from suite.registry import DATASETS, OBJECTIVES
from suite.spec.options import Options
from suite.spec.spec import SplitsSpec
from suite.strategies.pretraining.pretrain import load_pretrain_spec, pretrain

SPECS = Path(__file__).parents[2] / "specs" / "pretrain"

SMALL = {
    "name": "small",
    "architecture": {
        "builder": "keras_hub",
        "constructor": "VGGBackbone",
        "config": {"stackwise_num_repeats": [1, 1], "stackwise_num_filters": [8, 16]},
        "input_size": [16, 16],
        "pooling": "average",
        "family": "vgg",
    },
    "dataset": {"source": "keras", "name": "mnist"},
    "data_licence": "CC BY 4.0",
    "objective": "supervised",
    "options": {"epochs": 12, "batch_size": 32, "learning_rate": 0.01, "augmentation": ["shift"]},
}


@pytest.fixture
def images(tmp_path):
    """Digits as PNG files in class folders, with train and test."""
    digits = load_digits()
    for index in range(600):
        split = "test" if index % 5 == 0 else "train"
        folder = tmp_path / "digits" / split / str(digits.target[index])
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray((digits.images[index] * 15).astype("uint8")).save(folder / f"{index}.png")
    return tmp_path / "digits"


def _spec(tmp_path, **changes) -> Path:
    path = tmp_path / "small.json"
    path.write_text(json.dumps({**SMALL, **changes}))
    return path


def test_a_preset_has_weights_config_and_a_card_that_is_true(tmp_path, images):
    """The card's score is far above chance and its hash is that of the weights beside it."""
    from suite.models.hashing import file_sha256

    lines: list[str] = []
    folder = pretrain(_spec(tmp_path), data=images, out=tmp_path / "zoo", threads=2, report=lines.append)
    card = Card.model_validate_json((folder / "card.json").read_text())
    assert card.upstream_score > 0.3
    assert card.upstream_examples == 120
    assert card.weights_sha256 == file_sha256(folder / "model.weights.h5")
    assert sum("epoch" in line for line in lines) == 12
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "config.json", "model.weights.h5"]


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.json")), ids=lambda path: path.stem)
def test_every_shipped_pretraining_spec_is_valid_and_made_the_shipped_preset(path):
    """The recipe on a preset's card is the spec that is shipped."""
    spec = load_pretrain_spec(path)
    card = json.loads((zoo_folder() / spec.name / "card.json").read_text())
    assert card["recipe"] == spec.model_dump(mode="json", exclude_none=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": "supervisd"}, "Did you mean 'supervised'"),
        ({"options": {"epochs": 0}}, "options.epochs: expected"),
        ({"options": {"epochs": 1, "augmentation": ["flop"]}}, "Did you mean 'flip'"),
        ({"nam": "x"}, "Did you mean 'name'"),
        ({"name": "../x"}, "name"),
    ],
)
def test_a_wrong_pretraining_spec_is_refused_with_its_place(tmp_path, changes, message):
    """The same grammar of complaints as in a comparison."""
    with pytest.raises(SpecError, match=message):
        load_pretrain_spec(_spec(tmp_path, **changes))


def test_a_batch_larger_than_the_data_is_refused(tmp_path, images):
    """Said before training, with both numbers."""
    options = {**SMALL["options"], "batch_size": 1000}  # type: ignore[dict-item]
    with pytest.raises(SuiteError, match=r"1000 is larger than the 480"):
        pretrain(_spec(tmp_path, options=options), data=images, out=tmp_path / "zoo", threads=2)


def test_each_objective_is_listed_with_a_summary():
    """One file, one objective."""
    summaries = {name: bool(OBJECTIVES.get(name).summary) for name in OBJECTIVES.names()}
    assert summaries == dict.fromkeys(("causal_lm", "masked_lm", "span_corruption", "supervised"), True)


class Sentences:
    """A data source as a plug-in gives it: sentences with few words, to write."""

    summary = "sentences with few words"
    Options = Options

    @classmethod
    def label(cls, options) -> str:
        return "sentences"

    @classmethod
    def load(cls, options, *, splits, on_bad_example):
        def part(name: str, count: int) -> Part:
            nouns, verbs = ("layer", "array", "kernel", "session"), ("returns", "copies", "sorts")
            texts = [
                f"Every {nouns[number % 4]} {verbs[number % 3]} the {nouns[number // 4 % 4]} number {number % 50}."
                for number in range(count)
            ]
            ids = tuple(f"{name}-{number}" for number in range(count))
            split = Split(name, ids, np.zeros(count, np.int64), lambda index: ("", texts[index]))
            return Part(split, lambda index: texts[index].encode())

        return assemble(
            "sentences",
            {"train": part("train", 600), "validation": part("validation", 50), "test": part("test", 60)},
            class_names=(),
            splits=splits,
            on_bad_example=on_bad_example,
            place="sentences",
            origin="made",
            licence=None,
            content="text",
            answers="text",
        )


@pytest.fixture
def sentences(monkeypatch):
    """The data source ``sentences``, for one test."""
    monkeypatch.setitem(DATASETS._entries, "sentences", Sentences)


TEXTS = {
    "masked_lm": ("BertBackbone", {"kind": "word_piece", "lowercase": True}, "cls"),
    "causal_lm": ("GPT2Backbone", {"kind": "byte_level_bpe"}, "last"),
    "span_corruption": ("T5Backbone", {"kind": "sentence_piece"}, "mean"),
}
SPECIAL = {
    "masked_lm": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
    "causal_lm": ["<|endoftext|>"],
    "span_corruption": ["<extra_id_0>", "<extra_id_1>", "<extra_id_2>"],
}
SIZES = {"masked_lm": 120, "causal_lm": 300, "span_corruption": 48}


def _text_spec(tmp_path, kind: str, **changes) -> Path:
    """A recipe of seconds."""
    constructor, tokenizer, pooling = TEXTS[kind]
    positions = {} if kind == "span_corruption" else {"max_sequence_length": 32}
    config = {
        "vocabulary_size": SIZES[kind],
        "num_layers": 1,
        "num_heads": 2,
        "hidden_dim": 16,
        "intermediate_dim": 32,
    }
    options = {"epochs": 6, "batch_size": 8, "sequence_length": 32, "learning_rate": 0.01, "jit_compile": False}
    document = {
        "name": "small_text",
        "architecture": {
            "builder": "keras_hub",
            "constructor": constructor,
            "config": {**config, "dropout": 0.0, **positions},
            "sequence_length": 32,
            "tokenizer": tokenizer,
            "pooling": pooling,
            "family": "transformer",
        },
        "vocabulary": {"size": SIZES[kind], "special_tokens": SPECIAL[kind]},
        "dataset": {"source": "sentences"},
        "data_licence": "CC0",
        "objective": kind,
        "options": {**options, **({"embedding_scale": 0.05} if kind == "span_corruption" else {})},
    }
    path = tmp_path / "small_text.json"
    path.write_text(json.dumps({**document, **changes}))
    return path


@pytest.mark.parametrize("objective", TEXTS)
def test_a_preset_of_texts_has_its_tokeniser_and_a_card_that_is_true(tmp_path, sentences, objective):
    """Weights, tokeniser and card; the perplexity is below half of that of guessing, the size of the vocabulary."""
    from suite.models.hashing import file_sha256

    lines: list[str] = []
    path = _text_spec(tmp_path, objective)
    folder = pretrain(path, out=tmp_path / "zoo", threads=2, report=lines.append)
    card = Card.model_validate_json((folder / "card.json").read_text())
    architecture = Architecture.model_validate_json((folder / "config.json").read_text())
    assert card.upstream_metric == "perplexity"
    assert 1 < card.upstream_score < SIZES[objective] / 2
    assert card.upstream_examples == 60
    assert card.pretrained_on == "sentences sentences"
    assert card.weights_sha256 == file_sha256(folder / "model.weights.h5")
    assert sum("epoch" in line for line in lines) == 6
    files = ("card.json", "config.json", "model.weights.h5", *architecture.tokenizer.files)
    assert sorted(path.name for path in folder.iterdir()) == sorted(files)
    assert "nan" not in "".join(lines)
    if objective != "masked_lm":  # its head is dropped, and the perplexity with it
        assert _perplexity(folder, architecture, card) == pytest.approx(card.upstream_score, rel=1e-4)


def _perplexity(folder, architecture, card) -> float:
    """Measured anew from the files of a preset."""
    from suite.models.zoo.images import load_weights
    from suite.models.zoo.texts import build_text_architecture
    from suite.strategies.pretraining import causal_lm, span_corruption
    from suite.strategies.pretraining.language import perplexity

    backbone = build_text_architecture(architecture, name="small_text", folder=folder)
    load_weights(backbone.model, folder / "model.weights.h5", card.weights_sha256)
    objective = OBJECTIVES.get(card.objective)
    options = objective.Options.model_validate_json(json.dumps(card.recipe["options"]))
    dataset = Sentences.load(None, splits=SplitsSpec(), on_bad_example="error")
    texts = backbone.tokenizer.encode([dataset.splits["test"].read(index)[1] for index in range(60)])
    if card.objective == "causal_lm":
        return perplexity(causal_lm.causal_lm_model(backbone), causal_lm.causal_rows(backbone, options, texts))
    corruption = span_corruption.corruption_of(backbone, options)
    rows = span_corruption.span_rows(backbone, options, corruption, texts)
    left_out = frozenset({*corruption.sentinels, corruption.end_id})
    return perplexity(span_corruption.span_corruption_model(backbone), rows, left_out=left_out)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": "supervised", "options": {"epochs": 1}}, "expected causal_lm or masked_lm or span_corruption"),
        ({"vocabulary": None}, "vocabulary is missing: GPT2Backbone reads texts"),
        ({"vocabulary": {"size": 10, "special_tokens": []}}, "vocabulary.size: expected"),
        ({"options": {"epochs": 1, "sequence_lenght": 8}}, "Did you mean 'sequence_length'"),
    ],
)
def test_a_wrong_recipe_for_texts_is_refused_with_its_place(tmp_path, changes, message):
    """Before any data is read."""
    with pytest.raises(SpecError, match=message):
        load_pretrain_spec(_text_spec(tmp_path, "causal_lm", **changes))


def test_images_are_not_given_to_a_model_of_texts(tmp_path, images):
    """Neither as a folder, nor as an objective."""
    with pytest.raises(SpecError, match="--data takes images"):
        pretrain(_text_spec(tmp_path, "causal_lm"), data=images, out=tmp_path / "zoo")
    with pytest.raises(SpecError, match="'masked_lm' is for texts, and VGGBackbone reads images; expected supervised"):
        load_pretrain_spec(_spec(tmp_path, objective="masked_lm", options={"epochs": 1}))


def test_a_vocabulary_of_another_size_than_the_model_is_refused(tmp_path, sentences):
    """Few texts give fewer tokens than asked for; the message has both numbers."""
    path = _text_spec(tmp_path, "causal_lm", vocabulary={"size": 5000, "special_tokens": ["<|endoftext|>"]})
    with pytest.raises(SpecError, match=r"vocabulary_size: the texts give a vocabulary of \d+ tokens, got 300"):
        pretrain(path, out=tmp_path / "zoo", threads=2, report=[].append)
