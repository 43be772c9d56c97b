"""A small honest run without TensorFlow: scikit-learn classifiers on its handwritten digits.

Real fits, real predictions, real times, in the layout of the store.  Five classifiers stand for models, four
ways of fitting them for strategies, three seeds each; one trial fails, one diverges, one times out, one cell
is skipped.  ``make_sample_results`` serves the tests of everything that reads results.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import pickle
import platform
import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

import suite
from suite.compare.comparison import PlannedSkip, PlannedTrial, PlanSummary
from suite.metrics import metrics_named, score_all
from suite.store.records.result import (
    Candidate,
    DataRecord,
    Environment,
    EpochRecord,
    Predictions,
    Profile,
    Result,
    Score,
    Timings,
    WeightsRecord,
)

SEEDS = (1, 2, 3)
HOME, ELSEWHERE = "digits", "digits_noisy"
METRIC_NAMES = (
    "accuracy",
    "balanced_accuracy",
    "top5_accuracy",
    "f1_macro",
    "roc_auc",
    "log_loss",
    "brier",
    "expected_calibration_error",
)
MODELS: dict[str, str] = {
    "perceptron_32": "perceptron",
    "perceptron_8": "perceptron",
    "logistic": "linear",
    "neighbours": "instances",
    "gaussian": "bayes",
}
STRATEGIES: dict[str, str] = {
    "linear_probe": "linear_probe",
    "fine_tune: last stage": "fine_tune",
    "fine_tune: all": "fine_tune",
    "from_scratch": "from_scratch",
}
EPOCHS = 4


@dataclass(frozen=True)
class Digits:
    """The splits as arrays; features already scaled to 0..1."""

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    noisy: tuple[np.ndarray, np.ndarray]
    test_ids: np.ndarray
    validation_ids: np.ndarray


@dataclass(frozen=True)
class Fitted:
    """One classifier after its fit, with what happened on the way."""

    classifier: BaseEstimator
    history: tuple[EpochRecord, ...]
    candidates: tuple[Candidate, ...]
    hyperparameters: dict[str, Any]
    fit_seconds: float


def make_sample_results(folder: Path, models: Iterable[str] = MODELS) -> tuple[PlanSummary, list[Result]]:
    """Fits everything and writes ``folder/store/trials/<id>/predictions/<set>.npz``; about 3 s for all models.

    Returns:
        The plan and the results that exist: one trial of the plan is still missing.
    """
    digits = _digits()
    planned = tuple(_planned(models))
    results = []
    for trial in planned[:-1]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # few epochs do not converge, and say so
            results.append(_run(trial, digits, folder))
    skip = PlannedSkip(
        cell_id=_hash("gaussian-fine_tune: last stage")[:12],
        model="gaussian",
        dataset=HOME,
        strategy="fine_tune: last stage",
        reason="gaussian has no stages that could be unfrozen.",
    )
    plan = PlanSummary(
        spec_name="sample",
        title="Which classifier reads handwritten digits?",
        task="image_classification",
        headline="accuracy",
        command="suite run specs/sample.json",
        trials=planned,
        skips=(skip,),
    )
    return plan, results


def load_from(folder: Path) -> Any:
    """The ``load_predictions`` that ``compare`` takes, for a folder made by ``make_sample_results``."""

    def load(result: Result, name: str) -> Predictions | None:
        path = folder / "store" / "trials" / result.id / "predictions" / f"{name}.npz"
        return Predictions.load(path) if path.exists() else None

    return load


def _digits() -> Digits:
    images, targets = load_digits(return_X_y=True)
    images, ids = images / 16.0, np.array([f"digit-{index:04d}" for index in range(len(targets))])
    rest, test, rest_targets, test_targets, rest_ids, test_ids = train_test_split(
        images, targets, ids, test_size=360, stratify=targets, random_state=0
    )
    train, validation, train_targets, validation_targets, _, validation_ids = train_test_split(
        rest, rest_targets, rest_ids, test_size=287, stratify=rest_targets, random_state=0
    )
    noise = np.random.default_rng(0).normal(0, 0.3, test.shape)
    return Digits(
        train=(train, train_targets),
        validation=(validation, validation_targets),
        test=(test, test_targets),
        noisy=(np.clip(test + noise, 0, 1), test_targets),
        test_ids=test_ids,
        validation_ids=validation_ids,
    )


def _planned(models: Iterable[str]) -> Iterator[PlannedTrial]:
    for model in models:
        for strategy, name in STRATEGIES.items():
            if (model, strategy) == ("gaussian", "fine_tune: last stage"):
                continue
            for seed in SEEDS:
                yield PlannedTrial(
                    trial_id=_hash(f"{model}-{strategy}-{seed}")[:16],
                    cell_id=_hash(f"{model}-{strategy}")[:12],
                    model=model,
                    dataset=HOME,
                    strategy=strategy,
                    strategy_name=name,
                    phase="final",
                    seed=seed,
                )


def _run(trial: PlannedTrial, digits: Digits, folder: Path) -> Result:
    started = time.time()
    trial_folder = folder / "store" / "trials" / trial.trial_id
    (trial_folder / "predictions").mkdir(parents=True, exist_ok=True)
    common = _common(trial)
    trouble = _trouble(trial, digits)
    if trouble:
        (trial_folder / "log.txt").write_text(trouble["error"])
        return Result(**common, **trouble, started_at=_stamp(started), finished_at=_stamp(time.time()))
    fitted = _fit(trial, digits)
    sets = {
        "validation": (*digits.validation, digits.validation_ids),
        "test": (*digits.test, digits.test_ids),
        ELSEWHERE: (*digits.noisy, digits.test_ids),
    }
    scores: dict[str, dict[str, Score]] = {}
    for name, (images, targets, ids) in sets.items():
        predictions = _predict(fitted.classifier, images, targets, ids)
        predictions.save(trial_folder / "predictions" / f"{name}.npz")
        # The area under ten curves costs more than all the rest, so it is for the home test set.
        names = METRIC_NAMES if name == "test" else tuple(metric for metric in METRIC_NAMES if metric != "roc_auc")
        scores[name] = score_all(predictions, metrics_named(names))
    best = max(fitted.history, key=lambda epoch: epoch.validation_score, default=None)
    return Result(
        **common,
        status="done",
        hyperparameters=fitted.hyperparameters,
        scores=scores,
        history=fitted.history,
        candidates=fitted.candidates,
        best_epoch=best.epoch if best else None,
        profile=_profile(fitted.classifier, digits),
        timings=_timings(fitted, best, len(digits.train[1]), time.time() - started),
        notes=("The classifier's own random state is the seed.",) if trial.seed == SEEDS[0] else (),
        artefacts={f"predictions/{name}": f"predictions/{name}.npz" for name in sets},
        started_at=_stamp(started),
        finished_at=_stamp(time.time()),
    )


def _fit(trial: PlannedTrial, digits: Digits) -> Fitted:
    """Strategies: little data, a searched strength, everything, and everything with few examples."""
    images, targets = digits.train
    share = {"linear_probe": 0.5, "fine_tune: last stage": 0.7, "fine_tune: all": 1.0, "from_scratch": 0.15}
    keep = np.random.default_rng(trial.seed).permutation(len(targets))[: int(share[trial.strategy] * len(targets))]
    data = images[keep], targets[keep]
    settings = [{"strength": 10.0**power} for power in (-4, -3, -2)] if trial.strategy_name == "fine_tune" else [{}]
    tried, candidates = [], []
    for setting in settings:
        classifier, history, seconds = _fit_once(trial, data, digits, setting.get("strength", 1e-4))
        score = float(classifier.score(*digits.validation))
        tried.append((score, classifier, history, setting, seconds))
        if len(settings) > 1:
            candidates.append(
                Candidate(hyperparameters=setting, validation_score=score, epochs=len(history), seconds=seconds)
            )
    _, classifier, history, setting, seconds = max(tried, key=lambda entry: entry[0])
    return Fitted(classifier, tuple(history), tuple(candidates), setting, seconds)


def _fit_once(
    trial: PlannedTrial, data: tuple[np.ndarray, np.ndarray], digits: Digits, strength: float
) -> tuple[Any, list[EpochRecord], float]:
    classifier = _classifier(trial.model, trial.seed, strength, trial.strategy == "linear_probe")
    if not isinstance(classifier, MLPClassifier):
        started = time.perf_counter()
        classifier.fit(*data)
        return classifier, [], time.perf_counter() - started
    history: list[EpochRecord] = []
    for epoch in range(1, EPOCHS + 1):
        started = time.perf_counter()
        classifier.fit(*data)  # one epoch: it starts from the weights of the one before
        seconds = time.perf_counter() - started
        train_loss, train_accuracy = _loss_and_accuracy(classifier, *data)
        validation_loss, validation_score = _loss_and_accuracy(classifier, *digits.validation)
        history.append(
            EpochRecord(
                epoch=epoch,
                seconds=seconds,
                learning_rate=0.01,
                train_loss=train_loss,
                train_accuracy=train_accuracy,
                validation_loss=validation_loss,
                validation_score=validation_score,
                trainable_parameters=_parameters(classifier),
            )
        )
    return classifier, history, sum(epoch.seconds for epoch in history)


def _loss_and_accuracy(classifier: Any, images: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    probabilities = classifier.predict_proba(images)
    of_truth = probabilities[np.arange(len(targets)), targets]
    right = probabilities.argmax(axis=1) == targets
    return float(-np.log(np.maximum(of_truth, 1e-12)).mean()), float(right.mean())


def _classifier(model: str, seed: int, strength: float, linear: bool) -> Any:
    if model == "neighbours":
        return KNeighborsClassifier(n_neighbors=1 + 2 * seed, weights="distance", algorithm="kd_tree")
    if model == "gaussian":
        return GaussianNB(var_smoothing=strength * 10 * seed)
    if linear:
        shrinkage = {"perceptron_32": 0.02, "perceptron_8": 0.5, "logistic": 0.1}[model]
        return LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage)
    hidden = {"perceptron_32": (32,), "perceptron_8": (8,), "logistic": ()}[model]
    return MLPClassifier(
        hidden,
        alpha=strength,
        learning_rate_init=0.01,
        batch_size=32,
        max_iter=1,
        warm_start=True,
        random_state=seed,
    )


def _predict(classifier: Any, images: np.ndarray, targets: np.ndarray, ids: np.ndarray) -> Predictions:
    return Predictions(
        example_ids=ids,
        targets=targets.astype(np.int64),
        probabilities=classifier.predict_proba(images).astype(np.float32),
        class_names=tuple(str(digit) for digit in range(10)),
    )


def _trouble(trial: PlannedTrial, digits: Digits) -> dict[str, Any] | None:
    """Three trials that end without a score, each for a real reason."""
    key = (trial.model, trial.strategy, trial.seed)
    if key == ("logistic", "from_scratch", 2):
        try:
            LogisticRegression().fit(digits.train[0][:, :0], digits.train[1])
        except ValueError as error:
            return {"status": "failed", "reason": str(error).splitlines()[0], "error": f"ValueError: {error}"}
    if key == ("perceptron_8", "fine_tune: all", 3):
        with np.errstate(all="ignore"):
            loss = float(np.float32(3e38) * np.float32(10) - np.float32(3e38) * np.float32(10))
        return {"status": "diverged", "reason": f"the loss became {loss} in epoch 1.", "error": f"loss = {loss}"}
    if key == ("neighbours", "from_scratch", 3):
        return {
            "status": "timeout",
            "reason": "took longer than 0.01 s; raise training.timeout_seconds.",
            "error": "stopped after 0.01 s",
        }
    return None


def _common(trial: PlannedTrial) -> dict[str, Any]:
    return {
        "id": trial.trial_id,
        "cell_id": trial.cell_id,
        "trial": {
            "model": {"source": "sample", "name": trial.model},
            "strategy": {"strategy": trial.strategy_name},
            "phase": trial.phase,
            "seed": trial.seed,
            "candidate": None,
        },
        "phase": trial.phase,
        "seed": trial.seed,
        "model": trial.model,
        "dataset": trial.dataset,
        "strategy": trial.strategy,
        "environment": _environment(),
        "data": (_data(HOME, {"train": 1150, "validation": 287, "test": 360}), _data(ELSEWHERE, {"test": 360})),
        "weights": WeightsRecord(
            name=trial.model,
            location=f"sample/{trial.model}",
            sha256=_hash(trial.model),
            licence="BSD-3-Clause",
            pretrained_on=None,
        ),
        "family": MODELS[trial.model],
        "input_size": (8, 8),
        "batch_size": 64,
    }


def _data(name: str, sizes: dict[str, int]) -> DataRecord:
    return DataRecord(
        name=name,
        class_names=tuple(str(digit) for digit in range(10)),
        sizes=sizes,
        fingerprint=_hash(name),
        licence="CC BY 4.0",
        origin="scikit-learn's copy of Optical Recognition of Handwritten Digits (Alpaydin, Kaynak 1998)",
    )


def _environment() -> Environment:
    return Environment(
        suite=suite.__version__,
        python=platform.python_version(),
        packages={"numpy": np.__version__, "scikit-learn": sklearn.__version__},
        platform=platform.system(),
        processor=platform.machine(),
        device="CPU (1 thread)",
        cpu_count=os.cpu_count() or 1,
        threads=1,
    )


def _profile(classifier: Any, digits: Digits) -> Profile:
    one, thirty_two = digits.test[0][:1], digits.test[0][:32]
    times = []
    for _ in range(5):
        started = time.perf_counter()
        classifier.predict_proba(one)
        times.append(1000 * (time.perf_counter() - started))
    started = time.perf_counter()
    classifier.predict_proba(thirty_two)
    parameters = _parameters(classifier)
    return Profile(
        parameters=parameters,
        trainable_parameters=parameters,
        macs=parameters,
        size_bytes=len(pickle.dumps(classifier)),
        latency_ms_p50=float(np.percentile(times, 50)),
        latency_ms_p95=float(np.percentile(times, 95)),
        throughput_per_second=32 / (time.perf_counter() - started),
        peak_memory_bytes=None,
        device="CPU (1 thread)",
    )


def _parameters(classifier: Any) -> int:
    """Numbers in the fitted arrays: weights, means, or the kept examples."""
    arrays = (value for name, value in vars(classifier).items() if name in {"coef_", "theta_", "var_", "_fit_X"})
    total = sum(array.size for array in arrays if isinstance(array, np.ndarray))
    layers = getattr(classifier, "coefs_", ())
    return int(total + sum(layer.size for layer in layers))


def _timings(fitted: Fitted, best: EpochRecord | None, examples: int, total: float) -> Timings:
    to_best = sum(epoch.seconds for epoch in fitted.history if best and epoch.epoch <= best.epoch)
    return Timings(
        fit_seconds=fitted.fit_seconds,
        compile_seconds=0.0,
        validation_seconds=0.0,
        seconds_to_best=to_best if best else fitted.fit_seconds,
        features_seconds=0.0,
        examples_per_second=len(fitted.history) * examples / fitted.fit_seconds if fitted.history else None,
        total_seconds=total,
    )


def _stamp(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, tz=dt.UTC).isoformat()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
