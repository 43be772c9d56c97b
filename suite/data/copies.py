"""Copies of an example: the same content, byte for byte, under another id; known from the digests of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from suite.data.dataset import Copies, Split
from suite.errors import DataError

__all__ = ["copies_between", "groups_of", "refuse_given_copies", "without_copies"]

NAMED = 3
"""Pairs of ids that are kept of the copies between two splits."""
LATER = ("test", "validation", "train")
"""Where a copy stays, the first of these: a test set is what is compared on, and is never made smaller."""


def _keys(split: Split) -> NDArray[np.uint64]:
    """The first eight bytes of each digest: among ten million examples two agree by chance once in 400,000 times."""
    assert split.digests is not None, "copies are looked for while a data set is put together"  # noqa: S101
    return np.ascontiguousarray(split.digests[:, :8]).view(np.uint64).ravel()


def groups_of(split: Split) -> NDArray[np.int64]:
    """A number per example, the same for copies: the position of the first of them by id; shape ``(n,)``."""
    _, group = np.unique(_keys(split), return_inverse=True)
    first: dict[int, int] = {}
    for position in sorted(range(len(split)), key=lambda index: split.ids[index]) if len(split) else ():
        first.setdefault(int(group[position]), position)
    return np.array([first[int(one)] for one in group], dtype=np.int64)


def copies_between(splits: Mapping[str, Split], class_names: Sequence[str]) -> tuple[Copies, ...]:
    """Per pair of splits that have examples in common, how many and which.

    Args:
        splits: With digests.
        class_names: In the order of the targets; empty where answers are texts.
    """
    found = []
    for first, second in combinations([name for name in ("train", "validation", "test") if name in splits], 2):
        source, target = splits[first], splits[second]
        keys, own = _keys(source), _keys(target)
        order = np.argsort(keys, kind="stable")
        places = np.searchsorted(keys[order], own)
        theirs = order[np.minimum(places, len(order) - 1)] if len(order) else np.zeros(len(own), dtype=np.int64)
        mine = np.flatnonzero(keys[theirs] == own) if len(order) else np.zeros(0, dtype=np.int64)
        if len(mine):
            pairs = tuple((target.ids[int(one)], source.ids[int(theirs[one])]) for one in mine[:NAMED])
            differ = int((target.targets[mine] != source.targets[theirs[mine]]).sum()) if class_names else 0
            found.append(Copies(first, second, len(mine), pairs, differ))
    return tuple(found)


def without_copies(given: Mapping[str, Split]) -> tuple[dict[str, NDArray[np.int64]], dict[str, int]]:
    """What stays of each split where a content is kept once: in test, else in validation, else in train.

    Copies inside one split stay.

    Returns:
        Split to the positions that stay, and to how many do not, of the splits that lose any.
    """
    seen = np.zeros(0, dtype=np.uint64)
    stay: dict[str, NDArray[np.int64]] = {}
    lost: dict[str, int] = {}
    for name in (name for name in LATER if name in given):
        keys = _keys(given[name])
        again = np.isin(keys, seen)
        stay[name] = np.flatnonzero(~again)
        if again.any():
            lost[name] = int(again.sum())
        seen = np.concatenate([seen, np.unique(keys[~again])])
    return stay, lost


def refuse_given_copies(given: Mapping[str, Split], place: str) -> None:
    """Raises ``DataError`` where splits that nobody makes have copies in common, which no grouping can mend."""
    found = copies_between(given, ())
    if found:
        first = found[0]
        raise DataError(
            f"{place}: {first.count:,} examples of its own {first.second} split are in its {first.first} split too "
            f"({first.pairs[0][0]} = {first.pairs[0][1]}), and splits.duplicates 'group' moves examples only between "
            "splits that are made; 'drop' takes the copies out of training and validation."
        )
