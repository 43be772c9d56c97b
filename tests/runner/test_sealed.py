"""The test split is sealed: no strategy and no search reads it, and a final trial opens it once, after the fit."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from suite.data.assemble import Part, assemble
from suite.data.dataset import Image, Split
from suite.errors import SealedSplitError
from suite.registry import DATASETS, STRATEGIES
from suite.runner.request import Teacher, TrialRequest
from suite.runner.trial import execute
from suite.spec.plan import make_plan
from suite.spec.spec import Options, parse_spec
from suite.spec.trial import Trial
from suite.strategies.options import NO_CANDIDATES

STRATEGY_OPTIONS = {
    "bitfit": {},
    "distill": {"teacher": "vgg_tiny"},
    "fine_tune": {"unfreeze": "head"},
    "from_scratch": {},
    "gradual_unfreeze": {"stages": 1},
    "knn": {},
    "linear_probe": {},
    "lora": {"targets": ["*conv*"]},
    "prune": {},
}


@dataclass(frozen=True)
class Reader:
    """Noise with a brightness per class; writes down what is read."""

    name: str
    targets: Any
    seen: list[str] = field(default_factory=list, compare=False)

    def __call__(self, index: int) -> Image:
        self.seen.append(f"{self.name}-{index}")
        noise = np.random.default_rng(index).integers(0, 80, (16, 16, 3))
        return (noise + 150 * self.targets[index]).astype(np.uint8)


SEEN: list[str] = []


class GuardedOptions(Options):
    """A number, so that two data sets do not share a cache."""

    number: int = 0


class Guarded:
    """A data set that knows which of its examples were read."""

    summary: ClassVar[str] = "for tests"
    Options: ClassVar[type[Options]] = GuardedOptions

    @classmethod
    def label(cls, options: Any) -> str:
        return "guarded"

    @classmethod
    def load(cls, options: Any, *, splits: Any, on_bad_example: Any) -> Any:
        parts = {}
        for name, count in (("train", 40), ("validation", 20), ("test", 20)):
            targets = np.arange(count) % 2
            reader = Reader(name, targets, SEEN)
            ids = tuple(f"{name}-{index}" for index in range(count))
            parts[name] = Part(
                Split(name, ids, targets, reader), lambda i, n=name: f"{options.number}/{n}/{i}".encode()
            )
        return assemble(
            f"guarded-{options.number}", parts, class_names=["dark", "bright"], splits=splits,
            on_bad_example=on_bad_example, place="guarded", origin="made", licence=None,
        )  # fmt: skip


class Cheat:
    """A third-party strategy that looks for the test split wherever it is given anything."""

    summary: ClassVar[str] = "for tests"
    Options: ClassVar[type[Options]] = Options

    @classmethod
    def label(cls, options: Any) -> str:
        return "cheat"

    @classmethod
    def candidates(cls, options: Any) -> Any:
        return NO_CANDIDATES

    @classmethod
    def fit(cls, context: Any, options: Any) -> Any:
        return len(context.test)


def trial_of(strategy: str, number: int, **options: Any) -> Trial:
    """The first final trial of one cell on the guarded data."""
    for registry, name, variant in ((DATASETS, "guarded", Guarded), (STRATEGIES, "cheat", Cheat)):
        if name not in registry:
            registry.register(name)(variant)
    document = {
        "name": "sealed",
        "task": "image_classification",
        # A ResNet has no biases beside its batch norms.
        "models": [{"source": "zoo", "name": "vgg_tiny" if strategy == "bitfit" else "resnet_tiny"}],
        "datasets": [{"source": "guarded", "number": number}],
        "strategies": [{"strategy": strategy, **options}],
        "robustness": {"corruptions": ["noise"], "severity": [3]},
        "training": {"epochs": 1, "batch_size": 20},
    }
    if strategy == "distill":
        document["models"].append({"source": "zoo", "name": "vgg_tiny"})
        document["strategies"].append({"strategy": "linear_probe"})
    return make_plan(parse_spec(json.dumps(document))).trials[0]


def teacher_for(trial: Trial, folder: Path) -> Teacher | None:
    """What a student learns from: a teacher that was run on the same examples in a data set, and cache, of its own."""
    if not trial.cell.teachers:
        return None
    folder.mkdir()
    model = trial.cell.model.model_copy(update={"name": "vgg_tiny"})
    strategy = trial_of("linear_probe", 0).cell.strategy
    dataset = trial.cell.dataset.model_copy(update={"number": 1000})
    cell = replace(trial.cell, model=model, dataset=dataset, strategy=strategy, teachers=(), teaches=True)
    result = execute(request_for(Trial(cell, "final", trial.seed), folder))
    return Teacher(result.id, "vgg_tiny", "linear_probe", 0.5, folder / "trial" / result.artefacts["answers/train"])


def request_for(trial: Trial, folder: Path) -> TrialRequest:
    """The trial as a worker gets it."""
    (folder / "trial").mkdir(exist_ok=True)
    return TrialRequest(
        trial=trial, labels=trial.cell.labels, folder=folder / "trial", cache_root=folder / "cache", threads=2
    )


@pytest.mark.parametrize("strategy", sorted(set(STRATEGIES.names()) - {"cheat", "runner_test"}))
def test_no_strategy_reads_a_test_example_before_its_fit_is_over(strategy: str, tmp_path: Path) -> None:
    """A search trial reads none at all; a final trial reads them to be scored, and once more damaged."""
    assert strategy in STRATEGY_OPTIONS, "a new strategy belongs into this table"
    number = sorted(STRATEGY_OPTIONS).index(strategy)
    final = trial_of(strategy, number, **STRATEGY_OPTIONS[strategy])
    teacher = teacher_for(final, tmp_path / "teacher")
    SEEN.clear()
    searched = execute(replace(request_for(Trial(final.cell, "search", 0, {}), tmp_path), teacher=teacher))
    assert (set(searched.scores), searched.corrupted, searched.calibration) == ({"validation"}, (), None)
    assert not [name for name in SEEN if name.startswith("test")]
    scored = execute(replace(request_for(final, tmp_path), teacher=teacher))
    assert (set(scored.scores), len(scored.corrupted)) == ({"validation", "test"}, 1)
    assert {name for name in SEEN if name.startswith("test")} == {f"test-{index}" for index in range(20)}


def test_a_third_party_strategy_that_asks_for_test_gets_an_error(tmp_path: Path) -> None:
    """In a real trial, not only in a context made for a test; nothing of the split is read."""
    SEEN.clear()
    with pytest.raises(SealedSplitError, match="sealed"):
        execute(request_for(trial_of("cheat", 99), tmp_path))
    assert not [name for name in SEEN if name.startswith("test")]
