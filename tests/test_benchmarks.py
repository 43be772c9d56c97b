"""The benchmarks compare like with like: what cannot be seen in their table is tested here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmarks are not part of the package."""
    monkeypatch.syspath_prepend(str(ROOT))


def test_the_peer_sees_the_examples_that_the_spec_lists() -> None:
    """Ids of every split are those of a run of ``specs/vision.json``, splits of its own included."""
    from benchmarks.home import HomeData
    from suite.data.sklearn import SklearnSource
    from suite.spec import SplitsSpec

    listed: dict[str, Any] = json.loads((ROOT / "specs" / "vision.json").read_text("utf-8"))["datasets"][0]
    options = SklearnSource.Options(name=listed["name"])
    meant = SklearnSource.load(options, splits=SplitsSpec(**listed["splits"]), on_bad_example="error")
    found = HomeData().dataset
    assert {name: split.ids for name, split in found.splits.items()} == {
        name: split.ids for name, split in meant.splits.items()
    }
    assert found.fingerprint == meant.fingerprint


def test_equal_scores_are_equal_within_noise_only() -> None:
    """Differences that scatter around 0 pass; a steady loss of three points does not."""
    from benchmarks.whole import noise

    scattered, steady = [0.03, -0.04, 0.01, 0.02, -0.03], [-0.03, -0.031, -0.029, -0.03, -0.03]
    assert abs(sum(scattered) / 5) <= noise(scattered)
    assert abs(sum(steady) / 5) > noise(steady)


def test_what_is_measured_again_replaces_its_own_row_alone() -> None:
    """The others stay in their order, and what is new comes last."""
    from benchmarks.__main__ import merged

    old, new = ["| a | 1 |", "| b | 2 |"], ["| c | 3 |", "| a | 4 |"]
    assert merged(old, new) == ["| a | 4 |", "| b | 2 |", "| c | 3 |"]
