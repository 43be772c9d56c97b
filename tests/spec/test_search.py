"""The search for settings: what a spec may ask for, what is drawn, when a trial is given up, when time is up."""

from __future__ import annotations

import itertools
import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.compare.ledger import expected_best
from suite.errors import SpecError
from suite.spec.plan import Plan, make_plan
from suite.spec.search.propose import Tried, propose
from suite.spec.search.pruning import watch_for
from suite.spec.search.settings import Range, SearchSpec, Spending
from suite.spec.search.space import completed, domain_words, grid, values_of
from suite.spec.spec import parse_spec

BASE: dict[str, Any] = {
    "name": "searched",
    "task": "image_classification",
    "models": [{"source": "zoo", "name": name} for name in ("vgg_tiny", "resnet_tiny")],
    "datasets": [{"source": "sklearn", "name": "digits"}],
    "strategies": [{"strategy": "linear_probe"}, {"strategy": "fine_tune", "unfreeze": 1}],
    "seeds": [1, 2],
}
SPACE = {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True, "steps": 3}, "weight_decay": [0.0, 0.1]}


def plan_of(**changes: Any) -> Plan:
    """The plan of ``BASE`` with some keys replaced."""
    return make_plan(parse_spec(json.dumps({**deepcopy(BASE), **changes})))


def search_of(**given: Any) -> SearchSpec:
    """A completed search over a learning rate and a list."""
    return completed(SearchSpec.model_validate_json(json.dumps({"space": SPACE, **given})), None, strategy="fine_tune")


def test_every_model_gets_the_same_number_of_search_trials() -> None:
    """The spec's search reaches each strategy that has something to search; a probe searches inside its fit."""
    plan = plan_of(search={"trials": 5})
    searches = {cell.labels[::2]: len(plan.searches(cell)) for cell in plan.cells}
    assert searches == {
        ("vgg_tiny", "linear_probe"): 0,
        ("resnet_tiny", "linear_probe"): 0,
        ("vgg_tiny", "fine_tune: last stage"): 5,
        ("resnet_tiny", "fine_tune: last stage"): 5,
    }


def test_random_settings_are_the_same_for_every_model_and_all_different() -> None:
    """They depend on the number of the trial and the sampler's seed alone."""
    search = search_of(trials=6)
    drawn = [propose(search, number) for number in range(6)]
    assert drawn == [propose(search, number) for number in range(6)]
    assert len({json.dumps(setting) for setting in drawn}) == 6
    assert drawn != [propose(search_of(trials=6, seed=1), number) for number in range(6)]


def test_a_longer_search_begins_with_the_trials_of_a_shorter_one() -> None:
    """Search trials keep their ids when the number of trials grows; finals, which know more, do not."""
    short, long = plan_of(search={"trials": 4}), plan_of(search={"trials": 6})
    cell = short.cells[1]
    assert [trial.id for trial in short.searches(cell)] == [trial.id for trial in long.searches(cell)][:4]
    finals = [{t.id for t in plan.trials if t.phase == "final" and t.cell.search} for plan in (short, long)]
    assert not finals[0] & finals[1]


def test_a_grid_has_every_combination() -> None:
    """Three learning rates, evenly in the logarithm, times two weight decays."""
    found = grid(search_of(sampler="grid"))
    assert [setting["learning_rate"] for setting in found[::2]] == [1e-4, 1e-3, 1e-2]
    assert [setting["weight_decay"] for setting in found[:2]] == [0.0, 0.1]
    assert len(found) == 6


@given(number=st.integers(0, 40), seed=st.integers(0, 2**31 - 1))
@settings(max_examples=25, deadline=None)
def test_drawn_settings_lie_in_the_space(number: int, seed: int) -> None:
    """Inside the range, with few digits, and from the list."""
    setting = propose(search_of(seed=seed), number)
    assert 1e-4 <= setting["learning_rate"] <= 1e-2
    assert setting["learning_rate"] == float(f"{setting['learning_rate']:.4g}")
    assert setting["weight_decay"] in (0.0, 0.1)


