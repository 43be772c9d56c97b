"""Making the splits that a source does not have."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.data.dataset import Split
from suite.data.splits import complete_splits, name_with_seed
from suite.errors import DataError
from suite.spec.spec import SplitsSpec


def make(counts: list[int], *, name: str = "train", prefix: str = "", shuffle_seed: int | None = None) -> Split:
    """A split with ``counts`` examples of each class; its images carry the example's number."""
    examples = [
        (f"{prefix}{target}/{number}", target) for target, count in enumerate(counts) for number in range(count)
    ]
    if shuffle_seed is not None:
        random.Random(shuffle_seed).shuffle(examples)
    ids = tuple(identifier for identifier, _ in examples)
    targets = np.array([target for _, target in examples], dtype=np.int64)

    def read(index: int) -> np.ndarray:
        return np.full((1, 1, 3), hash(ids[index]) % 256, dtype=np.uint8)

    return Split(name, ids, targets, read)


def complete(given_splits, **spec: float) -> dict[str, Split]:
    """All three splits."""
    classes = max(int(split.targets.max()) for split in given_splits.values()) + 1
    names = [f"class {index}" for index in range(classes)]
    return complete_splits(given_splits, spec=SplitsSpec(**spec), class_names=names, place="here")


COUNTS = st.lists(st.integers(3, 40), min_size=2, max_size=6)
SHARES = st.floats(0.05, 0.4)


@settings(max_examples=100, deadline=None)
@given(counts=COUNTS, validation=SHARES, test=SHARES, seed=st.integers(0, 1000))
def test_splits_are_disjoint_and_cover_everything(counts, validation, test, seed):
    """Each example is in exactly one split, with its target."""
    whole = make(counts)
    splits = complete({"train": whole}, validation=validation, test=test, seed=seed)
    ids = [identifier for split in splits.values() for identifier in split.ids]
    assert sorted(ids) == sorted(whole.ids)
    for split in splits.values():
        assert all(
            int(identifier.split("/")[0]) == target for identifier, target in zip(split.ids, split.targets, strict=True)
        )


@settings(max_examples=100, deadline=None)
@given(counts=COUNTS, validation=SHARES, test=SHARES, seed=st.integers(0, 1000))
def test_every_class_gives_its_share_within_one_example(counts, validation, test, seed):
    """And at least one example to every split."""
    splits = complete({"train": make(counts)}, validation=validation, test=test, seed=seed)
    found = {name: np.bincount(split.targets, minlength=len(counts)) for name, split in splits.items()}
    assert all(of_split.min() >= 1 for of_split in found.values())
    assert np.abs(found["test"] - np.array(counts) * test).max() < 1
    left = np.array(counts) - found["test"]
    assert np.abs(found["validation"] - left * validation).max() < 1


@settings(max_examples=50, deadline=None)
@given(counts=COUNTS, seed=st.integers(0, 1000), order=st.integers(0, 1000))
def test_the_order_of_the_files_changes_nothing(counts, seed, order):
    """Only seed and ids decide."""
    one = complete({"train": make(counts)}, seed=seed)
    other = complete({"train": make(counts, shuffle_seed=order)}, seed=seed)
    assert {name: set(split.ids) for name, split in one.items()} == {
        name: set(split.ids) for name, split in other.items()
    }


def test_another_seed_gives_other_splits():
    """The seed is what is drawn from."""
    assert (
        complete({"train": make([50, 50])}, seed=0)["test"].ids
        != complete({"train": make([50, 50])}, seed=1)["test"].ids
    )


def test_a_given_test_split_is_left_alone():
    """Validation comes out of train."""
    test = make([5, 5], name="test", prefix="t")
    splits = complete({"train": make([10, 10]), "test": test})
    assert splits["test"] is test
    assert (len(splits["train"]), len(splits["validation"])) == (16, 4)


def test_a_given_validation_split_is_left_alone():
    """The test split comes out of train, a share of all examples."""
    validation = make([5, 5], name="validation", prefix="v")
    splits = complete({"train": make([15, 15]), "validation": validation})
    assert splits["validation"] is validation
    assert (len(splits["train"]), len(splits["test"])) == (22, 8)


def test_all_given_splits_are_left_alone():
    """Then one example of a class is enough, and the name has no seed."""
    given_splits = {name: make([1, 1], name=name, prefix=name) for name in ("train", "validation", "test")}
    assert complete(given_splits) == given_splits
    assert name_with_seed("pets", given_splits, SplitsSpec(seed=3)) == "pets"
    assert name_with_seed("pets", {"train": make([1, 1])}, SplitsSpec(seed=3)) == "pets-seed3"


def test_the_images_go_with_their_ids():
    """Reading example i of a made split reads the example with its id."""
    whole = make([6, 6])
    for split in complete({"train": whole}).values():
        for index, identifier in enumerate(split.ids):
            np.testing.assert_array_equal(split.read(index), whole.read(whole.ids.index(identifier)))


@pytest.mark.parametrize(("count", "words"), [(1, "1 example"), (2, "2 examples")])
def test_a_class_that_is_too_small_is_named_with_its_count(count, words):
    """It could not give one example to each split."""
    with pytest.raises(DataError, match=f"here: class 'class 1' has {words} to train on, expected at least 3"):
        complete({"train": make([9, count])})


def test_without_a_train_split_nothing_can_be_made():
    """The complaint says what is there."""
    with pytest.raises(DataError, match="expected a 'train' split, got test"):
        complete({"test": make([3, 3])})


def test_a_train_split_without_one_of_the_classes_is_refused():
    """Also where nothing has to be made."""
    given_splits = {name: make([1, 1], name=name, prefix=name) for name in ("validation", "test")}
    with pytest.raises(
        DataError, match="class 'class 1' has 0 examples to train on, expected at least 1 to learn from"
    ):
        complete({"train": make([2]), **given_splits})
