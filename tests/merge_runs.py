"""Small stored runs that are joined: results made of a few words, with real predictions and models of a few bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from export_runs import contents
from lint_results import make_result, predictions

from suite.compare.planned import PlannedTrial, PlanSummary
from suite.store.address import StoreChoice
from suite.store.records.export_card import ExportCard
from suite.store.records.result import Environment, Result
from suite.store.store import open_store

TEAM: list[str] = []
"""The address of a team's database and the names of the folders that are in it; empty for files of SQLite."""
SPEC = {"name": "photos", "task": "image_classification", "models": ["net"], "seeds": [1, 2, 3]}


def environment(**versions: str) -> Environment:
    """Where a trial ran; ``keras_hub`` is keras-hub."""
    packages = {"tensorflow": "2.21.0", "keras": "3.14.0", "keras-hub": "0.26.0", "numpy": "2.3.0"}
    own = {name.replace("_", "-"): version for name, version in versions.items()}
    return Environment(
        suite=own.pop("suite", "0.1.0"), python="3.12", packages={**packages, **own}, platform="Linux",
        processor="x86_64", device="CPU (1 thread)", cpu_count=1, threads=1,
    )  # fmt: skip


def trial(model: str = "net", seed: int = 1, *, status: str = "done", **more: Any) -> Result:
    """One final trial with predictions where it is done; ``fine_tune`` on ``photos``."""
    files = {"predictions/test": "predictions/test.npz"} if status == "done" else {"log": "log.txt"}
    values = {
        "environment": environment(),
        "status": status,
        "reason": None if status == "done" else "as asked",
        "score": 0.9 if status == "done" else None,
        "artefacts": {**files, **more.pop("files", {})},
        "trial": {"training": {"epochs": 8}, "seed": seed},
    }
    return make_result(model, seed=seed, **{**values, **more})


def with_model(*words: Any, **more: Any) -> Result:
    """The same, with its model."""
    return trial(*words, files={"model": "model.keras"}, **more)


def plan_for(results: Sequence[Result], **more: Any) -> PlanSummary:
    """The plan that these results were made of."""
    trials = [
        PlannedTrial(
            trial_id=one.id, cell_id=one.cell_id, model=one.model, dataset=one.dataset, strategy=one.strategy,
            strategy_name=one.strategy, phase=one.phase, seed=one.seed,
        )
        for one in results
    ]  # fmt: skip
    values = {
        "spec_name": "photos", "title": None, "task": "image_classification", "headline": "accuracy",
        "command": "suite run specs/photos.json", "trials": tuple(trials),
    }  # fmt: skip
    return PlanSummary(**{**values, **more})


def make_run(
    folder: Path,
    *results: Result,
    selection: float | None = 0.5,
    spec: dict[str, Any] | None = None,
    exports: Sequence[ExportCard] = (),
    **plan: Any,
) -> Path:
    """Stores results as a run would, each with the files that it names; in ``TEAM``, where that is a database."""
    if TEAM and not (folder / "store").exists():
        StoreChoice(TEAM[0], run=f"{folder.name}{TEAM.count(folder.name) or ''}").attach(folder)
        TEAM.append(folder.name)
    with open_store(folder) as store:
        store.save_document("plan", plan_for(results, **plan).model_dump_json())
        store.save_document("spec", json.dumps(SPEC if spec is None else spec, separators=(",", ":")))
        for result in results:
            room = store.folder / "tmp" / result.id
            (room / "predictions").mkdir(parents=True)
            for file in result.artefacts.values():
                (room / file).write_bytes(f"{file} of {folder.name}".encode())
            if "predictions/test" in result.artefacts:
                right = np.random.default_rng(result.seed).random(60) < 0.9
                predictions(right.tolist(), seed=result.seed).save(room / "predictions" / "test.npz")
            store.save(result, room, selection=selection)
        for card in exports:
            place = folder / str(card.folder)
            place.mkdir(parents=True)
            (place / card.file).write_bytes(b"onnx")
            (place / "card.json").write_text(card.model_dump_json(), encoding="utf-8")
            store.save_export(card)
    return folder


def stored(folder: Path) -> dict[str, Any]:
    """Everything that a run has stored: results with their numbers, documents, cards, and the bytes of every file."""
    with open_store(folder, create=False) as store:
        return {
            "results": store.query(),
            "entries": store.entries(),
            "documents": store.documents(),
            "exports": store.exports(),
            "selections": store.selections(),
            "files": contents(folder / "store" / "trials"),
            "exported": contents(folder / "exports"),
        }


def without_numbers(found: dict[str, Any]) -> dict[str, Any]:
    """The same without how often a place was saved, which a broken off merge may change."""
    return {name: value for name, value in found.items() if name != "entries"}


def results_of(folder: Path) -> dict[str, Result]:
    """The results of a run by trial id."""
    with open_store(folder, create=False) as store:
        return {result.id: result for result in store.query()}
