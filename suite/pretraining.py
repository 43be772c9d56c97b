"""``suite pretrain``: makes a zoo preset - weights, config, card - from a spec and a data set."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from suite.data.batches import Examples
from suite.data.dataset import Dataset
from suite.errors import SpecError, SuiteError
from suite.models.zoo import Architecture, Card, build_architecture, zoo_folder
from suite.registry import DATASETS, OBJECTIVES
from suite.results import EpochRecord
from suite.spec import DatasetSpec, Options, parse_variant, read_document, validate

__all__ = ["PretrainSpec", "load_pretrain_spec", "pretrain"]

LARGEST_BYTES = 1_700_000
"""A preset ships with the suite, so it stays small."""
SMALL_ARRAY = 256
"""Numbers in an array below which compression costs more bytes than it saves."""


class PretrainSpec(Options):
    """One pretraining: an architecture, a data set, an objective and its options."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,60}$")]
    architecture: Architecture
    dataset: dict[str, Any]
    """A data set as in a comparison; ``--data`` replaces it by a local copy."""
    data_licence: str
    """Licence of the data, for the card."""
    weights_licence: str = "Apache-2.0"
    objective: str
    options: dict[str, Any]
    """Options of the objective."""


def load_pretrain_spec(path: Path) -> PretrainSpec:
    """Reads and validates a pretraining spec. Raises ``SpecError`` with the place."""
    document = read_document(path)
    spec = validate(PretrainSpec, document, place=str(path), at="")
    try:
        objective = OBJECTIVES.get(spec.objective)
    except SuiteError as error:
        raise SpecError(f"{path}: objective: {error}") from None
    validate(objective.Options, spec.options, place=str(path), at="options")
    return spec


def pretrain(
    path: Path,
    *,
    data: Path | None = None,
    out: Path | None = None,
    threads: int | None = None,
    report: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
) -> Path:
    """Pretrains a backbone and writes its preset.

    Args:
        path: A spec of ``specs/pretrain/``.
        data: A local copy of the data set as class folders, or a zip of them, with ``train`` and ``test``.
        out: Folder that gets ``<name>/``; the zoo when left out.
        threads: Threads of TensorFlow; every core when left out.
        report: Takes one line of progress per epoch.

    Returns:
        The preset's folder: ``config.json``, ``model.weights.h5``, ``card.json``.
    """
    spec = load_pretrain_spec(path)
    folder = (out or zoo_folder()) / spec.name
    dataset = _load_data(spec, data)
    from suite.training import prepare_device

    threads = threads or os.cpu_count() or 1
    prepare_device(threads=threads)
    import keras

    objective = OBJECTIVES.get(spec.objective)
    options = objective.Options.model_validate_json(json.dumps(spec.options))
    keras.utils.set_random_seed(options.seed)
    backbone = build_architecture(spec.architecture, name=spec.name)
    train, test = (_examples(dataset, split, backbone.input_size) for split in ("train", "test"))
    started, started_cpu = time.perf_counter(), time.process_time()
    score = objective.pretrain(
        backbone,
        options,
        train=train,
        test=test,
        num_classes=dataset.num_classes,
        on_epoch=lambda record: report(_line(spec.name, record, options.epochs)),
    )
    card = _card(
        spec,
        path,
        dataset,
        score=score,
        test_examples=len(test),
        seconds=time.perf_counter() - started,
        cpu_seconds=time.process_time() - started_cpu,
        threads=threads,
    )
    _write(folder, spec, backbone, card)
    report(f"{spec.name}: {objective.metric} {score:.4f} on {len(test)} test examples, {card['seconds']:.0f} s")
    return folder


def _load_data(spec: PretrainSpec, data: Path | None) -> Dataset:
    """The data set of the spec; from ``data``, train and test as they are with no validation taken away."""
    document = {"source": "folder", "path": str(data.resolve())} if data else dict(spec.dataset)
    choice = parse_variant(DatasetSpec, document, place=spec.name, at="dataset", key="source", registry=DATASETS)
    source = DATASETS.get(choice.source)
    loaded: Dataset = source.load(
        source.Options.model_validate_json(json.dumps(choice.own())),
        splits=choice.splits,
        on_bad_example=choice.on_bad_example,
    )
    return loaded


