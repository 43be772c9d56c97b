"""From a spec to its trials: ids, order, skips, selection."""

from __future__ import annotations

import json
import time
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import SpecError
from suite.models.zoo.images import ZooSource
from suite.spec.plan import Plan, make_plan
from suite.spec.spec import parse_spec
from suite.spec.trial_selection import select

BASE: dict[str, Any] = {
    "name": "small",
    "task": "image_classification",
    "models": [{"source": "applications", "name": name} for name in ("MobileNetV2", "ResNet50", "VGG16")],
    "datasets": [{"source": "sklearn", "name": "digits_photo"}],
    "strategies": [
        {"strategy": "linear_probe"},
        {"strategy": "fine_tune", "unfreeze": 1, "learning_rate": [0.001, 0.0003]},
        {"strategy": "fine_tune", "unfreeze": "all", "learning_rate": 0.001},
    ],
    "seeds": [1, 2, 3],
}


def plan_of(**changes: Any) -> Plan:
    """The plan of ``BASE`` with some keys replaced."""
    return make_plan(parse_spec(json.dumps({**deepcopy(BASE), **changes})))


def ids(plan: Plan) -> set[str]:
    """The ids of all trials."""
    return {trial.id for trial in plan.trials}


def test_a_plan_has_every_cell_with_its_searches_and_seeds() -> None:
    """3 models x (3 + (2 searches + 3) + 3) trials; a single setting needs no search."""
    plan = plan_of()
    assert len(plan.cells) == 9
    assert len(plan.trials) == 3 * (3 + 5 + 3)
    assert sum(trial.phase == "search" for trial in plan.trials) == 6


def test_searches_come_before_the_finals_of_their_cell() -> None:
    """Trials of one cell follow one another, so that a compiled model is reused."""
    plan = plan_of()
    cells = [trial.cell.id for trial in plan.trials]
    assert len([cell for cell, before in zip(cells, [None, *cells], strict=False) if cell != before]) == 9
    for cell in plan.cells:
        phases = [trial.phase for trial in plan.trials if trial.cell.id == cell.id]
        assert phases == sorted(phases, reverse=True)
        assert plan.searches(cell) == tuple(
            trial for trial in plan.trials if trial.cell.id == cell.id and trial.phase == "search"
        )


def test_every_model_gets_the_same_candidates() -> None:
    """The search budget is a property of the strategy, never of the model."""
    plan = plan_of()
    budgets = {
        json.dumps([trial.candidate for trial in plan.searches(cell)]) for cell in plan.cells if plan.searches(cell)
    }
    assert len(budgets) == 1


def test_ids_are_the_same_from_run_to_run() -> None:
    """The id of a known trial: it changes only when its version or a default does, which loses results."""
    first, again = plan_of(), plan_of()
    assert [trial.id for trial in first.trials] == [trial.id for trial in again.trials]
    assert all(len(trial.id) == 16 and int(trial.id, 16) >= 0 for trial in first.trials)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_an_id_depends_on_its_own_trial_alone(data: st.DataObject) -> None:
    """Any subset of models, strategies and seeds in any order has the ids that the whole plan has."""
    subset = {
        key: data.draw(st.lists(st.sampled_from(BASE[key]), min_size=1, unique_by=json.dumps))
        for key in ("models", "strategies", "seeds")
    }
    part = plan_of(**subset)
    assert ids(part) <= ids(plan_of())
    assert len(ids(part)) == len(part.trials)


@pytest.mark.parametrize(("key", "value"), [("headline", "balanced_accuracy"), ("training", {"refit": True})])
def test_what_chooses_and_what_is_learned_from_change_every_id(key: str, value: Any) -> None:
    """The headline chooses epochs and strengths; a refit learns from validation too: both give other scores."""
    assert not ids(plan_of(**{key: value})) & ids(plan_of())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "other"),
        ("title", "a question"),
        ("why", "a remark"),
        ("headline", "accuracy"),
        ("training", {"refit": False}),
        ("keep_models", "none"),
        ("models", [{**model, "label": f"my {model['name']}", "why": "x"} for model in BASE["models"]]),
        ("training", {"timeout_seconds": 5.0}),
    ],
)
def test_what_changes_no_score_changes_no_id(key: str, value: Any) -> None:
    """Names, labels, remarks and limits leave results valid."""
    assert ids(plan_of(**{key: value})) == ids(plan_of())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("training", {"epochs": 3}),
        ("training", {"batch_size": 8}),
        ("training", {"patience": 2}),
        ("seeds", [7, 8, 9]),
        ("evaluate_on", [{"source": "sklearn", "name": "digits"}]),
        ("datasets", [{"source": "sklearn", "name": "digits_photo", "splits": {"seed": 1}}]),
    ],
)
def test_what_can_change_a_score_changes_the_finals(key: str, value: Any) -> None:
    """No final trial keeps its id when epochs, data or seeds are others."""
    finals = {trial.id for trial in plan_of(**{key: value}).trials if trial.phase == "final"}
    assert not finals & ids(plan_of())


