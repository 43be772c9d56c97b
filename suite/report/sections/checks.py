"""The report's section on checks: what was found, what could not be checked, and a clean bill in words."""

from __future__ import annotations

from suite.compare.comparison import Comparison
from suite.compare.number_format import plural, thin
from suite.report.layout import Alarm, Section
from suite.report.tables import Box, Column, Table
from suite.store.records.check import Checks, counted

__all__ = ["MOST_ALARMS", "alarms", "checks_section"]

MOST_ALARMS = 5
"""Errors and warnings that stand beside the answer; the others are in the section."""

READ = (
    "What would mislead: copies between splits, broken fits, weights that know the test data, test sets that are too "
    "small. An error makes a number wrong, a warning may make it misleading, a note is good to know."
)
ORDER = {"error": 0, "warning": 1, "note": 2}


def alarms(comparison: Comparison) -> tuple[Alarm, ...]:
    """What has to be read with the answer: the errors and warnings, worst first."""
    found = comparison.checks.beside_answer if comparison.checks is not None else ()
    return tuple(Alarm(one.severity.capitalize(), one.where, thin(one.what), thin(one.mend)) for one in found)


def checks_section(comparison: Comparison) -> Section:
    """Findings of the results, and of the data where it was checked, worst first."""
    checks = comparison.checks
    if checks is None:
        return Section("checks", "Checks", READ, lists=(("", ("Nothing was checked.",)),), folded=False)
    tables = [_findings(checks), _left_out(checks)]
    return Section(
        "checks",
        "Checks",
        READ,
        tables=tuple(table for table in tables if table.rows),
        folded=False,
        lists=(("", (thin(_of_results(checks)), thin(_of_data(checks)))),),
    )


def _of_results(checks: Checks) -> str:
    found = counted(checks.findings) if checks.findings else "nothing"
    return f"{plural(len(checks.ran), 'check')} of the results found {found}."


def _of_data(checks: Checks) -> str:
    data = checks.data
    if data is None:
        return "No check of the data was run; suite lint SPEC reads it and looks for copies and unequal splits."
    day = data.checked_at[:10]
    if checks.stale:
        changed = ", ".join(checks.stale)
        return f"The data was checked on {day}, but {changed} has changed since; run suite lint SPEC again."
    read = ", ".join(data.fingerprints) or "no data set"
    found = counted(data.findings) if data.findings else "nothing"
    return f"{plural(len(data.ran), 'check')} of plan and data found {found} on {day}, in {read}."


def _findings(checks: Checks) -> Table:
    columns = (
        Column("severity"),
        Column("what", long=True),
        Column("where", long=True),
        Column("why it matters", long=True),
        Column("what to do", long=True),
        Column("check"),
    )
    rows = tuple(
        (
            Box(one.severity, ORDER[one.severity]),
            Box(thin(one.what)),
            Box(one.where),
            Box(thin(one.why)),
            Box(thin(one.mend)),
            Box(one.check),
        )
        for one in checks.all
    )
    return Table("Found", columns, rows)


def _left_out(checks: Checks) -> Table:
    places = {**checks.left_out, **(checks.data.left_out if checks.data and not checks.stale else {})}
    rows = tuple((Box(place), Box(reason)) for place, reason in places.items())
    return Table("Could not be checked", (Column("what", long=True), Column("reason", long=True)), rows)
