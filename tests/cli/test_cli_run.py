"""``suite run`` and ``suite report`` around real results, and the same for Python users."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import runner_plans
from click.testing import CliRunner, Result
from test_plugins import SPEC, write_example

import suite
from suite.cli.main import cli
from suite.errors import StoreError
from suite.report import stored_run
from suite.report.charts import engine
from suite.report.notebook import SHOWN
from suite.runner.run import run_plan
from suite.spec.plan import make_plan
from suite.spec.spec import load_spec

TESTS = Path(__file__).resolve().parents[1]
HEAVY = {"tensorflow", "keras", "pandas", "altair", "scipy", "sklearn", "sqlalchemy", "pebble", "jinja2"}


def call(*arguments: str | Path) -> Result:
    """One command in this process."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False, prog_name="suite")


def prepared(folder: Path, *models: str) -> Path:
    """A spec whose trials were run by small classifiers that stand for models."""
    runner_plans.register()
    document = {
        "name": "digits",
        "title": "Which <classifier>?",
        "task": "image_classification",
        "models": [{"source": "runner_test", "name": name} for name in models],
        "datasets": [{"source": "runner_test", "name": "digits"}],
        "strategies": [{"strategy": "runner_test"}],
        "seeds": [1, 2],
    }
    spec = folder / "digits.json"
    spec.write_text(json.dumps(document))
    plan = make_plan(load_spec(spec))
    run_plan(plan, out=folder / "out", cache_root=folder, progress="quiet", executor="runner_executors:execute")
    return spec


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec of which everything is done; its results are in ``out`` beside it."""
    return prepared(tmp_path_factory.mktemp("finished"), "fit", "fit:again")


@pytest.fixture(scope="module")
def diverged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec of which one model diverged."""
    return prepared(tmp_path_factory.mktemp("diverged"), "fit", "raise:diverged")


def test_a_finished_run_says_so_and_prints_the_leaderboard(finished: Path) -> None:
    """Nothing to do, then the table, the answer and where the report is."""
    out = finished.parent / "out"
    ended = call("run", finished, "--out", out)
    assert ended.exit_code == 0
    assert ended.stdout.startswith("digits: nothing to do (4 done).")
    assert "fit:again" in ended.stdout
    assert "2/2" in ended.stdout
    assert str(out / "report.html") in ended.stdout.replace("\n", "")
    assert (out / "report.html").is_file()


def test_everybody_may_read_what_is_published(finished: Path) -> None:
    """Page, twin, images and the data behind them can be served by another user of the machine."""
    out = finished.parent / "out"
    call("run", finished, "--out", out)
    published = [out / "comparison.json", *out.glob("report.*"), *out.glob("charts/*.svg")]
    assert len(published) > 3
    assert [path.name for path in published if path.stat().st_mode & 0o044 != 0o044] == []


