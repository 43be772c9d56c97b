"""Stages of every architecture family, and which layers freezing leaves alone."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hub_configs import HUB_CONFIGS

from suite.errors import ModelError, SuiteError
from suite.models.applications import ApplicationsOptions, ApplicationsSource
from suite.models.backbone import Backbone
from suite.models.constructors import CONSTRUCTORS
from suite.models.freezing import apply_trainable, check_unfreeze, stage_of_variables
from suite.models.hub import HubOptions, HubSource
from suite.models.layer_graph import weighted_layers
from suite.models.stages import families, stages_of

APPLICATIONS = {
    "ResNet50": "stem conv2 conv3 conv4 conv5",
    "ResNet50V2": "stem conv2 conv3 conv4 conv5",
    "VGG16": "block1 block2 block3 block4 block5",
    "InceptionV3": "stem mixed0-2 mixed3-7 mixed8-10",
    "InceptionResNetV2": "stem block35 block17 block8",
    "Xception": "stem entry_flow middle_flow exit_flow",
    "MobileNet": "stem stage1 stage2 stage3 stage4 stage5",
    "MobileNetV2": "stem stage1 stage2 stage3 stage4 stage5",
    "MobileNetV3Small": "stem stage1 stage2 stage3 stage4",
    "EfficientNetB0": "stem block1 block2 block3 block4 block5 block6 block7",
    "EfficientNetV2B0": "stem block1 block2 block3 block4 block5 block6",
    "ConvNeXtTiny": "stem stage1 stage2 stage3 stage4",
    "DenseNet121": "stem conv2 conv3 conv4 conv5",
    "NASNetMobile": "stem stage1 stage2 stage3",
}
HUB = {
    "ResNetBackbone": "stem conv2 conv3",
    "VGGBackbone": "block1 block2 block3",
    "ViTBackbone": "embedding encoder1 encoder2",
    "DeiTBackbone": "embedding encoder1-2 encoder3-4 encoder5 encoder6",
    "DINOV2Backbone": "embedding encoder1 encoder2",
    "DenseNetBackbone": "stem conv2 conv3",
    "EfficientNetBackbone": "stem block1 block2",
    "MobileNetBackbone": "stem stage1 stage2 stage3",
    "XceptionBackbone": "stem entry_flow",
    "MiTBackbone": "stage1 stage2",
    "SwinTransformerBackbone": "embedding stage1 stage2",
    "HGNetV2Backbone": "stem stage1 stage2",
    "CSPNetBackbone": "stage1 stage2",
}


def from_applications(name: str) -> Backbone:
    """A constructor at its smallest size, random weights."""
    side = CONSTRUCTORS[name].smallest
    return ApplicationsSource.build(ApplicationsOptions(name=name, weights=None, input_size=(side, side)))


def from_hub(name: str) -> Backbone:
    """A narrow KerasHub backbone, random weights."""
    side = 71 if name.startswith("Xception") else 64 if name.startswith(("Mobile", "HGNet")) else 32
    return HubSource.build(HubOptions(backbone=name, config=HUB_CONFIGS[name], input_size=(side, side)))


def assert_covered_in_order(backbone: Backbone) -> None:
    """Every layer with weights is in one stage, and gradients reach no later stage from an earlier output."""
    paths = [path for stage in backbone.stages for path in stage.layers]
    items = weighted_layers(backbone.model)
    assert sorted(paths) == sorted(item.path for item in items)
    counted = sum(variable.shape.num_elements() for variable in _unique_variables(backbone.model, paths))
    assert counted == backbone.model.count_params()


def _unique_variables(model: Any, paths: list[str]) -> list[Any]:
    layers = {item.path: item.layer for item in weighted_layers(model)}
    found = {id(variable): variable.value for path in paths for variable in layers[path].weights}
    return list(found.values())


@pytest.mark.parametrize("name", APPLICATIONS)
def test_stages_of_applications(name: str) -> None:
    """Each family of keras.applications has its conventional stages, over every layer with weights."""
    backbone = from_applications(name)
    assert " ".join(stage.name for stage in backbone.stages) == APPLICATIONS[name]
    assert_covered_in_order(backbone)


@pytest.mark.parametrize("name", HUB)
def test_stages_of_hub(name: str) -> None:
    """Each KerasHub family has stages too, layers nested in composite ones included."""
    backbone = from_hub(name)
    assert " ".join(stage.name for stage in backbone.stages) == HUB[name]
    assert_covered_in_order(backbone)


@pytest.mark.parametrize("name", ["ResNet50", "InceptionV3", "MobileNetV2", "DenseNet121"])
def test_stages_follow_the_graph(name: str) -> None:
    """No layer feeds into a layer of an earlier stage."""
    backbone = from_applications(name)
    stage_of = {path: number for number, stage in enumerate(backbone.stages) for path in stage.layers}
    highest: dict[str, int] = {}
    for layer in backbone.model.layers:
        before = [parent.operation.name for node in layer._inbound_nodes for parent in node.parent_nodes]
        so_far = max((highest[parent] for parent in before if parent in highest), default=0)
        own = stage_of.get(layer.path or "", so_far)
        assert own >= so_far, layer.name
        highest[layer.name] = own


def test_every_constructor_names_a_family() -> None:
    """The table's families are files."""
    assert {constructor.family for constructor in CONSTRUCTORS.values()} <= set(families())


