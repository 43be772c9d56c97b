"""One computation for the seeds of a cell that draws nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from suite.errors import StoreError
from suite.runner.shared import shared_result
from suite.spec.plan import make_plan
from suite.spec.spec import parse_spec
from suite.spec.trial import Trial
from suite.store.records.result import DataRecord, Result, Timings
from suite.store.store import Store, open_store


def two_seeds(out: Path, *, fingerprint: str = "") -> tuple[Store, Trial]:
    """A store with the first of two seeds of k nearest neighbours, and the trial of the second."""
    spec = {
        "name": "shared", "task": "image_classification", "models": [{"source": "zoo", "name": "vgg_tiny"}],
        "datasets": [{"source": "sklearn", "name": "digits"}], "strategies": [{"strategy": "knn"}], "seeds": [1, 2],
    }  # fmt: skip
    first, second = make_plan(parse_spec(json.dumps(spec), place="spec")).trials
    store = open_store(out)
    folder = store.folder / "tmp" / first.id
    folder.mkdir(parents=True)
    (folder / "test.npz").write_bytes(b"said")
    (folder / "model.keras").write_bytes(b"model")
    result = Result(
        id=first.id, cell_id=first.cell.id, status="done", trial=first.as_json(), phase="final", seed=first.seed,
        model="vgg_tiny", dataset="digits", strategy="knn",
        artefacts={"predictions/test": "test.npz", "model": "model.keras"},
        data=(DataRecord(name="digits", fingerprint=fingerprint, class_names=(), sizes={}, licence=None, origin="",
                         skipped={}),),
        timings=Timings(fit_seconds=1.0, compile_seconds=0.0, validation_seconds=0.0, seconds_to_best=1.0,
                        features_seconds=0.0, examples_per_second=None, total_seconds=3.0),
    )  # fmt: skip
    store.save(result, folder)
    return store, second


def test_another_seed_has_what_the_first_has_computed_without_its_model(tmp_path: Path) -> None:
    """Under its own id and seed, with who computed it, and nothing spent; a cell with label budgets is computed."""
    store, trial = two_seeds(tmp_path / "out")
    folder = store.folder / "tmp" / trial.id
    first = store.query()[0].id
    found = shared_result(trial, store, folder=folder, coming=(), here={first})
    assert found is not None
    assert (found.id, found.seed, found.trial) == (trial.id, 2, trial.as_json())
    assert found.computed_by != trial.id
    assert found.timings is not None
    assert (found.timings.fit_seconds, found.timings.total_seconds) == (1.0, 0.0)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"test.npz": b"said"}
    assert shared_result(trial, store, folder=folder, coming={found.computed_by}, here={first}) is None
    drawn = replace(trial, cell=replace(trial.cell, train_examples=5))
    assert shared_result(drawn, store, folder=folder, coming=(), here={first}) is None


def test_what_cannot_be_copied_is_said(tmp_path: Path) -> None:
    """An error of the disk is one of the store's, after which a run keeps what it has."""
    store, trial = two_seeds(tmp_path / "out")
    in_the_way = store.folder / "tmp" / "file"
    in_the_way.write_bytes(b"")
    with pytest.raises(StoreError, match="a file is in the way"):
        shared_result(trial, store, folder=in_the_way / trial.id, coming=(), here={store.query()[0].id})


def test_a_result_of_other_data_is_not_shared(tmp_path: Path) -> None:
    """What an earlier run has computed counts only where the data is known to be what it was."""
    store, trial = two_seeds(tmp_path / "out", fingerprint="before")
    folder = store.folder / "tmp" / trial.id
    assert shared_result(trial, store, folder=folder, coming=()) is None
    assert shared_result(trial, store, folder=folder, coming=(), fingerprints={"digits": "now"}) is None
    assert shared_result(trial, store, folder=folder, coming=(), fingerprints={"digits": "before"}) is not None
