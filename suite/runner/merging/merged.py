"""What a merge did, for the command line and for Python users."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from suite.compare.number_format import plural
from suite.runner.merging.verdicts import Conflict, Share

__all__ = ["Merged"]

_NAMED = 10
"""Trials of one kind of conflict that are named; a program gets all of them."""


@dataclass(frozen=True)
class Merged:
    """What a merge did."""

    into: Path
    trials: int
    """Results that are there now."""
    held: int
    """Of these, what was there before and stayed."""
    shares: tuple[Share, ...]
    """Of each folder but ``into``, in their order."""
    exports: int
    """Cards of exported files that came."""
    conflicts: Mapping[str, Path] = field(default_factory=dict)
    """Folder that was merged to the run folder that holds what conflicts of it."""
    notes: tuple[str, ...] = ()
    """What the user should know besides, one sentence each."""

    @property
    def sentences(self) -> Iterator[str]:
        """How many trials came from where, one line for each folder."""
        came = sum(len(share.brought) for share in self.shares)
        files = f", and {plural(self.exports, 'exported file')}" if self.exports else ""
        yield f"{self.into}: {plural(self.trials, 'trial')}, {came or 'none'} of them new{files}."
        for share in self.shares:
            origins = (*share.same.values(), *share.passed_over.values())
            there = origins.count(share.source.shown)
            parts = [f"{len(share.brought)} brought", *([f"{there} there already"] if there else [])]
            parts += _counted(share, share.same, "the same as in")
            parts += _counted(share, share.passed_over, "not done, kept as in")
            if share.conflicts:
                place = self.conflicts[share.source.shown]
                parts.append(f"{plural(len(share.conflicts), 'conflict')}, kept apart in {place}")
            yield f"  {share.source.shown}: {'; '.join(parts)}"

    @property
    def warnings(self) -> Iterator[str]:
        """Every conflict with what differs, those that differ alike together."""
        groups: dict[tuple[str, ...], list[Conflict]] = {}
        for share in self.shares:
            for conflict in share.conflicts:
                groups.setdefault(conflict.differences, []).append(conflict)
        for differences, conflicts in groups.items():
            more = f"; and {len(conflicts) - _NAMED} more" if len(conflicts) > _NAMED else ""
            named = "; ".join(_name(conflict) for conflict in conflicts[:_NAMED])
            many = f"{plural(len(conflicts), 'conflict')} ({', '.join(differences)})"
            yield f"{many}: {named}{more}. Kept: {conflicts[0].kept_in}."

    def as_json(self) -> dict[str, Any]:
        """The same for a program, every conflict by itself."""
        return {
            "into": str(self.into),
            "trials": self.trials,
            "held": self.held,
            "exports": self.exports,
            "sources": [
                {
                    "folder": share.source.shown,
                    "brought": list(share.brought),
                    "same": dict(share.same),
                    "not_done": dict(share.passed_over),
                    "conflicts": [self._conflict(conflict) for conflict in share.conflicts],
                }
                for share in self.shares
            ],
            "notes": list(self.notes),
        }

    def _conflict(self, conflict: Conflict) -> dict[str, Any]:
        names = ("id", "cell_id", "model", "dataset", "strategy", "phase", "seed")
        return {
            **{name: getattr(conflict.result, name) for name in names},
            "kept_in": conflict.kept_in,
            "other_in": conflict.other_in,
            "differences": list(conflict.differences),
            "folder": str(self.conflicts[conflict.other_in]),
        }


def _counted(share: Share, origins: Mapping[str, str], words: str) -> Iterable[str]:
    """How many results of other folders are kept instead, by folder."""
    counts = Counter(origin for origin in origins.values() if origin != share.source.shown)
    return [f"{number} {words} {origin}" for origin, number in counts.items()]


def _name(conflict: Conflict) -> str:
    result = conflict.result
    phase = "" if result.phase == "final" else f", {result.phase}"
    return f"{result.model} x {result.dataset} x {result.strategy}, seed {result.seed}{phase} ({result.id[:8]})"
