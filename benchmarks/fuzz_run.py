"""Damaged runs: one thing of a stored run is changed, and everything that reads runs reads it.

The store as bytes, stored results, plan, spec, cards of exported files, predictions and checks.
"""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
import sqlite3
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import suite
from benchmarks.fuzz_tables import room
from benchmarks.mutations import damaged_bytes, damaged_text
from suite.compare.planned import PlannedTrial, PlanSummary
from suite.errors import SuiteError
from suite.metrics import metrics_named, score_all
from suite.publish.recording import record_of
from suite.publish.serving.live import LiveReader
from suite.report.frames import leaderboard_frame, scores_frame
from suite.report.page import make_page
from suite.report.stored_run import checked_comparison
from suite.store.records.example_files import CorruptedLabels, OutOfClass
from suite.store.records.export_card import ExportCard, Measured, Parity, TensorRecord
from suite.store.records.predictions import Predictions
from suite.store.records.result import (
    Candidate,
    CorruptedScores,
    DataRecord,
    Environment,
    EpochRecord,
    OutOfClassRecord,
    Profile,
    Result,
    TemperatureFit,
    Timings,
    WeightsRecord,
)
from suite.store.store import open_store

__all__ = ["TARGETS", "one", "sample_run"]

COLUMNS = ("id", "cell_id", "status", "phase", "seed", "model", "finished_at", "total_seconds", "selection", "sequence")
CLASSES = ("cat", "dog", "newt")


def one(random: Random) -> None:
    """Damages a run and reads it in every way. Raises only where something else than ``SuiteError`` comes out."""
    with tempfile.TemporaryDirectory(dir=room()) as name:
        folder = Path(shutil.copytree(_sound(), Path(name) / "run"))
        _damage(random, folder)
        read = [_compared, suite.load_results, LiveReader(folder).read]
        for each in random.sample(read, 2) if random.random() < 0.5 else read[:1]:
            with contextlib.suppress(SuiteError):
                each() if each is read[2] else each(folder)


TARGETS = {"run": one}


def _compared(folder: Path) -> None:
    comparison, spec = checked_comparison(folder)
    make_page(comparison)
    leaderboard_frame(comparison)
    record_of(comparison, {"name": spec[:10]})
    with open_store(folder, create=False) as store:
        scores_frame(store.query())


def _damage(random: Random, folder: Path) -> None:
    database = folder / "store" / "results.sqlite"
    match random.randrange(10):
        case 0:
            database.write_bytes(damaged_bytes(random, database.read_bytes()))
        case 1:
            path = random.choice(sorted((folder / "store" / "trials").rglob("*.npz")))
            path.write_bytes(damaged_bytes(random, path.read_bytes()))
        case 2:
            (folder / "checks.json").write_text(
                damaged_text(random, {"format_version": 1}).encode("utf-8", "replace").decode()
            )
        case 3 | 4 | 5 | 6:
            _change(random, database, "results", "document", "id")
        case 7:
            _change(random, database, "documents", "text", "name")
        case 8:
            _change(random, database, "exports", "document", "sequence")
        case 9:
            column = random.choice(COLUMNS)
            value = random.choice(
                (None, "", "x", 0, -1, 2**40, 1e300, b"\xff\xfe", "done", "final", "\ud800".encode("utf-8", "replace"))
            )
            with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(database)) as file:
                file.execute(f"UPDATE results SET {column} = ? WHERE seed = 1", (value,))
                file.commit()


def _change(random: Random, database: Path, table: str, column: str, key: str) -> None:
    with contextlib.closing(sqlite3.connect(database)) as file:
        rows = file.execute(f"SELECT {key}, {column} FROM {table} WHERE {column} LIKE '{{%'").fetchall()
        for chosen, text in random.sample(rows, random.choice((1, 1, 2)) if len(rows) > 1 else 1):
            damaged = damaged_text(random, json.loads(text))
            file.execute(
                f"UPDATE {table} SET {column} = ? WHERE {key} = ?",
                (damaged.encode("utf-8", "replace").decode(), chosen),
            )
        file.commit()


@functools.cache
def _sound() -> Path:
    return sample_run(Path(room()) / "sound")


def sample_run(folder: Path) -> Path:
    """A small finished run of four models and two seeds, with everything that a result of images can have."""
    random = np.random.default_rng(1)
    trials = []
    with open_store(folder) as store:
        for model in ("vgg", "resnet", "vit", "net"):
            for seed in (1, 2):
                result = _result(random, store.folder / "tmp" / f"{model}{seed}", model, seed)
                store.save(result, store.folder / "tmp" / f"{model}{seed}")
                trials.append(
                    PlannedTrial(
                        trial_id=result.id, cell_id=result.cell_id, model=model, dataset="pets", seed=seed,
                        strategy="fine_tune: all", strategy_name="fine_tune", phase="final",
                    )
                )  # fmt: skip
        plan = PlanSummary(
            spec_name="sample", title="A sample", task="image_classification", headline="accuracy",
            command="suite run specs/sample.json", trials=tuple(trials),
        )  # fmt: skip
        store.save_document("plan", plan.model_dump_json())
        store.save_document("spec", json.dumps(_spec()))
        store.save_export(_card(trials[0]))
    return folder


