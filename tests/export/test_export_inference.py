"""Models with a layer that switches those after it to training: files and calls say what ``predict`` says."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from export_runs import FORMATS

from suite.data.batches import IMAGES
from suite.export.formats.exporter import write_file
from suite.export.formats.inference import for_inference
from suite.models.file import FileOptions, FileSource
from suite.registry import EXPORTERS
from suite.tasks.image_classification import ImageClassification
from suite.training.feature_engines import ENGINES, EngineChooser
from suite.training.predictor import Predictor
from suite.training.profiler import count_macs

NOISE = np.random.default_rng(0).uniform(0, 255, (5, 40, 40, 3)).astype("float32")


def network(*first: keras.Layer) -> keras.Model:
    """Layers, a convolution and a batch norm whose statistics are far from those of any batch."""
    keras.utils.set_random_seed(1)
    inputs = x = keras.Input((40, 40, 3), name="image")
    for layer in first:
        x = layer(x)
    x = keras.layers.Conv2D(4, 3, name="conv")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Dropout(0.5, name="dropout")(keras.layers.GlobalAveragePooling2D(name="pool")(x))
    model = keras.Model(inputs, keras.layers.Dense(3, name="head")(x), name="mine")
    model.get_layer("norm").moving_mean.assign([30.0, -20.0, 10.0, 5.0])
    model.get_layer("norm").moving_variance.assign([900.0, 400.0, 250.0, 2500.0])
    return model


@pytest.fixture(scope="module")
def resizing() -> keras.Model:
    """It resizes and crops by itself, as KerasHub's SegFormer and DeepLabV3 do."""
    return network(keras.layers.Resizing(32, 32), keras.layers.CenterCrop(28, 28))


def test_keras_itself_differs(resizing: keras.Model) -> None:
    """What the rest is for: once this fails, Keras is mended and ``for_inference`` may go."""
    assert np.abs(np.asarray(resizing(NOISE)) - resizing.predict(NOISE, verbose=0)).max() > 0.1


@pytest.mark.parametrize("name", FORMATS)
def test_files_say_what_predict_says(name: str, resizing: keras.Model, tmp_path: Path) -> None:
    """Of a user's file with a head on it, in every format."""
    resizing.save(tmp_path / "mine.keras")
    backbone = FileSource.build(FileOptions(path=str(tmp_path / "mine.keras"), layer="pool"))
    deployed = ImageClassification.assemble(backbone, num_classes=3).deployed()
    path = tmp_path / EXPORTERS.get(name).file
    EXPORTERS.get(name).write(deployed, path, labels=("a", "b", "c"))
    np.testing.assert_allclose(answers_of(name, path), deployed.predict(NOISE, verbose=0), atol=1e-5)


def answers_of(name: str, path: Path) -> np.ndarray:
    """What a file says; the suite's own loaders set TensorFlow's threads, which only a new process can."""
    if name == "keras":
        return keras.saving.load_model(path).predict(NOISE, verbose=0)
    if name == "saved_model":
        (answers,) = tf.saved_model.load(str(path)).signatures["serving_default"](image=tf.constant(NOISE)).values()
        return answers.numpy()
    return EXPORTERS.get(name).load(path, threads=1)({IMAGES: NOISE})


def test_random_augmentation_inside_is_off(tmp_path: Path) -> None:
    """A flip by chance has the same default."""
    model = network(keras.layers.RandomFlip(), keras.layers.RandomContrast(0.9))
    path = tmp_path / "model.onnx"
    EXPORTERS.get("onnx").write(model, path, labels=("a", "b", "c"))
    answers = EXPORTERS.get("onnx").load(path, threads=1)({IMAGES: NOISE})
    np.testing.assert_allclose(answers, model.predict(NOISE, verbose=0), atol=1e-3, rtol=1e-4)


def test_other_models_are_exported_as_they_are() -> None:
    """Nothing is put around them, and so no name inside changes."""
    model = network()
    assert for_inference(model) is model


@pytest.mark.parametrize("engine", ["keras", *ENGINES])
def test_features_of_a_users_file_are_those_that_predict_gives(
    engine: str, resizing: keras.Model, tmp_path: Path
) -> None:
    """By Keras and by exported engines, which are not refused; and its operations can be counted."""
    resizing.save(tmp_path / "mine.keras")
    backbone = FileSource.build(FileOptions(path=str(tmp_path / "mine.keras"), layer="pool"))
    adapted = ImageClassification.assemble(backbone, num_classes=3)
    expected = adapted.features.predict(NOISE.astype(np.uint8), verbose=0)
    assert np.abs(expected).max() > 0.1
    chooser = EngineChooser(engine, tmp_path, "CPU", 1)
    chosen = chooser.choose(adapted.features, Predictor(adapted.features), NOISE.astype(np.uint8), graph="mine")
    assert chosen.record.name == engine, chosen.record.reason
    np.testing.assert_allclose(chosen.predict(NOISE.astype(np.uint8)), expected, atol=1e-3, rtol=1e-4)
    assert count_macs(adapted.logits, keras.ops.convert_to_tensor(NOISE[:1])) > 4 * 27 * 26 * 26


def test_an_exporter_from_before_resizing_writes_as_it_did(tmp_path: Path) -> None:
    """A plugin's ``write`` without the argument is called without it; one that has it is given it."""
    given = []

    class Old:
        @classmethod
        def write(cls, model, path, *, labels) -> None:
            given.append(labels)

    class New:
        @classmethod
        def write(cls, model, path, *, labels, resizing=None) -> None:
            given.append(resizing)

    for exporter in (Old, New):
        write_file(exporter, None, tmp_path / "file", labels=("a",), resizing="{}")
    assert given == [("a",), "{}"]
