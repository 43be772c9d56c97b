"""Parameters and multiply-accumulates against published numbers; time and memory against sense."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from suite.training.macs import count_macs
from suite.training.profiler import (
    count_parameters,
    device_name,
    measure_throughput,
    peak_memory_bytes,
    profile_model,
    reset_peak_memory,
    weights_bytes,
)

COMPLEXITY = Path(__file__).resolve().parents[3] / "shared" / "data" / "reference" / "complexity.csv"
OTHER_LAYOUT = {"ResNet50", "ResNet101", "ResNet152"}
"""Published for torch's layout, which strides in the 3x3 convolution; Keras strides in the 1x1 before it and so
computes less (3.878 against 4.11 G for ResNet50). Rows without a number (ResNetV2, NASNetMobile) have none to
compare with. Everything else is compared."""
QUICK = ("MobileNet", "MobileNetV2", "EfficientNetB0", "VGG16", "VGG19", "Xception", "InceptionV3", "ResNet50")


def images(count: int, side: int) -> Any:
    """Black images."""
    return tf.zeros((count, side, side, 3))


def published(names: tuple[str, ...] | None = None, *, without: tuple[str, ...] = ()) -> list[Any]:
    """Rows of the reference as test parameters; none where the folder is absent."""
    if not COMPLEXITY.is_file():
        return [pytest.param({}, id="absent")]
    with COMPLEXITY.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["model"] not in without]
    return [pytest.param(row, id=row["model"]) for row in rows if names is None or row["model"] in names]


def assert_is_as_published(row: dict[str, str]) -> None:
    """Parameters exactly; multiply-accumulates within 3 % where the layout is the same."""
    side = int(row["input_size"])
    model = getattr(keras.applications, row["model"])(weights=None, input_shape=(side, side, 3))
    assert count_parameters(model)[0] == int(row["params_total_with_top"])
    if row["gmacs_published"] and row["model"] not in OTHER_LAYOUT:
        macs = count_macs(model, images(1, side))
        assert macs == pytest.approx(float(row["gmacs_published"]) * 1e9, rel=0.03)


@pytest.mark.shared
@pytest.mark.parametrize("row", published(QUICK))
def test_published_complexity(row: dict[str, str]) -> None:
    """Eight architectures of six families."""
    assert_is_as_published(row)


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("row", published(without=QUICK))
def test_published_complexity_of_the_rest(row: dict[str, str]) -> None:
    """Every other row of the reference."""
    assert_is_as_published(row)


def test_macs_of_a_convolution() -> None:
    """Positions x kernel x channels in x channels out."""
    model = keras.Sequential([keras.layers.Input((8, 8, 3)), keras.layers.Conv2D(5, 3, use_bias=False)])
    assert count_macs(model, images(1, 8)) == 6 * 6 * 3 * 3 * 3 * 5


def test_macs_of_attention_are_counted() -> None:
    """Four projections of 16 tokens of width 64, and both products of tokens with tokens; no more, no less."""
    tokens = keras.Input((16, 64))
    layer = keras.layers.MultiHeadAttention(num_heads=4, key_dim=16)
    model = keras.Model(tokens, layer(tokens, tokens))
    assert count_macs(model, tf.zeros((1, 16, 64))) == 4 * 16 * 64 * 64 + 2 * 16 * 16 * 64 == 294_912


def test_macs_of_other_products() -> None:
    """Transposed and depthwise convolutions, groups, and layers that go over a sequence step by step."""
    layers = keras.layers
    for layer, expected in (
        (layers.Conv2DTranspose(5, 3, strides=2, use_bias=False), 8 * 8 * 4 * 3 * 3 * 5),
        (layers.DepthwiseConv2D(3, use_bias=False), 6 * 6 * 4 * 3 * 3),
        (layers.BatchNormalization(), 8 * 8 * 4),
        (layers.Conv2D(6, 3, groups=2), 6 * 6 * 6 * 3 * 3 * 2),
    ):
        assert count_macs(keras.Sequential([layers.Input((8, 8, 4)), layer]), tf.zeros((1, 8, 8, 4))) == expected
    recurrent = keras.Sequential([layers.Input((7, 4)), layers.LSTM(5)])
    assert count_macs(recurrent, tf.zeros((1, 7, 4))) == 7 * 4 * 5 * (4 + 5)


def transformer(layers: int, tokens: int, width: int) -> int:
    """Multiply-accumulates of a stack of blocks: four projections, two products of tokens, four widths and back."""
    return layers * (4 * tokens * width**2 + 2 * tokens**2 * width + 8 * tokens * width**2)


def texts(length: int, *, segments: bool) -> dict[str, Any]:
    """One text of padding, as KerasHub's models take it."""
    names = ("token_ids", "padding_mask", *(("segment_ids",) if segments else ()))
    return {name: tf.zeros((1, length), "int32") for name in names}