def test_a_new_seed_leaves_every_search_and_every_other_seed() -> None:
    """Adding a seed adds finals and nothing else."""
    more = plan_of(seeds=[1, 2, 3, 4])
    assert ids(more) > ids(plan_of())
    assert {trial.phase for trial in more.trials if trial.id not in ids(plan_of())} == {"final"}


def test_the_same_entry_twice_is_refused() -> None:
    """Two equal cells would be one result under two names."""
    with pytest.raises(SpecError, match="listed twice"):
        plan_of(models=[BASE["models"][0], {**BASE["models"][0], "label": "again"}])


def test_two_cells_of_one_name_are_refused() -> None:
    """Different options under one label could not be told apart in the report."""
    with pytest.raises(SpecError, match="give each a 'label'"):
        plan_of(models=[{**model, "label": "mine"} for model in BASE["models"]])


def test_only_narrows_by_key_and_widens_within_one() -> None:
    """Different keys narrow each other, values of one key are alternatives."""
    plan = plan_of()
    one = select(plan, ("model=VGG16", "strategy=linear_probe"))
    assert {trial.cell.labels[::2] for trial in one.trials} == {("VGG16", "linear_probe")}
    two = select(plan, ("model=VGG16,ResNet50", "strategy=linear_probe"))
    assert two.trials == select(plan, ("model=VGG16", "model=ResNet50", "strategy=linear_probe")).trials
    assert len(two.trials) == 6


def test_only_a_seed_keeps_the_searches_that_it_needs() -> None:
    """A final trial takes the candidate that its cell's searches found."""
    part = select(plan_of(), ("seed=2",))
    assert {trial.seed for trial in part.trials if trial.phase == "final"} == {2}
    assert sum(trial.phase == "search" for trial in part.trials) == 6


@pytest.mark.parametrize(
    ("only", "complaint"),
    [
        ("model=VGG61", "Did you mean 'VGG16'"),
        ("seed=9", "Available: 0, 1, 2, 3"),
        ("colour=red", "expected model=, dataset=, strategy=, labels=, seed= or phase="),
        ("model", "expected model="),
    ],
)
def test_only_something_that_is_not_there(only: str, complaint: str) -> None:
    """A filter that matches nothing is a slip, not an empty run."""
    with pytest.raises(SpecError, match=complaint):
        select(plan_of(), (only,))


def test_a_hundred_thousand_trials_are_planned_while_one_waits() -> None:
    """100 labels x 10 epoch settings x 100 seeds; under 5 s on two cores, with room here for a busy machine."""
    models = [{**BASE["models"][0], "label": f"m{index}", "input_size": [32 + index, 32]} for index in range(100)]
    rates = [{"strategy": "fine_tune", "epochs": index, "label": f"{index} epochs"} for index in range(1, 11)]
    started = time.perf_counter()
    plan = plan_of(models=models, strategies=rates, seeds=list(range(100)))
    assert len(ids(plan)) == len(plan.trials) == 100_000
    assert time.perf_counter() - started < 30


def test_what_trains_a_backbone_is_skipped_for_one_that_can_only_be_run(monkeypatch):
    """A source says so of its backbones; probes on their features are planned all the same."""
    monkeypatch.setattr(ZooSource, "differentiable", False, raising=False)
    document = {
        "name": "frozen", "task": "image_classification", "models": [{"source": "zoo", "name": "vgg_tiny"}],
        "datasets": [{"source": "sklearn", "name": "digits"}],
        "strategies": [{"strategy": "linear_probe"}, {"strategy": "fine_tune"}], "seeds": [1],
    }  # fmt: skip
    plan = make_plan(parse_spec(json.dumps(document)))
    assert [trial.cell.strategy.strategy for trial in plan.trials] == ["linear_probe"]
    assert [skip.reason for skip in plan.skips] == [
        "it trains the backbone, and those of the source 'zoo' can only be run"
    ]
