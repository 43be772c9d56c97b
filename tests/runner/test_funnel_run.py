"""The funnel on real models: a run, the same run again, and the ranking before it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import suite
from suite.cli.main import cli
from suite.store.store import open_store

MODELS = ("mobilenet_025", "vgg_tiny", "resnet_tiny")
SPEC = {
    "name": "small",
    "task": "image_classification",
    "models": [{"source": "zoo", "name": name} for name in MODELS],
    "datasets": [{"source": "sklearn", "name": "digits_photo"}],
    "strategies": [{"strategy": "linear_probe"}, {"strategy": "fine_tune", "unfreeze": "head"}],
    "seeds": [1, 2],
    "training": {"epochs": 2, "batch_size": 64},
    "funnel": {},
}


@pytest.fixture(scope="module")
def spec(tmp_path_factory) -> Path:
    """The small spec as a file."""
    path = tmp_path_factory.mktemp("spec") / "small.json"
    path.write_text(json.dumps(SPEC))
    return path


@pytest.fixture(scope="module")
def ranked(spec, tmp_path_factory):
    """The ranking of the models, in the folder where the run goes on."""
    return suite.rank(spec, out=tmp_path_factory.mktemp("run") / "small", quiet=True)


@pytest.fixture(scope="module")
def outcome(spec, ranked):
    """The run that goes on from there."""
    return suite.run(spec, out=ranked.out, quiet=True)


def test_a_ranking_looks_at_each_model_once(ranked):
    """Cost and features of three models, two of them worth training, and nothing was trained."""
    (summary,) = ranked.summaries
    assert ranked.new == 3
    assert {one.model for one in summary.models} == set(MODELS)
    assert all(one.profile.parameters > 100_000 for one in summary.models)
    assert 0.4 < summary.models[0].estimates["linear_probe"].value < 0.9
    assert "needs the head" in summary.models[0].estimates["leep"].reason


def test_the_run_goes_on_from_the_ranking(outcome):
    """No model is looked at twice, two are fitted, and the third was dropped with its reason."""
    (summary,) = outcome.comparison.funnel
    assert summary.decided
    drops = [drop for stage in summary.stages if stage.kind == "rank" for drop in stage.drops]
    assert [drop.model for drop in drops] == [summary.models[-1].model]
    assert {cell.model for cell in outcome.comparison.cells} == {one.model for one in summary.models[:2]}
    assert not outcome.comparison.missing


def test_the_test_split_stays_sealed_before_full_fits(outcome):
    """Looks at features have no score, short fits one on validation only."""
    with open_store(outcome.out, create=False) as store:
        results = store.query()
    seen = {phase: {name for r in results if r.phase == phase for name in r.scores} for phase in ("rank", "short")}
    assert seen == {"rank": set(), "short": {"validation"}}
    assert {len(r.history) for r in results if r.phase == "short" and r.strategy.startswith("fine")} == {1}


def test_the_same_command_does_nothing_more(spec, outcome):
    """What the funnel left out is not missing."""
    again = suite.run(spec, out=outcome.out, quiet=True)
    assert again.new == ()
    assert again.comparison == outcome.comparison
    plan = CliRunner().invoke(cli, ["plan", str(spec), "--out", str(outcome.out)])
    assert "nothing to do" in plan.output
    assert " cut" in plan.output


def test_a_run_in_pieces_decides_the_same(spec, outcome, tmp_path):
    """Stopped after the short fits and begun again, it drops the same for the same reasons."""
    suite.run(spec, only=("phase=rank",), out=tmp_path / "run", quiet=True)
    suite.run(spec, only=("phase=short",), out=tmp_path / "run", quiet=True)
    whole = suite.run(spec, out=tmp_path / "run", quiet=True)
    drops = [[stage.drops for stage in one.comparison.funnel[0].stages] for one in (outcome, whole)]
    assert drops[0] == drops[1]
    scores = [[cell.headline.value for cell in one.comparison.cells] for one in (outcome, whole)]
    assert np.array_equal(*scores)


def test_the_report_shows_who_was_dropped_why_and_what_that_saved(outcome):
    """In the Markdown twin as on the page."""
    text = (outcome.out / "report.md").read_text()
    assert "## The funnel" in text
    assert "of the work of fitting everything" in text
    assert "the best 2 models go on, the last of them with" in text


def test_the_command_prints_models_best_first(spec, ranked):
    """With what speaks against the others, and why some numbers are missing."""
    said = CliRunner().invoke(cli, ["rank", str(spec), "--out", str(ranked.out)])
    assert said.exit_code == 0
    assert said.output.startswith("nothing to do, everything was known")
    assert "Worth training: " in said.output
    assert "LEEP needs the head" in said.output


def test_limits_that_nothing_keeps_end_the_command_with_2(spec, tmp_path):
    """The limit is named, and the nearest value."""
    arguments = [
        "run",
        str(spec),
        "--set",
        "constraints.max_parameters=1000",
        "--out",
        str(tmp_path / "run"),
        "--quiet",
    ]
    said = CliRunner().invoke(cli, arguments)
    assert said.exit_code == 2
    assert "constraints.max_parameters 1,000 excludes 3 of 3 models; the least is " in said.output


def test_a_file_with_its_head_has_leep_and_nce(tmp_path):
    """The head is asked about the training images; a model without one has the reason instead."""
    import keras

    inputs = keras.layers.Input((16, 16, 3))
    features = keras.layers.Conv2D(8, 3, activation="relu", name="features")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    path = tmp_path / "whole.keras"
    keras.Model(inputs, keras.layers.Dense(4, activation="softmax")(pooled)).save(path)
    models = [{"source": "file", "path": str(path), "layer": "features"}, SPEC["models"][0]]
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(SPEC | {"models": models, "funnel": {"rank": {"by": "leep"}}}))
    (summary,) = suite.rank(spec, out=tmp_path / "run", quiet=True).summaries
    ours, other = sorted(summary.models, key=lambda one: one.estimates["leep"].value is None)
    assert ours.estimates["leep"].value < 0
    assert ours.estimates["nce"].value < 0
    stage = next(one for one in summary.stages if one.kind == "rank")
    assert stage.remark.startswith(f"{other.model}: LEEP needs the head")
    assert not stage.drops
