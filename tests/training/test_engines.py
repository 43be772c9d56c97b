"""What computes frozen features: exported where it pays, checked against Keras, and never hidden."""

from __future__ import annotations

import json

import numpy as np
import pytest
from small_workshop import build

from suite.data.batches import Examples
from suite.registry import EXPORTERS
from suite.tasks.image_classification import ImageClassification
from suite.training.feature_engines import EngineChooser
from suite.training.features import FeatureStore

IMAGES = np.random.default_rng(0).integers(0, 256, (96, 16, 16, 3), dtype=np.uint8)
MANY = np.broadcast_to(IMAGES[:1], (4_000_000, 16, 16, 3))
"""So many that an export pays for any model; they take no memory, and only the first are looked at."""


@pytest.fixture(scope="module")
def adapted():
    """A small real VGG with a head."""
    return ImageClassification.assemble(build("pretrained"), num_classes=3)


@pytest.fixture(scope="module")
def keras(adapted):
    """Its features by Keras."""
    from suite.training.predictor import Predictor

    return Predictor(adapted.features)


def chooser(tmp_path, asked="auto", device="CPU (2 threads)") -> EngineChooser:
    """For a backbone, with a cache of its own."""
    return EngineChooser(asked, tmp_path, device, 1)


@pytest.mark.parametrize("name", ["openvino", "onnx"])
def test_an_exported_backbone_makes_the_features_that_keras_makes(name, adapted, keras, tmp_path):
    """To 1e-4 of the largest, and the record says which engine it was."""
    engine = chooser(tmp_path, name).choose(adapted.features, keras, IMAGES, graph="g")
    ours, theirs = engine.predict(IMAGES), keras(IMAGES)
    assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()
    assert (engine.record.name, engine.record.reason) == (name, "asked for")
    assert engine.record.difference <= 1e-4
    assert engine.record.export_seconds > 0


def test_few_examples_are_left_to_keras(adapted, keras, tmp_path):
    """Nothing is measured for them."""
    engine = chooser(tmp_path).choose(adapted.features, keras, IMAGES, graph="g")
    assert (engine.record.name, engine.record.reason) == ("keras", "not measured: only 96 examples")
    assert engine.predict is keras


def test_a_gpu_is_left_to_keras(adapted, keras, tmp_path):
    """The exported files run on the processor."""
    engine = chooser(tmp_path, device="NVIDIA H100").choose(adapted.features, keras, MANY, graph="g")
    assert engine.record.name == "keras"
    assert "NVIDIA H100" in engine.record.reason


def test_many_examples_pay_for_an_export_and_what_was_measured_is_kept(adapted, keras, tmp_path):
    """The next process knows the export's seconds; the next split has the engine at once, however small."""
    first = chooser(tmp_path)
    engine = first.choose(adapted.features, keras, MANY, graph="g")
    assert engine.record.name in {"openvino", "onnx"}
    assert "times as fast as Keras" in engine.record.reason
    assert first.choose(adapted.features, keras, IMAGES, graph="g") is engine
    measured = [json.loads(path.read_text()) for path in tmp_path.glob("engines/*.measured")]
    assert any(one["gain"] > 1 and one["export_seconds"] > 0 for one in measured)


def test_a_cache_that_cannot_be_written_stops_no_fit(adapted, keras, tmp_path):
    """What was measured is then forgotten, and the engine serves all the same."""
    (tmp_path / "file").write_text("in the way of the folder")
    engine = chooser(tmp_path / "file").choose(adapted.features, keras, MANY, graph="g")
    assert engine.record.name in {"openvino", "onnx"}


def test_keras_is_timed_once_for_a_backbone(adapted, tmp_path):
    """Further splits that are too small for an export cost nothing but their features."""
    from suite.training.predictor import Predictor

    asked = []
    predict = Predictor(adapted.features)

    def counting(inputs):
        asked.append(len(inputs))
        return predict(inputs)

    one = chooser(tmp_path)
    several = np.broadcast_to(IMAGES[:1], (300, 16, 16, 3))
    engines = [one.choose(adapted.features, counting, several, graph="g") for _ in range(3)]
    assert {engine.record.name for engine in engines} == {"keras"}
    assert asked == [64, 64]


