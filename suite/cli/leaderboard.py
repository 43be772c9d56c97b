"""The leaderboard in the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from suite.cli.options import print_table

if TYPE_CHECKING:
    from suite.compare.comparison import Comparison
    from suite.results import Result

__all__ = ["print_failures", "print_leaderboard"]


def print_leaderboard(comparison: Comparison) -> None:
    """Prints one table per data set on stdout, then the answer and how to read the verdicts."""
    from suite.compare.verdict_words import HOW_TO_READ, INTERVAL
    from suite.leaderboard import NUMBERS, leaderboard_columns, leaderboard_row

    columns = leaderboard_columns(comparison)
    for dataset in comparison.datasets:
        click.echo(f"\n{dataset}")
        rows = [leaderboard_row(cell) for cell in comparison.cells if cell.dataset == dataset]
        print_table(columns, rows, right=[columns[position] for position in NUMBERS])
    if comparison.across and comparison.across.answer:
        click.echo(f"\n{comparison.across.answer}")
    for recommendation in comparison.recommendations:
        where = f"{recommendation.dataset}: " if len(comparison.datasets) > 1 else ""
        click.echo(f"\n{where}{recommendation.take}")
        for sentence in recommendation.labels:
            click.echo(f"  - {sentence}")
    for missed in comparison.unmet:
        click.echo(f"\n{missed.dataset}: {missed.text}")
    if any(cell.best for cell in comparison.cells):
        click.echo(f"{HOW_TO_READ} {INTERVAL}")


def print_failures(failed: Iterable[Result]) -> None:
    """Names every trial that ended without a score, with its reason, on stderr."""
    found = tuple(failed)
    click.echo(f"\n{len(found)} {'trial' if len(found) == 1 else 'trials'} failed:", err=True)
    for one in found:
        where = f"{one.model} x {one.dataset} x {one.strategy}, {one.phase} seed {one.seed}"
        click.echo(f"  {one.id}  {where}: {one.status}: {one.reason}", err=True)