def test_generic_stages_go_by_resolution() -> None:
    """An unknown network is divided where its resolution halves; a last normalisation joins the last part."""
    layers = keras.layers
    steps = [layers.Conv2D(4, 3, strides=2, padding="same") for _ in range(3)] + [layers.BatchNormalization()]
    model = keras.Sequential([layers.Input((32, 32, 3)), *steps])
    assert [len(stage.layers) for stage in stages_of(model, "generic")] == [1, 1, 2]


def test_generic_stages_without_resolution() -> None:
    """A network of one resolution is divided into four even parts."""
    layers = [keras.layers.Conv2D(4, 3, padding="same") for _ in range(8)]
    model = keras.Sequential([keras.layers.Input((8, 8, 3)), *layers])
    assert [len(stage.layers) for stage in stages_of(model, "generic")] == [2, 2, 2, 2]


def test_unknown_family_has_a_suggestion() -> None:
    """A misspelt family gets the nearest name."""
    with pytest.raises(ModelError, match="Did you mean 'resnet'"):
        stages_of(keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)]), "resnett")


def test_a_model_without_weights_is_refused() -> None:
    """There would be nothing to adapt."""
    with pytest.raises(ModelError, match="no layer with weights"):
        stages_of(keras.Sequential([keras.layers.Input((8, 8, 3)), keras.layers.MaxPooling2D()]), "generic")


@pytest.mark.parametrize("build", [lambda: from_applications("MobileNet"), lambda: from_hub("ResNetBackbone")])
@pytest.mark.parametrize("unfreeze", ["head", 1, "all"])
def test_frozen_layers_do_not_move_in_a_fit(build: Any, unfreeze: str | int) -> None:
    """After a step of fit, weights and batch-norm statistics of frozen stages are as before, others moved."""
    backbone = build()
    trained = set(apply_trainable(backbone.model, backbone.stages, unfreeze))
    before = _values_by_stage(backbone)
    _fit_one_step(backbone)
    for stage, values in _values_by_stage(backbone).items():
        moved = [not np.array_equal(old, new) for old, new in zip(before[stage], values, strict=True)]
        assert any(moved) is (stage in trained), stage


def _values_by_stage(backbone: Backbone) -> dict[str, list[Any]]:
    layers = {item.path: item.layer for item in weighted_layers(backbone.model)}
    return {
        stage.name: [variable.numpy() for path in stage.layers for variable in layers[path].weights]
        for stage in backbone.stages
    }


