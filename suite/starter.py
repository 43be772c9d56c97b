"""A first spec for somebody's own folder of pictures, each choice with its reason."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from suite.devices import Machine, look_at_machine
from suite.errors import SuiteError

__all__ = ["Starter", "first_spec"]

_GPU_FACTOR = 60.0
"""A data-centre GPU against two CPU cores, on convolutions; rough."""
_STARTING_SECONDS = 15.0
"""Starting a worker and tracing one model."""
_SMALL_SIDE = 96
"""Pictures with a median side up to this many pixels lose little at the zoo's 32 to 64 pixels."""
_SAMPLE = 64


@dataclass(frozen=True)
class Candidate:
    """A model that may be put into the spec."""

    source: str
    name: str
    train_ms: float
    """Milliseconds to train on one picture on two CPU cores, everything unfrozen; a frozen pass is a third."""
    remark: str

    @property
    def why(self) -> str:
        """What its source says of it, and the remark."""
        if self.source != "zoo":
            return self.remark
        from suite.registry import MODELS

        source = MODELS.get(self.source)
        height, _ = source.input_size(source.Options.model_validate({"name": self.name}))
        return f"ships with the suite; sees {height} px; {self.remark}"


_ZOO = (
    Candidate("zoo", "mobilenet_025", 0.6, "the smallest to compute"),
    Candidate("zoo", "resnet_tiny", 0.4, "residual convolutions"),
    Candidate("zoo", "vgg_tiny", 0.5, "plain convolutions"),
    Candidate("zoo", "mobilenetv2_035", 1.2, "inverted residuals"),
    Candidate("zoo", "vit_tiny", 1.1, "attention instead of convolution"),
)
_IMAGENET = (
    Candidate("applications", "MobileNetV2", 32.0, "ImageNet weights at 224 px for the least computation"),
    Candidate("applications", "EfficientNetB0", 40.0, "ImageNet weights at 224 px, more accurate for its size"),
    Candidate("applications", "ResNet50", 90.0, "ImageNet weights at 224 px, the usual point of reference"),
    Candidate("applications", "ConvNeXtTiny", 110.0, "ImageNet weights at 224 px, the most accurate of these"),
)


@dataclass(frozen=True)
class Strategy:
    """A strategy that may be put into the spec."""

    options: dict[str, Any]
    passes: float
    """Cost of one epoch against full training; of one pass where it has no epochs."""
    has_epochs: bool
    least_pictures: int
    """Fewer training pictures than this and it mostly measures luck."""


_STRATEGIES = (
    Strategy(
        {
            "strategy": "linear_probe",
            "why": "the frozen backbone as it is: one pass over the pictures, hard to overfit",
        },
        1 / 3,
        has_epochs=False,
        least_pictures=0,
    ),
    Strategy(
        {"strategy": "fine_tune", "unfreeze": 1, "why": "the last stage adapts; the rest keeps what it has learned"},
        0.6,
        has_epochs=True,
        least_pictures=100,
    ),
    Strategy(
        {"strategy": "fine_tune", "unfreeze": "all", "why": "everything adapts: usually the best with enough pictures"},
        1.0,
        has_epochs=True,
        least_pictures=500,
    ),
    Strategy(
        {"strategy": "from_scratch", "why": "the baseline: what the pretrained weights are worth on these pictures"},
        1.0,
        has_epochs=True,
        least_pictures=1000,
    ),
)


@dataclass(frozen=True)
class Pictures:
    """What was found in the folder."""

    class_sizes: dict[str, int]
    """Training examples by class."""
    total: int
    train: int
    median_side: int
    """Median over a sample of the shorter side, in pixels."""
    skipped: int
    has_test: bool

    @property
    def imbalance(self) -> float:
        """The largest class over the smallest."""
        return max(self.class_sizes.values()) / max(1, min(self.class_sizes.values()))


@dataclass(frozen=True)
class Starter:
    """A spec and what it is expected to take."""

    spec: dict[str, Any]
    """Valid JSON of a spec."""
    estimated_minutes: float
    """Rough, within a factor of about three; ``suite plan`` knows better after the first trials."""


def first_spec(folder: Path, *, minutes: float, downloads: bool = False, machine: Machine | None = None) -> Starter:
    """Writes a spec for a folder (or zip) of class folders.

    Args:
        folder: One sub-folder per class, with or without folders for splits above them.
        minutes: What the whole comparison may take on this machine.
        downloads: Whether models may be chosen whose weights are not on this machine yet.
        machine: Where it will be run; this one when left out.

    Raises:
        SuiteError: Where the folder is no data set, or the budget is too small for any model.
    """
    machine = machine or look_at_machine()
    pictures = _look_at(folder)
    epochs = max(4, min(30, math.ceil(12_000 / pictures.train)))
    models, left_out = _candidates(pictures, downloads=downloads)
    if not models:
        raise SuiteError("no weights of any model are on this machine; --downloads chooses some that a run fetches.")
    strategies = [item for item in _STRATEGIES if pictures.train >= item.least_pictures]
    seconds = 60 * minutes

    def cost() -> float:
        return _seconds(models, strategies, pictures, machine, epochs=epochs)

    while cost() > seconds and len(models) > 2 and models[-1].train_ms > 5:
        models.pop()
    while cost() > seconds and len(strategies) > 1:
        strategies.pop()
    while cost() > seconds and len(models) > 1:
        models.remove(max(models, key=lambda model: model.train_ms))
    if cost() > seconds:
        raise SuiteError(
            f"--minutes {minutes:g}: even one linear probe over {pictures.total:,} pictures takes about "
            f"{cost() / 60:.1f} minutes on this machine; give it more."
        )
    spec = {
        "name": _slug(folder),
        "title": f"Which pretrained model for {folder.resolve().name}?",
        "why": f"written for {machine.words} and {minutes:g} minutes; estimated {cost() / 60:.1f} minutes. {left_out}",
        "task": "image_classification",
        "models": [{"source": model.source, "name": model.name, "why": model.why} for model in models],
        "datasets": [_dataset(folder, pictures)],
        "strategies": [item.options for item in strategies],
        "seeds": [1, 2, 3],
        "training": _training(pictures, epochs),
        **_headline(pictures),
    }
    return Starter(spec, cost() / 60)


