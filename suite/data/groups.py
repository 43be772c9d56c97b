"""Groups: examples that belong together (a patient's, a video's) never sit in two splits."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from suite.data.dataset import Split
from suite.errors import DataError, did_you_mean
from suite.spec.groups import GroupSpec

__all__ = ["choose_groups", "group_names", "joined", "numbered", "refuse_shared_groups"]

NAMED = 3
"""Examples or groups that a complaint names."""


def group_names(split: Split, spec: GroupSpec, place: str) -> NDArray[np.str_]:
    """The group of each example, shape ``(n,)``.

    Raises:
        DataError: Where the column is not there, or examples belong to no group.
    """
    if spec.column is not None:
        if spec.column not in split.metadata:
            known = did_you_mean(spec.column, split.metadata, what="column")
            have = known if split.metadata else "its source gives no columns; expected 'pattern' or 'folder'."
            raise DataError(f"{place}: splits.group: {have}")
        found = [str(value).strip() for value in split.metadata[spec.column].tolist()]
    elif spec.pattern is not None:
        expression = re.compile(spec.pattern)
        found = [_matched(expression, identifier) for identifier in split.ids]
    else:
        found = [_folder(identifier, spec.folder or 1) for identifier in split.ids]
    without = [split.ids[at] for at, name in enumerate(found) if not name]
    if without:
        raise DataError(
            f"{place}: splits.group: {len(without):,} examples belong to no group by {spec.words}: "
            f"{_some(without)}. Give every example a group."
        )
    return np.array(found, dtype=np.str_)


def numbered(splits: Mapping[str, NDArray[np.str_]]) -> dict[str, NDArray[np.int64]]:
    """The names as numbers, the same in every split; who somebody is, no result has to keep."""
    names = sorted({str(name) for found in splits.values() for name in np.unique(found).tolist()})
    order = np.array(names, dtype=np.str_)
    return {split: np.searchsorted(order, found).astype(np.int64) for split, found in splits.items()}


def refuse_shared_groups(
    splits: Mapping[str, NDArray[np.int64]], names: Mapping[str, NDArray[np.str_]], place: str
) -> None:
    """Raises ``DataError`` where splits that nobody makes have groups in common."""
    for first, second in combinations([name for name in ("train", "validation", "test") if name in splits], 2):
        shared = np.intersect1d(splits[first], splits[second])
        if len(shared):
            example = names[second][np.isin(splits[second], shared)][0]
            raise DataError(
                f"{place}: {len(shared):,} groups sit in its {first} split and in its {second} split, such as "
                f"'{example}'; expected each group in one. Take one of the two splits out of the data, so that it is "
                "made without parting a group, or leave 'group' out."
            )


def joined(groups: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """Groups such that two examples are in one where either of the two partitions, or a chain of them, joins them."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(groups)
    own, theirs = (np.unique(each, return_inverse=True)[1] for each in (groups, others))
    size = count and int(own.max()) + int(theirs.max()) + 2
    edges = coo_array((np.ones(count), (own, theirs + (own.max() + 1 if count else 0))), shape=(size, size))
    _, labels = connected_components(edges, directed=False)
    return np.asarray(labels[own], dtype=np.int64)


def choose_groups(
    pool: Split, groups: NDArray[np.int64], wanted: NDArray[np.int64], *, seed: int, name: str
) -> NDArray[np.bool_]:
    """Marks whole groups, so that each class gives about its share of ``wanted`` examples.

    Groups come in an order that follows from the seed and the ids in them, and each is taken that brings the counts of
    classes nearer to what is wanted; a class that got none then gets the smallest group that has it, where training
    keeps another one.

    Args:
        pool: Whose examples are divided.
        groups: Of each example, shape ``(n,)``.
        wanted: Examples of each class, shape ``(classes,)``.
        seed: Of the order.
        name: Of the split, part of the order.

    Returns:
        Shape ``(n,)``.
    """
    labels, group = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(labels), len(wanted)), dtype=np.int64)
    np.add.at(counts, (group, pool.targets), 1)
    order = sorted(range(len(labels)), key=_keys(pool.ids, group, len(labels), seed, name).__getitem__)
    scale = 1 / np.maximum(wanted, 1)
    taken, have = np.zeros(len(labels), dtype=np.bool_), np.zeros(len(wanted), dtype=np.int64)
    for at in order:
        if _far(have + counts[at] - wanted, scale) < _far(have - wanted, scale):
            taken[at] = True
            have += counts[at]
    for missing in np.flatnonzero((have == 0) & (wanted > 0)).tolist():
        able = [at for at in order if counts[at, missing] and not taken[at]]
        if len(able) > 1:
            at = min(able, key=lambda one: int(counts[one].sum()))
            taken[at] = True
            have += counts[at]
    return np.asarray(taken[group])


def _far(apart: NDArray[np.int64], scale: NDArray[np.float64]) -> float:
    """How far counts are from those that are wanted, every class alike."""
    return float(((apart * scale) ** 2).sum())


def _keys(ids: Sequence[str], group: NDArray[np.int64], count: int, seed: int, name: str) -> list[bytes]:
    """What orders the groups: by a hash of the seed, the split and the first of each group's ids."""
    first: list[str] = [""] * count
    for identifier, at in zip(ids, group.tolist(), strict=True):
        if not first[at] or identifier < first[at]:
            first[at] = identifier
    return [hashlib.sha256(f"{seed}\0{name}\0{one}".encode("utf-8", "surrogateescape")).digest() for one in first]


def _matched(expression: re.Pattern[str], identifier: str) -> str:
    found = expression.search(identifier)
    if found is None:
        return ""
    return (found[1] or "") if expression.groups else found[0]


def _folder(identifier: str, level: int) -> str:
    """The name of that folder alone: ``cat/ann`` and ``dog/ann`` are both Ann's."""
    parts = posixpath.dirname(identifier).split("/") if "/" in identifier else []
    return parts[-level] if len(parts) >= level else ""


def _some(names: Iterable[str]) -> str:
    shown = list(names)
    return ", ".join(shown[:NAMED]) + (", ..." if len(shown) > NAMED else "")