def _fit_one_step(backbone: Backbone) -> None:
    images = keras.layers.Input((*backbone.input_size, 3))
    features = keras.layers.GlobalAveragePooling2D()(backbone.model(backbone.preprocess(images)))
    model = keras.Model(images, keras.layers.Dense(2)(features))
    model.compile(
        optimizer=keras.optimizers.SGD(0.1), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    images = np.random.default_rng(0).uniform(0, 255, (8, *backbone.input_size, 3)).astype("float32")
    model.fit(images, np.arange(8) % 2, epochs=1, verbose=0)


def test_freezing_can_be_changed_again() -> None:
    """All, then the head alone, then two stages: each time exactly those parameters are trainable."""
    backbone = from_applications("MobileNet")
    apply_trainable(backbone.model, backbone.stages, "all")
    everything = backbone.model.count_params() - sum(
        value.shape.num_elements() for value in (variable.value for variable in backbone.model.non_trainable_weights)
    )
    apply_trainable(backbone.model, backbone.stages, "head")
    assert backbone.model.trainable_weights == []
    assert apply_trainable(backbone.model, backbone.stages, 2) == ("stage4", "stage5")
    assert {variable.path.split("/")[0].split("_bn")[0] for variable in backbone.model.trainable_weights} == {
        f"conv_{kind}_{number}" for kind in ("dw", "pw") for number in range(6, 14)
    }
    apply_trainable(backbone.model, backbone.stages, "all")
    assert (
        sum(value.shape.num_elements() for value in (v.value for v in backbone.model.trainable_weights)) == everything
    )


def test_a_pattern_reaches_into_composite_layers() -> None:
    """A regular expression unfreezes the value projections of a ViT and nothing else."""
    backbone = from_hub("ViTBackbone")
    assert apply_trainable(backbone.model, backbone.stages, r"re:mha/value$") == ("encoder1", "encoder2")
    assert len(backbone.model.trainable_weights) == 4
    assert all("/mha/value/" in variable.path for variable in backbone.model.trainable_weights)


def test_own_weights_of_a_composite_can_stay_frozen() -> None:
    """The class token belongs to the layer around the patch convolution; it does not follow it."""
    backbone = from_hub("ViTBackbone")
    apply_trainable(backbone.model, backbone.stages, "re:patch_embedding$")
    assert [variable.name for variable in backbone.model.trainable_weights] == ["kernel", "bias"]


@pytest.mark.parametrize("unfreeze", ["conv3", "stack1_*"])
def test_stage_names_and_globs(unfreeze: str) -> None:
    """A stage is named by its name or by a glob over its layers."""
    backbone = from_hub("ResNetBackbone")
    assert apply_trainable(backbone.model, backbone.stages, unfreeze) == ("conv3",)


@pytest.mark.parametrize(
    ("unfreeze", "message"),
    [
        ("covn3", "Did you mean 'conv3'"),
        ("re:[", "not a regular expression"),
        (9, "has 3: stem, conv2, conv3"),
        (0, "at least 1 stage"),
        ("", "empty text"),
    ],
)
def test_what_cannot_be_unfrozen(unfreeze: str | int, message: str) -> None:
    """A pattern that matches nothing, or more stages than there are, is refused with the names."""
    backbone = from_hub("ResNetBackbone")
    with pytest.raises(SuiteError, match=message):
        apply_trainable(backbone.model, backbone.stages, unfreeze)


def test_true_is_no_number_of_stages() -> None:
    """JSON's true is not 1."""
    with pytest.raises(SuiteError, match="got True"):
        check_unfreeze(True)


@pytest.mark.parametrize(("inner", "strategy"), [("=biases", "bitfit"), ("=lora", "lora")])
def test_what_strategies_say_among_themselves_is_no_pattern(inner: str, strategy: str) -> None:
    """A user is sent to the strategy that does it."""
    with pytest.raises(SuiteError, match=f"use the strategy '{strategy}'"):
        check_unfreeze(inner)


def test_stage_of_variables_knows_every_variable() -> None:
    """Layer-wise learning rates find the stage of each variable by its path."""
    backbone = from_hub("ViTBackbone")
    stages = stage_of_variables(backbone.model, backbone.stages)
    assert {variable.path for variable in backbone.model.weights} == set(stages)
    assert stages["vit_patching_and_embedding/patch_embedding/kernel"] == 0
