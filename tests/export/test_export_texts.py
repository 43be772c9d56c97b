"""Exported classifiers of texts: any length, the tokeniser beside the file, and an example that needs no Keras."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from export_runs import FORMATS, card_of, folders_of, in_cache, run_document
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.store.store import open_store

LETTERS = st.one_of(
    st.characters(max_codepoint=0x17F, categories=("Lu", "Ll", "Nd", "Po", "Pd", "Ps", "Pe"), exclude_characters="Ĳĳſ"),
    st.characters(min_codepoint=0x391, max_codepoint=0x3C9, categories=("Lu", "Ll")),
    st.characters(min_codepoint=0x410, max_codepoint=0x44F),
    st.sampled_from("  日本語中文"),
)
VERBS = ("Sort", "Read", "Write", "Close", "Open", "Merge")
THINGS = ("array", "file", "table", "socket", "image", "model", "graph", "string")


def write_table(path: Path) -> None:
    """Sentences of several lengths; what they are about is the class."""
    rows = ["text,label"]
    for number, verb in enumerate(VERBS):
        for thing in THINGS:
            rest = " again and again" * number
            rows.append(f"{verb} the {thing} that was given{rest}.,{'data' if thing in THINGS[:4] else 'other'}")
    path.write_text("\n".join(rows), encoding="utf-8")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A finished run of two tokenisers: word pieces with segments, and byte pairs."""
    root = tmp_path_factory.mktemp("texts")
    write_table(root / "data.csv")
    table = {"source": "table", "path": str(root / "data.csv"), "text_column": "text", "label_column": "label"}
    document = {
        "name": "small",
        "task": "text_classification",
        "models": [{"source": "zoo", "name": name} for name in ("bert_tiny", "roberta_tiny")],
        "datasets": [table],
        "strategies": [{"strategy": "linear_probe"}],
        "seeds": [1],
    }
    return run_document(root, document)


@pytest.fixture(scope="module")
def folders(root: Path) -> dict[tuple[str, str, str], Path]:
    """BERT in every format, RoBERTa in two precisions of one: by model, format and precision."""
    for model, words in {
        "bert_tiny": (),
        "roberta_tiny": ("--format", "onnx", "--precision", "fp32,int8_dynamic"),
    }.items():
        trial = trial_of(root, model)
        outcome = in_cache(root, "export", root / "out", "--trial", trial, *words)
        assert outcome.exit_code == 0, outcome.output
    return folders_of(root)


def trial_of(root: Path, model: str) -> str:
    """The id of the model's only trial."""
    with open_store(root / "out", create=False) as store:
        (one,) = store.query(model=model)
    return one.id


@pytest.mark.parametrize(
    ("model", "name", "precision"),
    [*(("bert_tiny", name, "fp32") for name in FORMATS), ("roberta_tiny", "onnx", "fp32")],
)
def test_a_file_says_what_the_model_says(model, name, precision, folders):
    """Probabilities to 1e-5 over texts of many lengths."""
    card = card_of(folders[model, name, precision])
    assert (card.status, card.parity.on, card.parity.agreement) == ("done", "test", 1.0)
    assert card.parity.max_difference < 1e-5
    assert card.measured.tokens > 4


def test_texts_are_cut_by_the_file_as_they_were_in_training(folders):
    """The card counts them; here all are."""
    assert {card_of(folder).tokenizer for folder in folders.values()} == {"10 of 10 test texts cut as in training"}


def test_inputs_are_named_and_explained(folders):
    """With open numbers of texts and of tokens."""
    names = {model: [one.name for one in card_of(folder).inputs] for (model, _, _), folder in folders.items()}
    assert sorted(names["bert_tiny"]) == ["padding_mask", "segment_ids", "token_ids"]
    assert sorted(names["roberta_tiny"]) == ["padding_mask", "token_ids"]
    assert all(
        one.shape == (None, None) and one.meaning for one in card_of(folders["bert_tiny", "onnx", "fp32"]).inputs
    )


