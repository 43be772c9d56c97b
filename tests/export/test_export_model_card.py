"""Model cards of exported files: what the Hugging Face Hub's own library reads of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from huggingface_hub import EvalResult, ModelCard
from huggingface_hub.repocard import metadata_load, model_index_to_eval_results
from hypothesis import given, settings
from hypothesis import strategies as st
from lint_results import make_result

from suite.export.model_card import model_card_data, write_model_card
from suite.store.records.export_card import Difference, ExportCard, Measured, Parity, TensorRecord
from suite.store.records.result import Result, Score, TeachingRecord, WeightsRecord

HOSTILE = (
    "---",
    'a "b"\nc',
    "x | y",
    "日本 語",
    "# no\r\n---\r\nlicense: mit",
    "<script>",
    "`${x}`",
    ": - [a](b)",
    "\u202e\x00é",
)
NAMES = st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=40))


def make_export(**more: object) -> ExportCard:
    """The card of a file in 8 bits that was run on a test set of forty."""
    scores = {
        "f1_macro": Score(value=0.75),
        "accuracy": Score(value=0.8, low=0.7, high=0.9),
        "top5_accuracy": Score(value=None, reason="top-5 needs more than 5 classes; there are 2."),
        "f1_weighted": Score(value=1 / 3),
    }
    values = {
        "format": "onnx", "precision": "int8", "status": "done", "task": "image_classification", "model": "net",
        "dataset": "photos", "strategy": "fine_tune: all", "seed": 3, "trial_id": "1234", "file": "model.onnx",
        "bytes": 1_234_567, "compressed_bytes": 1_000_000, "sha256": "ab" * 32, "labels": ("cat", "dog"),
        "inputs": (TensorRecord(name="image", shape=(None, 8, 8, 3), dtype="float32", meaning="RGB"),),
        "output": TensorRecord(name="probabilities", shape=(None, 2), dtype="float32", meaning="of each class"),
        "export_seconds": 1.0, "calibration_examples": 128, "scores": scores,
        "keras_scores": {"accuracy": Score(value=0.825)},
        "difference": Difference(metric="accuracy", value=-0.025, low=-0.05, high=0.0),
        "measured": Measured(
            load_seconds=0.1, latency_ms_p50=1.5, latency_ms_p95=2.5, throughput_per_second=900.0,
            throughput_batch_size=32, peak_memory_bytes=90_000_000, threads=2, runtime="onnxruntime 1.2",
            device="Some CPU",
        ),
        "parity": Parity(examples=40, max_difference=0.01, mean_difference=0.001, agreement=0.975, on="test"),
        "versions": {"suite": "1", "onnxruntime": "1.2"},
    }  # fmt: skip
    return ExportCard.model_validate({**values, **more})


def make_trial(licence: str | None = "Apache-2.0", strategy: str = "fine_tune", **more: object) -> Result:
    """The trial that it was made of."""
    weights = WeightsRecord(name="w.h5", location="https://x/w.h5", sha256="c", licence=licence, pretrained_on="CIFAR")
    trial = {"strategy": {"strategy": strategy}}
    given = {"weights": weights, "trial": trial, "family": "vit", "hyperparameters": {"learning_rate": 0.001}, **more}
    return make_result(sizes={"train": 100, "test": 40}, **given)


def written(folder: Path, card: ExportCard, result: Result) -> str:
    """The card's text."""
    write_model_card(folder, card, result, headline="accuracy")
    return (folder / "README.md").read_text(encoding="utf-8")


def tables(text: str) -> list[list[list[str]]]:
    """The cells of each table of a Markdown text."""
    found: list[list[list[str]]] = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")
            found[-1].append([cell.strip() for cell in line[1:-1].split("|")])
        elif found[-1]:
            found.append([])
    return [table for table in found if table]


def test_the_hub_s_library_reads_back_what_was_written(tmp_path):
    """Every field, and every score as the same number."""
    card, result = make_export(), make_trial()
    written(tmp_path, card, result)
    data = ModelCard.load(tmp_path / "README.md").data
    assert data.to_dict() == model_card_data(card, result).to_dict()
    name, results = model_index_to_eval_results(metadata_load(tmp_path / "README.md")["model-index"])
    assert name == "net, fine_tune: all, on photos: onnx in int8"
    assert results == data.eval_results == model_card_data(card, result).eval_results
    assert [(one.metric_name, one.metric_value) for one in results] == [
        ("F1 (macro)", 0.75), ("accuracy", 0.8), ("F1 (weighted)", 1 / 3),
    ]  # fmt: skip
    assert all(isinstance(one, EvalResult) and one.dataset_split == "test" for one in results)
    assert [(one.metric_type, one.metric_args) for one in results][::2] == [
        ("f1", {"average": "macro"}), ("f1", {"average": "weighted"}),
    ]  # fmt: skip


def test_the_metadata_says_what_it_is(tmp_path):
    """In the words that the Hub filters by."""
    written(tmp_path, make_export(), make_trial())
    data = metadata_load(tmp_path / "README.md")
    assert (data["library_name"], data["pipeline_tag"], data["license"]) == (
        "onnx",
        "image-classification",
        "apache-2.0",
    )
    assert data["datasets"] == ["photos"]
    assert data["metrics"] == ["f1", "accuracy"]
    assert {"onnx", "int8", "vit", "fine_tune"} <= set(data["tags"])
    assert "license_name" not in data


