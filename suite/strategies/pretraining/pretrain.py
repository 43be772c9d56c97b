"""``suite pretrain``: makes a zoo preset - weights, config, card - from a spec and a data set."""

from __future__ import annotations

import json
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from suite.data.batches import Examples
from suite.data.dataset import Dataset
from suite.devices import look_at_machine
from suite.errors import SpecError, SuiteError
from suite.models.architecture import Architecture
from suite.models.backbone import AnyBackbone, Backbone, TextBackbone
from suite.models.hashing import file_sha256
from suite.models.vocabulary.byte_level_bpe import ByteLevelBPE
from suite.models.vocabulary.sentence_piece import SentencePiece
from suite.models.vocabulary.word_piece import WordPiece
from suite.models.zoo.images import Card, build_architecture, zoo_folder
from suite.models.zoo.texts import build_text_architecture, load_tokenizer
from suite.registry import DATASETS, OBJECTIVES
from suite.spec.options import Options
from suite.spec.spec import DatasetSpec, parse_variant, read_document, validate
from suite.store.records.result import EpochRecord

__all__ = ["PretrainSpec", "VocabularySpec", "load_pretrain_spec", "pretrain"]

LARGEST_BYTES = {"image": 1_700_000, "text": 4_000_000}
"""A preset ships with the suite, so it stays small: all its files together."""
SMALL_ARRAY = 256
"""Numbers in an array below which compression costs more bytes than it saves."""


class VocabularySpec(Options):
    """The vocabulary of a tokeniser, which is trained on the same texts as the model, before it."""

    size: Annotated[int, Field(ge=32, le=100_000)]
    """Tokens at most, special ones counted."""
    special_tokens: tuple[str, ...]
    """Those that the architecture's tokeniser asks for, in the order of their ids."""


class PretrainSpec(Options):
    """One pretraining: an architecture, a data set, an objective and its options."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,60}$")]
    architecture: Architecture
    vocabulary: VocabularySpec | None = None
    """Of a model of texts; None for one of images."""
    dataset: dict[str, Any]
    """A data set as in a comparison; ``--data`` replaces one of images by a local copy."""
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
    _check_content(spec, objective, place=str(path))
    return spec


def _check_content(spec: PretrainSpec, objective: Any, *, place: str) -> None:
    """Refuses an objective on texts for a model of images, and the reverse. Raises ``SpecError``."""
    reads = "text" if spec.architecture.reads_text else "image"
    words = {"text": "texts", "image": "images"}
    if objective.content != reads:
        fitting = [name for name in OBJECTIVES.names() if OBJECTIVES.get(name).content == reads]
        raise SpecError(
            f"{place}: objective: '{spec.objective}' is for {words[objective.content]}, and "
            f"{spec.architecture.constructor} reads {words[reads]}; expected {' or '.join(fitting)}."
        )
    if (spec.vocabulary is None) == (reads == "text"):
        word = "is missing" if reads == "text" else "does not belong here"
        raise SpecError(f"{place}: vocabulary {word}: {spec.architecture.constructor} reads {words[reads]}.")


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
        data: A local copy of a data set of images as class folders, or a zip of them, with ``train`` and ``test``.
        out: Folder that gets ``<name>/``; the zoo when left out.
        threads: Threads of TensorFlow; every core when left out.
        report: Takes one line of progress per epoch.

    Returns:
        The preset's folder: ``config.json``, ``model.weights.h5``, ``card.json``, and of a model of texts the files
        of its tokeniser.

    Raises:
        SuiteError: As the message says.
    """
    spec = load_pretrain_spec(path)
    if data is not None and spec.architecture.reads_text:
        raise SpecError(f"{path}: --data takes images in folders; give texts as the spec's dataset.")
    folder = (out or zoo_folder()) / spec.name
    dataset = _load_data(spec, data)
    from suite.training.device import prepare_device

    threads = threads or look_at_machine().cores
    prepare_device(threads=threads)
    import keras

    objective = OBJECTIVES.get(spec.objective)
    options = objective.Options.model_validate_json(json.dumps(spec.options))
    keras.utils.set_random_seed(options.seed)
    started, started_cpu = time.perf_counter(), time.process_time()

    def on_epoch(record: EpochRecord) -> None:
        report(_line(spec.name, record, options.epochs))

    with tempfile.TemporaryDirectory() as made:
        backbone: AnyBackbone
        if spec.architecture.reads_text:
            backbone, score = _pretrain_texts(spec, dataset, options, vocabulary=Path(made), on_epoch=on_epoch)
        else:
            backbone, score = _pretrain_images(spec, dataset, options, on_epoch=on_epoch)
        card = _card(
            spec,
            path,
            dataset,
            score=score,
            seconds=time.perf_counter() - started,
            cpu_seconds=time.process_time() - started_cpu,
            threads=threads,
        )
        _write(folder, spec, backbone, card, vocabulary=Path(made))
    report(
        f"{spec.name}: {objective.metric} {score:.4f} on {card['upstream_examples']} test examples, "
        f"{card['seconds']:.0f} s"
    )
    return folder


def _pretrain_images(
    spec: PretrainSpec,
    dataset: Dataset,
    options: Any,
    *,
    on_epoch: Callable[[EpochRecord], None],
) -> tuple[Backbone, float]:
    """The trained backbone and its score on the test split."""
    backbone = build_architecture(spec.architecture, name=spec.name)
    size = backbone.input_size
    train, test = (_examples(dataset, split, size) for split in ("train", "test"))
    objective = OBJECTIVES.get(spec.objective)
    score = objective.pretrain(
        backbone, options, train=train, test=test, num_classes=dataset.num_classes, on_epoch=on_epoch
    )
    return backbone, score


