"""The leaderboard in the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from suite.cli.options import print_table, say

if TYPE_CHECKING:
    from suite.compare.comparison import Comparison
    from suite.store.records.check import Finding
    from suite.store.records.result import Result

__all__ = ["print_failures", "print_findings", "print_leaderboard"]

NAMED = 5
"""Findings that the terminal shows; the report has them all."""


def print_leaderboard(comparison: Comparison) -> None:
    """Prints one table per data set on stdout, then the answer, what the checks found, and how to read the verdicts."""
    from suite.compare.advice.readiness import dataset_answers
    from suite.compare.advice.verdict_words import HOW_TO_READ, INTERVAL
    from suite.report.leaderboard_text import NUMBERS, leaderboard_columns, leaderboard_row

    columns = leaderboard_columns(comparison)
    for dataset in comparison.datasets:
        say(f"\n{dataset}")
        rows = [leaderboard_row(cell) for cell in comparison.cells if cell.dataset == dataset]
        print_table(columns, rows, right=[columns[position] for position in NUMBERS])
    if comparison.across and comparison.across.answer:
        say(f"\n{comparison.across.answer}")
    labels = {one.dataset: one.labels for one in comparison.recommendations}
    for answer in dataset_answers(comparison):
        where = f"{answer.dataset}: " if len(comparison.datasets) > 1 else ""
        say(f"\n{where}{answer.take}")
        if answer.leading:
            say(answer.leading)
        for sentence in labels.get(answer.dataset, ()):
            say(f"  - {sentence}")
    print_findings(comparison.checks.beside_answer if comparison.checks else ())
    if any(cell.best for cell in comparison.cells):
        say(f"\n{HOW_TO_READ} {INTERVAL}")


def print_findings(findings: Iterable[Finding], *, mends: bool = True) -> None:
    """What the checks found that makes a number wrong or misleading, worst first, with what to do about it."""
    found = tuple(findings)
    for one in found[:NAMED]:
        say(f"\n{one.sentence}")
        if mends:
            say(f"  {one.mend}")
    if len(found) > NAMED:
        say(f"\nThe checks found {len(found) - NAMED} more; the report lists them, and so does suite lint.")


def print_failures(failed: Iterable[Result]) -> None:
    """Names every trial that ended without a score, with its reason, on stderr."""
    found = tuple(failed)
    say(f"\n{len(found)} {'trial' if len(found) == 1 else 'trials'} failed:", err=True)
    for one in found:
        where = f"{one.model} x {one.dataset} x {one.strategy}, {one.phase} seed {one.seed}"
        say(f"  {one.id}  {where}: {one.status}: {one.reason}", err=True)
