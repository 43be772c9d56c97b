"""Reading a run: nothing that it names is imported, and a damaged part of it costs that part alone."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from click.testing import Result as Ended
from test_cli_run import prepared

import suite
from suite.cli.main import cli
from suite.errors import SpecError, StoreError, SuiteError
from suite.metrics import Metric, metric
from suite.metrics.plugin_metrics import metric_to_read, records_of, scored_by
from suite.metrics.resampling import resampled_by_fit
from suite.publish.serving.live import LiveReader
from suite.publish.serving.rebuild import _report
from suite.registry import METRICS, load_plugin_file
from suite.runner.run import run_plan
from suite.spec.plan import make_plan
from suite.spec.spec import load_spec, parse_stored_spec
from suite.store.records.predictions import Predictions
from suite.store.records.result import Result, Score
from suite.store.store import open_store

PLUGIN = """
from pathlib import Path
Path({marker!r}).write_text("ran")
"""


def call(*words: object) -> Ended:
    """One command in this process."""
    return CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of two models, with its report."""
    folder = prepared(tmp_path_factory.mktemp("finished"), "fit", "fit:again").parent / "out"
    suite.rebuild_report(folder)
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of it that may be changed."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def change(run: Path, statement: str, *values: object) -> None:
    """One change of a run's database."""
    with sqlite3.connect(run / "store" / "results.sqlite") as file:
        file.execute(statement, values)


def ids(run: Path) -> list[str]:
    """Ids of the stored trials."""
    with open_store(run, create=False) as store:
        return list(store.entries())


# Nothing runs


