"""The benchmarks compare like with like: what cannot be seen in their table is tested here."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from merge_runs import make_run, trial

from suite.report.stored_run import look_at_run
from suite.store.records.result import DataRecord

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmarks are not part of the package."""
    monkeypatch.syspath_prepend(str(ROOT))


def test_the_peer_sees_the_examples_that_the_spec_lists() -> None:
    """Ids of every split are those of a run of ``specs/vision.json``, splits of its own included."""
    from benchmarks.home import HomeData
    from suite.data.sklearn import SklearnSource
    from suite.spec.spec import SplitsSpec

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


@pytest.fixture(scope="module")
def variations(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three variations of a run of two models with two seeds each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        from benchmarks.site_runs import DATA, NAME, vary

    folder = tmp_path_factory.mktemp("variations")
    names = {"name": DATA, "class_names": ("0", "1", "2"), "licence": "CC0", "origin": "made"}
    data = DataRecord(**names, sizes={"test": 60}, fingerprint="0a1b2c3d4e")
    trials = [
        trial(model, seed, dataset=DATA, data=(data,), id=_digits(f"{model} {seed}", 16), cell_id=_digits(model, 12))
        for model in ("net_tiny", "wide_tiny")
        for seed in (1, 2)
    ]
    source = make_run(folder / "source", *trials, spec={"name": NAME}, spec_name=NAME)
    for number in range(3):
        vary(source, folder / str(number), number)
    return [folder / str(number) for number in range(3)]


def _digits(text: str, count: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:count]


def test_runs_of_a_site_are_what_the_suite_would_have_made(variations: list[Path], tmp_path: Path) -> None:
    """The comparison that lies in a copied folder is the one that its own results give, and no two runs are equal."""
    from benchmarks.site_runs import Size, run_folders

    runs, later = run_folders(variations, tmp_path, Size(data_sets=2, variations=2, seeds=2, models=1, later=1))
    folders = [*sorted(runs.iterdir()), *later]
    assert len(folders) == 5
    scores = set()
    for folder in folders:
        run = look_at_run(folder)
        kept = run.kept()
        assert kept is not None
        assert kept == run.compare()
        scores.add(tuple(cell.headline.value for cell in kept.cells if cell.headline))
    assert len(scores) == 3


def test_what_a_site_takes_is_measured_run_by_run(
    variations: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every run is a point, a later one makes one more, and the page says what was measured."""
    from benchmarks.site import measured, page
    from benchmarks.site_runs import Size, run_folders

    monkeypatch.chdir(ROOT)
    size = Size(data_sets=2, variations=2, seeds=2, models=1, later=1)
    runs, later = run_folders(variations, tmp_path, size)
    ours = measured(runs, later, tmp_path / "site", times=1)
    assert ours.points == 4
    assert len(ours.new_seconds) == 1
    assert ours.files > 100
    made_up = [path for path in (tmp_path / "site").rglob("index.html") if "made up" not in path.read_text("utf-8")]
    assert made_up == []
    assert any(line.startswith("| first build under 60 s |") for line in page(size, ours, [], 1.0))


def test_every_benchmark_with_a_page_is_named_in_the_readme() -> None:
    """Pages and their list agree."""
    from benchmarks.__main__ import PAGES, SCALE_PAGES

    for folder, names in ((ROOT / "benchmarks", PAGES), (ROOT / "benchmarks" / "scale", SCALE_PAGES)):
        written = {path.stem for path in folder.glob("*.md")} - {"README"}
        assert written <= set(names)
        assert all((folder / f"{name}.py").is_file() for name in names)


def _file(strategy: str, status: str, milliseconds: float | None) -> dict[str, Any]:
    measured = None if milliseconds is None else {"latency_ms_p50": milliseconds}
    named = {"model": "net", "format": "openvino", "precision": "int8", "strategy": strategy, "status": status}
    return {**named, "reason": "it crashed", "measured": measured, "scores": {"accuracy": {"value": 0.9}}} | {
        "compressed_bytes": 1000
    }


@pytest.mark.parametrize("failed", [("dense",), ("pruned",), ("dense", "pruned")])
def test_a_file_that_failed_is_told_in_its_row(failed: tuple[str, ...]) -> None:
    """The page is written whichever of the two files does not run, and no row is left out."""
    from benchmarks.pruning import page

    cards = [
        _file(one, "failed" if one in failed else "done", None if one in failed else 2.0) for one in ("dense", "pruned")
    ]
    row = page(cards)[-2]
    assert row.startswith("| net | openvino | int8 |")
    assert row.count("|") == 11
    assert [one for one in ("dense", "pruned") if f"{one} failed: it crashed" in row] == list(failed)
