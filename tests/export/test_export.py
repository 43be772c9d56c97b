"""Exported files say what the Keras model says, describe themselves, and run without the suite."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from export_runs import (
    CLASSES,
    FORMATS,
    card_of,
    contents,
    folders_of,
    in_cache,
    resizing_inside,
    run_images,
    trial_of,
)
from export_runs import suite_command as suite

from suite.registry import EXPORTERS
from suite.store.store import open_store

CROP = {"fit": "shorter_side", "crop_share": 0.875, "interpolation": "bicubic", "fill": [0, 0, 0]}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A finished run of two models, which see crops; the ViT has an exact GELU and holds a tensor."""
    return run_images(tmp_path_factory.mktemp("export"), ("resnet_tiny", "vit_tiny"), resizing=CROP)


@pytest.fixture(scope="module")
def exported(finished: Path) -> dict[tuple[str, str], Path]:
    """The ViT in every format, the ResNet in two: model and format to the folder."""
    for model, words in {"vit_tiny": (), "resnet_tiny": ("--format", "onnx,litert")}.items():
        outcome = in_cache(
            finished, "export", finished / "out", "--trial", trial_of(finished, model), "--threads", 1, *words
        )
        assert outcome.exit_code == 0, outcome.output
    return {(model, name): folder for (model, name, _), folder in folders_of(finished).items()}


@pytest.mark.parametrize(
    ("model", "name"),
    [*(("vit_tiny", name) for name in FORMATS), ("resnet_tiny", "onnx"), ("resnet_tiny", "litert")],
)
def test_a_file_says_what_the_model_says(model, name, exported):
    """Probabilities to 1e-4, every class, and so the same scores."""
    card = card_of(exported[model, name])
    assert (card.status, card.parity.on, card.parity.agreement) == ("done", "test", 1.0)
    assert card.parity.max_difference < 1e-4
    assert card.scores["accuracy"].value == card.keras_scores["accuracy"].value
    assert card.scores["accuracy"].low is not None
    assert (card.difference.metric, card.difference.value) == ("accuracy", 0.0)
    # No answer differs on these few examples; on others some could.
    assert -0.35 < card.difference.low < 0 < card.difference.high < 0.35


@pytest.mark.parametrize("name", FORMATS)
def test_a_card_describes_the_file(name, exported, finished):
    """Names, shapes, labels, bytes and what was measured."""
    folder = exported["vit_tiny", name]
    card = card_of(folder)
    assert [one.shape for one in card.inputs] == [(None, 32, 32, 3)]
    assert card.output.shape == (None, 3)
    assert sorted(card.labels) == sorted(CLASSES)
    files = [folder / card.file, *(folder / card.file).rglob("*")]
    assert card.bytes == sum(path.stat().st_size for path in files if path.is_file()) > card.compressed_bytes > 0
    assert (finished / "out" / card.folder) == folder
    assert 0 < card.measured.latency_ms_p50 <= card.measured.latency_ms_p95
    assert card.measured.throughput_per_second > 1
    assert card.measured.threads == 1
    assert card.measured.runtime.startswith(EXPORTERS.get(name).runtime)


@pytest.mark.parametrize("name", FORMATS)
def test_a_model_card_has_the_file_s_own_scores(name, exported):
    """In the metadata of the Hugging Face Hub, with what runs it; the text gives the commands for the example."""
    from huggingface_hub import ModelCard

    folder = exported["vit_tiny", name]
    card, read = card_of(folder), ModelCard.load(folder / "README.md")
    scored = {score.value for score in card.scores.values() if score.value is not None}
    assert {one.metric_value for one in read.data.eval_results} == scored
    assert read.data.library_name == EXPORTERS.get(name).library
    assert read.data.license == "apache-2.0"
    assert "cifar10" in read.text
    packages = read.text.split("pip install ")[1].splitlines()[0].split()
    assert {"numpy", "pillow", EXPORTERS.get(name).runtime} <= set(packages)


@pytest.mark.parametrize("name", FORMATS)
def test_the_example_classifies_a_image_with_the_runtime_alone(name, exported, finished, tmp_path, runtime_alone):
    """In an environment of its own; the first line is the right class, of which there are three."""
    here = tmp_path / "elsewhere"
    shutil.copytree(exported["vit_tiny", name], here)
    source = (here / "example.py").read_text(encoding="utf-8")
    assert "suite" not in source
    image = finished / "images" / CLASSES[1] / "0.png"
    command = [runtime_alone(name), "-X", "utf8", "-W", "ignore", str(here / "example.py"), str(image)]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=tmp_path, check=False)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].endswith(CLASSES[1])


