"""The tfds source on a tiny data set that is prepared here; no network."""

from __future__ import annotations

import functools
import json
import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite.data.tfds import TfdsOptions, TfdsSource
from suite.errors import DataError, DownloadError, UnknownNameError
from suite.runner.dry_run import look_ahead
from suite.spec.spec import SplitsSpec

NAMES = ("apple", "pear", "plum")


@functools.cache
def builder_class():
    """36 images of plain colours in three classes, train and test; TFDS knows a name only once."""
    import tensorflow_datasets as tfds

    class TinyFruit(tfds.core.GeneratorBasedBuilder):
        """Plain colours."""

        VERSION = tfds.core.Version("1.0.0")
        pkg_dir_path = Path(__file__).parents[1]

        def _info(self) -> Any:
            image = tfds.features.Image(shape=(None, None, 3))
            features = {"image": image, "label": tfds.features.ClassLabel(names=NAMES), "weight": np.float32}
            return self.dataset_info_from_configs(
                features=tfds.features.FeaturesDict(features), redistribution_info={"license": "CC0"}
            )

        def _split_generators(self, dl_manager) -> dict[str, Any]:
            return {"train": self._generate_examples(range(24)), "test": self._generate_examples(range(24, 36))}

        def _generate_examples(self, numbers) -> Iterator[tuple[int, dict[str, Any]]]:
            for number in numbers:
                image = np.full((6, 5, 3), number, dtype=np.uint8)
                yield number, {"image": image, "label": number % 3, "weight": 1.0}

    return TinyFruit


@pytest.fixture(scope="module", params=["array_record", "tfrecord"])
def data_dir(request, tmp_path_factory):
    """A folder with ``tiny_fruit`` prepared in one format."""
    folder = tmp_path_factory.mktemp(request.param)
    builder_class()(data_dir=folder, file_format=request.param).download_and_prepare()
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of the test's own."""
    monkeypatch.setenv("SUITE_CACHE_DIR", str(tmp_path / "cache"))


def load(data_dir: Path, **options: str):
    """The prepared data set."""
    return TfdsSource.load(
        TfdsOptions(name="tiny_fruit", data_dir=str(data_dir), **options), splits=SplitsSpec(), on_bad_example="error"
    )


def test_a_prepared_data_set_is_read_with_classes_licence_and_made_validation(data_dir):
    """Train and test come from TFDS, validation is made from train."""
    dataset = load(data_dir)
    assert dataset.class_names == NAMES
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 19, "validation": 5, "test": 12}
    assert dataset.licence == "CC0"
    assert dataset.name == "tiny_fruit-seed0"


def test_every_image_belongs_to_its_class(data_dir):
    """The colour of an image says its number, and the number its class."""
    for split in load(data_dir).splits.values():
        for index in range(len(split)):
            image = split.read(index)
            assert image.shape == (6, 5, 3)
            assert image[0, 0, 0] % 3 == split.targets[index]


def test_a_split_can_be_sent_to_another_process(data_dir):
    """What reads the examples survives being pickled by multiprocessing."""
    split = load(data_dir).splits["train"]
    again = pickle.loads(pickle.dumps(split))
    np.testing.assert_array_equal(again.read(3), split.read(3))


def test_splits_may_be_named_in_the_words_of_tfds(data_dir):
    """A part of a split becomes the validation split."""
    dataset = load(data_dir, train_split="train[:75%]", validation_split="train[75%:]")
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 18, "validation": 6, "test": 12}
    assert dataset.name == "tiny_fruit"


def test_an_unknown_feature_is_answered_with_the_nearest(data_dir):
    """The features that hold an image are named."""
    with pytest.raises(DataError, match="Did you mean 'image'"):
        load(data_dir, image_feature="imag")
    with pytest.raises(DataError, match="Did you mean 'label'"):
        load(data_dir, label_feature="labels")


def test_an_unknown_split_is_answered_with_the_nearest(data_dir):
    """The splits that the data set has are named."""
    with pytest.raises(DataError, match=r"test_split: .*Did you mean 'test'"):
        load(data_dir, test_split="tset")


def test_what_is_not_prepared_says_how_to_prepare_it(tmp_path):
    """Nothing is downloaded that was not asked for; command and folder are named."""
    options = TfdsOptions(name="tf_flowers", data_dir=str(tmp_path))
    (requirement,) = TfdsSource.requirements(options)
    assert not requirement.present
    assert requirement.path == tmp_path / "tf_flowers"
    with pytest.raises(DownloadError, match=r"tfds build tf_flowers --data_dir=.*tf_flowers"):
        TfdsSource.load(options, splits=SplitsSpec(), on_bad_example="error")


def test_a_download_without_a_network_ends_at_once(tmp_path, monkeypatch):
    """With the command that prepares it elsewhere."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    options = TfdsOptions(name="tf_flowers", data_dir=str(tmp_path), download=True)
    start = time.monotonic()
    with pytest.raises(DownloadError, match=r"cannot be prepared: .*Run 'tfds build tf_flowers"):
        TfdsSource.load(options, splits=SplitsSpec(), on_bad_example="error")
    assert time.monotonic() - start < 30


def test_a_name_that_tfds_does_not_have_is_answered_with_the_nearest(tmp_path):
    """Only a download needs the catalogue."""
    options = TfdsOptions(name="tf_flower", data_dir=str(tmp_path), download=True)
    with pytest.raises(UnknownNameError, match="Did you mean 'tf_flowers'"):
        TfdsSource.load(options, splits=SplitsSpec(), on_bad_example="error")


def test_two_configurations_ask_for_one(tmp_path):
    """Without 'config' it is not clear which is meant."""
    for config in ("big", "small"):
        folder = tmp_path / "fruit" / config / "1.0.0"
        folder.mkdir(parents=True)
        (folder / "dataset_info.json").write_text("{}")
    with pytest.raises(DataError, match="'config' to say which of these is meant: big, small"):
        TfdsSource.load(TfdsOptions(name="fruit", data_dir=str(tmp_path)), splits=SplitsSpec(), on_bad_example="error")


def test_a_folder_that_is_not_prepared_by_tfds_is_refused(tmp_path):
    """A damaged description is a sentence and no traceback."""
    folder = tmp_path / "fruit" / "1.0.0"
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").write_text("{}")
    with pytest.raises(DataError, match="expected a prepared TensorFlow data set"):
        TfdsSource.load(TfdsOptions(name="fruit", data_dir=str(tmp_path)), splits=SplitsSpec(), on_bad_example="error")


def test_a_plan_refuses_a_headline_that_a_prepared_data_set_cannot_have(data_dir, tmp_path):
    """Known before a worker starts, and without TensorFlow in this process: one class has no test example."""
    spec = {
        "name": "fruit", "task": "image_classification", "headline": "roc_auc",
        "models": [{"source": "zoo", "name": "vgg_tiny"}],
        "datasets": [{"source": "tfds", "name": "tiny_fruit", "data_dir": str(data_dir), "test_split": "test[:2]"}],
        "strategies": [{"strategy": "knn"}],
    }  # fmt: skip
    path = tmp_path / "fruit.json"
    path.write_text(json.dumps(spec))
    with pytest.raises(DataError, match="the headline 'roc_auc' cannot be computed on the"):
        look_ahead(path)