def test_a_finished_run_starts_nothing_large(finished: Path) -> None:
    """The second call imports no TensorFlow, SciPy, pandas, Altair or SQLAlchemy: it answers at once."""
    call("run", finished, "--out", finished.parent / "out")
    program = (
        "import sys, runner_plans\nfrom suite.cli.main import cli\nrunner_plans.register()\n"
        f"try:\n    cli(['run', {str(finished)!r}, '--out', {str(finished.parent / 'out')!r}], prog_name='suite')\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert "nothing to do" in ended.stdout
    assert not set(ended.stderr.split()) & HEAVY


def test_weights_that_do_not_fit_are_one_sentence_and_end_with_2(tmp_path: Path) -> None:
    """Where nothing can be done before something is mended, there is no leaderboard and no traceback."""
    (tmp_path / "junk.h5").write_bytes(b"no weights")
    document = {
        "name": "junk",
        "task": "image_classification",
        "models": [{"source": "applications", "name": "MobileNet", "weights": str(tmp_path / "junk.h5")}],
        "datasets": [{"source": "sklearn", "name": "digits"}],
        "strategies": [{"strategy": "linear_probe"}],
        "seeds": [1],
    }
    (tmp_path / "junk.json").write_text(json.dumps(document))
    ended = call("run", tmp_path / "junk.json", "--out", tmp_path / "out", "--quiet")
    assert ended.exit_code == 2
    assert ended.stderr.startswith("Error: weights: ")
    assert "does not fit MobileNet" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not ended.stdout


def test_failed_trials_are_named_and_end_with_1(diverged: Path) -> None:
    """The leaderboard of the rest on stdout, what failed and why on stderr."""
    ended = call("run", diverged, "--out", diverged.parent / "out")
    assert ended.exit_code == 1
    assert "2 trials failed:" in ended.stderr
    assert "raise:diverged x digits x once, final seed 2: diverged: as asked: diverged" in ended.stderr
    assert "fit" in ended.stdout


def test_a_program_gets_json(diverged: Path) -> None:
    """Counts, failures and the whole comparison; stdout holds nothing else."""
    outcome = json.loads(call("run", diverged, "--out", diverged.parent / "out", "--json").stdout)
    assert outcome["counts"] == {"diverged": 2, "done": 2}
    assert [one["status"] for one in outcome["failed"]] == ["diverged", "diverged"]
    assert {cell["model"] for cell in outcome["comparison"]["cells"]} == {"fit", "raise:diverged"}


def test_only_narrows_what_is_judged(diverged: Path) -> None:
    """A selection without failures ends with 0; the report still covers everything."""
    ended = call("run", diverged, "--out", diverged.parent / "out", "--only", "model=fit")
    assert ended.exit_code == 0
    assert "raise:diverged" in ended.stdout


def test_plan_knows_what_is_stored(diverged: Path) -> None:
    """States with their reasons; a divergence would come again, so nothing is left to do."""
    found = json.loads(call("plan", diverged, "--out", diverged.parent / "out", "--json").stdout)
    assert found["counts"] == {"diverged": 2, "done": 2}
    assert (found["to_run"], found["seconds_left"]) == (0, 0.0)
    assert "as asked: diverged" in call("plan", diverged, "--out", diverged.parent / "out", "--trials").stdout


def test_plan_estimates_the_rest_from_what_is_done(finished: Path) -> None:
    """A new seed takes as long as the others did."""
    more = ("--set", "seeds=[1,2,3]", "--json")
    ended = call("plan", finished, "--out", finished.parent / "out", *more)
    assert ended.exit_code == 0, ended.output
    found = json.loads(ended.stdout)
    assert (found["counts"], found["to_run"]) == ({"done": 4, "missing": 2}, 2)
    assert found["seconds_left"] > 0


def test_a_report_is_rebuilt_from_the_store_alone(finished: Path, tmp_path: Path) -> None:
    """Without the spec, and with what is not there yet shown as missing."""
    call("run", finished, "--out", finished.parent / "out")
    (finished.parent / "out" / "report.md").unlink()
    ended = call("report", finished.parent / "out")
    assert ended.exit_code == 0
    assert [Path(line).name for line in ended.stdout.split()] == ["report.html", "report.md", "comparison.json"]
    assert (finished.parent / "out" / "report.md").is_file()


def test_a_report_of_many_trials_is_drawn_by_two_processes(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With few trials the second would hardly be ready in time, and one process does; the images are the same."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    folders = []
    for many in (1000, 0):
        folders.append(tmp_path / str(many))
        shutil.copytree(finished.parent / "out", folders[-1])
        monkeypatch.setattr(stored_run, "MANY_TRIALS", many)
        monkeypatch.setattr(engine, "_started", [])
        monkeypatch.setattr(engine, "_free", queue.SimpleQueue())
        suite.rebuild_report(folders[-1])
        assert engine.processes() == (1 if many else 2)
        engine._end_all()
    few, many = ({path.name: path.read_bytes() for path in (one / "charts").iterdir()} for one in folders)
    assert few == many


def test_new_results_renew_the_comparison(tmp_path: Path) -> None:
    """What is kept beside the report is used only while it is what the store holds."""
    spec = prepared(tmp_path, "fit")
    first = json.loads(call("run", spec, "--out", tmp_path / "out", "--json").stdout)
    plan = make_plan(load_spec(spec, overrides=("seeds=[1,2,3]",)))
    run_plan(plan, out=tmp_path / "out", cache_root=tmp_path, progress="quiet", executor="runner_executors:execute")
    more = ("--set", "seeds=[1,2,3]")
    second = json.loads(call("run", spec, "--out", tmp_path / "out", "--json", *more).stdout)
    assert [one["comparison"]["facts"]["trials_finished"] for one in (first, second)] == [2, 3]


def test_one_selection_needs_no_tuple(finished: Path) -> None:
    """``only="model=..."`` is what a Python user types first."""
    outcome = suite.run(finished, only="model=fit:again", out=finished.parent / "out", quiet=True)
    assert outcome.counts == {"done": 2}


def test_results_are_a_tidy_frame(diverged: Path) -> None:
    """One row per trial; a score that is not there is missing, not 0."""
    frame = suite.load_results(diverged.parent / "out")
    assert len(frame) == 4
    assert frame["id"].is_unique
    done = frame[frame["status"] == "done"]
    assert done["test.accuracy"].between(0.5, 1).all()
    assert frame[frame["status"] == "diverged"]["test.accuracy"].isna().all()
    assert (done["finished_at"] >= done["started_at"]).all()


def test_a_comparison_shows_itself_in_a_notebook(finished: Path) -> None:
    """Leaderboard as HTML with names escaped, as a frame, and charts by name."""
    view = suite.load_comparison(finished.parent / "out")
    page = view._repr_html_()
    assert "Which &lt;classifier&gt;?" in page
    assert page.count("<tr>") == 3
    assert suite.load_comparison(finished.parent / "out").chart("quality_latency") is None  # these have no latency
    assert page.count("data:image/svg+xml") == sum(view.chart(name) is not None for name in SHOWN)
    assert list(view.leaderboard()["model"]) == [cell.model for cell in view.comparison.cells]
    assert view.chart("seeds").to_dict()
    assert set(view.charts()) >= {"seeds", "quality_latency"}


@pytest.mark.parametrize("read", [suite.load_results, suite.load_comparison, suite.rebuild_report])
def test_a_folder_without_a_run_is_told(read: Any, tmp_path: Path) -> None:
    """The folder, and what was expected there."""
    with pytest.raises(StoreError, match=tmp_path.name):
        read(tmp_path)


def test_a_place_that_cannot_be_written_is_told(finished: Path, tmp_path: Path) -> None:
    """``--out`` on a file: one sentence, exit code 2, the file untouched."""
    (tmp_path / "file").write_text("mine")
    ended = call("run", finished, "--out", tmp_path / "file")
    assert ended.exit_code == 2
    assert "Error: " in ended.stderr
    assert (tmp_path / "file").read_text() == "mine"


def test_an_interrupt_ends_with_130_and_the_same_command_goes_on(tmp_path: Path) -> None:
    """Ctrl-C while a worker starts: a sentence, no traceback, a store that can be read."""
    write_example(tmp_path)
    registration = (
        "from suite.registry import CORRUPTIONS, DATASETS, MODELS, STRATEGIES\n"
        "from suite_plugin_example import corruptions, datasets, models, strategies\n"
        "CORRUPTIONS.register('lost_lines')(corruptions.LostLines)\n"
        "MODELS.register('flat')(models.FlatSource)\n"
        "DATASETS.register('stripes')(datasets.StripesSource)\n"
        "STRATEGIES.register('nearest_mean')(strategies.NearestMean)\n"
    )
    (tmp_path / "plugin.py").write_text(registration)
    (tmp_path / "plugged.json").write_text(json.dumps({**SPEC, "seeds": list(range(1, 41)), "plugins": ["plugin.py"]}))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "suite", "run", "plugged.json", "--out", "out", "--quiet"]
    running = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("out/store/tmp/*")) and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    output, complaint = running.communicate(timeout=120)
    assert (running.returncode, output) == (130, ""), complaint
    assert "Interrupted. The same command goes on" in complaint
    assert "Traceback" not in complaint
    planned = subprocess.run(
        [*command[:3], "plan", "plugged.json", "--out", "out", "--json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(planned.stdout)["to_run"] >= 1