@pytest.mark.parametrize("name", FORMATS)
def test_how_images_are_resized_travels_with_the_file(name, exported, finished):
    """In the result, on the card, in the model card, inside the file, and as steps of the example."""
    folder = exported["vit_tiny", name]
    card = card_of(folder)
    with open_store(finished / "out", create=False) as store:
        assert {result.resizing for result in store.query()} == {card.resizing}
    assert card.resizing.model_dump(mode="json") == CROP
    assert resizing_inside(folder, card) == card.resizing
    assert "cropped, middle 87.5 %, bicubic, to 32 x 32 pixels" in (folder / "README.md").read_text(encoding="utf-8")
    assert "* 0.875" in (folder / "example.py").read_text(encoding="utf-8")


def test_class_names_travel_in_the_metadata(exported):
    """Where there is a slot: of ONNX as JSON, of OpenVINO where its own tools look."""
    import onnx
    import openvino

    loaded = onnx.load(exported["vit_tiny", "onnx"] / "model.onnx")
    properties = {one.key: one.value for one in loaded.metadata_props}
    assert sorted(json.loads(properties["labels"])) == sorted(CLASSES)
    read = openvino.Core().read_model(str(exported["vit_tiny", "openvino"] / "openvino" / "model.xml"))
    assert sorted(json.loads(read.get_rt_info(["model_info", "label_names"]).value)) == sorted(CLASSES)
    assert len(read.get_rt_info(["model_info", "labels"]).value.split()) == len(CLASSES)