@pytest.fixture
def doctored(run: Path, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A run whose stored spec names a plugin that writes a file, and that file."""
    marker, plugin = tmp_path / "marker", tmp_path / "evil.py"
    plugin.write_text(PLUGIN.format(marker=str(marker)))
    with open_store(run, create=False) as store:
        spec = json.loads(store.documents()["spec"])
    change(run, "UPDATE documents SET text = ? WHERE name = 'spec'", json.dumps({**spec, "plugins": [str(plugin)]}))
    (run / "comparison.json").unlink()
    yield run, marker
    sys.modules.pop("suite_plugin_evil", None)


COMMANDS = [
    ("report", "RUN"),
    ("recommend", "RUN"),
    ("lint", "RUN"),
    ("results", "RUN"),
    ("results", "RUN", "--table", "scores"),
    ("results", "RUN", "--to", "tensorboard:NEW"),
    ("publish", "RUN", "--to", "NEW"),
    ("diff", "RUN", "RUN"),
    ("merge", "RUN", "--into", "NEW"),
    ("export", "RUN", "--format", "keras"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_that_reads_a_run_runs_nothing_of_it(
    words: tuple[str, ...], doctored: tuple[Path, Path], tmp_path: Path
) -> None:
    """Whatever the stored spec names, no file of it is imported, and the command answers."""
    run, marker = doctored
    ended = call(*(word.replace("RUN", str(run)).replace("NEW", str(tmp_path / "new")) for word in words))
    assert ended.exit_code in ({2} if words[0] == "export" else {0, 1}), ended.output  # no model was kept
    assert not marker.exists()


def test_python_and_the_live_page_run_nothing_either(doctored: tuple[Path, Path]) -> None:
    """The functions behind the commands, and what a preview asks again and again."""
    run, marker = doctored
    suite.load_results(run)
    view = suite.load_comparison(run)
    assert [line for line in view.comparison.missing_plugins if "evil.py is not loaded" in line]
    assert suite.recommend(run).take
    assert LiveReader(run).read().phase == "finished"
    assert "--plugin" not in _report(run)[0]
    assert not marker.exists()


def test_a_plugin_that_the_person_gives_takes_part(doctored: tuple[Path, Path]) -> None:
    """``--plugin`` is the way in; without it the report and stderr name what is missing."""
    run, marker = doctored
    without = call("report", run)
    assert "Warning: The plugin evil.py is not loaded" in without.stderr
    assert "evil.py is not loaded" in (run / "report.html").read_text(encoding="utf-8")
    given = call("report", run, "--plugin", marker.parent / "evil.py")
    assert (given.exit_code, given.stderr, marker.read_text()) == (0, "", "ran")
    assert "evil.py" not in (run / "report.html").read_text(encoding="utf-8")


def test_a_stored_spec_with_names_of_a_plugin_says_what_to_give() -> None:
    """It is not valid here, and the sentence names the plugin."""
    text = json.dumps(
        {
            "name": "a",
            "task": "image_classification",
            "models": [{"source": "strange"}],
            "datasets": [{"source": "sklearn", "name": "digits"}],
            "strategies": [{"strategy": "knn"}],
            "plugins": ["/somewhere/strange.py"],
        }
    )
    with pytest.raises(SpecError, match=r"unknown model source 'strange'.* give --plugin FILE \(strange\.py\)"):
        parse_stored_spec(text)


def test_a_plugin_that_was_refused_is_refused_again(tmp_path: Path) -> None:
    """After the suite's own complaint too, and what it registered before is free again."""
    plugin = tmp_path / "twice.py"
    plugin.write_text(
        "from suite.metrics import metric\n\n\n"
        "@metric('of_twice', higher_is_better=True)\ndef of_twice(predictions):\n    return 0.0\n\n\n"
        "@metric('accuracy', higher_is_better=True)\ndef accuracy(predictions):\n    return 0.0\n"
    )
    for _ in range(2):
        with pytest.raises(SuiteError, match="metric 'accuracy' is registered already"):
            load_plugin_file(plugin)
        assert "of_twice" not in METRICS


# A metric of a plugin, read without it


@pytest.fixture
def added() -> Iterator[tuple[Metric, Metric]]:
    """A mean over examples and a metric that must be scored anew, as a plugin registers them."""
    before = METRICS.snapshot()

    @metric(
        "misses", higher_is_better=False, bounds=(0, 1), per_example=lambda p: (p.labels != p.targets).astype(float)
    )
    def misses(predictions: Predictions) -> float:
        """Share of wrong answers."""
        return float((predictions.labels != predictions.targets).mean())

    @metric("worst", label="worst class", higher_is_better=True)
    def worst(predictions: Predictions) -> float:
        """Recall of the worst class."""
        classes = [predictions.targets == one for one in np.unique(predictions.targets)]
        return float(min((predictions.labels == predictions.targets)[rows].mean() for rows in classes))

    yield misses, worst
    METRICS.restore(before)


def test_a_metric_of_a_plugin_is_read_as_it_was(added: tuple[Metric, Metric], tmp_path: Path) -> None:
    """Value, direction and resamples are those of the plugin, bit by bit, from what lies in the predictions."""
    random = np.random.default_rng(1)
    shares = random.dirichlet([1, 1, 1], 40).astype(np.float32)
    ids = np.array([f"e{i}" for i in range(40)])
    said = Predictions(ids, random.integers(0, 3, 40), shares, ("a", "b", "c"))
    made = Predictions(said.example_ids, said.targets, said.probabilities, said.class_names, scored_by(added, said))
    made.save(tmp_path / "test.npz")
    expected = {one.name: (one(said), resampled_by_fit(one, [said])) for one in added}
    result = Result(
        id="a", cell_id="c", status="done", trial={}, phase="final", seed=1, model="m", dataset="d", strategy="s",
        metrics=records_of(added),
    )  # fmt: skip
    METRICS.restore({name: item for name, item in METRICS.snapshot().items() if name not in expected})
    kept = Predictions.load(tmp_path / "test.npz")
    for name, (value, resampled) in expected.items():
        read = metric_to_read(name, [result])
        assert (read.label, read.higher_is_better) == (result.metrics[name].label, name == "worst")
        assert read(kept) == pytest.approx(value, rel=1e-12)
        assert np.array_equal(resampled_by_fit(read, [kept]), resampled)


def test_a_plugin_s_headline_is_ranked_without_the_plugin(run: Path, added: tuple[Metric, Metric]) -> None:
    """Its direction decides, and its intervals are there."""
    with open_store(run) as store:
        for result in store.query():
            path = store.artefact(result, "predictions/test")
            one = Predictions.load(path)
            Predictions(one.example_ids, one.targets, one.probabilities, one.class_names, scored_by(added, one)).save(
                path
            )
            test = {**result.scores["test"], **{each.name: Score(value=each(one)) for each in added}}
            changed = result.model_copy(
                update={"metrics": records_of(added), "scores": {**result.scores, "test": test}}
            )
            change(run, "UPDATE results SET document = ? WHERE id = ?", changed.model_dump_json(), result.id)
        plan = json.loads(store.documents()["plan"])
        store.save_document("plan", json.dumps({**plan, "headline": "misses"}))
    with_it = suite.load_comparison(run).comparison
    METRICS.restore({name: one for name, one in METRICS.snapshot().items() if name not in {"misses", "worst"}})
    without = suite.load_comparison(run).comparison
    assert without.headline.higher_is_better is False
    assert [cell.headline for cell in without.cells] == [cell.headline for cell in with_it.cells]
    assert without.pairs == with_it.pairs
    assert {"misses", "worst"} <= {one.name for one in without.metrics}
    assert all(one.low < one.high for cell in without.cells for one in cell.metrics.values() if one.no_interval is None)
    assert all(cell.metrics["worst"].low is not None for cell in without.cells)
    assert call("recommend", run).exit_code == 0


def test_a_headline_of_which_nothing_is_known_says_what_to_give(run: Path) -> None:
    """Results of before the facts were kept need the plugin, and say so in a sentence."""
    with open_store(run) as store:
        plan = json.loads(store.documents()["plan"])
        store.save_document("plan", json.dumps({**plan, "headline": "unheard_of"}))
    with pytest.raises(StoreError, match=r"the metric 'unheard_of' is of a plugin that is not loaded.*--plugin FILE"):
        suite.load_comparison(run)


# Damage


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("poison:seconds", "timings.fit_seconds: Input should be a valid number"),
        ("poison:setting", "hyperparameters.strength is nan"),
        ("poison:object", "numpy.int64"),
        ("poison:half", "surrogates not allowed"),
        ("poison:huge", "a number of 401 digits, which no float holds"),
        ("half_a_character", "ValueError: no text: \\ud800"),
    ],
)
def test_what_cannot_be_read_back_is_refused_when_it_is_written(model: str, said: str, tmp_path: Path) -> None:
    """The trial ends failed with that reason, and the others are compared."""
    spec = prepared(tmp_path, model, "fit")
    ended = call("run", spec, "--out", tmp_path / "out", "--redo", "none")
    assert "2 done, 2 failed" in ended.stdout
    with open_store(tmp_path / "out", create=False) as store:
        failed = [one for one in store.query() if one.status == "failed"]
        assert store.damage == ()
    assert len(failed) == 2
    assert all(said in one.reason for one in failed), failed[0].reason
    assert call("recommend", tmp_path / "out").exit_code == 0


