"""Label budgets: how they are written, how many examples they are, and which ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_data_splits import make
from test_plan import ids, plan_of
from test_spec import BASE

from suite.data.batches import Batches, Examples
from suite.data.dataset import Dataset
from suite.data.labelled import labelled_splits
from suite.errors import DataError, SpecError, TrialSkipped
from suite.spec.label_budget import ALL, Budget, allowance, allowance_beside, parse_budget, short_class, words_of
from suite.spec.spec import parse_spec
from suite.spec.trial_selection import select

COUNTS = st.lists(st.integers(1, 60), min_size=2, max_size=5)
NUMBERS = st.integers(1, 80)
SHARES = st.decimals("0.01", "100", places=2).map(lambda share: parse_budget(f"{share}%"))
BUDGETS = st.one_of(NUMBERS, SHARES, st.just(ALL))


def dataset_of(train: list[int], validation: list[int], *, shuffle_seed: int | None = None) -> Dataset:
    """A data set with so many examples of each class."""
    splits = {
        "train": make(train, prefix="t", shuffle_seed=shuffle_seed),
        "validation": make(validation, name="validation", prefix="v", shuffle_seed=shuffle_seed),
    }
    return Dataset("made", tuple(f"class {index}" for index in range(len(train))), splits, "f")


def drawn(
    dataset: Dataset, budget: Budget, *, seed: int = 1, among: tuple[Budget, ...] = (ALL,)
) -> dict[str, set[str]]:
    """The ids of a budget's examples by split."""
    found = labelled_splits(dataset, budget, seed=seed, among=among)
    whole = {name: np.arange(len(one.split)) if one.chosen is None else one.chosen for name, one in found.items()}
    return {name: {found[name].split.ids[index] for index in chosen.tolist()} for name, chosen in whole.items()}


@pytest.mark.parametrize(
    ("written", "meant"),
    [(5, 5), ("25%", "25%"), (" 25.0 %", "25%"), ("012.50%", "12.5%"), ("100%", "all"), ("all", "all")],
)
def test_a_budget_has_one_form(written: Budget, meant: Budget) -> None:
    """However it is written, so that equal budgets are equal trials."""
    assert parse_budget(written) == meant


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ([5, 10, 5], "small.json: train_examples: expected every budget once, and 5 is there twice, got [5, 10, 5]."),
        (["25%", "25.0 %"], 'expected every budget once, and "25%" is there twice'),
        (["all", "100%"], 'expected every budget once, and "all" is there twice'),
        ([0], "small.json: train_examples[0]: expected at least 1 example per class, got 0."),
        ([5, "0%"], 'train_examples[1]: expected a share above 0 % and of at most 100 %, got "0%".'),
        (["120%"], 'train_examples[0]: expected a share above 0 % and of at most 100 %, got "120%".'),
        (["five"], 'expected a number of examples per class such as 5, a share such as "25%", or "all", got "five".'),
        ([True], 'a share such as "25%", or "all", got true.'),
        ([2.5], 'a share such as "25%", or "all", got 2.5.'),
        (["-5%"], 'a share such as "25%", or "all", got "-5%".'),
        ([[5]], 'a share such as "25%", or "all", got [5].'),
        ([], "small.json: train_examples: expected at least 1 entry, got []."),
        (5, "small.json: train_examples: expected a valid array, got 5."),
    ],
)
def test_a_spec_refuses_budgets_that_mean_nothing(value: object, complaint: str) -> None:
    """With the place, what was expected and what came."""
    with pytest.raises(SpecError) as refused:
        parse_spec(json.dumps({**BASE, "train_examples": value}), place="small.json")
    assert complaint in str(refused.value)


@given(counts=COUNTS, budgets=st.lists(BUDGETS, min_size=2, max_size=2), data=st.data())
def test_of_two_budgets_one_has_no_fewer_of_any_class(counts: list[int], budgets: list[Budget], data: st.DataObject):
    """Two of a kind are nested whatever the sizes of the classes, in both splits; every class has an example."""
    others = data.draw(st.lists(st.integers(0, 20), min_size=len(counts), max_size=len(counts)))
    if isinstance(budgets[0], str) == isinstance(budgets[1], str):
        less, more = sorted(budgets, key=lambda one: sum(allowance(one, [10**7])))
        few, many = allowance(less, counts), allowance(more, counts)
        assert all(1 <= low <= high <= count for low, high, count in zip(few, many, counts, strict=True))
        beside = allowance_beside(few, counts, others), allowance_beside(many, counts, others)
        assert all(min(other, 1) <= low <= high <= other for low, high, other in zip(*beside, others, strict=True))


@given(counts=COUNTS, share=SHARES)
def test_a_share_is_the_share_of_every_class(counts: list[int], share: str):
    """To half an example, at least one."""
    part = 1.0 if share == ALL else float(share.removesuffix("%")) / 100
    for taken, count in zip(allowance(share, counts), counts, strict=True):
        assert taken == max(1, taken)
        assert taken == 1 or abs(taken - part * count) <= 0.5 + 1e-9


@given(counts=COUNTS, budget=BUDGETS)
def test_all_training_labels_go_with_all_validation_labels(counts: list[int], budget: Budget):
    """And a class that is absent from validation has none of it."""
    assert allowance_beside(counts, counts, counts) == tuple(counts)
    assert allowance_beside(allowance(budget, counts), counts, [0] * len(counts)) == (0,) * len(counts)


