"""Strategies that train a small part of a model: BitFit and LoRA."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from suite.errors import TrialSkipped
from suite.models.freezing import BIASES, apply_trainable
from suite.models.low_rank import reset_factors
from suite.models.zoo.images import Architecture, ZooSource, build_architecture
from suite.strategies.bitfit import BitFit, BitFitOptions
from suite.strategies.fine_tune import FineTune, FineTuneOptions
from suite.strategies.lora import Lora, LoraOptions

VIT = Architecture(
    builder="keras_hub",
    constructor="ViTBackbone",
    config={
        "patch_size": 8,
        "num_layers": 2,
        "num_heads": 2,
        "hidden_dim": 16,
        "mlp_dim": 32,
        "use_class_token": True,
    },
    input_size=(16, 16),
    pooling="token",
    family="vit",
)


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """A maker of contexts of one small transformer of images."""
    from small_workshop import contexts, workshop

    made = workshop(tmp_path_factory.mktemp("cache"))
    return contexts(dataclasses.replace(made, build=lambda _: build_architecture(VIT, name="small")))


@pytest.fixture(scope="module")
def vgg(tmp_path_factory):
    """A maker of contexts of the small VGG, whose convolutions have biases."""
    from small_workshop import contexts, workshop

    return contexts(workshop(tmp_path_factory.mktemp("vgg")))


def _weights(model) -> dict[str, np.ndarray]:
    return {variable.path: np.array(variable) for variable in model.variables}


def test_bitfit_moves_biases_alone_and_fine_tuning_afterwards_everything(context):
    """What one strategy freezes is not frozen for the next."""
    one = context(epochs=1)
    model = one.workshop.backbone.model
    before = _weights(model)
    fit = BitFit.fit(one, BitFitOptions(jit="off"))
    moved = {path for path, value in _weights(model).items() if not np.array_equal(value, before[path])}
    assert moved
    assert all(path.endswith(("/bias", "/beta")) for path in moved)
    whole = FineTune.fit(one, FineTuneOptions(jit="off"))
    assert fit.trainable_parameters < whole.trainable_parameters / 4
    assert whole.trainable_parameters == fit.adapted.logits.count_params()
    assert all(variable.trainable for variable in model.weights)


def test_bitfit_is_skipped_without_biases(context, tmp_path):
    """A network whose only shifts are those of batch norms has nothing for it."""
    import keras

    inputs = keras.Input((16, 16, 3))
    states = keras.layers.Conv2D(4, 3, use_bias=False)(inputs)
    model = keras.Model(inputs, keras.layers.BatchNormalization()(states))
    one = context()
    backbone = dataclasses.replace(one.workshop.backbone, model=model)
    bare = dataclasses.replace(one.workshop, build=lambda _: backbone, _backbone=None, _adapted={}, _prepared={})
    with pytest.raises(TrialSkipped, match="no biases"):
        BitFit.fit(dataclasses.replace(one, workshop=bare), BitFitOptions())


def test_lora_merges_into_a_plain_model_and_leaves_the_kernels(context):
    """The merged model predicts what the one with factors does, and the pretrained kernels did not move."""
    one = context(epochs=2)
    low = one.workshop.low_rank(4, 8.0, ())
    base = {path: value for path, value in _weights(low.backbone.model).items() if "lora" not in path}
    fit = Lora.fit(one, LoraOptions(alpha=8.0, learning_rate=1e-2, jit="off"))
    after = _weights(low.backbone.model)
    assert all(np.array_equal(after[path], value) for path, value in base.items())
    trained = low.adapted(num_classes=one.num_classes)
    images = one.validation.inputs[:16].astype("float32")
    assert np.allclose(trained.logits(images), fit.adapted.logits(images), atol=1e-4)
    factors = sum(value.size for path, value in after.items() if "lora" in path)
    assert fit.trainable_parameters == factors + fit.adapted.head.count_params()
    assert any(np.any(value) for path, value in after.items() if path.endswith("lora_kernel_b"))


def test_each_seed_of_lora_starts_from_factors_of_its_own(context):
    """A depends on the seed alone, and B is zero."""
    model = context().workshop.low_rank(4, 8.0, ()).backbone.model
    made = []
    for seed in (1, 2, 1):
        reset_factors(model, seed)
        made.append({path: value for path, value in _weights(model).items() if "lora" in path})
    for path, value in made[0].items():
        assert np.array_equal(value, made[2][path])
        assert np.array_equal(value, made[1][path]) == path.endswith("lora_kernel_b")


def test_lora_is_skipped_where_no_layer_takes_it(vgg):
    """A network of convolutions has no queries or values."""
    with pytest.raises(TrialSkipped, match="no layer"):
        Lora.fit(vgg(), LoraOptions())


@pytest.mark.parametrize("name", ["bert_tiny", "gpt2_tiny"])
def test_texts_have_biases_and_queries(name, tmp_path):
    """Merged, a model of texts says what the one with factors said."""
    from suite.models.low_rank import add_factors, merge_factors
    from suite.tasks.text_classification import TextClassification

    plain, other = (ZooSource.build(ZooSource.Options(name=name)) for _ in range(2))
    assert apply_trainable(plain.model, plain.stages, BIASES)
    assert all(v.name in {"bias", "beta"} for v in plain.model.trainable_variables)
    add_factors(other.model, rank=2, alpha=2.0, targets=())
    adapted = TextClassification.assemble(other, num_classes=2)
    reset_factors(other.model, 1)
    for variable in other.model.variables:
        if variable.name == "lora_kernel_b":
            variable.assign(np.random.default_rng(0).normal(0, 0.1, variable.shape))
    batch = {key: np.ones((2, 5), "int32") for key in other.encoder.input}
    merged = TextClassification.assemble(plain, num_classes=2)
    before = np.asarray(merged.features(batch))
    merge_factors(other.model, plain.model)
    assert not np.allclose(before, merged.features(batch), atol=1e-3)
    assert np.allclose(adapted.features(batch), merged.features(batch), atol=1e-4)
