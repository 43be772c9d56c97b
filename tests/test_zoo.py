"""The zoo: small, complete, true to its cards, and worth more than random weights."""

from __future__ import annotations

import json

import numpy as np
import pytest

from suite.data.cache import decoded
from suite.data.sklearn import SklearnSource
from suite.errors import ModelError, WeightsError
from suite.models import zoo
from suite.models.hashing import file_sha256
from suite.models.zoo import ZooOptions, ZooSource
from suite.spec import SplitsSpec

NAMES = ("mobilenet_025", "mobilenetv2_035", "resnet_tiny", "vgg_tiny", "vit_tiny")


def test_the_zoo_has_its_five_models():
    """Both kinds of sources are there: KerasHub classes and constructors of Keras Applications."""
    builders = {name: zoo.read_architecture(name).builder for name in ZooSource.known_names()}
    assert set(NAMES) <= set(builders)
    assert set(builders.values()) == {"keras_hub", "applications"}


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_small_and_its_card_names_its_weights(name):
    """At most 1.7 MB, and the hash on the card is that of the file."""
    path = zoo.zoo_folder() / name / "model.weights.h5"
    assert path.stat().st_size <= 1_700_000
    assert zoo.read_card(name).weights_sha256 == file_sha256(path)


def test_the_zoo_as_a_whole_is_at_most_8_mb():
    """It ships in the wheel."""
    assert sum(path.stat().st_size for path in zoo.zoo_folder().rglob("*") if path.is_file()) <= 8_000_000


@pytest.mark.parametrize("name", NAMES)
def test_pretrained_features_read_photographed_digits_better_than_random_ones(name):
    """A linear probe on ``digits_photo`` gains at least 5 points from the pretraining."""
    pretrained, random = (_probe_accuracy(name, weights) for weights in ("pretrained", "random"))
    assert pretrained >= random + 0.05


def test_damaged_weights_are_refused_by_their_hash(tmp_path):
    """A file that is not the card's is never loaded."""
    path = tmp_path / "model.weights.h5"
    path.write_bytes(b"not weights")
    with pytest.raises(WeightsError, match="expected SHA-256"):
        zoo.load_weights(None, path, zoo.read_card("resnet_tiny").weights_sha256)


def test_an_unknown_preset_is_answered_with_the_nearest():
    """Did you mean."""
    with pytest.raises(ModelError, match="Did you mean 'resnet_tiny'"):
        ZooSource.check(ZooOptions(name="resnet_tini"))


def _probe_accuracy(name: str, weights: str) -> float:
    """Test accuracy of a probe on pooled features."""
    import keras

    from suite.strategies.linear_probe import LinearProbeOptions, fit_probe
    from suite.tasks.image_classification import ImageClassification
    from suite.training import Predictor

    options = SklearnSource.Options.model_validate_json(json.dumps({"name": "digits_photo"}))
    dataset = SklearnSource.load(options, splits=SplitsSpec(), on_bad_example="error")
    keras.utils.set_random_seed(0)
    backbone = ZooSource.build(ZooOptions(name=name), weights=weights, input_size=None)
    predict = Predictor(ImageClassification.assemble(backbone, num_classes=dataset.num_classes).features)
    features = {
        split: predict(np.asarray(decoded(dataset.splits[split], dataset, size=backbone.input_size)))
        for split in ("train", "validation", "test")
    }
    targets = {split: dataset.splits[split].targets for split in features}
    probe = fit_probe(
        features["train"],
        targets["train"],
        features["validation"],
        targets["validation"],
        num_classes=dataset.num_classes,
        options=LinearProbeOptions(strengths=20),
    )
    return float(np.mean((features["test"] @ probe.kernel + probe.bias).argmax(axis=1) == targets["test"]))
