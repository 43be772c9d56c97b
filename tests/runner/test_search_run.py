"""Searches that run: in real worker processes with a quick executor, and once with real training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from images import class_folders
from runner_plans import plan_of, register

import suite
from suite.compare.compare import compare
from suite.compare.ledger import budget_remarks, cut_by_budget
from suite.compare.planned import summarise_plan
from suite.errors import DataError
from suite.runner.dry_run import look_ahead
from suite.runner.run import run_plan
from suite.runner.schedule import Schedule, missing_trials
from suite.spec.plan import Plan, make_plan
from suite.spec.spec import load_spec
from suite.store.quick_read import glance
from suite.store.records.result import Result
from suite.store.store import open_store

SEARCH = {"trials": 5, "sampler": "tpe", "space": {"penalty": {"low": 0.01, "high": 1.0, "log": True}}}


def searched(*models: str, **more: Any) -> Plan:
    """A plan whose strategy searches one option."""
    return plan_of(*models, strategies=[{"strategy": "runner_test", "search": SEARCH}], **more)


def run(plan: Plan, out: Path, **options: Any) -> Any:
    """A run in this process with the executor of the tests."""
    return run_plan(plan, out=out, cache_root=out, progress="quiet", executor="runner_executors:execute", **options)


def settings_of(out: Path, plan: Plan) -> list[Any]:
    """The setting of each search trial, in the order of the plan."""
    with open_store(out, create=False) as store:
        stored = {result.id: result for result in store.query(phase="search")}
    return [stored[trial.id].trial["candidate"] for trial in plan.trials if trial.id in stored]


def test_a_search_that_is_interrupted_goes_on_as_it_would_have(tmp_path: Path) -> None:
    """Trials that are lost are drawn again from what is stored, and the draws are the same."""
    plan = searched("fit")
    assert run(plan, tmp_path / "whole", jobs=2).counts == {"done": 6}
    run(plan, tmp_path / "broken")
    with open_store(tmp_path / "broken") as store:
        store.delete([trial.id for trial in plan.trials[3:]])
    run(plan, tmp_path / "broken")
    assert settings_of(tmp_path / "broken", plan) == settings_of(tmp_path / "whole", plan)
    assert len({json.dumps(setting) for setting in settings_of(tmp_path / "whole", plan)}) == 5


def test_a_sampler_that_learns_runs_its_trials_in_turn() -> None:
    """The next trial of a cell is not given out before the last one is stored; those of another cell are."""
    plan = searched("a", "b")
    schedule = Schedule(plan.trials)
    first, second = schedule.take(0), schedule.take(1)
    assert first is not None
    assert second is not None
    assert (first.number, second.number) == (0, 0)
    assert first.cell.id != second.cell.id
    assert schedule.take(0) is None
    schedule.settle(first)
    again = schedule.take(0)
    assert again is not None
    assert (again.cell.id, again.number) == (first.cell.id, 1)


def test_the_budget_ends_a_search_and_not_its_finals(tmp_path: Path) -> None:
    """Of 5 trials of at least 0.2 s, at most three fit into 0.5 s; the report says so, and more time goes on."""
    plan = searched("sleep:0.2", budget={"seconds_per_model": 0.5})
    outcome = run(plan, tmp_path)
    ran = outcome.counts["done"]
    assert 1 <= ran - 1 <= 3
    assert missing_trials(plan, glance(tmp_path).entries) == ()
    assert run(plan, tmp_path).new == ()
    with open_store(tmp_path, create=False) as store:
        results = {result.id: result for result in store.query()}
    summary = summarise_plan(plan)
    cut = cut_by_budget(summary, results)
    (remark,) = budget_remarks(summary, cut)
    assert f"ended after {ran - 1} of 5 trials" in remark
    found = compare(list(results.values()), plan_summary=summary, load_predictions=lambda *_: None)
    assert found.complete
    assert len(found.cut) == 6 - ran
    longer = searched("sleep:0.2", budget={"seconds_per_model": 60})
    # The final is done again too: it may choose among more.
    assert len(run(longer, tmp_path).new) == 6 - ran + 1


def test_a_plan_shows_what_the_budget_cuts(tmp_path: Path) -> None:
    """As ``cut``, not as missing: a run would not do it."""
    register()
    document = {
        "name": "cut",
        "task": "image_classification",
        "models": [{"source": "runner_test", "name": "sleep:0.2"}],
        "datasets": [{"source": "runner_test", "name": "digits"}],
        "strategies": [{"strategy": "runner_test", "search": SEARCH}],
        "seeds": [1],
        "budget": {"seconds_per_model": 0.1},
    }
    path = tmp_path / "cut.json"
    path.write_text(json.dumps(document))
    run(make_plan(load_spec(path)), tmp_path / "out")
    outlook = look_ahead(path, out=tmp_path / "out")
    assert outlook.counts == {"done": 2, "cut": 4}
    assert "nothing to do" in outlook.sentence


def real_spec(tmp_path: Path, **changes: Any) -> Path:
    """One small real model on the plain digits."""
    document = {
        "name": "real",
        "task": "image_classification",
        "models": [{"source": "zoo", "name": "vgg_tiny"}],
        "datasets": [{"source": "sklearn", "name": "digits"}],
        "strategies": [{"strategy": "fine_tune", "unfreeze": "head"}],
        "seeds": [1, 2],
        "training": {"epochs": 3, "batch_size": 64},
        **changes,
    }
    path = tmp_path / "real.json"
    path.write_text(json.dumps(document))
    return path


def test_a_real_search_prunes_chooses_on_validation_and_tells_its_ledger(tmp_path: Path) -> None:
    """Two hopeless learning rates are given up; the finals take the best of the rest, and the report lists all."""
    space = {"learning_rate": [0.003, 0.002, 0.0000001, 0.0000002], "batch_size": [64]}
    search = {"sampler": "grid", "space": space, "pruner": "median"}
    outcome = suite.run(real_spec(tmp_path, search=search), out=tmp_path / "out", quiet=True)
    ledger = outcome.comparison.cells[0].ledger
    assert ledger.pruned == 2
    assert ledger.epochs < 6 * 3
    assert {chosen["learning_rate"] for chosen in ledger.chosen} <= {0.003, 0.002}
    assert len(ledger.expected_best) == 4
    assert ledger.expected_best[-1] == ledger.best
    assert ledger.declared["learning_rate"] == "0.003, 0.002, 1e-07, 2e-07"
    page = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "expected_best" in page


def test_resampled_seeds_test_on_other_examples_and_models_stay_paired(tmp_path: Path) -> None:
    """Each seed has splits of its own, the same for both models."""
    models = [{"source": "zoo", "name": name} for name in ("vgg_tiny", "resnet_tiny")]
    path = real_spec(tmp_path, resample=True, models=models, strategies=[{"strategy": "linear_probe"}])
    outcome = suite.run(path, out=tmp_path / "out", quiet=True)
    assert outcome.counts == {"done": 4}
    with open_store(tmp_path / "out", create=False) as store:
        ids = {(one.model, one.seed): _test_ids(store, one) for one in store.query()}
    assert ids["vgg_tiny", 1] == ids["resnet_tiny", 1]
    assert ids["vgg_tiny", 1] != ids["vgg_tiny", 2]


def test_splits_that_a_data_set_has_of_its_own_cannot_be_resampled(tmp_path: Path) -> None:
    """The option would be ignored, so it is refused."""
    splits = ("train", "validation", "test")
    folder = class_folders(tmp_path / "own", {f"{split}/{name}": 12 for split in splits for name in "ab"})
    data = [{"source": "folder", "path": str(folder)}]
    path = real_spec(tmp_path, resample=True, datasets=data, strategies=[{"strategy": "linear_probe"}])
    with pytest.raises(DataError, match="has its own train, validation and test splits"):
        suite.run(path, out=tmp_path / "out", quiet=True)


def _test_ids(store: Any, result: Result) -> tuple[str, ...]:
    from suite.store.records.result import Predictions

    path = store.artefact(result, "predictions/test")
    return tuple(Predictions.load(path).example_ids.tolist())