def test_tpe_goes_where_trials_were_good() -> None:
    """With scores that rise with the learning rate, later draws are higher than random ones."""
    search = search_of(sampler="tpe", trials=30)
    tried: list[Tried] = []
    for number in range(30):
        setting = propose(search, number, tried)
        tried.append(Tried(setting, score=setting["learning_rate"] * 50))
    rates = [one.setting["learning_rate"] for one in tried]
    assert sum(rates[15:]) > 2 * sum(propose(search_of(trials=30), n)["learning_rate"] for n in range(15))


def test_tpe_minimises_where_lower_is_better_and_passes_over_failures() -> None:
    """The same trials read the other way round lead elsewhere; a failed trial has no score."""
    search = search_of(sampler="tpe")
    tried = [Tried({"learning_rate": 1e-4 * 2**n, "weight_decay": 0.0}, score=n / 10) for n in range(6)]
    tried.append(Tried({"learning_rate": 1e-2, "weight_decay": 0.1}, score=None))
    up = [propose(search, n, tried)["learning_rate"] for n in range(7, 15)]
    down = [propose(search, n, tried, higher_is_better=False)["learning_rate"] for n in range(7, 15)]
    assert sum(up) > sum(down)


def test_values_that_are_lists_can_be_searched() -> None:
    """Augmentations, for instance: a value of the list is a list itself."""
    search = completed(
        SearchSpec.model_validate_json('{"trials": 2, "space": {"augmentation": [[], ["flip"], ["flip", "shift"]]}}'),
        None,
        strategy="fine_tune",
    )
    assert all(propose(search, number)["augmentation"] in ([], ["flip"], ["flip", "shift"]) for number in range(2))


@pytest.mark.parametrize("pruner", ["median", "halving"])
def test_a_poor_trial_is_given_up_and_a_good_one_is_not(pruner: str) -> None:
    """Judged after each epoch against the trials before it."""
    earlier = [Tried({}, 0.8, curve=(0.5, 0.6, 0.7, 0.8)), Tried({}, 0.9, curve=(0.6, 0.7, 0.8, 0.9))]
    search = search_of(pruner=pruner)
    poor, good = watch_for(search, earlier), watch_for(search, earlier)
    assert poor is not None
    assert good is not None
    assert any(poor(epoch, 0.1) for epoch in range(1, 5))
    assert poor.pruned_after is not None
    assert not any(good(epoch, 0.5 + epoch / 10) for epoch in range(1, 5))
    assert good.pruned_after is None


def test_without_a_pruner_nothing_is_given_up() -> None:
    """No watch is kept."""
    assert watch_for(search_of(), []) is None


REFUSED = [
    ({"search": {"space": {"learning_rte": [0.1, 0.2]}, "sampler": "grid"}}, "Did you mean 'learning_rate'"),
    ({"search": {"space": {"epochs": [1, 2]}, "sampler": "grid"}}, "every setting is given the same epochs"),
    ({"search": {"space": {"weight_decay": [-1.0]}, "trials": 1}}, r"search\.space\.weight_decay.*does not take -1"),
    ({"search": {"space": {"weight_decay": {"low": 0.0, "high": 0.1, "log": True}}}}, "logarithmic range"),
    ({"search": {"space": {"weight_decay": {"low": 0.2, "high": 0.1}}}}, "'low' below 'high'"),
    ({"search": {"sampler": "grid", "space": {"weight_decay": {"low": 0.0, "high": 0.1}}}}, "add 'steps'"),
    ({"search": {"sampler": "grid", "space": {"weight_decay": [0.0, 0.1]}, "trials": 5}}, "grid has 2 settings"),
    ({"search": {"space": {"weight_decay": [0.0, 0.1]}, "trials": 5}}, "take the sampler grid"),
    ({"search": {"sampler": "bayes"}}, "'grid', 'random' or 'tpe'"),
    ({"strategies": [{"strategy": "knn", "search": {}}]}, "no space of its own"),
    ({"strategies": [{"strategy": "knn"}], "search": {"trials": 2}}, "none of the strategies has anything to search"),
    (
        {"strategies": [{"strategy": "fine_tune", "learning_rate": [0.1, 0.2]}], "search": {}},
        "a grid of its own",
    ),
    ({"models": [{"source": "zoo", "name": "vgg_tiny", "tuning": {"trials": 9}}]}, r'"unequal_tuning": true'),
    ({"budget": {"seconds_per_model": 0}}, "greater than 0"),
]