def test_macs_of_a_vision_transformer() -> None:
    """ViT-B/16 at 224: the formula, and torchvision's 17.56 G."""
    from keras_hub.models import ViTBackbone, ViTImageClassifier

    backbone = ViTBackbone(
        image_shape=(224, 224, 3), patch_size=16, num_layers=12, num_heads=12, hidden_dim=768, mlp_dim=3072
    )
    found = count_macs(ViTImageClassifier(backbone=backbone, num_classes=1000, preprocessor=None), images(1, 224))
    patches = 196 * (16 * 16 * 3) * 768
    assert found == pytest.approx(transformer(12, 197, 768) + patches + 768 * 1000, rel=1e-4)
    assert found == pytest.approx(17.56e9, rel=0.01)


def test_macs_of_an_encoder_of_texts() -> None:
    """BERT-base at 128 tokens: the formula, and the 22.5 G operations, two of each, of Sun et al. 2020 (MobileBERT)."""
    from keras_hub.models import BertBackbone

    backbone = BertBackbone(vocabulary_size=30522, num_layers=12, num_heads=12, hidden_dim=768, intermediate_dim=3072)
    found = count_macs(backbone, texts(128, segments=True))
    assert found == pytest.approx(transformer(12, 128, 768) + 768 * 768, rel=1e-4)
    assert 2 * found == pytest.approx(22.5e9, rel=0.01)


def test_macs_of_a_language_model() -> None:
    """GPT-2 at 1,024 tokens: the formula, and the 291,648,307,200 operations, two of each, of nanoGPT's notebook."""
    from keras_hub.models import GPT2Backbone, GPT2CausalLM

    backbone = GPT2Backbone(
        vocabulary_size=50257,
        num_layers=12,
        num_heads=12,
        hidden_dim=768,
        intermediate_dim=3072,
        max_sequence_length=1024,
    )
    found = count_macs(GPT2CausalLM(backbone=backbone, preprocessor=None), texts(1024, segments=False))
    assert found == pytest.approx(transformer(12, 1024, 768) + 1024 * 768 * 50257, rel=1e-4)
    assert 2 * found == pytest.approx(291_648_307_200, rel=0.01)


def test_macs_do_not_depend_on_freezing() -> None:
    """A frozen model computes as much."""
    model = small_model()
    before = count_macs(model, images(1, 16))
    model.trainable = False
    assert count_macs(model, images(1, 16)) == before


def test_parameters_and_bytes() -> None:
    """All, trained, and four bytes each."""
    model = small_model()
    model.layers[0].trainable = False
    assert count_parameters(model) == (4 * 28 + 16 + 10, 8 + 10)
    assert weights_bytes(model) == 4 * (4 * 28 + 16 + 10)


def test_half_precision_takes_half_the_bytes() -> None:
    """Bytes are those of the type that weights are kept in."""
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(4, dtype="float16")])
    assert weights_bytes(model) == 2 * 16


def small_model() -> Any:
    """A convolution, its batch norm and a head."""
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((16, 16, 3)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ]
    )


def test_throughput_counts_examples() -> None:
    """Eight examples in twenty milliseconds are at most 400 in a second."""

    def predict(batch: Any) -> Any:
        time.sleep(0.02)
        return batch

    assert 100 < measure_throughput(predict, np.zeros(8), count=8, seconds=0.1) <= 400


def test_profile_of_a_model() -> None:
    """Everything is measured, in a bounded time."""
    model = small_model()
    predict = tf.function(lambda images: model(images, training=False), reduce_retracing=True)
    profile = profile_model(model, sample=lambda count: np.zeros((count, 16, 16, 3), np.float32), predict=predict)
    assert profile.parameters == model.count_params()
    assert 0 < profile.latency_ms_p50 <= profile.latency_ms_p95
    assert profile.throughput_per_second > 0
    assert profile.throughput_batch_size == 32
    assert profile.macs == count_macs(model, images(1, 16))
    assert profile.device == device_name()


def test_a_slow_model_is_not_measured_for_minutes() -> None:
    """Fewer calls and smaller batches where one call takes long."""
    model = small_model()

    def predict(images: Any) -> Any:
        time.sleep(0.1 * len(images))
        return images

    started = time.perf_counter()
    profile = profile_model(model, sample=lambda count: np.zeros((count, 16, 16, 3), np.float32), predict=predict)
    assert profile.throughput_batch_size < 32
    assert time.perf_counter() - started < 15


def test_peak_memory_is_that_of_this_process() -> None:
    """Memory that was taken and given back is seen until it is forgotten."""
    block = np.ones(200_000_000, "uint8")
    peak = peak_memory_bytes()
    assert peak > block.nbytes
    del block
    reset_peak_memory()
    assert peak_memory_bytes() <= peak
