"""The leaderboard in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from suite.cli.options import print_table

if TYPE_CHECKING:
    from suite.compare.cell import CellSummary
    from suite.compare.comparison import Comparison

__all__ = ["print_failures", "print_leaderboard"]

ABSENT = "-"


def print_leaderboard(comparison: Comparison) -> None:
    """Prints one table per data set on stdout, then the recommendation and how to read the letters."""
    for dataset in comparison.datasets:
        cells = [cell for cell in comparison.cells if cell.dataset == dataset]
        if len(comparison.datasets) > 1:
            click.echo(f"\n{dataset}")
        _print_ranking(cells, comparison.headline.label)
    for recommendation in comparison.recommendations:
        click.echo(f"\n{recommendation.take}")
    if any("".join(cell.ties) for cell in comparison.cells):
        click.echo("Models with a letter in common cannot be told apart. Intervals are 95 %, over the test examples.")


def print_failures(comparison: Comparison) -> None:
    """Names every trial that ended without a score, with its reason, on stderr."""
    if comparison.failures:
        click.echo(f"\n{len(comparison.failures)} of {comparison.facts.trials_planned} trials failed:", err=True)
    for failure in comparison.failures:
        where = f"{failure.model} x {failure.dataset} x {failure.strategy}, seed {failure.seed} ({failure.phase})"
        click.echo(f"  {failure.trial_id}  {where}: {failure.status}: {failure.reason}", err=True)


def _print_ranking(cells: list[CellSummary], headline: str) -> None:
    columns = ["", "model", "strategy", headline.lower(), "95 %", "ties", "latency ms", "parameters", "fit s", "n"]
    numbers = ["", headline.lower(), "latency ms", "parameters", "fit s", "n"]
    print_table(columns, [_row(cell) for cell in cells], right=numbers)


def _row(cell: CellSummary) -> tuple[str, ...]:
    score, profile, timings = cell.headline, cell.profile, cell.timings
    interval = f"{score.low:.3f}-{score.high:.3f}" if score and score.low is not None and score.high is not None else ""
    return (
        _number(cell.rank, ".0f"),
        cell.model,
        cell.strategy,
        _number(score.value if score else None, ".3f"),
        interval or ABSENT,
        cell.ties or ABSENT,
        _number(profile.latency_ms_p50.mean if profile else None, ".2f"),
        _number(profile.parameters if profile else None, ",.0f"),
        _number(timings.training_seconds.mean if timings else None, ".1f"),
        f"{cell.finished}/{cell.planned}",
    )


def _number(value: float | None, form: str) -> str:
    return ABSENT if value is None else format(value, form)
