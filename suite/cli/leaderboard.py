"""The leaderboard in the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from suite.cli.options import print_table, say

if TYPE_CHECKING:
    from suite.compare.comparison import Comparison
    from suite.results import Result

__all__ = ["print_failures", "print_leaderboard"]


def print_leaderboard(comparison: Comparison) -> None:
    """Prints one table per data set on stdout, then the answer and how to read the letters."""
    from suite.leaderboard import NUMBERS, leaderboard_columns, leaderboard_row

    columns = leaderboard_columns(comparison)
    for dataset in comparison.datasets:
        say(f"\n{dataset}")
        rows = [leaderboard_row(cell) for cell in comparison.cells if cell.dataset == dataset]
        print_table(columns, rows, right=[columns[position] for position in NUMBERS])
    if comparison.across and comparison.across.answer:
        say(f"\n{comparison.across.answer}")
    for recommendation in comparison.recommendations:
        where = f"{recommendation.dataset}: " if len(comparison.datasets) > 1 else ""
        say(f"\n{where}{recommendation.take}")
        for sentence in recommendation.labels:
            say(f"  - {sentence}")
    for missed in comparison.unmet:
        say(f"\n{missed.dataset}: {missed.text}")
    if any(cell.ties for cell in comparison.cells):
        say("Rows with a letter in common cannot be told apart; intervals are over the test examples.")


def print_failures(failed: Iterable[Result]) -> None:
    """Names every trial that ended without a score, with its reason, on stderr."""
    found = tuple(failed)
    say(f"\n{len(found)} {'trial' if len(found) == 1 else 'trials'} failed:", err=True)
    for one in found:
        where = f"{one.model} x {one.dataset} x {one.strategy}, {one.phase} seed {one.seed}"
        say(f"  {one.id}  {where}: {one.status}: {one.reason}", err=True)
