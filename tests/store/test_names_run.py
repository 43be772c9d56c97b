"""Names that people give files and models: none of them reaches TensorFlow, where some would break what comes next."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import pytest

import suite
from suite.models.hub import HubOptions, HubSource
from suite.store.store import open_store
from suite.tasks.image_classification import ImageClassification


def save_classifier(path: Path) -> None:
    """A small model of images of digits."""
    layers = keras.layers
    inputs = layers.Input((32, 32, 3))
    features = layers.ReLU()(layers.Conv2D(8, 3, strides=2)(layers.Rescaling(1 / 255)(inputs)))
    keras.Model(inputs, layers.GlobalAveragePooling2D()(features)).save(path)


def test_a_file_named_outside_ascii_is_scored_and_breaks_nothing(tmp_path: Path) -> None:
    """Two scores: of the file, and of the sound model that comes after it in the same worker."""
    save_classifier(tmp_path / "mod\u00e8le.keras")
    spec = {
        "name": "names",
        "task": "image_classification",
        "models": [
            {"source": "file", "path": str(tmp_path / "mod\u00e8le.keras")},
            {"source": "zoo", "name": "vgg_tiny"},
        ],
        "datasets": [{"source": "sklearn", "name": "digits"}],
        "strategies": [{"strategy": "linear_probe"}],
        "seeds": [1],
    }
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    outcome = suite.run(tmp_path / "spec.json", out=tmp_path / "out", quiet=True)
    assert outcome.counts == {"done": 2}
    with open_store(tmp_path / "out", create=False) as store:
        scores = {result.model: result.scores["test"]["accuracy"].value for result in store.query()}
        timed = [result.profile for result in store.query() if result.profile]
        deterministic = {result.environment.deterministic for result in store.query() if result.environment}
    assert set(scores) == {"mod\u00e8le", "vgg_tiny"}
    assert all(score is not None for score in scores.values())
    assert all(len(one.latency_ms_blocks) == len(one.reference_ms_blocks) == 3 for one in timed)
    assert deterministic == {True}


@pytest.mark.parametrize("name", ["mod\u00e8le", "_hidden", "-dash", "(copy)", " space", "logits", "image", "head"])
def test_no_name_of_a_users_names_a_keras_model(tmp_path: Path, name: str) -> None:
    """Whatever a preset's configuration is called, the assembled model is traced."""
    config = {"stackwise_num_repeats": [1], "stackwise_num_filters": [4], "name": name}
    backbone = HubSource.build(HubOptions(backbone="VGGBackbone", config=config, input_size=(16, 16)))
    adapted = ImageClassification.assemble(backbone, num_classes=3)
    assert adapted.logits(keras.ops.zeros((1, 16, 16, 3))).shape == (1, 3)
    assert {adapted.logits.name, adapted.features.name, adapted.deployed().name} == {"logits", "features", "classifier"}
