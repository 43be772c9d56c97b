"""Results made of a few words, and the comparison of them, for the tests of checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from suite.compare.compare import compare
from suite.compare.comparison import PlannedTrial, PlanSummary
from suite.lint.examine import check_run
from suite.lint.subjects import Run
from suite.store.records.check import Checks
from suite.store.records.result import DataRecord, EpochRecord, Predictions, Result, Score, WeightsRecord


def make_result(
    model: str = "net",
    dataset: str = "photos",
    strategy: str = "fine_tune",
    *,
    seed: int = 1,
    score: float | None = 0.9,
    interval: tuple[float, float] | None = None,
    classes: int = 2,
    name: str | None = None,
    sizes: Mapping[str, int] | None = None,
    history: Sequence[EpochRecord] = (),
    pretrained_on: str | None = None,
    **more: object,
) -> Result:
    """One final trial with its accuracy on the test set."""
    low, high = interval or (None, None)
    known = {"test": {"accuracy": Score(value=score, low=low, high=high)}} if score is not None else {}
    data = DataRecord(
        name=name or dataset, class_names=tuple(f"class {index}" for index in range(classes)), sizes=dict(sizes or {}),
        fingerprint="f", licence=None, origin="",
    )  # fmt: skip
    weights = WeightsRecord(name="w", location="", sha256=model, licence=None, pretrained_on=pretrained_on)
    values = {
        "id": f"{model}-{dataset}-{strategy}-{seed}", "cell_id": f"{model}-{dataset}-{strategy}", "status": "done",
        "trial": {}, "phase": "final", "seed": seed, "model": model, "dataset": dataset, "strategy": strategy,
        "scores": known, "history": tuple(history), "data": (data,), "weights": weights,
    }  # fmt: skip
    return Result(**{**values, **more})


def epochs(*train_losses: float, scores: Sequence[float] = (), losses: Sequence[float] = ()) -> tuple[EpochRecord, ...]:
    """A history; validation follows the training loss where it is not given."""
    return tuple(
        EpochRecord(
            epoch=index + 1, seconds=1.0, learning_rate=0.1, train_loss=loss, train_accuracy=0.5,
            validation_loss=losses[index] if losses else loss,
            validation_score=scores[index] if scores else max(0.0, 1 - loss / 3), trainable_parameters=1,
        )
        for index, loss in enumerate(train_losses)
    )  # fmt: skip


def predictions(right: Sequence[bool], *, classes: int = 2, seed: int = 0) -> Predictions:
    """Predictions that are right where it is said, of classes in turn; the seed moves the probabilities a little."""
    targets = np.arange(len(right)) % classes
    labels = np.where(right, targets, (targets + 1) % classes)
    probabilities = np.full((len(right), classes), 0.1 / max(1, classes - 1), np.float32)
    probabilities[np.arange(len(right)), labels] = 0.9 - 0.001 * seed
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    names = tuple(f"class {index}" for index in range(classes))
    return Predictions(np.array([f"e{index}" for index in range(len(right))]), targets, probabilities, names)


def run_of(
    results: Sequence[Result], kept: Mapping[str, Predictions] | None = None, *, headline: str = "accuracy"
) -> Run:
    """The results compared; ``kept`` has test predictions by trial id."""
    planned = tuple(
        PlannedTrial(
            trial_id=one.id, cell_id=one.cell_id, model=one.model, dataset=one.dataset, strategy=one.strategy,
            strategy_name=one.strategy, phase=one.phase, seed=one.seed,
        )
        for one in results
    )  # fmt: skip
    plan = PlanSummary(
        spec_name="made",
        title=None,
        task="image_classification",
        headline=headline,
        command="suite run",
        trials=planned,
    )

    def load(result: Result, name: str) -> Predictions | None:
        return (kept or {}).get(result.id) if name == "test" else None

    return Run(compare(results, plan_summary=plan, load_predictions=load), results, load)


def checked(results: Sequence[Result], kept: Mapping[str, Predictions] | None = None) -> Checks:
    """What the checks of results say."""
    return check_run(run_of(results, kept))


def said(results: Sequence[Result], check: str, kept: Mapping[str, Predictions] | None = None) -> list[tuple[str, str]]:
    """Severity and place of what one check says."""
    return [(one.severity, one.where) for one in checked(results, kept).findings if one.check == check]