def _spec() -> dict[str, Any]:
    return {
        "name": "sample", "task": "image_classification", "models": [{"source": "zoo", "name": "vit_tiny"}],
        "datasets": [{"source": "sklearn", "name": "digits"}], "strategies": [{"strategy": "knn"}], "seeds": [1, 2],
        "plugins": ["/somewhere/own.py"],
    }  # fmt: skip


def _result(random: np.random.Generator, room: Path, model: str, seed: int) -> Result:
    (room / "predictions").mkdir(parents=True)
    ids, targets = np.array([f"pet {index}" for index in range(30)]), np.arange(30) % 3
    sharp = np.eye(3)[targets] * {"vgg": 1.0, "resnet": 2.0, "vit": 2.2, "net": 0.5}[model]
    shares = np.exp(sharp + random.normal(0, 1, (30, 3)))
    said = Predictions(ids, targets, (shares / shares.sum(1, keepdims=True)).astype(np.float32), CLASSES)
    said.save(room / "predictions" / "test.npz")
    CorruptedLabels((("blur", 1),), random.integers(0, 3, (1, 30)).astype(np.int32)).save(room / "corrupted.npz")
    OutOfClass(ids[:9], said.probabilities[:9]).save(room / "out.npz")
    names = ("accuracy", "f1_macro", "log_loss", "expected_calibration_error", "brier")
    scores = score_all(said, metrics_named(names))
    epochs = tuple(
        EpochRecord(
            epoch=at, seconds=1.0, learning_rate=0.1, train_loss=1 / at, train_accuracy=0.5, validation_loss=1 / at,
            validation_score=0.5, trainable_parameters=9,
        )
        for at in (1, 2, 3)
    )  # fmt: skip
    return Result(
        id=f"{model}{seed}", cell_id=model, status="done", phase="final", seed=seed, model=model, dataset="pets",
        strategy="fine_tune: all", trial={"seed": seed, "task": "image_classification", "strategy": {}},
        hyperparameters={"learning_rate": 0.1}, scores={"test": scores, "validation": scores, "more": scores},
        corrupted=(CorruptedScores(corruption="blur", severity=1, scores={"accuracy": scores["accuracy"]}),),
        calibration=TemperatureFit(temperature=1.5, after={"log_loss": scores["log_loss"]}),
        out_of_class=(OutOfClassRecord(name="cars", examples=9, mean_confidence=0.5),),
        history=epochs, best_epoch=2, family=model, input_size=(32, 32), batch_size=8,
        candidates=(Candidate(hyperparameters={"l2": 0.1}, validation_score=0.5, epochs=0, seconds=1.0),),
        profile=Profile(
            parameters=1000, trainable_parameters=10, macs=10**6, size_bytes=4000, latency_ms_p50=1.0,
            latency_ms_p95=2.0, throughput_per_second=100.0, peak_memory_bytes=10**8, device="CPU",
        ),
        timings=Timings(
            fit_seconds=1.0, compile_seconds=1.0, validation_seconds=1.0, seconds_to_best=1.0, features_seconds=0.0,
            examples_per_second=10.0, total_seconds=4.0,
        ),
        environment=Environment(
            suite="1", python="3", packages={"keras": "3"}, platform="x", processor="y", device="CPU", cpu_count=2,
            threads=2,
        ),
        data=(
            DataRecord(
                name="pets", class_names=CLASSES, sizes={"train": 90, "validation": 30, "test": 30}, fingerprint="f",
                licence=None, origin="here",
            ),
        ),
        weights=WeightsRecord(name="w", location="l", sha256="ab", licence="MIT", pretrained_on="ImageNet"),
        artefacts={
            "predictions/test": "predictions/test.npz", "corrupted": "corrupted.npz", "out_of_class/cars": "out.npz",
        },
        started_at="2026-01-01T00:00:00+00:00", finished_at="2026-01-01T00:00:04+00:00",
    )  # fmt: skip


def _card(trial: PlannedTrial) -> ExportCard:
    tensor = TensorRecord(name="image", shape=(None, 8, 8, 3), dtype="float32", meaning="RGB")
    return ExportCard(
        format="onnx", precision="fp32", status="done", task="image_classification", model=trial.model, dataset="pets",
        strategy=trial.strategy, seed=1, trial_id=trial.trial_id, cell_id=trial.cell_id, file="model.onnx", bytes=10,
        sha256="ab", labels=CLASSES, inputs=(tensor,), output=tensor, export_seconds=1.0,
        measured=Measured(
            load_seconds=0.1, latency_ms_p50=1.5, latency_ms_p95=2.5, throughput_per_second=900.0,
            throughput_batch_size=32, peak_memory_bytes=10**7, threads=2, runtime="onnxruntime 1", device="CPU",
        ),
        parity=Parity(examples=30, max_difference=0.01, mean_difference=0.001, agreement=0.97, on="test"),
        versions={"suite": "1"},
    )  # fmt: skip
