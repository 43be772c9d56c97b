"""Whether two results of one trial are the same work, and in words what sets them apart."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from suite.store.records.result import DataRecord, Result

__all__ = ["PACKAGES", "differences", "version_differences", "versions"]

PACKAGES = ("suite", "tensorflow", "keras", "keras-hub")
"""A trial of the same id is the same work where these are of the same version."""
_DIGITS = 8
"""Of a hash, in messages."""


def differences(kept: Result, other: Result, *, kept_in: str, other_in: str) -> tuple[str, ...]:
    """What two finished results of one trial differ in: ``tensorflow 2.21.0 in A, 2.20.0 in B``.

    Args:
        kept: The one that stays.
        other: The one that is held against it.
        kept_in: Name of the folder that ``kept`` comes from.
        other_in: The same of ``other``.

    Returns:
        A phrase for each data set, for the weights, and for each of ``PACKAGES`` that is another; empty where the
        results are the same work, whatever machine did it.
    """
    found = [
        f"the content of {name} is {_short(mine)} in {kept_in}, {_short(theirs)} in {other_in}"
        for name, mine, theirs in _contents(kept, other)
        if mine != theirs
    ]
    mine, theirs = (result.weights.sha256 if result.weights else "" for result in (kept, other))
    if mine != theirs:
        found.append(f"the weights of {kept.model} are {_short(mine)} in {kept_in}, {_short(theirs)} in {other_in}")
    found += version_differences(versions(kept), versions(other), kept_in=kept_in, other_in=other_in)
    return tuple(found)


def versions(result: Result) -> dict[str, str]:
    """``PACKAGES`` to the version that ran; without those that are not known."""
    if result.environment is None:
        return {}
    known = {**result.environment.packages, "suite": result.environment.suite}
    return {name: known[name] for name in PACKAGES if name in known}


def version_differences(kept: dict[str, str], other: dict[str, str], *, kept_in: str, other_in: str) -> list[str]:
    """A phrase for each package whose version is another."""
    return [
        f"{name} {kept.get(name, 'not there')} in {kept_in}, {other.get(name, 'not there')} in {other_in}"
        for name in PACKAGES
        if kept.get(name) != other.get(name)
    ]


def _contents(kept: Result, other: Result) -> Iterator[tuple[str, str, str]]:
    """Each data set with its two fingerprints; both results name them in the order of their trial."""
    nothing = DataRecord(name="", class_names=(), sizes={}, fingerprint="", licence=None, origin="")
    for one, another in zip_longest(kept.data, other.data, fillvalue=nothing):
        yield one.name or another.name, one.fingerprint, another.fingerprint


def _short(text: str) -> str:
    return text[:_DIGITS] or "unknown"
