"""The examples of a trial as its model takes them, read again from the data set; noise where it is not at hand."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.cache import cache_root
from suite.data.batches import IMAGES
from suite.data.cache import decoded
from suite.data.dataset import Dataset, Split
from suite.data.token_rows import TokenRows
from suite.errors import SuiteError
from suite.export.formats.examples import ExampleArrays
from suite.export.requests import Outcome, PrepareRequest
from suite.export.tokenizer_json import agreement, tokenizer_json
from suite.models.backbone import TextBackbone
from suite.registry import MODELS, TASKS
from suite.runner.warm import load_dataset
from suite.spec.spec import DatasetSpec, ModelSpec
from suite.store.records.outputs import load_outputs

__all__ = ["CALIBRATION", "NOISE", "built_backbone", "prepare"]

CALIBRATION = 128
"""Training examples that ranges of activations are measured on."""
NOISE = 64
"""Examples of noise that a file is compared on where the test set is not at hand."""
NOISE_TOKENS = 32
SEED = 0


def prepare(request: PrepareRequest) -> Outcome:
    """Writes ``test`` and where it can be had ``calibration`` under the request's folder.

    Raises:
        SuiteError: Where a text model's tokeniser is not at hand; without it there is nothing to make tokens with.
    """
    started = time.perf_counter()
    folder = Path(request.folder)
    folder.mkdir(parents=True, exist_ok=True)
    dataset = _dataset(request)
    if TASKS.get(str(request.trial["task"])).examples == "image":
        outcome = _prepare_images(request, dataset, folder)
    else:
        outcome = _prepare_texts(request, dataset, folder)
    return outcome.model_copy(update={"seconds": time.perf_counter() - started})


def _dataset(request: PrepareRequest) -> Dataset | None:
    """The data set; None where it is not what the model was tested on, or not here."""
    choice = DatasetSpec.model_validate_json(json.dumps(request.trial["dataset"]))
    if request.trial.get("resample"):
        choice = choice.with_splits_of(request.seed)
    if request.example_ids is None:
        return None
    try:
        dataset = load_dataset(choice)
    except SuiteError:
        return None
    ids = tuple(load_outputs(Path(request.example_ids)).example_ids)
    if dataset.fingerprint != request.fingerprint or ids != dataset.splits["test"].ids:
        return None
    return dataset


def _prepare_images(request: PrepareRequest, dataset: Dataset | None, folder: Path) -> Outcome:
    size = request.input_size or (224, 224)
    if dataset is None:
        noise = np.random.default_rng(SEED).integers(0, 256, (NOISE, *size, 3), dtype=np.uint8)
        ExampleArrays({IMAGES: noise}).save(folder / "test")
        return Outcome(seconds=0.0, on="noise")
    splits = {
        name: decoded(dataset.splits[name], dataset, size=size, resizing=request.resizing, root=cache_root())
        for name in ("test", "train")
    }
    ExampleArrays({IMAGES: splits["test"]}).save(folder / "test")
    chosen = _chosen(dataset.splits["train"])
    ExampleArrays({IMAGES: splits["train"][chosen]}).save(folder / "calibration")
    return Outcome(seconds=0.0)


def _chosen(split: Split) -> NDArray[np.int64]:
    count = min(CALIBRATION, len(split))
    return np.sort(np.random.default_rng(SEED).choice(len(split), count, replace=False))


def built_backbone(trial: dict[str, Any]) -> Any:
    """The backbone of a trial before it was adapted. Raises ``SuiteError`` where its source is not at hand."""
    choice = ModelSpec.model_validate_json(json.dumps(trial["model"]))
    source, task = MODELS.get(choice.source), TASKS.get(str(trial["task"]))
    backbone = source.build(source.Options.model_validate_json(json.dumps(choice.own())), weights="pretrained")
    return task.narrow(backbone)


def _prepare_texts(request: PrepareRequest, dataset: Dataset | None, folder: Path) -> Outcome:
    backbone: TextBackbone = built_backbone(request.trial)
    written = tokenizer_json(backbone.tokenizer, backbone.sequence_length)
    if dataset is None:
        _noise(backbone).save(folder / "test")
        outcome = Outcome(seconds=0.0, on="noise", tokenizer=None if written is None else "not compared")
    else:
        read = TASKS.get(str(request.trial["task"])).read
        rows = {
            name: read(backbone, dataset, dataset.splits[name], root=cache_root()).inputs for name in ("test", "train")
        }
        tests = np.arange(len(rows["test"]))
        _arrays(rows["test"], tests).save(folder / "test")
        _arrays(rows["train"], _chosen(dataset.splits["train"])).save(folder / "calibration")
        outcome = Outcome(seconds=0.0, tokenizer=agreement(written, dataset.splits["test"], rows["test"]))
    if written is not None:
        (folder / "tokenizer.json").write_text(written, encoding="utf-8")
    return outcome


def _arrays(rows: TokenRows, positions: NDArray[np.int64]) -> ExampleArrays:
    return ExampleArrays(dict(rows.take(positions)))


def _noise(backbone: TextBackbone) -> ExampleArrays:
    """Random tokens: they show whether two programs compute alike."""
    generator = np.random.default_rng(SEED)
    width = min(NOISE_TOKENS, backbone.sequence_length)
    ids = generator.integers(0, backbone.tokenizer.vocabulary_size, (NOISE, width)).astype(np.int32)
    arrays = {name: np.zeros((NOISE, width), np.int32) for name in backbone.encoder.input}
    return ExampleArrays({**arrays, "token_ids": ids, "padding_mask": np.ones((NOISE, width), np.int32)})
