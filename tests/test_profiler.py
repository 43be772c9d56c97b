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
from hub_configs import HUB_CONFIGS

from suite.models.hub import HubOptions, HubSource
from suite.profiler import (
    count_macs,
    count_parameters,
    device_name,
    measure_latency,
    measure_throughput,
    peak_memory_bytes,
    profile_model,
    reset_peak_memory,
    weights_bytes,
)

COMPLEXITY = Path(__file__).resolve().parents[2] / "shared" / "data" / "reference" / "complexity.csv"
OTHER_LAYOUT = {"ResNet50", "ResNet101", "ResNet152"}
"""Published for torch's layout, which strides in the 3x3 convolution; Keras strides in the 1x1 before it and so
computes less (3.878 against 4.11 G for ResNet50). Rows without a number (ResNetV2, NASNetMobile) have none to
compare with. Everything else is compared."""
QUICK = ("MobileNet", "MobileNetV2", "EfficientNetB0", "VGG16", "VGG19", "Xception", "InceptionV3", "ResNet50")


def pictures(count: int, side: int) -> Any:
    """Black pictures."""
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
        macs = count_macs(model, pictures(1, side))
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
    assert count_macs(model, pictures(1, 8)) == 6 * 6 * 3 * 3 * 3 * 5


def test_macs_of_attention_are_counted() -> None:
    """A ViT's projections and products of tokens; what is left (norms, softmax) is small."""
    config = {**HUB_CONFIGS["ViTBackbone"], "hidden_dim": 64, "mlp_dim": 256}
    backbone = HubSource.build(HubOptions(backbone="ViTBackbone", config=config, input_size=(64, 64)))
    tokens, width = 65, 64
    block = tokens * width * width * 4 + 2 * tokens * tokens * width + 2 * tokens * width * 256
    expected = 2 * block + 64 * (8 * 8 * 3) * width
    assert count_macs(backbone.model, pictures(1, 64)) == pytest.approx(expected, rel=0.1)


def test_macs_do_not_depend_on_freezing() -> None:
    """A frozen model computes as much."""
    model = small_model()
    before = count_macs(model, pictures(1, 16))
    model.trainable = False
    assert count_macs(model, pictures(1, 16)) == before


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


def test_latency_is_the_time_of_a_call() -> None:
    """Median and 95th percentile of calls that sleep; the warm-up is not among them."""
    seconds = iter([0.2, *[0.01] * 9, 0.05])

    def predict(example: Any) -> Any:
        time.sleep(next(seconds))
        return example

    p50, p95 = measure_latency(predict, np.zeros(1), warmup=1, repeats=10)
    assert 10 <= p50 < 30
    assert p50 < p95 <= 80


def test_throughput_counts_examples() -> None:
    """Eight examples in twenty milliseconds are at most 400 in a second."""

    def predict(batch: Any) -> Any:
        time.sleep(0.02)
        return batch

    assert 100 < measure_throughput(predict, np.zeros(8), count=8, seconds=0.1) <= 400


def test_profile_of_a_model() -> None:
    """Everything is measured, in a bounded time."""
    model = small_model()
    predict = tf.function(lambda pictures: model(pictures, training=False), reduce_retracing=True)
    profile = profile_model(model, sample=lambda count: np.zeros((count, 16, 16, 3), np.float32), predict=predict)
    assert profile.parameters == model.count_params()
    assert 0 < profile.latency_ms_p50 <= profile.latency_ms_p95
    assert profile.throughput_per_second > 0
    assert profile.throughput_batch_size == 32
    assert profile.macs == count_macs(model, pictures(1, 16))
    assert profile.device == device_name()


def test_a_slow_model_is_not_measured_for_minutes() -> None:
    """Fewer calls and smaller batches where one call takes long."""
    model = small_model()

    def predict(pictures: Any) -> Any:
        time.sleep(0.1 * len(pictures))
        return pictures

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
