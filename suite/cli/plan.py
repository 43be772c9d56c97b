"""``suite plan``: what a run would do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.cli.main import COMMANDS
from suite.cli.options import (
    PairsCommand,
    as_json,
    json_option,
    only_option,
    out_option,
    plugin_option,
    print_table,
    set_option,
    spec_argument,
    store_options,
)

if TYPE_CHECKING:
    from suite.runner.dry_run import CellOutlook, Outlook
    from suite.store.address import StoreChoice

__all__ = ["command"]


@click.command("plan", cls=PairsCommand, short_help=COMMANDS["plan"].summary)
@spec_argument
@only_option
@set_option
@out_option
@store_options
@plugin_option
@click.option(
    "--cluster",
    "nodes",
    type=click.IntRange(min=1),
    metavar="N",
    help="Also estimate the time on N machines like this one.",
)
@click.option("--trials", is_flag=True, help="List every trial instead of one line per cell.")
@json_option
def command(
    spec: Path,
    *,
    only: tuple[str, ...],
    overrides: tuple[str, ...],
    out: Path | None,
    store: StoreChoice | None,
    plugins: tuple[Path, ...],
    nodes: int | None,
    trials: bool,
    json_: bool,
) -> None:
    """Show the trials of a spec: done, missing, skipped and why.

    Also what would have to be downloaded, from where and where to put it by hand, what files would be written of
    the models, and how long the missing trials will take, judged by those that are done.  Nothing is written and no
    TensorFlow is started.

    \b
    Example:
      suite plan specs/vision.json
      suite plan specs/imagenet.json --only model=ResNet50
      suite plan specs/imagenet.json --cluster 8
    """
    from suite.runner.dry_run import look_ahead

    outlook = look_ahead(spec, only=only, overrides=overrides, plugins=plugins, out=out, store=store, nodes=nodes)
    if json_:
        as_json(outlook.as_json())
        return
    (_print_trials if trials else _print_cells)(outlook)
    _print_readings(outlook)
    _print_skips(outlook)
    _print_downloads(outlook)
    _print_files(outlook)
    click.echo(f"\n{outlook.sentence}")


def _print_cells(outlook: Outlook) -> None:
    rows = []
    budgets = _budget_column(outlook)
    for cell in outlook.cells:
        counts = Counter(trial.state for trial in cell.trials)
        states = ", ".join(f"{number} {state}" for state, number in counts.items())
        rows.append((*_where(cell, budgets), states))
    print_table(["model", "data set", "strategy", *budgets, "trials"], rows)


def _print_readings(outlook: Outlook) -> None:
    """One line per data set whose files or rows were read; of one that comes with a library only what was left out."""
    for label, reading in outlook.readings.items():
        if reading.unit != "example" or reading.left_out:
            click.echo(f"{label}: {reading.words}")


def _print_trials(outlook: Outlook) -> None:
    budgets = _budget_column(outlook)
    rows = [
        (trial.id, *_where(cell, budgets), trial.phase, str(trial.seed), trial.state, trial.reason or "")
        for cell in outlook.cells
        for trial in cell.trials
    ]
    where = ["model", "data set", "strategy", *budgets]
    print_table(["trial", *where, "phase", "seed", "state", "reason"], rows, right=["seed"])


def _budget_column(outlook: Outlook) -> list[str]:
    """A column for label budgets, where the spec has any."""
    from suite.spec.label_budget import ALL

    return ["labels"] if any(cell.train_examples != ALL for cell in outlook.cells) else []


def _where(cell: CellOutlook, budgets: list[str]) -> tuple[str, ...]:
    return (*cell.labels, *(str(cell.train_examples) for _ in budgets))


def _print_skips(outlook: Outlook) -> None:
    if outlook.skips:
        click.echo("\nSkipped:")
    for labels, reason in outlook.skips:
        click.echo(f"  {' x '.join(labels)}: {reason}")


def _print_downloads(outlook: Outlook) -> None:
    if outlook.downloads:
        click.echo("\nNot on this machine; a run would download, or put it there by hand:")
    for need in outlook.downloads:
        size = f" ({need.size_bytes / 1e6:,.0f} MB)" if need.size_bytes else ""
        click.echo(f"  {need.what}{size}\n    from  {need.url}\n    to    {need.path}")


def _print_files(outlook: Outlook) -> None:
    models = {
        "all": "the best model of each cell",
        "best": "the best model of each data set",
        "recommended": "the recommended model",
    }
    if outlook.files:
        click.echo("\nAfter the trials, models are written and measured as files:")
    for files in outlook.files:
        lacking = f"; not installed yet: {files.install}" if files.install else ""
        click.echo(f"  {files.format} in {', '.join(files.precisions)}: {models[files.which]}{lacking}")
