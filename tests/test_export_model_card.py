"""The model card beside each file: metadata that the Hub reads, and text that names cannot break."""

from __future__ import annotations

import pytest
from huggingface_hub import ModelCard, metadata_load
from huggingface_hub.repocard_data import model_index_to_eval_results
from hypothesis import given
from hypothesis import strategies as st

from suite.exported import Difference, ExportCard, Measured, Parity, TensorRecord
from suite.exporting.model_card import model_card
from suite.results import DataRecord, Result, Score, WeightsRecord

NASTY = [
    'a "quoted" name',
    "pipe | and `code`",
    "---",
    "日本 語",
    "<script>alert(1)</script>",
    "line\nbreak",
    "# head",
    "[x](y)",
]
TENSOR = TensorRecord(name="pictures", shape=(None, 8, 8, 3), dtype="float32", meaning="RGB pictures, 0 to 255")


def card(**changes) -> ExportCard:
    """Of a file that was scored."""
    whole = {
        "format": "onnx",
        "precision": "int8",
        "status": "done",
        "task": "image_classification",
        "model": "resnet_tiny",
        "dataset": "digits",
        "strategy": "linear_probe",
        "seed": 1,
        "trial_id": "t",
        "file": "model.onnx",
        "bytes": 1234,
        "sha256": "0" * 64,
        "inputs": (TENSOR,),
        "output": TENSOR.model_copy(update={"name": "probabilities", "shape": (None, 3)}),
        "labels": ("a", "b", "c"),
        "export_seconds": 1.0,
        "calibration_examples": 128,
        "measured": Measured(
            load_seconds=0.1,
            latency_ms_p50=1.0,
            latency_ms_p95=2.0,
            throughput_per_second=100.0,
            throughput_batch_size=32,
            peak_memory_bytes=1,
            threads=2,
            runtime="onnxruntime 1.23",
            device="a processor",
        ),
        "parity": Parity(examples=10, max_difference=0.1, mean_difference=0.01, agreement=0.9, on="test"),
        "scores": {"accuracy": Score(value=0.9, low=0.8, high=0.95), "macro_f1": Score(value=0.88)},
        "keras_scores": {"accuracy": Score(value=1.0), "macro_f1": Score(value=1.0)},
        "difference": Difference(metric="accuracy", value=-0.1, low=-0.2, high=0.0),
        "versions": {"suite": "0.1.0"},
        **changes,
    }
    return ExportCard.model_validate(whole)


def result(licence: str | None = "Apache-2.0") -> Result:
    """Of the trial that the file was made of."""
    return Result(
        id="t",
        cell_id="c",
        status="done",
        trial={},
        phase="final",
        seed=1,
        model="resnet_tiny",
        dataset="digits",
        strategy="linear_probe",
        data=(DataRecord(name="digits", class_names=("a",), sizes={}, fingerprint="f", licence=None, origin="o"),),
        weights=WeightsRecord(name="w", location="", sha256="", licence=licence, pretrained_on="cifar10"),
    )


def loaded(text: str, tmp_path) -> ModelCard:
    """As the Hub's library reads it from disk."""
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    return ModelCard.load(tmp_path / "README.md")


def test_the_model_index_comes_back_as_it_was_meant(tmp_path):
    """Task, data set, split and every metric, by the library's own reader."""
    found = loaded(model_card(card(), result()), tmp_path)
    assert (found.data.license, found.data.library_name, found.data.pipeline_tag) == (
        "apache-2.0",
        "onnx",
        "image-classification",
    )
    name, results = model_index_to_eval_results(metadata_load(tmp_path / "README.md")["model-index"])
    assert name == "resnet_tiny on digits, linear_probe, onnx int8"
    assert [(one.metric_name, one.metric_value) for one in results] == [("accuracy", 0.9), ("macro f1", 0.88)]
    assert {(one.task_type, one.dataset_name, one.dataset_split) for one in results} == {
        ("image-classification", "digits", "test")
    }
    again = ModelCard(str(found))
    assert again.data.to_dict() == found.data.to_dict()


def test_it_says_what_was_measured_and_how(tmp_path):
    """Interval, paired difference, runtime, and what ranges were measured on."""
    text = model_card(card(), result())
    assert "| accuracy | 0.9000 | 0.8000 to 0.9500 | 1.0000 |" in text
    assert "-0.1000 (95 % paired interval -0.2000 to +0.0000)" in text
    assert "128 training examples" in text
    assert "onnxruntime 1.23 on 2 threads of a processor" in text
    assert "    python example.py photo.jpg" in text


def test_without_scores_there_is_no_index(tmp_path):
    """And the text says why."""
    noise = Parity(examples=10, max_difference=0.0, mean_difference=0.0, agreement=1.0, on="noise")
    text = model_card(card(scores={}, keras_scores={}, difference=None, parity=noise), result())
    assert "model-index" not in metadata_load(_write(tmp_path, text))
    assert "The test set was not at hand" in text


@pytest.mark.parametrize(
    ("licence", "name"), [("CC BY-NC (Somebody 2020)", "CC BY-NC (Somebody 2020)"), (None, "not stated")]
)
def test_a_licence_that_the_hub_does_not_know_is_another(licence, name, tmp_path):
    """With its own words."""
    data = metadata_load(_write(tmp_path, model_card(card(), result(licence))))
    assert (data["license"], data["license_name"]) == ("other", name)


@given(name=st.one_of(st.sampled_from(NASTY), st.text(min_size=1, max_size=40)))
def test_no_name_breaks_metadata_or_text(name):
    """The YAML is read back, tables keep their columns, no HTML comes in."""
    text = model_card(card(labels=(name, "b", "c"), dataset=name), result())
    found = ModelCard(text)
    assert found.data.model_name.startswith("resnet")
    assert found.data.pipeline_tag == "image-classification"
    rows = [line for line in found.text.splitlines() if line.startswith("| accuracy")]
    assert [line.count("|") for line in rows] == [5]
    assert "<script" not in found.text


def _write(tmp_path, text):
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    return tmp_path / "README.md"
