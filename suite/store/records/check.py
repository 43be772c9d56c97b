"""What a check has to say, and what was checked: the records that reports and programs read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from suite.store.records.reading import Reading
from suite.store.records.result import Record

__all__ = ["CHECKS_VERSION", "SEVERITIES", "Checks", "DataChecks", "Finding", "Severity", "counted", "worst_first"]

CHECKS_VERSION = 1

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""From what makes a number wrong, over what makes it misleading, to what a reader should know."""


class Finding(Record):
    """One thing that a check found."""

    check: str
    """Registered name of the check."""
    severity: Severity
    what: str
    """One or two sentences with the numbers."""
    where: str
    """The data set and splits, the model, or the cell."""
    why: str
    """Why it matters."""
    mend: str
    """What to do about it."""

    @property
    def sentence(self) -> str:
        """All that stands beside an answer: ``Error in sms, train and test: 112 of 557 test examples ...``."""
        return f"{self.severity.capitalize()} in {self.where}: {self.what}"


class DataChecks(Record):
    """What the checks of plan and data found; kept beside the results, since they read the data."""

    format_version: int = CHECKS_VERSION
    spec_name: str
    checked_at: str
    """ISO 8601, UTC."""
    fingerprints: dict[str, str]
    """Label of each data set that was read to the fingerprint of its content."""
    readings: dict[str, Reading] = Field(default_factory=dict)
    """Label of each data set to what was found and what was left out of it."""
    findings: tuple[Finding, ...] = ()
    ran: tuple[str, ...] = ()
    """Names of the checks."""
    left_out: dict[str, str] = Field(default_factory=dict)
    """What was not checked, with the reason."""
    decoded: bool = True
    """Whether every example was read; before a run only labels and hashes of the content are looked at."""

    def covers(self, other: DataChecks) -> bool:
        """Whether these looked at all that the others did, in the same data, and at more or found the same."""
        if self.model_copy(update={"checked_at": other.checked_at}) == other:
            return True
        same = self.spec_name == other.spec_name and self.fingerprints.items() >= other.fingerprints.items()
        return same and self.decoded and not other.decoded and set(self.ran) >= set(other.ran)


class Checks(Record):
    """What was checked of a comparison."""

    findings: tuple[Finding, ...]
    """Of the results, worst first."""
    ran: tuple[str, ...]
    left_out: dict[str, str] = Field(default_factory=dict)
    """Check, or check and place, to the reason why nothing can be said."""
    data: DataChecks | None = None
    """None where the data was never checked."""
    stale: tuple[str, ...] = ()
    """Data sets of ``data`` that hold something else in these results than when they were checked."""

    @property
    def all(self) -> tuple[Finding, ...]:
        """Findings of results and of data that is still the same, worst first."""
        return worst_first((*self.findings, *(self.data.findings if self.data and not self.stale else ())))

    @property
    def beside_answer(self) -> tuple[Finding, ...]:
        """The errors and warnings, worst first: whoever reads the answer must read them too."""
        return tuple(one for one in self.all if one.severity != "note")


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors, then warnings, then notes; by check and place among equals, each once."""
    unique = dict.fromkeys(findings)
    return tuple(sorted(unique, key=lambda one: (SEVERITIES.index(one.severity), one.check, one.where, one.what)))


def counted(findings: Iterable[Finding]) -> str:
    """``1 error, 2 warnings and 1 note``; ``no finding`` where there is none."""
    counts = Counter(one.severity for one in findings)
    parts = [f"{counts[kind]} {kind}{'s' if counts[kind] > 1 else ''}" for kind in SEVERITIES if counts[kind]]
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]])) or "no finding"