@settings(max_examples=60, deadline=None)
@given(counts=COUNTS, budgets=st.lists(BUDGETS, min_size=1, max_size=4, unique=True), seed=st.integers(0, 9))
def test_the_subsets_of_a_seed_are_nested_and_as_large_as_they_say(counts, budgets, seed):
    """For each class the smaller budget's examples are among the larger one's, whatever else the spec asks for."""
    dataset = dataset_of(counts, counts)
    able = [one for one in budgets if short_class(one, counts) is None]
    sets = {one: drawn(dataset, one, seed=seed, among=tuple(budgets)) for one in able}
    for budget, found in sets.items():
        for index, taken in enumerate(allowance(budget, counts)):
            own = {identifier for identifier in found["train"] if identifier.startswith(f"t{index}/")}
            assert len(own) == taken
            others = [{one for one in other["train"] if one.startswith(f"t{index}/")} for other in sets.values()]
            assert all(own <= other or other <= own for other in others)


@settings(max_examples=40, deadline=None)
@given(counts=COUNTS, budget=st.sampled_from([1, "25%", "50%"]), seed=st.integers(0, 9), order=st.integers(0, 99))
def test_a_subset_follows_from_seed_and_ids_alone(counts, budget, seed, order):
    """Not from the order of the files, nor from what else the spec asks for: every model sees the same."""
    one = drawn(dataset_of(counts, counts), budget, seed=seed)
    assert one == drawn(dataset_of(counts, counts, shuffle_seed=order), budget, seed=seed, among=())
    assert one == drawn(dataset_of(counts, counts), budget, seed=seed, among=(budget, "75%"))


def test_another_seed_has_other_labels() -> None:
    """So that the spread over seeds holds the luck of the draw."""
    dataset = dataset_of([50, 50], [20, 20])
    first, second = (drawn(dataset, 5, seed=seed) for seed in (1, 2))
    assert first["train"] != second["train"]
    assert first["validation"] != second["validation"]


def test_all_is_the_split_itself() -> None:
    """Nothing is drawn, so nothing changes for a spec without budgets."""
    dataset = dataset_of([5, 7], [2, 2])
    found = labelled_splits(dataset, ALL, seed=1, among=(2, ALL))
    assert all(one.chosen is None and one.split is dataset.splits[name] for name, one in found.items())


def test_only_what_the_largest_budget_takes_is_looked_at() -> None:
    """Five labels of each class need no features of a million images; with all of them asked for, they are shared."""
    dataset = dataset_of([50, 50], [20, 20])
    assert [len(labelled_splits(dataset, 2, seed=1, among=a)["train"].split) for a in ((2, 5), (2, 5, ALL))] == [
        10,
        100,
    ]


def test_a_class_with_too_few_examples_skips_the_budget() -> None:
    """The sentence names class, count and what was asked for."""
    with pytest.raises(
        TrialSkipped, match="class 'class 1' of 'made' has 3 training examples, and train_examples asks"
    ):
        labelled_splits(dataset_of([9, 3], [2, 2]), 5, seed=1, among=(2, 5))


def test_a_run_without_any_possible_budget_is_refused() -> None:
    """Nothing would be left to run, and the user can mend it."""
    with pytest.raises(DataError, match=r"fewer than the 5 per class of the smallest budget.*List a number up to 3"):
        labelled_splits(dataset_of([9, 3], [2, 2]), 10, seed=1, among=(5, 10))


def test_a_plan_has_every_budget_and_the_ids_of_all_examples_stay() -> None:
    """A spec that gets budgets keeps its finished trials."""
    before, after = plan_of(), plan_of(train_examples=[5, "25%", "all"])
    assert len(after.trials) == 3 * len(before.trials)
    assert ids(before) < ids(after)
    assert ids(plan_of(train_examples=["all"])) == ids(before)


def test_one_budget_can_be_selected() -> None:
    """``--only labels=5``, and a value that there is not is refused."""
    plan = plan_of(train_examples=[5, "25%", "all"])
    assert {trial.cell.train_examples for trial in select(plan, ("labels=5,all",)).trials} == {5, ALL}
    with pytest.raises(SpecError, match="unknown labels '50'"):
        select(plan, ("labels=50",))


def test_budgets_are_said_as_a_person_would() -> None:
    """With the number per class where it is known."""
    assert words_of(1) == "1 label per class"
    assert words_of("25%", 20.0) == "25\u202f% of the labels (20 per class)"
    assert words_of(ALL, 2.5) == "all labels (2.5 per class)"


def test_chosen_examples_are_read_when_they_are_asked_for() -> None:
    """Batches, slices and arrays of them are those of the whole, and nothing is copied before."""
    whole = Examples(np.arange(10 * 2 * 2 * 3, dtype=np.uint8).reshape(10, 2, 2, 3), np.arange(10), tuple("abcdefghij"))
    some = whole.some(np.array([1, 4, 9]))
    assert (some.inputs.shape, len(some.inputs), some.ids) == ((3, 2, 2, 3), 3, ("b", "e", "j"))
    assert np.array_equal(np.asarray(some.inputs), whole.inputs[[1, 4, 9]])
    assert np.array_equal(some.inputs[1:], whole.inputs[[4, 9]])
    batches = list(Batches(some, batch_size=3, seed=0).epoch(1))
    assert np.array_equal(batches[0][0], whole.inputs[[1, 4, 9]])
