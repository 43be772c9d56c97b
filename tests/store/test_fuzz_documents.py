"""What is damaged ends in a sentence: half a minute of damaged tables, predictions, documents and whole runs.

``python -m benchmarks.fuzz`` does the same for as long as it is let.
"""

from __future__ import annotations

import importlib
import json
import time
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from benchmarks import fuzz_documents, fuzz_image_tables, fuzz_predictions, fuzz_run, fuzz_tables
from suite.compare.planned import read_plan
from suite.data.table import TableSource
from suite.errors import BadExampleError, StoreError
from suite.spec.spec import SplitsSpec
from suite.store.records.outputs import load_outputs
from suite.store.records.predictions import Predictions
from suite.store.records.result import Profile

SECONDS = 6.0
TARGETS = (fuzz_tables, fuzz_image_tables, fuzz_predictions, fuzz_documents, fuzz_run)


@pytest.mark.parametrize("target", TARGETS, ids=lambda module: module.__name__)
@pytest.mark.filterwarnings("ignore")
def test_damage_ends_in_a_sentence(target: ModuleType) -> None:
    """Whatever the input, nothing but ``SuiteError`` is raised; the seed of one that does is in the traceback."""
    deadline, seed = time.monotonic() + SECONDS, 0
    while time.monotonic() < deadline:
        target.one(Random(seed))
        seed += 1
    assert seed > 10


def test_text_that_is_none_in_predictions_is_told(tmp_path: Path) -> None:
    """Numbers beyond the last character, which NumPy hands on and at which Python stops."""
    strange = np.full(3, 0x7FFFFFFF, dtype=np.uint32).view("<U1")
    Predictions(strange, np.zeros(3, np.int64), np.ones((3, 1), np.float32), ("a",)).save(tmp_path / "test.npz")
    with pytest.raises(StoreError, match=r"test\.npz: predictions cannot be read \(example_ids: numbers that are no"):
        load_outputs(tmp_path / "test.npz")


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (lambda pa: pa.array([10**7] * 4, pa.date32()), r"date32\[day\]"),
        (lambda pa: pa.array([1] * 4, pa.timestamp("us", tz="Nowhere/X")), r"timestamp\[us, tz=Nowhere/X\]"),
        (lambda pa: pa.array([[b"\xca"]] * 4, pa.list_(pa.binary())).cast(pa.list_(pa.binary())), "list"),
    ],
)
def test_a_value_that_python_has_no_object_for_tells_its_type(labels: Any, kind: str, tmp_path: Path) -> None:
    """A day in the year 29,349, a time zone that is none: the row is told, and nothing else of it."""
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"text": ["a", "b", "c", "d"], "label": labels(pa)})
    importlib.import_module("pyarrow.parquet").write_table(table, tmp_path / "a.parquet")
    options = TableSource.Options(path=str(tmp_path / "a.parquet"), text_column="text", label_column="label")
    with pytest.raises(BadExampleError, match=rf"row 1: column 'label': expected text, got {kind}"):
        TableSource.load(options, splits=SplitsSpec(), on_bad_example="error")


@pytest.mark.parametrize("update", [{"latency_ms_p50": -1.0}, {"parameters": -5}])
def test_less_than_nothing_is_damage(update: dict[str, float]) -> None:
    """No cost is below 0: a logarithmic axis has no place for it."""
    profile = {
        "parameters": 1, "trainable_parameters": 1, "macs": 1, "size_bytes": 4, "latency_ms_p50": 1.0,
        "latency_ms_p95": 1.0, "throughput_per_second": 1.0, "peak_memory_bytes": 1, "device": "CPU",
    }  # fmt: skip
    assert Profile.model_validate(profile).parameters == 1
    with pytest.raises(ValueError, match="less than nothing"):
        Profile.model_validate({**profile, **update})


def test_a_budget_of_labels_that_is_none_is_told_with_the_plan() -> None:
    """Before anything is reckoned with it."""
    trial = dict.fromkeys(("trial_id", "cell_id", "model", "dataset", "strategy", "strategy_name"), "a")
    trial |= {"phase": "final", "seed": 1, "train_examples": ""}
    plan = {"spec_name": "a", "title": None, "task": "t", "headline": None, "command": "c", "trials": [trial]}
    with pytest.raises(
        StoreError, match=r"run: its plan cannot be read \(trials\.0\.train_examples: expected a number"
    ):
        read_plan(json.dumps(plan), "run")