@pytest.mark.parametrize("asked", ["auto", "onnx"])
def test_an_engine_that_says_something_else_is_not_used(asked, tmp_path):
    """Here a layer draws at random; back to Keras, with the reason in the record."""
    import keras as keras_library

    from suite.training.predictor import Predictor

    class Noisy(keras_library.layers.Layer):
        def call(self, x):
            return x + keras_library.random.normal(keras_library.ops.shape(x))

    images = keras_library.Input((16, 16, 3))
    pooled = keras_library.layers.GlobalAveragePooling2D()(Noisy()(images))
    model = keras_library.Model(images, pooled)
    predict = Predictor(model)
    engine = chooser(tmp_path, asked).choose(model, predict, MANY, graph="noisy")
    assert engine.record.name == "keras"
    assert engine.predict is predict
    for name in ("onnx",) if asked == "onnx" else ("onnx", "openvino"):
        assert f"{name} differs from Keras" in engine.record.reason or f"{name} cannot take" in engine.record.reason


def test_the_engine_is_part_of_what_features_are_kept_under(adapted, keras, tmp_path):
    """Those of ONNX Runtime are not taken where Keras is asked for; ``auto`` takes what is there."""
    backbone = build("pretrained")
    examples = Examples(IMAGES, np.zeros(96, np.int64), tuple(map(str, range(96))))

    def features(asked):
        own = chooser(tmp_path, asked)

        def choose(inputs):
            return own.choose(adapted.features, keras, inputs, graph="g")

        return FeatureStore(tmp_path).get(backbone, examples, fingerprint="f", asked=asked, choose=choose)

    assert features("onnx").engine.name == "onnx"
    assert features("auto").engine.name == "onnx"
    assert features("keras").engine.name == "keras"
    assert len(list(tmp_path.glob("features/*.npy"))) == 2


def test_a_run_says_which_engine_made_its_features(tmp_path):
    """In the result; and another engine is another trial."""
    from export_runs import run_images

    from suite.spec.plan import make_plan
    from suite.spec.spec import parse_spec
    from suite.store.store import open_store

    root = run_images(tmp_path, ("resnet_tiny",), feature_engine="onnx")
    with open_store(root / "out", create=False) as store:
        (result,) = store.query()
    assert (result.feature_engine.name, result.trial["feature_engine"]) == ("onnx", "onnx")
    assert result.feature_engine.version
    document = json.loads((root / "spec.json").read_text())
    ids = {
        engine: make_plan(parse_spec(json.dumps({**document, "feature_engine": engine}))).trials[0].id
        for engine in ("auto", "keras", "onnx")
    }
    assert len(set(ids.values())) == 3


def test_an_engine_that_is_not_installed_is_refused_before_anything_runs(tmp_path, monkeypatch):
    """One line with the command that installs it."""
    import importlib.util

    from export_runs import suite_command

    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "openvino" else found(name))
    document = {
        "name": "engine",
        "task": "image_classification",
        "models": [{"source": "zoo", "name": "vgg_tiny"}],
        "datasets": [{"source": "sklearn", "name": "digits"}],
        "strategies": [{"strategy": "linear_probe"}],
        "feature_engine": "openvino",
    }
    (tmp_path / "spec.json").write_text(json.dumps(document))
    outcome = suite_command("run", tmp_path / "spec.json", "--out", tmp_path / "out")
    assert outcome.exit_code == 2
    assert outcome.output.strip().endswith(f'pip install "keras-suite[{EXPORTERS.get("openvino").extra}]"')
    assert not (tmp_path / "out").exists()


def test_a_frozen_backbone_is_not_run_again_for_its_predictions(tmp_path):
    """They come from kept features, and are those of the model that is kept, to rounding."""
    from export_runs import run_images

    from suite.store.records.result import Predictions
    from suite.store.store import open_store

    root = run_images(tmp_path, ("resnet_tiny",), seeds=[1, 2])
    with open_store(root / "out", create=False) as store:
        results = store.query()
        kept = next(one for one in results if "model" in one.artefacts)
        said = Predictions.load(store.artefact(kept, "predictions/test"))
        model = store.artefact(kept, "model")
    assert len(list((root / "cache" / "features").glob("*.npy"))) == 3  # train, validation and test; not per seed
    import keras
    from PIL import Image

    images = np.stack(
        [np.asarray(Image.open(root / "images" / name).resize(kept.input_size)) for name in said.example_ids]
    )
    whole = np.asarray(keras.saving.load_model(model)(images.astype(np.float32)))
    assert np.abs(whole - said.probabilities).max() < 1e-4
