"""``suite results``: the tables of a run for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from suite.cli.main import COMMANDS
from suite.errors import SuiteError
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
@click.option(
    "--to", "places", multiple=True, metavar="KIND:TARGET", help="Send trials to mlflow:URI or tensorboard:DIR instead."
)
def command(
    folder: Path, *, name: TableName, kind: TableFormat | None, out: Path | None, places: tuple[str, ...]
) -> None:
    """Write the results of a run as CSV, JSON, LaTeX, Markdown and more.

    DIR is the folder of a run.  The leaderboard has a row per cell with intervals, ties and costs; trials a row per
    trial with a column per score; scores a row per trial, evaluation set and metric.  LaTeX is for the package
    booktabs.  It needs no TensorFlow, and may be called in the middle of the run.  With --to every trial goes to an
    MLflow server (parameters, scores, curves, files; again, only what is new) or into TensorBoard's event files.

    \b
    Example:
      suite results reports/vision
      suite results reports/vision --table scores --out scores.parquet
      suite results reports/vision --format latex --out table.tex
      suite results reports/vision --to mlflow:http://localhost:5000
    """
    if places:
        if kind or out:
            raise SuiteError("--to sends trials, --format and --out write a table; give one of them.")
        _send(folder, places)
        return
    chosen = format_of(out, kind)
    frame = table(folder, name)
    text = write_table(frame, chosen, out, caption=f"{name.capitalize()} of {folder.name}")
    click.echo(out if text is None else text, nl=text is None)


def _send(folder: Path, places: tuple[str, ...]) -> None:
    from suite.destinations.destination import destination_of

    chosen = [destination_of(place) for place in places]
    for destination, target in chosen:
        done = destination.send(folder, target)
        there = f", {done.kept} were there" if done.kept else ""
        click.echo(f"{done.where}: {done.sent} trial{'' if done.sent == 1 else 's'} sent{there}")