def _look_at(folder: Path) -> Pictures:
    """Reads the folder once, leaving out what cannot be decoded, and measures a sample of the pictures."""
    from suite.registry import DATASETS
    from suite.spec import SplitsSpec

    source = DATASETS.get("folder")
    options = source.Options.model_validate({"path": str(folder)})
    dataset = source.load(options, splits=SplitsSpec(), on_bad_example="skip")
    train = dataset.splits["train"]
    counts = np.bincount(train.targets, minlength=dataset.num_classes)
    step = max(1, len(train) // _SAMPLE)
    sides = [min(train.read(index).shape[:2]) for index in range(0, len(train), step)]
    return Pictures(
        class_sizes={name: int(count) for name, count in zip(dataset.class_names, counts, strict=True)},
        total=sum(len(split) for split in dataset.splits.values()),
        train=len(train),
        median_side=int(np.median(sides)),
        skipped=len(dataset.skipped),
        has_test=_has_test_folder(dataset.splits["test"].ids),
    )


def _has_test_folder(ids: Sequence[str]) -> bool:
    """Whether the test split is the folder's own: then its files lie under a folder of that name."""
    return bool(ids) and all(
        any(part.lower() in {"test", "testing"} for part in Path(identifier).parts[:-2]) for identifier in ids
    )


def _candidates(pictures: Pictures, *, downloads: bool) -> tuple[list[Candidate], str]:
    """Models in the order of preference, and a sentence about those that were left out."""
    from suite.registry import MODELS

    known = set(MODELS.get("zoo").known_names())
    zoo = [model for model in _ZOO if model.name in known]
    if pictures.median_side <= _SMALL_SIDE:
        return zoo, f"Half of the pictures have a side of at most {pictures.median_side} px, which suits the zoo."
    here = [model for model in _IMAGENET if downloads or _is_here(model)]
    absent = [model.name for model in _IMAGENET if model not in here]
    remark = f"Half of the pictures have a side of more than {_SMALL_SIDE} px, where ImageNet models see more"
    if not absent:
        return [*zoo[:2], *here], f"{remark}; two of the zoo are there as the cheap end."
    remark += f"; the weights of {', '.join(absent)} are not on this machine: --downloads puts them into the spec."
    return [*(zoo[:2] if here else zoo), *here], remark


def _is_here(model: Candidate) -> bool:
    from suite.registry import MODELS

    source = MODELS.get(model.source)
    needs = source.requirements(source.Options.model_validate({"name": model.name}))
    return all(need.present for need in needs)


def _seconds(
    models: list[Candidate], strategies: list[Strategy], pictures: Pictures, machine: Machine, *, epochs: int
) -> float:
    """Rough seconds of the whole comparison with three seeds."""
    speed = _GPU_FACTOR * len(machine.gpus) if machine.gpus else machine.cores / 2
    total = 0.0
    for model in models:
        for item in strategies:
            passes = 3 * epochs * item.passes if item.has_epochs else item.passes
            total += _STARTING_SECONDS + pictures.train * passes * model.train_ms / 1000 / speed
    return total


def _dataset(folder: Path, pictures: Pictures) -> dict[str, Any]:
    words = [f"{pictures.total:,} pictures in {len(pictures.class_sizes)} classes"]
    entry: dict[str, Any] = {"source": "folder", "path": str(folder)}
    if pictures.has_test:
        words.append("with a test folder of its own")
    else:
        share = 0.1 if pictures.total > 20_000 else 0.2
        entry["splits"] = {
            "validation": share,
            "test": share,
            "seed": 0,
            "why": "made by class from this seed, since the folder has none of its own; train and validation are "
            "for choosing, test is opened once",
        }
    if pictures.skipped:
        entry["on_bad_example"] = "skip"
        left_out = "1 file" if pictures.skipped == 1 else f"{pictures.skipped} files"
        words.append(f"left out, since they cannot be decoded: {left_out}; the report names them")
    return {**entry, "why": "; ".join(words)}


def _training(pictures: Pictures, epochs: int) -> dict[str, Any]:
    batch_size = 32 if pictures.train >= 256 else 16
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "patience": max(3, epochs // 4),
        "why": f"{pictures.train:,} training pictures: {math.ceil(pictures.train / batch_size) * epochs:,} steps; "
        "training stops early where validation no longer improves",
    }


def _headline(pictures: Pictures) -> dict[str, Any]:
    """Accuracy follows the largest class where classes differ in size."""
    return {"headline": "balanced_accuracy"} if pictures.imbalance > 2 else {}


def _slug(folder: Path) -> str:
    """A name for the folder under ``reports/``."""
    stem = folder.resolve().name.removesuffix(".zip")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:60] or "mine"
