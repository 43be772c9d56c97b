"""Fits on one device and on two logical CPU devices, in one fresh process; writes what came of each as JSON.

``python distribution_cases.py FILE [float64]``.  Logical devices are set before TensorFlow's first operation, which a
test process has long behind it.  In double precision rounding is 1e-16, and what differs by more is no rounding.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

TEXTS = tuple(
    "Encode it as JSON and write it to a file." if index % 2 else f"Sort {index} values." for index in range(40)
)
GRADIENT = ("bitfit", "distill", "fine_tune", "from_scratch", "gradual_unfreeze", "lora", "prune")
OPTIONS: dict[str, dict[str, Any]] = {
    "distill": {"teacher": "teacher"},
    "fine_tune": {"layer_decay": 0.8, "weight_decay": 0.1, "augmentation": ["shift", "flip"], "label_smoothing": 0.1},
    "linear_probe": {"strengths": 20},
    "lora": {"targets": ["*conv*"]},
}
Outcome = dict[str, Any]


def architecture(kind: str) -> Any:
    """A narrow KerasHub backbone for images of 32 pixels."""
    from hub_configs import HUB_CONFIGS

    from suite.models.zoo.images import Architecture

    return Architecture(
        builder="keras_hub",
        constructor=kind,
        config=HUB_CONFIGS[kind],
        input_size=(32, 32),
        pooling="average",
        family="generic",
    )


def fitted(name: str, context: Any, **options: Any) -> Outcome:
    """What a strategy comes to, and what its model says of validation."""
    from suite.registry import STRATEGIES
    from suite.strategies.fit import TeacherAnswers

    strategy = STRATEGIES.get(name)
    jit = {"jit": "off"} if name in GRADIENT else {}
    document = {**jit, **OPTIONS.get(name, {}), **options}
    if name == "distill":
        answers = np.random.default_rng(0).normal(size=(len(context.train), context.num_classes)).astype(np.float32)
        context = replace(context, teacher=TeacherAnswers("t", "teacher", "knn", 0.5, answers))
    fit = strategy.fit(context, strategy.Options.model_validate_json(json.dumps(document)))
    writes = fit.adapted.writer is not None
    model = fit.adapted.objective.scores if writes else fit.adapted.logits
    outputs = context.workshop.predictor(model)(context.validation.inputs)
    return {
        "losses": [[one.train_loss, one.validation_loss] for one in fit.history],
        "scores": [[one.train_accuracy, one.validation_score] for one in fit.history],
        "best_epoch": fit.best_epoch,
        "outputs": np.asarray(outputs, np.float64).tolist(),
        "apart": devices_apart(fit.adapted.logits),
    }


def devices_apart(model: Any) -> float:
    """The largest difference between the copies of a weight on two devices; random states are no weights."""
    import tensorflow as tf

    copies = [tf.distribute.get_strategy().experimental_local_results(weight.value) for weight in model.weights]
    return max(float(np.abs(one[0].numpy() - one[-1].numpy()).max()) for one in copies)


def of_images(
    kind: str | None, name: str = "fine_tune", *, batch: int = 50, epochs: int = 2, **options: Any
) -> Callable[[], Outcome]:
    """A fit of the small VGG, or of another backbone, on digits."""

    def run() -> Outcome:
        from small_workshop import ARCHITECTURE, WITHOUT_MAX_POOLING, contexts, workshop

        of = {None: ARCHITECTURE, "MobileNet": WITHOUT_MAX_POOLING}.get(kind) or architecture(str(kind))
        made = contexts(workshop(Path(tempfile.mkdtemp()), of), of.input_size)
        return fitted(name, replace(made(epochs=epochs), batch_size=batch, patience=1), **options)

    return run


def of_texts(model: str, task: str) -> Callable[[], Outcome]:
    """A fit of a text model of the zoo."""

    def run() -> Outcome:
        from suite.data.dataset import Dataset, Split
        from suite.models.zoo.images import ZooSource
        from suite.registry import TASKS
        from suite.strategies.fit import FitContext
        from suite.strategies.jit import JitChooser
        from suite.strategies.workshop import Workshop
        from suite.training.feature_engines import EngineChooser

        kind, root = TASKS.get(task), Path(tempfile.mkdtemp())
        writes = kind.answers == "text"
        texts = [(text, f"Sum {index}.") if writes else (text,) for index, text in enumerate(TEXTS)]
        targets = np.zeros(40, np.int64) if writes else np.arange(40) % 2
        split = Split("train", tuple(map(str, range(40))), targets, texts.__getitem__)
        data = Dataset("texts", ("a", "b"), {"train": split}, task, content="text", answers=kind.answers)
        workshop = Workshop(
            build=lambda weights: ZooSource.build(ZooSource.Options(name=model), weights=weights),
            assemble=kind.assemble,
            cache_root=root,
            jit_chooser=JitChooser(root, "test"),
            engine_chooser=EngineChooser("keras", root, "CPU", 1),
        )
        examples = kind.read(workshop.backbone, data, split, root=root)
        context = FitContext(
            workshop=workshop,
            train=examples,
            validation=examples,
            class_names=("a", "b"),
            fingerprint="texts",
            seed=1,
            epochs=1,
            batch_size=7,
            patience=None,
        )
        outcome = fitted("fine_tune", context, augmentation=[], layer_decay=1.0)
        if writes:
            adapted = workshop.adapted(num_classes=2)
            outcome["texts"] = kind.predict(adapted, workshop.predictor, examples.some(np.arange(4))).texts
        return outcome

    return run


def with_precision(precision: str) -> Callable[[], Outcome]:
    """Fine-tuning in another precision, and the file that is kept of it."""

    def run() -> Outcome:
        import keras
        from small_workshop import contexts, workshop

        from suite.models.precision import store_in_float32
        from suite.strategies.fine_tune import FineTune, FineTuneOptions
        from suite.training.device import set_precision

        set_precision(precision)
        try:
            context = contexts(workshop(Path(tempfile.mkdtemp())))()
            fit = FineTune.fit(context, FineTuneOptions.model_validate_json('{"jit": "off", "learning_rate": 0.01}'))
            outputs = context.workshop.predictor(fit.adapted.logits)(context.validation.inputs)
            path = Path(tempfile.mkdtemp()) / "model.keras"
            fit.adapted.deployed().save(path)
            policies = [layer.dtype_policy.name for layer in fit.adapted.logits._flatten_layers() if layer.weights]
        finally:
            set_precision("float32")
        store_in_float32(path)
        loaded = keras.saving.load_model(path, safe_mode=True)
        said = np.asarray(loaded(context.validation.inputs.astype(np.float32)))
        kept = {layer.dtype_policy.name for layer in loaded._flatten_layers()}
        return {
            "losses": [[one.train_loss, one.validation_loss] for one in fit.history],
            "outputs": outputs.tolist(),
            "kept": said.tolist(),
            "policies": sorted({policies[0], *kept}),
        }

    return run


def saved_in_float32() -> Outcome:
    """What mixed precision makes of a ``.keras`` file and of a preset, both saved in float32."""
    import keras
    import keras_hub
    from hub_configs import HUB_CONFIGS

    from suite.errors import ModelError
    from suite.models.precision import refuse_other_precision
    from suite.models.preset_loading import load_preset
    from suite.training.device import set_precision

    folder = Path(tempfile.mkdtemp())
    keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)]).save(folder / "model.keras")
    kept = keras_hub.models.VGGBackbone(image_shape=(32, 32, 3), **HUB_CONFIGS["VGGBackbone"])
    kept.save_to_preset(str(folder / "preset"))
    set_precision("mixed_bfloat16")
    refused = ""
    try:
        refuse_other_precision(load_preset(str(folder / "preset")), "mixed_bfloat16")
        refuse_other_precision(keras.saving.load_model(folder / "model.keras"), "mixed_bfloat16")
    except ModelError as error:
        refused = str(error)
    finally:
        set_precision("float32")
    return {"refused": refused}


def compiled_by_xla() -> Outcome:
    """A step that XLA compiles: on several devices the part that each does by itself."""
    import keras

    from suite.data.batches import Batches, Examples
    from suite.training.objective import CrossEntropy
    from suite.training.optimizer import OptimizerSettings
    from suite.training.predictor import Predictor
    from suite.training.trainer import Recipe, Trainer

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(3)])
    images = np.random.default_rng(0).integers(0, 9, (30, 4, 4, 3), dtype=np.uint8)
    examples = Examples(images, np.arange(30) % 3, tuple(map(str, range(30))))
    trainer = Trainer(model, OptimizerSettings("sgd"), jit_compile=True)
    predictor = Predictor(model)
    fit = trainer.fit(
        Batches(examples, 7, seed=1),
        lambda: CrossEntropy().validate(lambda _: predictor, model, examples),
        Recipe(2, 1e-3),
    )
    return {
        "losses": [[one.train_loss, one.validation_loss] for one in fit.history],
        "outputs": predictor(images).tolist(),
    }


def batch_norm_statistics() -> Outcome:
    """Moving statistics of a batch norm that remembers its last batch only, and what NumPy says they should be."""
    import keras

    from suite.data.batches import Batches, Examples
    from suite.training.objective import Validation
    from suite.training.optimizer import OptimizerSettings
    from suite.training.trainer import Recipe, Trainer

    layers = [keras.layers.BatchNormalization(momentum=0.0), keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((2, 2, 3)), *layers])
    images = np.random.default_rng(0).integers(0, 255, (8, 2, 2, 3), dtype=np.uint8)
    examples = Examples(images, np.arange(8) % 2, tuple(map(str, range(8))))
    trainer = Trainer(model, OptimizerSettings())
    trainer.fit(Batches(examples, 8, seed=1), lambda: Validation(0.0, 1.0), Recipe(1, 1e-3))
    halves = np.split(images.astype(np.float64), trainer.replicas.count)
    wanted = [np.mean([part.mean(axis=(0, 1, 2)) for part in halves], axis=0)]
    wanted.append(np.mean([part.var(axis=(0, 1, 2)) for part in halves], axis=0))
    found = [layers[0].moving_mean.numpy(), layers[0].moving_variance.numpy()]
    return {"wanted": [one.tolist() for one in wanted], "found": [one.tolist() for one in found]}


def dropped() -> Outcome:
    """Which of equal inputs a dropout leaves, one row for each of four examples."""
    import keras
    import tensorflow as tf

    from suite.training.replicas import Replicas, reset_seed_generators

    model = keras.Sequential([keras.Input((64,)), keras.layers.Dropout(0.5)])
    reset_seed_generators(model, 1)
    replicas = Replicas()
    run = tf.function(lambda rows: replicas.joined(replicas.run(lambda own, _: model(own, training=True), rows), 4))
    return {"rows": np.asarray(run(tf.ones((4, 64)))).tolist()}


def overflow_on_the_last_device() -> Outcome:
    """Weights after steps in half precision whose gradients are finite on every device but the last."""
    import keras
    import tensorflow as tf

    from suite.training.device import set_precision
    from suite.training.optimizer import OptimizerSettings
    from suite.training.trainer import Trainer

    set_precision("mixed_float16")
    try:
        model = keras.Sequential([keras.Input((2, 2, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
        trainer = Trainer(model, OptimizerSettings("sgd"))
    finally:
        set_precision("float32")
    before, scale = model.get_weights()[0], float(trainer.optimizer.dynamic_scale.numpy())
    trainer.schedule.set(1e-3, 10, 0)
    images = np.ones((4, 2, 2, 3), np.float32)
    images[-1] = np.inf
    trainer._step(tf.constant(images), tf.constant(np.array([0, 1, 0, 1])))
    same = bool(np.array_equal(before, model.get_weights()[0]))
    return {"same": same, "scale_falls": float(trainer.optimizer.dynamic_scale.numpy()) < scale}


CASES: dict[str, Callable[[], Outcome]] = {
    **{name: of_images(None, name) for name in (*GRADIENT, "knn", "linear_probe")},
    "batch of 33": of_images(None, batch=33),
    "batch of 1": of_images(None, batch=1, epochs=1),
    "MobileNet": of_images("MobileNet", epochs=1, unfreeze=2),
    "ResNetBackbone": of_images("ResNetBackbone", epochs=1, layer_decay=1.0),
    "ViTBackbone": of_images("ViTBackbone", epochs=1),
    "ViTBackbone by SGD": of_images("ViTBackbone", epochs=1, optimizer="sgd"),
    "bert_tiny": of_texts("bert_tiny", "text_classification"),
    "gpt2_tiny": of_texts("gpt2_tiny", "text_generation"),
    "t5_tiny": of_texts("t5_tiny", "text_generation"),
    "xla": compiled_by_xla,
    "mixed_bfloat16": with_precision("mixed_bfloat16"),
    "mixed_float16": with_precision("mixed_float16"),
    "saved in float32": saved_in_float32,
    "batch norm": batch_norm_statistics,
    "dropout": dropped,
    "overflow": overflow_on_the_last_device,
}


IN_DOUBLE_PRECISION = (
    *(name for name in GRADIENT if name != "lora"), "batch of 33", "ViTBackbone", "bert_tiny", "gpt2_tiny"
)  # fmt: skip
"""Keras keeps low-rank factors in float32 whatever is asked for, and KerasHub's T5 raises."""


def outcomes(precision: str) -> Iterator[tuple[str, dict[str, Outcome]]]:
    """Each case on one device and on two."""
    import keras

    from suite.training.device import place, prepare_device

    prepare_device(threads=2, logical_cpus=2)
    keras.config.set_floatx(precision)
    keras.config.set_dtype_policy(precision)
    for name, run in CASES.items() if precision == "float32" else ((one, CASES[one]) for one in IN_DOUBLE_PRECISION):
        found: dict[str, Outcome] = {}
        for distribution in ("none", "mirrored"):
            with place(distribution).scope():
                found[distribution] = run()
        yield name, found


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(dict(outcomes(*sys.argv[2:] or ["float32"]))), encoding="utf-8")
