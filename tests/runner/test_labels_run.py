"""Label budgets from spec to report on tiny real models: what is fitted on what, computed once, skipped or refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from test_end_to_end import SPEC

import suite
from suite.cli.main import cli
from suite.errors import DataError
from suite.store.records.result import Result
from suite.store.store import open_store

SMALL: dict[str, Any] = {**SPEC, "name": "few", "evaluate_on": [], "train_examples": [2, "20%", "all", 500]}
ALL_ONLY = {key: value for key, value in SMALL.items() if key != "train_examples"}
TEST = 359


def write(folder: Path, document: dict[str, Any]) -> Path:
    """A spec as a file."""
    path = folder / f"{document['name']}.json"
    path.write_text(json.dumps(document))
    return path


def results_of(out: Path) -> list[Result]:
    """Every stored result."""
    with open_store(out, create=False) as store:
        return store.query()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of this module's own, so that its entries can be counted."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("SUITE_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture(scope="module")
def ran(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> suite.Outcome:
    """The spec with four budgets, one of which the data cannot give."""
    folder = tmp_path_factory.mktemp("few")
    return suite.run(write(folder, SMALL), out=folder / "out", quiet=True)


@pytest.fixture(scope="module")
def done(ran: suite.Outcome) -> dict[Any, list[Result]]:
    """Finished results by budget."""
    found: dict[Any, list[Result]] = {}
    for result in results_of(ran.out):
        if result.status == "done":
            found.setdefault(result.trial.get("train_examples", "all"), []).append(result)
    return found


def test_a_budget_shrinks_training_and_validation_and_no_test_set(done):
    """Two of 115 per class; a fifth of each class; the validation split by the same share, and at least one of each."""
    sizes = {budget: {tuple(one.data[0].sizes.values()) for one in found} for budget, found in done.items()}
    assert sizes[2] == {(20, 10, TEST)}
    assert sizes["all"] == {(1150, 288, TEST)}
    ((train, validation, test),) = sizes["20%"]
    assert (abs(train - 230) <= 5, abs(validation - 57) <= 5, test) == (True, True, TEST)


def test_predictions_on_validation_are_of_the_examples_that_were_used(ran, done):
    """Scores there, and the choice of settings, cost no label beyond the budget."""
    from suite.store.records.result import Predictions

    with open_store(ran.out, create=False) as store:
        for result in done[2]:
            kept = Predictions.load(store.artefact(result, "predictions/validation"))
            assert len(kept.targets) == 10
            assert sorted(kept.targets) == list(range(10))


def test_all_models_and_strategies_of_a_seed_have_the_same_labels(ran, done):
    """The ids of their validation examples say so; another seed has others."""
    from suite.store.records.result import Predictions

    seen: dict[int, set[tuple[str, ...]]] = {}
    with open_store(ran.out, create=False) as store:
        for result in done[2]:
            kept = Predictions.load(store.artefact(result, "predictions/validation"))
            seen.setdefault(result.seed, set()).add(tuple(kept.example_ids))
    assert {seed: len(sets) for seed, sets in seen.items()} == {0: 1, 1: 1, 2: 1}
    assert len(set.union(*seen.values())) == 3


def test_features_are_computed_once_for_all_budgets(ran, cache):
    """Training, validation and test, whatever is chosen of them."""
    assert len(list((cache / "features").glob("*.npy"))) == 3


def test_all_labels_give_what_a_spec_without_budgets_gives(cache, ran, done, tmp_path):
    """The same trial ids, and the same scores to the last digit."""
    alone = suite.run(write(tmp_path, ALL_ONLY), out=tmp_path / "out", quiet=True, only="strategy=linear_probe,knn")
    ours = {result.id: result.scores for result in done["all"]}
    theirs = {result.id: result.scores for result in results_of(alone.out)}
    assert len(theirs) == 4
    assert all(ours[trial_id] == scores for trial_id, scores in theirs.items())


def test_a_budget_that_a_class_cannot_give_is_skipped_with_the_reason(ran):
    """Every trial of it, and the run ends well; the report says it once."""
    skipped = [result for result in results_of(ran.out) if result.status == "skipped"]
    assert len(skipped) == 8
    reasons = {result.reason for result in skipped if result.phase == "search" or "search trials" not in result.reason}
    (reason,) = reasons
    assert "training examples, and train_examples asks for 500 per class" in reason
    assert ran.failed == ()
    assert ran.comparison.labels[0].sentences[-1] == f"500 labels per class: {reason}."
    assert ran.comparison.failures == ()


def test_the_leaderboard_is_of_all_labels_and_steps_are_told(ran, done):
    """Three cells; a fit of 20 examples in one batch is one step, one of 1,150 in batches of 64 has 17."""
    assert {cell.cell_id for cell in ran.comparison.cells} == {result.cell_id for result in done["all"]}
    steps = [list(point.steps.values()) for point in ran.comparison.labels[0].points]
    assert [steps[0], steps[2]] == [[1.0], [17.0]]


def test_recommend_says_it_too(ran):
    """In words and as JSON."""
    said = CliRunner().invoke(cli, ["recommend", str(ran.out)])
    assert "By the number of labels" in said.output
    found = json.loads(CliRunner().invoke(cli, ["recommend", str(ran.out), "--json"]).output)
    assert found["recommendations"][0]["labels"] == list(ran.comparison.labels[0].answers)


def test_the_plan_has_a_column_for_labels(ran, tmp_path):
    """As a table and as JSON; without budgets there is no such column."""
    path = str(write(tmp_path, SMALL))
    said = CliRunner().invoke(cli, ["plan", path, "--only", "labels=2", "strategy=knn"])
    assert "labels" in said.output.splitlines()[0]
    found = json.loads(CliRunner().invoke(cli, ["plan", path, "--json"]).output)
    assert {cell["train_examples"] for cell in found["cells"]} == {2, "20%", "all", 500}
    assert "labels" not in CliRunner().invoke(cli, ["plan", str(write(tmp_path, ALL_ONLY))]).output


def test_a_data_frame_tells_budgets_apart(ran):
    """One column of text."""
    assert set(suite.load_results(ran.out)["train_examples"]) == {"2", "20%", "all", "500"}


def test_a_run_in_which_no_budget_is_possible_is_refused(cache, tmp_path):
    """There would be nothing to report."""
    spec = write(tmp_path, {**SMALL, "train_examples": [400, 500]})
    with pytest.raises(DataError, match="fewer than the 400 per class of the smallest budget"):
        suite.run(spec, out=tmp_path / "out", quiet=True, only="strategy=knn")
