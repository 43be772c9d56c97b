"""Check ``fit_notes``: what a fit says of itself and a reader should know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from suite.lint.subjects import LooksAt, Run, place_of
from suite.store.records.check import Finding

__all__ = ["FitNotes"]


class FitNotes:
    """A penalty at the end of those that were tried, probabilities worse than guessing, a batch that was halved."""

    summary: ClassVar[str] = "what fits note of themselves: settings at an end of their range, batches that were halved"
    looks_at: ClassVar[tuple[LooksAt, ...]] = ("results",)

    @classmethod
    def findings(cls, subject: Run) -> Iterator[Finding]:
        """Per cell and note of its finals, with the seeds that have it."""
        for cell in subject.ranked:
            finals = subject.finals(cell)
            for note, count in Counter(note for result in finals for note in result.notes).items():
                seeds = "" if len(finals) == 1 else f" ({count} of {len(finals)} seeds)"
                yield Finding(
                    check="fit_notes",
                    severity="note",
                    what=f"{note[:1].upper()}{note[1:].removesuffix('.')}{seeds}.",
                    where=place_of(cell),
                    why="The score is that of this setting; with another one the same model may score otherwise.",
                    mend="Change the setting for all models alike, or read the score with it in mind.",
                )
