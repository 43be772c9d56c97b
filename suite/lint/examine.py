"""Runs the registered checks on a subject and gathers what they say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from suite.errors import SuiteError
from suite.lint.subjects import LeftOut, LooksAt, Run
from suite.registry import CHECKS
from suite.store.records.check import Checks, DataChecks, Finding, worst_first

__all__ = ["Examined", "check_run", "examine"]

NAMED = 5
"""Places that are named, where one reason holds for many."""


@dataclass(frozen=True)
class Examined:
    """What the checks of one kind found."""

    findings: tuple[Finding, ...]
    """Worst first."""
    ran: tuple[str, ...]
    left_out: dict[str, str]
    """``check: place`` to the reason why nothing can be said."""


def examine(kind: LooksAt, subject: Any) -> Examined:
    """Every registered check that looks at this kind of subject.

    Raises:
        SuiteError: For a registered object that is no check, and whatever reading the data raises.
    """
    findings: list[Finding] = []
    left_out: dict[str, str] = {}
    ran = []
    for name in CHECKS.names():
        check = CHECKS.get(name)
        if not hasattr(check, "findings") or not isinstance(getattr(check, "looks_at", None), tuple):
            raise SuiteError(f"check '{name}': expected a class with 'looks_at', a tuple, and 'findings'.")
        if kind not in check.looks_at or (getattr(check, "reads_examples", False) and not subject.reads):
            continue
        ran.append(name)
        silent: dict[str, list[str]] = {}
        for said in check.findings(subject):
            if isinstance(said, LeftOut):
                silent.setdefault(said.reason, []).append(said.where)
            else:
                findings.append(said)
        left_out |= {f"{name}: {_listed(places)}": reason for reason, places in silent.items()}
    return Examined(worst_first(findings), tuple(ran), left_out)


def _listed(places: list[str]) -> str:
    more = len(places) - NAMED
    return ", ".join(places[:NAMED]) + (f" and {more} more" if more > 0 else "")


def check_run(run: Run, *, data: DataChecks | None = None) -> Checks:
    """The checks of results, beside what was found in the data before.

    Args:
        run: The comparison and what it was made of; read without TensorFlow and without the data.
        data: Findings kept from an earlier check of plan and data.
    """
    found = examine("results", run)
    return Checks(
        findings=found.findings,
        ran=found.ran,
        left_out=found.left_out,
        data=data,
        stale=tuple(_changed(run, data)) if data is not None else (),
    )


def _changed(run: Run, data: DataChecks) -> Iterable[str]:
    """Labels of data sets whose content was another when the data was checked."""
    used = {(record.name, record.fingerprint) for record in run.comparison.data}
    known = {name for name, _ in used}
    return [
        name for name, fingerprint in data.fingerprints.items() if name in known and (name, fingerprint) not in used
    ]
