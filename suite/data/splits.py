"""Missing splits are made here: stratified by class, from a seed and the examples' ids alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.data.copies import groups_of
from suite.data.dataset import Split
from suite.data.example_ids import some_ids
from suite.data.groups import choose_groups, joined
from suite.errors import DataError
from suite.spec.spec import SplitsSpec

__all__ = ["SPLIT_NAMES", "choose", "complete_splits", "missing_splits", "name_with_seed", "subset"]

SPLIT_NAMES = ("train", "validation", "test")


def missing_splits(given: Mapping[str, Split]) -> tuple[str, ...]:
    """The names of the splits that have to be made."""
    return tuple(name for name in SPLIT_NAMES if name not in given)


def name_with_seed(name: str, given: Mapping[str, Split], spec: SplitsSpec) -> str:
    """The data set's name; where splits are made, their seed is part of it: ``digits-seed0``."""
    return f"{name}-seed{spec.seed}" if missing_splits(given) else name


def complete_splits(
    given: Mapping[str, Split], *, spec: SplitsSpec, class_names: Sequence[str], place: str
) -> dict[str, Split]:
    """All three splits; the missing ones are taken out of ``train``.

    The test split takes its share of all examples, then the validation split its share of the training
    examples that are left.  Each class gives its own share, rounded so that the totals are right, and at least
    one example.  Which examples go depends on the seed and on their ids, never on their order.  Where copies are
    grouped, all of one content go together, as examples of the class of the first of them by id; a class then gives
    about its share.

    Args:
        given: The source's own splits, ``train`` among them.
        spec: Shares and seed.
        class_names: In the order of the targets, for complaints.
        place: What the data set is called in complaints.

    Returns:
        ``train``, ``validation`` and ``test``, the examples of each in the order in which they were given.

    Raises:
        DataError: Without a train split, or where a class has too few examples to be divided.
    """
    if "train" not in given:
        there = ", ".join(given) or "none"
        raise DataError(f"{place}: expected a 'train' split, got {there}; without one nothing can be fitted.")
    if given["train"].groups is not None and missing_splits(given):
        return _complete_without_parting(given, spec=spec, class_names=class_names, place=place)
    if spec.duplicates != "keep" and missing_splits(given):
        return _complete_by_groups(given, spec=spec, class_names=class_names, place=place)
    _require_every_class(given, class_names, place, making=missing_splits(given))
    splits = dict(given)
    for name, share in (("test", spec.test), ("validation", spec.validation)):
        if name in given:
            continue
        pool = splits["train"]
        counts = np.bincount(pool.targets, minlength=len(class_names))
        whole = counts.copy()
        if name == "test" and "validation" in given:
            whole += np.bincount(given["validation"].targets, minlength=len(class_names))
        still_to_make = 1 if name == "test" and "validation" not in given else 0
        wanted = np.minimum(_shares(whole, share), counts - 1 - still_to_make)
        taken = choose(pool, wanted, seed=spec.seed, name=name)
        splits[name] = subset(pool, np.flatnonzero(taken), name=name)
        splits["train"] = subset(pool, np.flatnonzero(~taken), name="train")
    return {name: splits[name] for name in SPLIT_NAMES}


def _complete_by_groups(
    given: Mapping[str, Split], *, spec: SplitsSpec, class_names: Sequence[str], place: str
) -> dict[str, Split]:
    """``complete_splits`` on one example of each content; its copies follow it."""
    pool = given["train"]
    group = groups_of(pool)
    firsts = np.unique(group)
    alone = subset(pool, firsts, name="train")
    plain = spec.model_copy(update={"duplicates": "keep"})
    made = complete_splits({**given, "train": alone}, spec=plain, class_names=class_names, place=place)
    home = {identifier: name for name in SPLIT_NAMES if name not in given for identifier in made[name].ids}
    home |= dict.fromkeys(made["train"].ids, "train")
    where = [home[alone.ids[int(one)]] for one in np.searchsorted(firsts, group)]
    splits = dict(given)
    for name in ("train", *missing_splits(given)):
        members = np.array([index for index, split in enumerate(where) if split == name], dtype=np.int64)
        splits[name] = subset(pool, members, name=name)
    return {name: splits[name] for name in SPLIT_NAMES}


def _complete_without_parting(
    given: Mapping[str, Split], *, spec: SplitsSpec, class_names: Sequence[str], place: str
) -> dict[str, Split]:
    """``complete_splits`` by whole groups; copies that are grouped belong to the groups of each other."""
    making = missing_splits(given)
    _require_every_class(given, class_names, place, making=making)
    splits = dict(given)
    for name, share in (("test", spec.test), ("validation", spec.validation)):
        if name in given:
            continue
        pool = splits["train"]
        assert pool.groups is not None, "the groups are known"  # noqa: S101 - for the type checker
        groups = pool.groups if spec.duplicates == "keep" else joined(pool.groups, groups_of(pool))
        counts = np.bincount(pool.targets, minlength=len(class_names))
        taken = choose_groups(pool, groups, _shares(counts, share), seed=spec.seed, name=name)
        splits[name] = subset(pool, np.flatnonzero(taken), name=name)
        splits["train"] = subset(pool, np.flatnonzero(~taken), name="train")
    _require_every_class_in(splits, ("train", *making), given["train"], class_names, place)
    return {name: splits[name] for name in SPLIT_NAMES}


