"""A task of another kind, as an installed package: nothing of ``suite/`` knows what it predicts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent / "plugin_task"
SPEC = {
    "name": "dots",
    "task": "object_counting",
    "models": [{"source": "zoo", "name": "mobilenet_025"}],
    "datasets": [{"source": "dots", "examples": 150}],
    "strategies": [
        {"strategy": "fine_tune", "learning_rate": 0.003},
        {"strategy": "from_scratch", "learning_rate": 0.003},
    ],
    "seeds": [1, 2],
    "training": {"epochs": 4, "batch_size": 16},
    "exports": [{"format": "onnx"}],
}


def suite(*words: str | Path, installed: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """One command in a process that has the package."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "SUITE_CACHE_DIR": str(cwd / "cache")}
    command = [sys.executable, "-m", "suite", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=cwd, timeout=300)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package built as a wheel and installed, as pip would put it beside the suite."""
    work, target = tmp_path_factory.mktemp("build"), tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(work), str(PACKAGE)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = work.glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(target), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    return target


@pytest.fixture(scope="module")
def ran(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with fits, report and exported files."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "dots.json").write_text(json.dumps(SPEC))
    ended = suite("run", "dots.json", "--out", "out", installed=installed, cwd=folder)
    assert ended.returncode == 0, ended.stderr
    return folder / "out"


def test_it_trains_and_is_compared_with_intervals_and_paired_tests(ran: Path):
    """Both cells have an interval of the plugin's metric, and the worse one a verdict from paired resamples."""
    comparison = json.loads((ran / "comparison.json").read_text())["comparison"]
    assert (comparison["headline"]["name"], comparison["answers"]) == ("mean_absolute_error", "count")
    first, second = comparison["cells"]
    for cell in (first, second):
        assert cell["headline"]["low"] < cell["headline"]["value"] < cell["headline"]["high"]
        assert cell["metrics"]["explained_variance"]["mean"] is not None
        assert cell["best"] is not None
    assert first["headline"]["value"] < second["headline"]["value"]
    assert len(comparison["pairs"]) == 1
    assert comparison["pairs"][0]["low"] is not None


def test_it_is_reported(ran: Path):
    """The page has the task's metrics and its panel, and no sections on classes."""
    page = (ran / "report.md").read_text()
    assert "## Errors by number of objects" in page
    assert "| 7 to 12 |" in page
    assert "mean absolute error" in page
    assert "explained variance" in page
    assert "Confusion matrix" not in page


def test_its_model_is_exported_and_measured(ran: Path):
    """The file says what the Keras model says, and its score is that of the plugin's metric."""
    cards = [json.loads(path.read_text()) for path in ran.rglob("card.json")]
    assert cards
    for card in cards:
        assert (card["status"], card["labels"]) == ("done", [])
        assert card["parity"]["agreement"] > 0.99
        assert card["scores"]["mean_absolute_error"]["value"] is not None


def test_it_is_published_and_read_without_the_package(ran: Path, installed: Path, tmp_path: Path):
    """The site has its leaderboard; where the package is missing, what was kept with the run is enough to read it."""
    ended = suite("publish", ran, "--to", tmp_path / "site", installed=installed, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "mean absolute error" in next((tmp_path / "site" / "leaderboards").rglob("index.html")).read_text()
    read = suite("results", ran, installed=tmp_path, cwd=tmp_path)
    assert read.returncode == 0, read.stderr
    again = suite("report", ran, installed=tmp_path, cwd=tmp_path)
    assert (again.returncode, "Traceback" in again.stderr) == (0, False), again.stderr
