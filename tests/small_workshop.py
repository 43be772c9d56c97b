"""A workshop with a very small real VGG, and contexts on real digits, for tests of strategies."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from suite.data.batches import Examples
from suite.data.sklearn import SklearnSource
from suite.models.backbone import Backbone, WeightsOrigin
from suite.models.hashing import weights_sha256
from suite.models.zoo.images import Architecture, build_architecture
from suite.spec.spec import SplitsSpec
from suite.strategies.fit import FitContext
from suite.strategies.jit import JitChooser
from suite.strategies.workshop import Workshop
from suite.tasks.image_classification import ImageClassification
from suite.training.feature_engines import EngineChooser

ARCHITECTURE = Architecture(
    builder="keras_hub",
    constructor="VGGBackbone",
    config={"stackwise_num_repeats": [1, 1, 1], "stackwise_num_filters": [8, 16, 24]},
    input_size=(16, 16),
    pooling="average",
    family="vgg",
)

# XLA has no deterministic gradient of max pooling, and a worker asks for determinism.
WITHOUT_MAX_POOLING = Architecture(
    builder="applications",
    constructor="MobileNet",
    config={"alpha": 0.25},
    input_size=(32, 32),
    pooling="average",
    family="mobilenet",
)


def build(weights: str, architecture: Architecture = ARCHITECTURE) -> Backbone:
    """A small backbone; its "pretrained" weights are those of one fixed seed."""
    import keras

    if weights == "pretrained":
        keras.utils.set_random_seed(7)
    backbone = build_architecture(architecture, name="small")
    origin = WeightsOrigin(name="seed 7", location="", sha256=weights_sha256(backbone.model))
    return Backbone(**{**vars(backbone), "weights": origin}) if weights == "pretrained" else backbone


def workshop(root: Path, architecture: Architecture = ARCHITECTURE) -> Workshop:
    """A workshop with its own empty cache."""
    return Workshop(
        build=partial(build, architecture=architecture),
        assemble=ImageClassification.assemble,
        cache_root=root,
        jit_chooser=JitChooser(root, "test"),
        engine_chooser=EngineChooser("keras", root, "CPU", 1),
    )


def contexts(of: Workshop, input_size: tuple[int, int] = ARCHITECTURE.input_size) -> Callable[..., FitContext]:
    """Makes contexts of 300 digits for training and 100 for validation."""
    options = SklearnSource.Options.model_validate({"name": "digits"})
    dataset = SklearnSource.load(options, splits=SplitsSpec(), on_bad_example="error")

    def examples(split: str, count: int) -> Examples:
        whole = dataset.splits[split]
        chosen = np.random.default_rng(0).permutation(len(whole))[:count]
        images = [Image.fromarray(whole.read(int(index))).resize(input_size) for index in chosen]
        resized = np.stack([np.asarray(image) for image in images])
        return Examples(resized, whole.targets[chosen], tuple(whole.ids[int(i)] for i in chosen))

    train, validation = examples("train", 300), examples("validation", 100)

    def context(seed: int = 1, epochs: int = 2) -> FitContext:
        return FitContext(
            workshop=of,
            train=train,
            validation=validation,
            class_names=dataset.class_names,
            fingerprint=dataset.fingerprint,
            seed=seed,
            epochs=epochs,
            batch_size=50,
            patience=None,
        )

    return context