def test_a_backbone_of_keras_hub_comes_as_a_preset_too(exported):
    """KerasHub loads the folder, and it holds the weights of the model beside it."""
    import keras
    import keras_hub

    folder = exported["vit_tiny", "keras"]
    backbone = keras_hub.models.Backbone.from_preset(str(folder / "preset"))
    whole = keras.saving.load_model(folder / "model.keras", compile=False)
    (inner,) = (layer for layer in whole._flatten_layers() if isinstance(layer, keras_hub.models.Backbone))
    for one, other in zip(backbone.get_weights(), inner.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_environment_of_an_example_has_no_suite(runtime_alone, tmp_path):
    """Nor another runtime."""
    python = runtime_alone("onnx")
    for name in ("suite", "keras", "openvino"):
        ended = subprocess.run([python, "-c", f"import {name}"], capture_output=True, cwd=tmp_path, check=False)
        assert ended.returncode == 1, name


def test_what_is_there_is_replaced_only_when_asked_for(exported, finished):
    """Nothing is written before the complaint."""
    folder = exported["vit_tiny", "keras"]
    before = (folder / "card.json").read_bytes()
    outcome = suite("export", finished / "out", "--all", "--format", "keras")
    assert outcome.exit_code == 2
    assert "--overwrite" in outcome.output
    assert (folder / "card.json").read_bytes() == before


def test_months_later_without_the_data_there_is_parity_alone(finished, tmp_path, monkeypatch):
    """The images are gone: noise is compared, there are no scores, and the card says so."""
    monkeypatch.setenv("SUITE_CACHE_DIR", str(tmp_path / "cache"))
    hidden = (finished / "images").rename(finished / "hidden")
    try:
        outcome = suite("export", finished / "out", "--format", "litert", "--out", tmp_path / "files", "--json")
    finally:
        hidden.rename(finished / "images")
    assert outcome.exit_code == 0, outcome.output
    (path,) = (tmp_path / "files").glob("*/*/card.json")
    card = card_of(path.parent)
    assert (card.parity.on, card.parity.agreement, card.scores) == ("noise", 1.0, {})
    text = (path.parent / "README.md").read_text(encoding="utf-8")
    assert "There are no scores" in text
    assert "model-index" not in text


def test_a_damaged_model_fails_and_says_so(finished, tmp_path):
    """The card has the reason, there is neither an example nor a model card, and the exit code is 1."""
    copy = tmp_path / "out"
    shutil.copytree(finished / "out", copy, ignore=shutil.ignore_patterns("exports"))
    for model in copy.glob("store/trials/*/model.keras"):
        model.write_bytes(model.read_bytes()[:1000])
    outcome = suite("export", copy, "--best", "--format", "saved_model")
    assert outcome.exit_code == 1, outcome.output
    (path,) = (copy / "exports").glob("*/*/card.json")
    assert card_of(path.parent).status == "failed"
    assert card_of(path.parent).reason
    assert not (path.parent / "example.py").exists()
    assert not (path.parent / "README.md").exists()


def test_a_failure_leaves_the_file_that_was_there(exported, finished, tmp_path):
    """Asked to overwrite, a model that cannot be read any more replaces nothing."""
    copy = tmp_path / "out"
    shutil.copytree(finished / "out", copy)
    for model in copy.glob("store/trials/*/model.keras"):
        model.write_bytes(b"")
    folder = copy / exported["vit_tiny", "keras"].relative_to(finished / "out")
    before = contents(folder)
    words = ("--trial", trial_of(finished, "vit_tiny"), "--format", "keras", "--overwrite")
    outcome = suite("export", copy, *words)
    assert outcome.exit_code == 1, outcome.output
    assert contents(folder) == before
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_a_disk_that_fills_up_leaves_the_file_that_was_there(exported, finished):
    """Here no file may grow beyond 300 kB: one sentence, and nothing half written."""
    resource = pytest.importorskip("resource", reason="limits on the size of files are of Unix")
    folder = exported["vit_tiny", "keras"]
    before = contents(folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
        words = ("--trial", trial_of(finished, "vit_tiny"), "--format", "keras", "--overwrite")
        outcome = in_cache(finished, "export", finished / "out", *words)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert outcome.exit_code in {1, 2}, outcome.output
    assert "Traceback" not in outcome.output
    assert contents(folder) == before
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_a_layer_that_a_format_lacks_is_named(tmp_path):
    """A model that resizes by a method that ONNX has no operator for."""
    import keras

    from suite.export.requests import WriteRequest, run

    images = keras.Input((8, 8, 3), name="images")
    larger = keras.layers.Resizing(16, 16, interpolation="lanczos5", name="sharper")(images)
    pooled = keras.layers.GlobalAveragePooling2D()(larger)
    keras.Model(images, keras.layers.Dense(2, "softmax", name="head")(pooled)).save(tmp_path / "model.keras")
    request = WriteRequest(
        format="onnx",
        model=str(tmp_path / "model.keras"),
        path=str(tmp_path / "model.onnx"),
        labels=("a", "b"),
        trial={},
        answer=str(tmp_path / "answer.json"),
    )
    assert "(layer sharper)" in run(request, log=tmp_path / "log").problem


def test_a_folder_that_cannot_be_written_is_said(finished):
    """In a sentence."""
    outcome = suite("export", finished / "out", "--format", "keras", "--out", "/proc/none")
    assert outcome.exit_code == 2
    assert "cannot be written" in outcome.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--format", "onx"), "Did you mean 'onnx'"),
        (("--trial", "zzz"), "no trial has that id"),
        (("--best", "--all"), "give one of them"),
    ],
)
def test_what_cannot_be_exported_is_refused(words, said, finished):
    """In a sentence, with exit code 2."""
    outcome = suite("export", finished / "out", *words)
    assert outcome.exit_code == 2
    assert said in outcome.output


def test_a_trial_that_failed_is_refused(finished, tmp_path):
    """With the reason that it failed for."""
    copy = tmp_path / "out"
    shutil.copytree(finished / "out", copy, ignore=shutil.ignore_patterns("exports"))
    with open_store(copy) as store:
        one, *_ = store.query()
        failed = one.model_copy(update={"status": "failed", "reason": "it was too hot", "artefacts": {}})
        store.delete([one.id])
        store.save(failed)
    outcome = suite("export", copy, "--trial", one.id)
    assert outcome.exit_code == 2
    assert "failed: it was too hot; there is no model to export" in outcome.output


def test_a_trial_whose_model_was_not_kept_is_refused(finished, tmp_path):
    """With the reason."""
    copy = tmp_path / "out"
    shutil.copytree(finished / "out", copy, ignore=shutil.ignore_patterns("exports"))
    with open_store(copy) as store:
        one, *_ = store.query()
        store.delete([one.id])
        store.save(one.model_copy(update={"artefacts": {}}))
    outcome = suite("export", copy, "--trial", one.id)
    assert outcome.exit_code == 2
    assert "its model was not kept" in outcome.output


def test_a_runtime_that_is_not_installed_is_one_line_with_the_command(finished, monkeypatch):
    """Before anything runs, where the format is asked for by name."""
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "onnxruntime" else found(name))
    outcome = suite("export", finished / "out", "--format", "onnx")
    assert outcome.exit_code == 2
    assert outcome.output.strip().endswith('pip install "keras-suite[onnx]"')
