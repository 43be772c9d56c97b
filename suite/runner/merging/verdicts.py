"""Which result of a trial is kept where several folders have one, decided before anything is copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from suite.runner.merging.sameness import differences
from suite.runner.merging.sources import Source
from suite.store.records.result import Result, Status

__all__ = ["Conflict", "Share", "shares_of"]

_WORTH: Mapping[Status, int] = {"done": 2, "diverged": 1, "skipped": 1, "failed": 0, "timeout": 0}
"""A run takes up again what failed and what took too long; a divergence and a skip would come again."""


@dataclass(frozen=True)
class Conflict:
    """A finished result that is kept apart, since the same trial was done on other data, weights or versions."""

    result: Result
    kept_in: str
    """Folder whose result was kept."""
    other_in: str
    """Folder of this one."""
    differences: tuple[str, ...]
    """What they differ in, in words; at least one."""


@dataclass(frozen=True)
class Share:
    """What becomes of the results of one folder."""

    source: Source
    brought: tuple[str, ...]
    """Ids of the trials that are kept from here; of the folder that is merged into, all that stay in it."""
    same: Mapping[str, str]
    """Trial id to the folder whose result of the same work is kept."""
    passed_over: Mapping[str, str]
    """Trials that are not done here, to the folder whose result is kept: it is done, or was first."""
    conflicts: tuple[Conflict, ...]


def shares_of(sources: Sequence[Source], *, base: Source | None) -> tuple[Share, ...]:
    """What becomes of every result: the best status goes first, among equals the first folder.

    Args:
        sources: In their order; ``base``, where there is one, is the first.
        base: What the folder that is merged into holds already.
    """
    keepers = _keepers(sources)
    return tuple(_share(source, keepers, sources, base) for source in sources)


def _keepers(sources: Sequence[Source]) -> dict[str, Source]:
    """Trial id to the source whose result is kept."""
    keepers: dict[str, Source] = {}
    for source in sources:
        for trial_id, result in source.results.items():
            before = keepers.get(trial_id)
            if before is None or _WORTH[result.status] > _WORTH[before.results[trial_id].status]:
                keepers[trial_id] = source
    return keepers


def _share(source: Source, keepers: Mapping[str, Source], sources: Sequence[Source], base: Source | None) -> Share:
    brought: list[str] = []
    same: dict[str, str] = {}
    passed_over: dict[str, str] = {}
    conflicts: list[Conflict] = []
    for trial_id, result in source.results.items():
        keeper = keepers[trial_id]
        if keeper is source:
            brought.append(trial_id)
            continue
        kept = keeper.results[trial_id]
        origin = _origin(kept, sources, base) if keeper is base else keeper.shown
        if result.status != "done":
            passed_over[trial_id] = origin
            continue
        found = differences(kept, result, kept_in=origin, other_in=source.shown)
        if found:
            conflicts.append(Conflict(result, origin, source.shown, found))
        else:
            same[trial_id] = origin
    return Share(source, tuple(brought), same, passed_over, tuple(conflicts))


def _origin(kept: Result, sources: Sequence[Source], base: Source | None) -> str:
    """Where a result that an earlier merge brought came from, so that the same command says the same again."""
    for source in sources:
        found = source.results.get(kept.id)
        if source is not base and found is not None and _without_files(found) == _without_files(kept):
            return source.shown
    return base.shown if base is not None else ""


def _without_files(result: Result) -> Result:
    """Which models are kept is not of the result."""
    return result.model_copy(update={"artefacts": {}})