def test_the_text_says_what_was_measured_and_how(tmp_path):
    """Scores with intervals, the headline first; costs with runtime, threads and processor; calibration."""
    text = written(tmp_path, make_export(), make_trial())
    tensors, scores, costs = tables(text)
    assert tensors[2] == ["in", "image", "(any, 8, 8, 3)", "float32", "RGB"]
    assert scores[2] == ["accuracy", "0.8000", "0.7000 to 0.9000", "0.8250"]
    assert scores[4][1].startswith("missing: top-5")
    assert ["latency of one image, median", "1.50 ms"] in costs
    for said in (
        "pretrained on CIFAR",
        "learning_rate 0.001",
        "100 training examples",
        "seed 3",
        "measured on 128 training examples",
        "-0.0250 (-0.0500 to 0.0000)",
        "97.5 % of 40 examples of the test set",
        "onnxruntime 1.2, on 2 threads of Some CPU",
        "under Apache-2.0",
    ):
        assert said in text, said


def test_a_student_s_card_names_its_teacher(tmp_path):
    """What it learned from is part of where it comes from."""
    lesson = TeachingRecord(
        trial_id="5678", model="large", strategy="linear_probe", validation_score=0.9, temperature=4.0, alpha=0.9
    )
    assert "Taught by: large, linear_probe, beside the classes." in written(
        tmp_path, make_export(), make_trial(teaching=lesson)
    ).replace("\\_", "_")


def test_a_file_that_was_compared_on_noise_has_no_results(tmp_path):
    """Nothing that could be taken for a score, and it says why."""
    parity = Parity(examples=64, max_difference=0.0, mean_difference=0.0, agreement=1.0, on="noise")
    card = make_export(scores={}, keras_scores={}, difference=None, parity=parity)
    text = written(tmp_path, card, make_trial())
    data = metadata_load(tmp_path / "README.md")
    assert not {"model-index", "metrics"} & set(data)
    assert ModelCard.load(tmp_path / "README.md").data.eval_results is None
    assert "There are no scores" in text
    assert len(tables(text)) == 2


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("MIT", {"license": "mit"}),
        ("CC BY 4.0", {"license": "cc-by-4.0"}),
        ("My own: ask\nfirst", {"license": "other", "license_name": "my_own_ask_first"}),
        (None, {}),
    ],
)
def test_a_licence_that_the_hub_does_not_know_is_another(licence, expected, tmp_path):
    """With its name; where none is stated there is none."""
    text = written(tmp_path, make_export(), make_trial(licence))
    data = metadata_load(tmp_path / "README.md")
    assert {key: value for key, value in data.items() if key.startswith("license")} == expected
    assert ("states no licence" in text) is (licence is None)


def test_what_was_trained_from_scratch_has_no_licence_of_weights(tmp_path):
    """It threw them away."""
    text = written(tmp_path, make_export(), make_trial(strategy="from_scratch"))
    assert "license" not in metadata_load(tmp_path / "README.md")
    assert "from random weights" in text


def test_the_commands_are_those_of_what_lies_beside_it(tmp_path):
    """Packages of the runtime; none where there is no example."""
    assert "pip install" not in written(tmp_path, make_export(), make_trial())
    (tmp_path / "example.py").touch()
    assert "\npip install numpy pillow onnxruntime\npython example.py photo.jpg\n" in written(
        tmp_path, make_export(), make_trial()
    )
    text = written(tmp_path, make_export(format="keras", precision="fp32", task="text_classification"), make_trial())
    assert "\npip install numpy tokenizers keras tensorflow keras-hub\n" in text


@settings(max_examples=60, deadline=None)
@given(names=st.lists(NAMES, min_size=5, max_size=5), labels=st.lists(NAMES, min_size=1, max_size=4))
def test_names_break_neither_metadata_nor_tables(names, labels, tmp_path_factory):
    """Quotes, line breaks, bars, rules and letters of any script, wherever users' names appear."""
    folder = tmp_path_factory.mktemp("hostile")
    model, dataset, strategy, licence, meaning = names
    output = TensorRecord(name=meaning, shape=(None, 2), dtype="float32", meaning=meaning)
    card = make_export(model=model, dataset=dataset, strategy=strategy, labels=tuple(labels), output=output)
    result = make_trial(licence, family=model, hyperparameters={dataset: meaning})
    text = written(folder, card, result)
    read = ModelCard.load(folder / "README.md")
    assert read.data.to_dict() == model_card_data(card, result).to_dict()
    assert re.fullmatch(r"[A-Za-z0-9._-]+", read.data.datasets[0])
    assert [len({len(row) for row in table}) for table in tables(text)] == [1, 1, 1]
    assert [line for line in read.text.splitlines() if line.startswith(("# ", "---", "<"))] == [
        next(line for line in read.text.splitlines() if line.startswith("# "))
    ]
    assert "<script>" not in read.text