def _require_every_class_in(
    splits: Mapping[str, Split], made: Sequence[str], pool: Split, class_names: Sequence[str], place: str
) -> None:
    """Raises ``DataError`` where the examples of a class belong to too few groups to be in every split."""
    for name in made:
        counts = np.bincount(splits[name].targets, minlength=len(class_names))
        for at in np.flatnonzero(counts == 0).tolist():
            assert pool.groups is not None, "the groups are known"  # noqa: S101 - for the type checker
            groups = len(np.unique(pool.groups[pool.targets == at]))
            raise DataError(
                f"{place}: class '{class_names[at]}' has no example for the {name} split, since its examples belong to "
                f"{groups} {'group' if groups == 1 else 'groups'} and no group is parted; expected at least "
                f"{len(made)}. Add examples of other groups, remove the class, or leave 'group' out."
            )


@dataclass(frozen=True)
class _Subset:
    """Reads some examples of another split; a class and no closure, so that a split can be sent to a process."""

    read: Callable[[int], Any]
    """Of the other split; the split itself may go."""
    indices: NDArray[np.int64]

    def __call__(self, index: int) -> Any:
        return self.read(int(self.indices[index]))

    @classmethod
    def of(cls, split: Split, indices: NDArray[np.int64]) -> _Subset:
        """Some examples of a split that may be a part of another one itself."""
        if isinstance(split.read, _Subset):
            return cls(split.read.read, split.read.indices[indices])
        return cls(split.read, indices)


def subset(split: Split, indices: NDArray[np.int64], *, name: str) -> Split:
    """The examples of ``split`` at ``indices``, in that order, as a split called ``name``."""
    return Split(
        name=name,
        ids=some_ids(split.ids, indices),
        targets=split.targets[indices],
        read=_Subset.of(split, indices),
        digests=None if split.digests is None else split.digests[indices],
        annotations=None if split.annotations is None else split.annotations.take(indices),
        groups=None if split.groups is None else split.groups[indices],
        metadata={name: values[indices] for name, values in split.metadata.items()},
    )


def _require_every_class(
    given: Mapping[str, Split], class_names: Sequence[str], place: str, *, making: Sequence[str]
) -> None:
    """A class must be able to give one example to every split that is made, and keep one to learn from."""
    needed = 1 + len(making)
    counts = np.bincount(given["train"].targets, minlength=len(class_names)).tolist()
    for name, count in zip(class_names, counts, strict=True):
        if count >= needed:
            continue
        purpose = f" to be divided into train, {' and '.join(making)}" if making else " to learn from"
        raise DataError(
            f"{place}: class '{name}' has {_count(count)} to train on, expected at least {needed}{purpose}. "
            "Add examples or remove the class."
        )


def _shares(counts: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """How many of each class: the largest remainders are rounded up, until the total is right; at least one."""
    exact = counts * share
    wanted = np.floor(exact).astype(np.int64)
    left = round(float(exact.sum())) - int(wanted.sum())
    by_remainder = np.argsort(-(exact - wanted), kind="stable")
    wanted[by_remainder[: max(left, 0)]] += 1
    at_least_one: NDArray[np.int64] = np.maximum(wanted, 1)
    return at_least_one


def choose(pool: Split, wanted: NDArray[np.int64], *, seed: int, name: str) -> NDArray[np.bool_]:
    """Marks the ``wanted`` examples of each class whose hashes of seed, split and id come first, group by group."""
    keys = np.fromiter((_key(seed, name, identifier) for identifier in pool.ids), np.uint64, count=len(pool))
    if pool.groups is not None:
        names, group = np.unique(pool.groups, return_inverse=True)
        by_group = np.array([_key(seed, name, f"group {one}") for one in names.tolist()], dtype=np.uint64)[group]
    else:
        by_group = np.zeros(len(pool), dtype=np.uint64)
    taken = np.zeros(len(pool), dtype=np.bool_)
    for index, count in enumerate(wanted.tolist()):
        members = np.flatnonzero(pool.targets == index)
        taken[members[np.lexsort((keys[members], by_group[members]))[:count]]] = True
    return taken


def _key(seed: int, name: str, identifier: str) -> int:
    text = f"{seed}\0{name}\0{identifier}".encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def _count(number: int) -> str:
    return f"{number} example" if number == 1 else f"{number} examples"
