"""``suite results``: the tables of a run for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from suite.cli.main import COMMANDS
from suite.tabular import FORMATS, TABLES, TableFormat, TableName, format_of, table, write_table

__all__ = ["command"]


@click.command("results", short_help=COMMANDS["results"].summary)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--table",
    "name",
    type=click.Choice(TABLES),
    default="leaderboard",
    show_default=True,
    help="One row per cell, per trial, or per score.",
)
@click.option(
    "--format", "kind", type=click.Choice(FORMATS), help="By the ending of --out; CSV when both are left out."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="A file instead of stdout.")
def command(folder: Path, *, name: TableName, kind: TableFormat | None, out: Path | None) -> None:
    """Write the results of a run as CSV, JSON, LaTeX, Markdown and more.

    DIR is the folder of a run.  The leaderboard has a row per cell with intervals, ties and costs; trials a row per
    trial with a column per score; scores a row per trial, evaluation set and metric.  LaTeX is for the package
    booktabs.  It needs no TensorFlow, and may be called in the middle of the run.

    \b
    Example:
      suite results reports/vision
      suite results reports/vision --table scores --out scores.parquet
      suite results reports/vision --format latex --out table.tex
    """
    chosen = format_of(out, kind)
    frame = table(folder, name)
    text = write_table(frame, chosen, out, caption=f"{name.capitalize()} of {folder.name}")
    click.echo(out if text is None else text, nl=text is None)