def break_result(run: Path) -> str:
    """Damages one stored result; its id."""
    chosen = ids(run)[0]
    change(run, "UPDATE results SET document = substr(document, 1, 900) WHERE id = ?", chosen)
    (run / "comparison.json").unlink()
    return chosen


@pytest.mark.parametrize("words", COMMANDS[:9], ids=" ".join)
def test_one_damaged_result_costs_that_trial_alone(words: tuple[str, ...], run: Path, tmp_path: Path) -> None:
    """Every command answers with the rest."""
    break_result(run)
    ended = call(*(word.replace("RUN", str(run)).replace("NEW", str(tmp_path / "new")) for word in words))
    assert ended.exit_code in {0, 1}, ended.output


def test_the_damaged_one_is_named(run: Path) -> None:
    """On stderr, among the failures of the report, and in what Python users get."""
    chosen = break_result(run)
    said = f"the result of trial {chosen} is damaged"
    for command in ("recommend", "results", "report"):
        assert said in call(command, run).stderr
    assert said in call("lint", run).output
    comparison = suite.load_comparison(run).comparison
    assert comparison.damaged_trials == (chosen,)
    assert [one.trial_id for one in comparison.failures] == [chosen]
    assert said in (run / "report.html").read_text(encoding="utf-8")


def test_the_same_run_makes_it_again(tmp_path: Path) -> None:
    """``suite run`` of a damaged run does the one trial and nothing else."""
    spec = prepared(tmp_path, "fit", "fit:again")
    suite.rebuild_report(tmp_path / "out")
    chosen = break_result(tmp_path / "out")
    plan = make_plan(load_spec(spec))
    again = run_plan(
        plan, out=tmp_path / "out", cache_root=tmp_path, redo="none", progress="quiet", again=frozenset({chosen}),
        executor="runner_executors:execute",
    )  # fmt: skip
    assert again.new == (chosen,)
    assert suite.load_comparison(tmp_path / "out").comparison.damage == ()


def test_a_kept_comparison_of_other_bytes_is_made_again(run: Path) -> None:
    """One changed letter in it, and what the results say counts."""
    whole = suite.load_comparison(run).comparison
    path = run / "comparison.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"model":"fit"', '"model":"fat"'), encoding="utf-8")
    assert suite.load_comparison(run).comparison == whole


@pytest.mark.parametrize("name", ["spec", "plan"])
def test_a_damaged_document_is_told_in_a_sentence(name: str, run: Path, tmp_path: Path) -> None:
    """Without the spec everything else is there; without the plan nothing can be arranged."""
    change(run, "UPDATE documents SET text = substr(text, 2) WHERE name = ?", name)
    (run / "comparison.json").unlink()
    for words in COMMANDS[:8]:
        ended = call(*(word.replace("RUN", str(run)).replace("NEW", str(tmp_path / words[0])) for word in words))
        tables = words[:1] == ("results",) and len(words) > 2
        assert ended.exit_code in ({0, 1} if name == "spec" or tables else {1, 2}), ended.output


def test_a_name_steers_no_terminal(run: Path) -> None:
    """Escape sequences in a label of a stored run are marks in what is printed."""
    with open_store(run) as store:
        plan = store.documents()["plan"]
        store.save_document(
            "plan", plan.replace('"model":"fit:again"', json.dumps({"model": "\x1b]0;x\x07\x1b[2J"})[1:-1])
        )
    for command in ("recommend", "report"):
        assert "\x1b" not in call(command, run).output


@pytest.mark.parametrize("name", ["../../../secret.npz", "/secret.npz", "..\\..\\secret.npz", "C:/secret.npz"])
def test_a_stored_file_name_leads_out_of_no_folder(name: str, run: Path) -> None:
    """A doctored result makes reading open no file that is not the trial's own."""
    with open_store(run) as store:
        result = next(one for one in store.query() if one.artefacts)
        assert store.artefact(result, next(iter(result.artefacts))) is not None
        doctored = result.model_copy(update={"artefacts": dict.fromkeys(result.artefacts, name)})
        assert all(store.artefact(doctored, one) is None for one in result.artefacts)