@pytest.mark.parametrize(("changes", "complaint"), REFUSED, ids=[str(index) for index in range(len(REFUSED))])
def test_a_search_that_cannot_be_is_refused(changes: dict[str, Any], complaint: str) -> None:
    """With the place, and what to do instead."""
    with pytest.raises(SpecError, match=complaint):
        plan_of(**changes)


def test_a_strategy_s_own_search_goes_before_the_spec_s() -> None:
    """Its place is named in complaints, and its trials are its own."""
    strategies = [
        {"strategy": "fine_tune", "unfreeze": 1, "search": {"trials": 2}},
        {"strategy": "fine_tune", "unfreeze": "all"},
    ]
    plan = plan_of(strategies=strategies, search={"trials": 3})
    assert [len(plan.searches(cell)) for cell in plan.cells] == [2, 3, 2, 3]
    strategies[0]["search"] = {"space": {"depth": [1, 2]}}
    with pytest.raises(SpecError, match=r"strategies\[0\]\.search\.space: unknown option of fine_tune 'depth'"):
        plan_of(strategies=strategies)


def test_unequal_tuning_is_possible_where_the_spec_says_so() -> None:
    """One model may get more trials, epochs or another space; its trials are others than those of equal tuning."""
    models = deepcopy(BASE["models"])
    models[0]["tuning"] = {"trials": 3, "epochs": 2, "space": {"learning_rate": [0.1, 0.2, 0.3]}}
    plan = plan_of(models=models, unequal_tuning=True, search={"trials": 5})
    counts = {cell.labels[0]: (len(plan.searches(cell)), cell.epochs) for cell in plan.cells if cell.search}
    assert counts == {"vgg_tiny": (3, 2), "resnet_tiny": (5, 8)}
    equal = plan_of(search={"trials": 5})
    assert plan.searches(plan.cells[1])[0].id not in {trial.id for trial in equal.trials}


def test_time_that_is_used_up_cuts_the_search_but_never_its_first_trial() -> None:
    """The searching strategies of a model share its seconds; a cell with nothing done goes on."""
    spending = Spending(24.0)
    spending.expect([("vgg", "digits", "one"), ("vgg", "digits", "one"), ("vgg", "digits", "two")])
    spending.add("one", 8.0, done=True)
    assert not spending.cuts("vgg", "digits", "one")
    spending.add("one", 8.0, done=False)
    assert spending.cuts("vgg", "digits", "one")
    spending.add("two", 99.0, done=False)
    assert not spending.cuts("vgg", "digits", "two")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_expected_best_rises_from_the_mean_to_the_best(scores: list[float]) -> None:
    """Of one setting it is the mean, of all the best, and more settings are never worse."""
    curve = expected_best(sorted(scores))
    assert curve[0] == pytest.approx(sum(scores) / len(scores))
    assert curve[-1] == pytest.approx(max(scores))
    assert all(after >= before - 1e-12 for before, after in itertools.pairwise(curve))


def test_expected_best_is_the_mean_over_all_subsets() -> None:
    """Checked against every pair of four settings, and for a metric where lower is better."""
    assert expected_best([0.1, 0.2, 0.4, 0.8])[1] == pytest.approx((0.2 + 0.4 + 0.8 + 0.4 + 0.8 + 0.8) / 6)
    assert expected_best([3.0, 2.0, 1.0])[1] == pytest.approx((2.0 + 1.0 + 1.0) / 3)


def test_a_domain_is_told_as_it_would_be_written() -> None:
    """Ranges with their ends, lists with their values; a grid takes both ends of a range."""
    assert domain_words(Range(low=1e-4, high=1e-2, log=True)) == "0.0001 to 0.01, log"
    assert domain_words((0.0, "auto", ["flip"])) == '0.0, auto, ["flip"]'
    assert values_of(Range(low=0.0, high=1.0, steps=3)) == (0.0, 0.5, 1.0)