def _pretrain_texts(
    spec: PretrainSpec,
    dataset: Dataset,
    options: Any,
    *,
    vocabulary: Path,
    on_epoch: Callable[[EpochRecord], None],
) -> tuple[TextBackbone, float]:
    """The trained backbone and its score on the test split; the files of its tokeniser are put into ``vocabulary``."""
    if dataset.content != "text":
        raise SpecError(f"{spec.name}: dataset: expected texts, got the images of '{dataset.name}'.")
    train, test = (_texts(dataset, split) for split in ("train", "test"))
    _train_vocabulary(spec, train, vocabulary)
    rows = spec.architecture.config.get("vocabulary_size")
    known = load_tokenizer(spec.architecture, vocabulary).vocabulary_size
    if rows != known:
        raise SpecError(
            f"{spec.name}: architecture.config.vocabulary_size: the texts give a vocabulary of {known} tokens, "
            f"got {rows}."
        )
    backbone = build_text_architecture(spec.architecture, name=spec.name, folder=vocabulary)
    encode = backbone.tokenizer.encode
    objective = OBJECTIVES.get(spec.objective)
    score = objective.pretrain(backbone, options, train=encode(train), test=encode(test), on_epoch=on_epoch)
    return backbone, score


def _train_vocabulary(spec: PretrainSpec, texts: list[str], folder: Path) -> None:
    if spec.vocabulary is None or spec.architecture.tokenizer is None:
        raise SpecError(f"{spec.name}: vocabulary is missing.")
    kinds = {"word_piece": WordPiece, "byte_level_bpe": ByteLevelBPE, "sentence_piece": SentencePiece}
    kinds[spec.architecture.tokenizer.kind].train(  # type: ignore[attr-defined]  # one signature
        texts, folder, size=spec.vocabulary.size, special_tokens=spec.vocabulary.special_tokens
    )


def _texts(dataset: Dataset, split: str) -> list[str]:
    """What is written in each example; ``train`` takes back the validation examples."""
    parts = [dataset.splits[name] for name in (("train", "validation") if split == "train" else (split,))]
    return ["\n".join(text for text in part.read(index) if text) for part in parts for index in range(len(part))]


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
        inputs=images[0] if len(images) == 1 else np.concatenate(images),
        targets=np.concatenate([part.targets for part in parts]),
        ids=tuple(example for part in parts for example in part.ids),
    )


def _line(name: str, record: EpochRecord, epochs: int) -> str:
    left = record.seconds * (epochs - record.epoch)
    return (
        f"{name}: epoch {record.epoch}/{epochs}  loss {record.train_loss:.3f}  "
        f"accuracy {record.train_accuracy:.3f}  {record.seconds:.0f} s, about {left / 60:.0f} min left"
    )


def _words_for(spec: PretrainSpec, dataset: Dataset) -> str:
    """The data set in words: ``cifar10``, ``api_docs prose``."""
    name = str(spec.dataset.get("name", dataset.name))
    # The name of a part says nothing without its source.
    return f"{spec.dataset.get('source')} {name}" if spec.architecture.reads_text else name


def _card(
    spec: PretrainSpec,
    path: Path,
    dataset: Dataset,
    *,
    score: float,
    seconds: float,
    cpu_seconds: float,
    threads: int,
) -> dict[str, Any]:
    """The card, without what only the written weights can tell."""
    return {
        "name": spec.name,
        "pretrained_on": _words_for(spec, dataset),
        "data_licence": spec.data_licence,
        "data_fingerprint": dataset.fingerprint,
        "data_origin": dataset.origin if spec.architecture.reads_text else "",
        "objective": spec.objective,
        "recipe": spec.model_dump(mode="json", exclude_none=True),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "machine": f"{platform.system()} {platform.machine()}, {threads} CPU thread{'s' if threads > 1 else ''}",
        "upstream_metric": OBJECTIVES.get(spec.objective).metric,
        "upstream_score": score,
        "upstream_examples": len(dataset.splits["test"]),
        "weights_licence": spec.weights_licence,
        "command": f"suite pretrain specs/pretrain/{path.name}",
        "packages": {name: version(name) for name in ("tensorflow", "keras", "keras-hub", "numpy")},
    }


def _write(folder: Path, spec: PretrainSpec, backbone: AnyBackbone, card: dict[str, Any], *, vocabulary: Path) -> None:
    """Writes the preset; the card comes last, and a preset without card is not in the zoo."""
    folder.mkdir(parents=True, exist_ok=True)
    weights, part = folder / "model.weights.h5", folder / "part.weights.h5"
    backbone.model.save_weights(part)
    _compress(part)
    complete = Card.model_validate_json(
        json.dumps({**card, "parameters": backbone.model.count_params(), "weights_sha256": file_sha256(part)})
    )
    config = spec.architecture.model_dump_json(indent=2, exclude_none=True) + "\n"
    written = complete.model_dump_json(indent=2) + "\n"
    files = sorted(vocabulary.iterdir())
    size = sum(path.stat().st_size for path in (part, *files)) + len(config.encode()) + len(written.encode())
    largest = LARGEST_BYTES["text" if spec.architecture.reads_text else "image"]
    if size > largest:
        raise SuiteError(
            f"{spec.name}: the preset takes {size:,} bytes; it may have at most {largest:,}. "
            f"The weights are kept as {part}."
        )
    part.replace(weights)
    for path in files:
        shutil.copyfile(path, folder / path.name)
    (folder / "config.json").write_text(config, encoding="utf-8")
    (folder / "card.json").write_text(written, encoding="utf-8")


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
