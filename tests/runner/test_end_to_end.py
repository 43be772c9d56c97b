"""The main job on a small spec: every stage, real weights, real workers, the same scores each time."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import suite
from suite.cache import cache_root
from suite.runner.run import run_plan
from suite.spec.plan import make_plan
from suite.spec.spec import load_spec
from suite.store.records.result import Result
from suite.store.store import open_store

SPEC = {
    "name": "small",
    "task": "image_classification",
    "models": [{"source": "zoo", "name": "resnet_tiny"}],
    "datasets": [{"source": "sklearn", "name": "digits_photo"}],
    "evaluate_on": [{"source": "sklearn", "name": "digits"}],
    "strategies": [
        {"strategy": "linear_probe"},
        {"strategy": "knn"},
        {"strategy": "fine_tune", "unfreeze": 1, "learning_rate": [0.001, 0.003]},
    ],
    "seeds": [1, 2],
    "training": {"epochs": 1, "batch_size": 64},
}


@pytest.fixture(scope="module")
def spec(tmp_path_factory) -> Path:
    """The small spec as a file."""
    path = tmp_path_factory.mktemp("spec") / "small.json"
    path.write_text(json.dumps(SPEC))
    return path


@pytest.fixture(scope="module")
def whole(spec, tmp_path_factory):
    """The spec run in one go."""
    return suite.run(spec, out=tmp_path_factory.mktemp("whole") / "small", quiet=True)


def _results(out: Path) -> dict[str, Result]:
    with open_store(out, create=False) as store:
        return {result.id: result for result in store.query()}


def _file(store, result: Result, name: str) -> Path | None:
    path = store.artefact(result, name)
    return path if path is not None and path.is_file() else None


def test_every_trial_is_done_and_the_reports_are_there(whole):
    """Six final and two search trials, a page and its Markdown twin."""
    assert whole.counts == {"done": 8}
    assert {"report.html", "report.md", "charts"} <= {path.name for path in whole.out.iterdir()}


def test_scores_cover_validation_test_and_the_further_set(whole):
    """A final trial is scored on all three, a search trial on validation alone."""
    sets = {(result.phase, frozenset(result.scores)) for result in _results(whole.out).values()}
    assert sets == {("search", frozenset({"validation"})), ("final", frozenset({"validation", "test", "digits"}))}


def test_the_final_trials_take_the_learning_rate_that_was_best_on_validation(whole):
    """The winner of the search is in the hyperparameters of every seed."""
    mine = [result for result in _results(whole.out).values() if result.strategy.startswith("fine_tune")]
    tried = {r.hyperparameters["learning_rate"]: r.scores["validation"] for r in mine if r.phase == "search"}
    best = max(tried, key=lambda rate: (tried[rate]["accuracy"].value, -tried[rate]["log_loss"].value))
    assert {r.hyperparameters["learning_rate"] for r in mine if r.phase == "final"} == {best}


def test_seeds_that_change_nothing_are_one_computation(spec, whole, tmp_path):
    """A probe and a vote of neighbours are fitted, scored and profiled once; every seed has its result and its files.

    Trained cells are computed for each seed, and one more seed of a probe later needs no worker at all.
    """
    finals = [result for result in _results(whole.out).values() if result.phase == "final"]
    for name in ("linear_probe", "knn"):
        own, shown = sorted(
            (one for one in finals if one.strategy == name), key=lambda one: one.computed_by is not None
        )
        assert (own.computed_by, shown.computed_by) == (None, own.id)
        assert (shown.scores, shown.profile, shown.candidates) == (own.scores, own.profile, own.candidates)
        assert (shown.seed, shown.trial["seed"]) == (2, 2)
        assert shown.timings.total_seconds == 0 < own.timings.total_seconds
        with open_store(whole.out, create=False) as store:
            files = [_file(store, one, "predictions/test").read_bytes() for one in (own, shown)]
        assert files[0] == files[1]
    assert {one.computed_by for one in finals if one.strategy.startswith("fine_tune")} == {None}
    out = shutil.copytree(whole.out, tmp_path / "small")
    plan = make_plan(load_spec(spec, overrides=("seeds=[1, 2, 7]",)))
    done = run_plan(plan, out=out, cache_root=cache_root(), only=("strategy=knn",), progress="quiet")
    assert (done.counts, len(done.new)) == ({"done": 3}, 1)
    assert _results(out)[done.new[0]].computed_by in {one.id for one in finals if one.strategy == "knn"}


def test_with_a_refit_all_learn_from_validation_too_and_are_scored_there_as_before(spec, whole, tmp_path):
    """The same choices and the same validation scores, other test scores; the results say what they learned from."""
    outcome = suite.run(spec, out=tmp_path / "both", quiet=True, overrides=("training.refit=true", "seeds=[1]"))
    finals = {
        refit: {one.strategy: one for one in _results(out).values() if one.phase == "final" and one.seed == 1}
        for refit, out in ((False, whole.out), (True, outcome.out))
    }
    for strategy, both in finals[True].items():
        alone = finals[False][strategy]
        assert (alone.refit, both.refit) == (False, True)
        assert (both.best_epoch, both.selected_by) == (alone.best_epoch, "accuracy")
        validation, test = (
            [one.scores[name]["log_loss"].value for one in (alone, both)] for name in ("validation", "test")
        )
        assert validation[0] == pytest.approx(validation[1], abs=5e-3)
        assert test[0] != pytest.approx(test[1], abs=1e-4)
    ledgers = {cell.ledger.learned_from for cell in outcome.comparison.cells}
    assert ledgers == {"train and validation"}
    assert (
        "fitted again on training and validation examples together, for all models"
        in (outcome.out / "report.md").read_text()
    )


def test_the_best_model_of_each_cell_is_kept_and_repeats_its_predictions(spec, whole):
    """One ``.keras`` file for each cell; loaded alone it gives the stored probabilities for raw images."""
    import keras
    import numpy as np

    from suite.data.cache import decoded
    from suite.runner.warm import load_dataset
    from suite.store.records.result import Predictions

    with open_store(whole.out, create=False) as store:
        finals = [result for result in store.query() if result.phase == "final"]
        kept = [result for result in finals if _file(store, result, "model") is not None]
        assert len(kept) == len({result.cell_id for result in finals}) == 3
        stored = Predictions.load(_file(store, kept[0], "predictions/test"))
        model = keras.saving.load_model(_file(store, kept[0], "model"), safe_mode=True)
    dataset = load_dataset(load_spec(spec).datasets[0])
    images = decoded(dataset.splits["test"], dataset, size=(32, 32))
    assert np.allclose(np.asarray(model(images.astype("float32"))), stored.probabilities, atol=1e-5)


def test_a_run_in_pieces_gives_the_same_scores_to_the_last_digit(spec, whole, tmp_path):
    """First one strategy, then the rest in new processes: ids, scores and histories are equal."""
    out = tmp_path / "small"
    suite.run(spec, out=out, quiet=True, only=("strategy=fine_tune", "seed=2"))
    suite.run(spec, out=out, quiet=True)
    ours, theirs = _results(out), _results(whole.out)
    assert ours.keys() == theirs.keys()
    for trial_id, result in ours.items():
        assert result.scores == theirs[trial_id].scores
        losses = [[record.train_loss for record in one.history] for one in (result, theirs[trial_id])]
        assert losses[0] == losses[1]


def test_a_finished_run_does_nothing_and_says_so(spec, whole):
    """The same command again runs no trial, and imports no TensorFlow to find out."""
    code = (
        "import sys; from suite.cli.main import cli\n"
        f"try: cli(['run', {str(spec)!r}, '--out', {str(whole.out)!r}])\n"
        "except SystemExit as end: assert not end.code\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "nothing to do" in done.stdout


def test_memory_that_runs_out_halves_the_batch_and_is_recorded(tmp_path):
    """A strategy that has no room for more than 16 examples ends with 16, and the result says so.

    Where memory runs out that no batch needs, it is tried once more, with the same batch, and fails.
    """
    plugin = tmp_path / "narrow.py"
    plugin.write_text(NARROW)
    spec = tmp_path / "narrow.json"
    strategies = [{"strategy": "narrow", "jit": "off"}, {"strategy": "hungry", "label": "hungry"}]
    spec.write_text(json.dumps({**SPEC, "strategies": strategies, "seeds": [1], "plugins": ["narrow.py"]}))
    outcome = suite.run(spec, out=tmp_path / "out", quiet=True)
    (result,) = [one for one in _results(outcome.out).values() if one.strategy != "hungry"]
    (hungry,) = outcome.failed
    assert hungry.reason == "out of memory"
    log = (outcome.out / "store" / "trials" / hungry.id / "log.txt").read_text()
    assert re.findall(r"began with (\d+)", log) == ["64", "64"]
    assert result.batch_size == 16
    assert any("halved to 16" in note for note in result.notes)


def test_a_fit_that_diverges_ends_its_trial_and_not_the_run(tmp_path):
    """An absurd learning rate is a diverged trial with a reason; the probe beside it is done."""
    spec = tmp_path / "wild.json"
    wild = {"strategy": "fine_tune", "optimizer": "sgd", "learning_rate": 10.0, "jit": "off", "epochs": 3}
    # A VGG has no batch normalisation to hold it together.
    models = [{"source": "zoo", "name": "vgg_tiny"}]
    document = {**SPEC, "models": models, "strategies": [wild, {"strategy": "linear_probe"}], "seeds": [1]}
    spec.write_text(json.dumps(document))
    outcome = suite.run(spec, out=tmp_path / "out", quiet=True)
    assert outcome.counts == {"diverged": 1, "done": 1}
    assert "learning rate 10" in (outcome.failed[0].reason or "")


NARROW = '''
"""Fine-tuning that has room for 16 examples, and some that has room for none at all."""

from suite.errors import BatchTooLarge
from suite.registry import STRATEGIES
from suite.strategies.fine_tune import FineTune


@STRATEGIES.register("narrow")
class Narrow(FineTune):
    @classmethod
    def fit(cls, context, options):
        if context.batch_size > 16:
            raise BatchTooLarge(context.batch_size)
        return super().fit(context, options)


@STRATEGIES.register("hungry")
class Hungry(FineTune):
    @classmethod
    def fit(cls, context, options):
        print("began with", context.batch_size)
        raise MemoryError
'''