def _examples(dataset: Dataset, split: str, size: tuple[int, int]) -> Examples:
    """Decoded examples; ``train`` takes back the validation examples, which pretraining does not need."""
    from suite.data.cache import decoded

    names = ("train", "validation") if split == "train" else (split,)
    parts = [dataset.splits[name] for name in names]
    images = [decoded(part, dataset, size=size) for part in parts]
    return Examples(
        images=images[0] if len(images) == 1 else np.concatenate(images),
        targets=np.concatenate([part.targets for part in parts]),
        ids=tuple(example for part in parts for example in part.ids),
    )


def _line(name: str, record: EpochRecord, epochs: int) -> str:
    left = record.seconds * (epochs - record.epoch)
    return (
        f"{name}: epoch {record.epoch}/{epochs}  loss {record.train_loss:.3f}  "
        f"accuracy {record.train_accuracy:.3f}  {record.seconds:.0f} s, about {left / 60:.0f} min left"
    )


def _card(
    spec: PretrainSpec,
    path: Path,
    dataset: Dataset,
    *,
    score: float,
    test_examples: int,
    seconds: float,
    cpu_seconds: float,
    threads: int,
) -> dict[str, Any]:
    """The card, without what only the written weights can tell."""
    return {
        "name": spec.name,
        "pretrained_on": str(spec.dataset.get("name", dataset.name)),
        "data_licence": spec.data_licence,
        "data_fingerprint": dataset.fingerprint,
        "objective": spec.objective,
        "recipe": spec.model_dump(mode="json"),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "machine": f"{platform.system()} {platform.machine()}, {threads} CPU thread{'s' if threads > 1 else ''}",
        "upstream_metric": OBJECTIVES.get(spec.objective).metric,
        "upstream_score": score,
        "upstream_examples": test_examples,
        "weights_licence": spec.weights_licence,
        "command": f"suite pretrain specs/pretrain/{path.name}",
        "packages": {name: version(name) for name in ("tensorflow", "keras", "keras-hub", "numpy")},
    }


def _write(folder: Path, spec: PretrainSpec, backbone: Any, card: dict[str, Any]) -> None:
    """Writes the preset; the card comes last, and a preset without card is not in the zoo."""
    from suite.models.hashing import file_sha256

    folder.mkdir(parents=True, exist_ok=True)
    weights, part = folder / "model.weights.h5", folder / "part.weights.h5"
    backbone.model.save_weights(part)
    _compress(part)
    size = part.stat().st_size
    if size > LARGEST_BYTES:
        raise SuiteError(
            f"{spec.name}: the weights take {size:,} bytes; a preset has at most {LARGEST_BYTES:,}. "
            f"They are kept as {part}."
        )
    part.replace(weights)
    (folder / "config.json").write_text(spec.architecture.model_dump_json(indent=2) + "\n", encoding="utf-8")
    complete = Card.model_validate_json(
        json.dumps({**card, "parameters": backbone.model.count_params(), "weights_sha256": file_sha256(weights)})
    )
    (folder / "card.json").write_text(complete.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _compress(path: Path) -> None:
    """Writes a weights file again, compressed and without the slack between hundreds of small arrays.

    A MobileNetV2 of 1.6 MB takes 2.1 MB as Keras saves it.  Keras reads the compressed file like any other.
    """
    import h5py

    smaller = path.with_name("smaller.weights.h5")
    with h5py.File(path, "r") as source, h5py.File(smaller, "w", libver="latest") as target:

        def copy(name: str, item: Any) -> None:
            if not isinstance(item, h5py.Dataset):
                target.require_group(name).attrs.update(item.attrs)
                return
            large = item.size >= SMALL_ARRAY
            options = {"compression": "gzip", "compression_opts": 9, "shuffle": True} if large else {}
            target.create_dataset(name, data=item[()], **options).attrs.update(item.attrs)

        source.visititems(copy)
        target.attrs.update(source.attrs)
    smaller.replace(path)