def test_products_of_matrices_go_to_8_bits_and_the_classes_stay(folders):
    """Smaller, and the same class nearly always."""
    full, small = (card_of(folders["roberta_tiny", "onnx", precision]) for precision in ("fp32", "int8_dynamic"))
    assert small.bytes < 0.9 * full.bytes
    assert small.parity.agreement >= 0.9


@pytest.mark.parametrize("name", FORMATS)
def test_the_example_classifies_a_sentence_with_the_runtime_alone(name, folders, root, tmp_path, runtime_alone):
    """At most 25 lines, in an environment of its own; what it prints is what the model said of that text."""
    import numpy as np

    from suite.store.records.example_files import Passages
    from suite.store.records.result import Predictions

    folder = folders["bert_tiny", name, "fp32"]
    source = (folder / "example.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 25
    assert "suite" not in source
    with open_store(root / "out", create=False) as store:
        (result,) = store.query(model="bert_tiny")
        said = Predictions.load(store.artefact(result, "predictions/test"))
        (text,) = Passages.load(store.artefact(result, "passages")).by_id()[said.example_ids[0]]
    command = [runtime_alone(name), "-X", "utf8", "-W", "ignore", str(folder / "example.py"), text]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=tmp_path, check=False)
    assert ended.returncode == 0, ended.stderr
    probability, label = ended.stdout.splitlines()[0].split("  ")
    assert label == said.class_names[int(said.labels[0])]
    assert float(probability) == pytest.approx(float(np.max(said.probabilities[0])), abs=1e-3)


def test_a_preset_folder_brings_the_tokeniser(folders):
    """KerasHub loads both."""
    import keras_hub

    folder = str(folders["bert_tiny", "keras", "fp32"] / "preset")
    assert keras_hub.models.Backbone.from_preset(folder).vocabulary_size > 100
    assert keras_hub.tokenizers.Tokenizer.from_preset(folder).tokenize("sort the array").shape[0] >= 3


@pytest.fixture(scope="module")
def tokenisers():
    """Each of the zoo's tokenisers and what was written of it."""
    import tokenizers

    from suite.export.prepare import built_backbone
    from suite.export.tokenizer_json import tokenizer_json

    made = {}
    for name in ("bert_tiny", "roberta_tiny"):
        trial = {"model": {"source": "zoo", "name": name}, "task": "text_classification"}
        backbone = built_backbone(trial)
        made[name] = (backbone.tokenizer, tokenizers.Tokenizer.from_str(tokenizer_json(backbone.tokenizer, 512)))
    return made


@pytest.mark.parametrize("name", ["bert_tiny", "roberta_tiny"])
@settings(deadline=None, max_examples=40)
@given(text=st.text(LETTERS, max_size=60))
def test_any_sentence_is_cut_alike(name, tokenisers, text):
    """Letters, digits and punctuation, accents and all, and spaces."""
    ours, written = tokenisers[name]
    packing = ours.packing
    assert written.encode(text).ids == [*packing.start, *ours.encode([text])[0].tolist(), *packing.end]


def test_a_model_that_writes_is_refused(tmp_path):
    """With the tasks that can be exported."""
    write_table(tmp_path / "data.csv")
    table = {"source": "table", "path": str(tmp_path / "data.csv"), "text_column": "text", "target_column": "label"}
    document = {
        "name": "writing",
        "task": "text_generation",
        "models": [{"source": "zoo", "name": "gpt2_tiny"}],
        "datasets": [table],
        "strategies": [{"strategy": "fine_tune"}],
        "seeds": [1],
        "training": {"epochs": 1, "batch_size": 8},
        "generation": {"max_new_tokens": 4},
    }
    root = run_document(tmp_path, document)
    outcome = in_cache(root, "export", root / "out", "--json")
    assert outcome.exit_code == 2
    assert "expected a run of image classification or text classification" in outcome.output
