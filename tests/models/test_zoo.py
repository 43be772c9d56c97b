"""The zoo: small, complete, true to its cards, and worth more than random weights."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from suite.data.api_docs import ApiDocsSource
from suite.data.cache import decoded
from suite.data.sklearn import SklearnSource
from suite.errors import ModelError, WeightsError
from suite.models.hashing import file_sha256
from suite.models.zoo import images as zoo
from suite.models.zoo.images import ZooOptions, ZooSource
from suite.registry import OBJECTIVES
from suite.spec.spec import SplitsSpec

NAMES = ("mobilenet_025", "mobilenetv2_035", "resnet_tiny", "vgg_tiny", "vit_tiny")
TEXT_NAMES = ("bert_tiny", "gpt2_tiny", "roberta_tiny", "t5_tiny")


def test_the_zoo_has_its_nine_models():
    """Both kinds of sources are there: KerasHub classes and constructors of Keras Applications."""
    builders = {name: zoo.read_architecture(name).builder for name in ZooSource.known_names()}
    assert {*NAMES, *TEXT_NAMES} <= set(builders)
    assert set(builders.values()) == {"keras_hub", "applications"}


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_small_and_its_card_names_its_weights(name):
    """At most 1.7 MB, and the hash on the card is that of the file."""
    path = zoo.zoo_folder() / name / "model.weights.h5"
    assert path.stat().st_size <= 1_700_000
    assert zoo.read_card(name).weights_sha256 == file_sha256(path)


def test_the_zoo_of_images_is_at_most_8_mb():
    """It ships in the wheel."""
    assert sum(_size(zoo.zoo_folder() / name) for name in NAMES) <= 8_000_000


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_a_model_of_texts_is_small_and_its_card_is_complete(name):
    """At most 4 MB with its tokeniser; hash, perplexity on held-out texts, and a command that makes it again."""
    folder = zoo.zoo_folder() / name
    card, architecture = zoo.read_card(name), zoo.read_architecture(name)
    assert _size(folder) <= 4_000_000
    assert card.weights_sha256 == file_sha256(folder / "model.weights.h5")
    assert (card.pretrained_on, card.upstream_metric) == ("api_docs prose", "perplexity")
    assert 1 < card.upstream_score < architecture.config["vocabulary_size"] / 10
    assert card.command == f"suite pretrain specs/pretrain/{name}.json"
    assert {path.name for path in folder.iterdir()} == {
        "card.json", "config.json", "model.weights.h5", *architecture.tokenizer.files
    }  # fmt: skip


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_a_card_of_texts_says_which_versions_its_data_came_from(name):
    """Docstrings change with their libraries; with the same versions the data has the fingerprint of the card."""
    card, dataset = zoo.read_card(name), _api_docs("prose")
    assert card.data_origin
    assert (dataset.origin != card.data_origin) or (dataset.fingerprint == card.data_fingerprint)


def _size(folder) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_pretrained_states_tell_libraries_apart_better_than_random_ones(name):
    """A linear probe on the mean of the tokens' states gains at least 5 points from the pretraining."""
    pretrained, random = (_library_accuracy(name, weights) for weights in ("pretrained", "random"))
    assert pretrained >= random + 0.05


@pytest.mark.parametrize("name", ["gpt2_tiny", "t5_tiny"])
def test_the_perplexity_on_a_card_is_that_of_the_files(name):
    """Measured again on a thirtieth of the held-out rows; a masked model's head is not kept, so it cannot be."""
    from suite.strategies.pretraining import causal_lm, span_corruption
    from suite.strategies.pretraining.language import perplexity

    card = zoo.read_card(name)
    dataset = _api_docs("prose")
    if dataset.origin != card.data_origin:
        pytest.skip("other versions of the libraries are installed than those on the card")
    assert dataset.fingerprint == card.data_fingerprint
    backbone = ZooSource.build(ZooOptions(name=name))
    test = dataset.splits["test"]
    texts = backbone.tokenizer.encode([test.read(index)[1] for index in range(len(test))])
    options = OBJECTIVES.get(card.objective).Options.model_validate_json(json.dumps(card.recipe["options"]))
    if name == "gpt2_tiny":
        model, left_out = causal_lm.causal_lm_model(backbone), frozenset()
        rows = causal_lm.causal_rows(backbone, options, texts)
    else:
        corruption = span_corruption.corruption_of(backbone, options)
        model, left_out = span_corruption.span_corruption_model(backbone), {*corruption.sentinels, corruption.end_id}
        rows = span_corruption.span_rows(backbone, options, corruption, texts)
    some = replace(rows, rows=rows.rows[::30])
    assert perplexity(model, some, left_out=frozenset(left_out)) == pytest.approx(card.upstream_score, rel=0.15)


def _api_docs(name: str):
    options = ApiDocsSource.Options.model_validate_json(json.dumps({"name": name}))
    return ApiDocsSource.load(options, splits=SplitsSpec(), on_bad_example="error")


def _library_accuracy(name: str, weights: str) -> float:
    """Test accuracy of a probe on the mean states of the tokens of paragraphs of ``api_docs libraries``."""
    import keras
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    dataset = _api_docs("libraries")
    keras.utils.set_random_seed(0)
    backbone = ZooSource.build(ZooOptions(name=name), weights=weights)
    states = {split: _mean_states(backbone, dataset.splits[split]) for split in ("train", "test")}
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.03, max_iter=200))
    probe.fit(states["train"], dataset.splits["train"].targets)
    return float(probe.score(states["test"], dataset.splits["test"].targets))


def _mean_states(backbone, split) -> np.ndarray:
    """One vector per text: the mean of the states of its tokens, special ones counted."""
    import keras

    packing = backbone.tokenizer.packing
    own = backbone.sequence_length - len(packing.start) - len(packing.end)
    texts = backbone.tokenizer.encode([split.read(index)[0] for index in range(len(split))])
    rows = [np.array([*packing.start, *ids[:own].tolist(), *packing.end], np.int32) for ids in texts]
    order = np.argsort([len(row) for row in rows], kind="stable")
    found = np.zeros((len(rows), backbone.encoder.output.shape[-1]), np.float32)
    for start in range(0, len(order), 64):
        chosen = order[start : start + 64]
        length = -(-max(len(rows[index]) for index in chosen) // 32) * 32
        ids = np.full((len(chosen), min(length, backbone.sequence_length)), backbone.tokenizer.pad_id, np.int32)
        mask = np.zeros_like(ids)
        for place, index in enumerate(chosen):
            ids[place, : len(rows[index])] = rows[index]
            mask[place, : len(rows[index])] = 1
        inputs = {"token_ids": ids, "padding_mask": mask, "segment_ids": np.zeros_like(ids)}
        states = keras.ops.convert_to_numpy(backbone.encoder({key: inputs[key] for key in backbone.encoder.input}))
        found[chosen] = (states * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    return found


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
    from suite.training.predictor import Predictor

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
