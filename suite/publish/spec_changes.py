"""What changed between two specs, value by value; entries of lists are known by their names, not by their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from suite.publish.difference import SpecChange

__all__ = ["spec_changes"]

IGNORED = frozenset({"$schema"})
NAMES = ("label", "name", "preset", "path", "handle", "strategy", "format", "corruption", "source")
"""What an entry of a list is called by: the first of these that it has."""
MOST_PAIRS = 10_000


def spec_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[SpecChange, ...]:
    """Every value that was added, removed or changed, with the path where it stands.

    Objects in lists are matched by the name that they give themselves, and among equal names those that differ least;
    their order changes nothing.  Lists of anything else are one value.
    """
    return tuple(_of_objects("", before, after))


def _of_objects(path: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[SpecChange]:
    for key in dict.fromkeys([*before, *after]):
        if path or key not in IGNORED:
            place = f"{path}.{key}" if path else str(key)
            yield from _of_values(place, before.get(key, _ABSENT), after.get(key, _ABSENT))


class _Absent:
    """What a key that is not there has for a value: ``null`` is a value of JSON."""


_ABSENT = _Absent()


def _of_values(path: str, before: Any, after: Any) -> Iterator[SpecChange]:
    if isinstance(before, _Absent) or isinstance(after, _Absent):
        if isinstance(before, _Absent):
            yield SpecChange(path=path, kind="added", after=after)
        else:
            yield SpecChange(path=path, kind="removed", before=before)
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _of_objects(path, before, after)
    elif _is_named(before) and _is_named(after):
        yield from _of_lists(path, before, after)
    elif not _equal(before, after):
        yield SpecChange(path=path, kind="changed", before=before, after=after)


def _equal(before: Any, after: Any) -> bool:
    """True is not 1, and 1.0 is 1: as JSON has them."""
    return isinstance(before, bool) == isinstance(after, bool) and bool(before == after)


def _is_named(value: Any) -> bool:
    """Whether it is a list of objects; an empty list may be one."""
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(one, Mapping) for one in value)


def _of_lists(path: str, before: Sequence[Any], after: Sequence[Any]) -> Iterator[SpecChange]:
    groups: dict[str, tuple[list[Any], list[Any]]] = {}
    for side, entries in enumerate((before, after)):
        for entry in entries:
            groups.setdefault(_name_of(entry), ([], []))[side].append(entry)
    for name, (old, new) in groups.items():
        several = max(len(old), len(new)) > 1
        for number, (one, other) in enumerate(_matched(old, new), start=1):
            yield from _of_values(f"{path}[{name} #{number}]" if several else f"{path}[{name}]", one, other)


def _name_of(entry: Mapping[str, Any]) -> str:
    return next((str(entry[key]) for key in NAMES if isinstance(entry.get(key), str)), "entry")


def _matched(old: list[Any], new: list[Any]) -> list[tuple[Any, Any]]:
    """Entries of one name in pairs, in the order before: those that differ least first; what is left over alone."""
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for _, place, at in sorted(_distances(old, new)):
        if place not in partner and at not in taken:
            partner[place] = at
            taken.add(at)
    pairs = [(one, new[partner[place]] if place in partner else _ABSENT) for place, one in enumerate(old)]
    return pairs + [(_ABSENT, other) for at, other in enumerate(new) if at not in taken]


def _distances(old: list[Any], new: list[Any]) -> Iterator[tuple[int, int, int]]:
    """How many values differ between every two; of very many only those at the same place."""
    if len(old) * len(new) > MOST_PAIRS:
        yield from ((0, place, place) for place in range(min(len(old), len(new))))
        return
    for place, one in enumerate(old):
        for at, other in enumerate(new):
            yield sum(1 for _ in _of_values("", one, other)), place, at
