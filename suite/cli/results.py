"""``suite results``: the results of a run for other programs, as a table or trial by trial."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.cli.main import COMMANDS
from suite.cli.options import load_plugins, plugin_option, store_options, warn
from suite.errors import SuiteError
from suite.report.tabular import FORMATS, TABLES, TableFormat, TableName, format_of, table, write_table

if TYPE_CHECKING:
    from suite.store.address import StoreChoice

__all__ = ["command"]


@click.command("results", short_help=COMMANDS["results"].summary)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--table",
    "name",
    type=click.Choice(TABLES),
    help="One row per cell, per trial, or per score.  [default: leaderboard]",
)
@click.option(
    "--format", "kind", type=click.Choice(FORMATS), help="By the ending of --out; CSV when both are left out."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="A file instead of stdout.")
@click.option(
    "--to",
    "destinations",
    multiple=True,
    metavar="KIND:TARGET",
    help="Instead of a table, every trial to tensorboard:FOLDER or mlflow:http://HOST:PORT.",
)
@click.option("--overwrite", is_flag=True, help="With --to tensorboard: write into a folder that holds other files.")
@store_options
@plugin_option
def command(
    folder: Path,
    *,
    name: TableName | None,
    kind: TableFormat | None,
    out: Path | None,
    destinations: tuple[str, ...],
    overwrite: bool,
    store: StoreChoice | None,
    plugins: tuple[Path, ...],
) -> None:
    """Write results as CSV, LaTeX and more, or for MLflow and TensorBoard.

    DIR is the folder of a run.  The leaderboard has a row per cell with intervals, verdicts and costs; trials a row per
    trial with a column per score; scores a row per trial, evaluation set and metric.  LaTeX is for the package
    booktabs.  It needs no TensorFlow, and may be called in the middle of the run.

    With --to, learning curves, settings and scores of every trial go to TensorBoard's event files; to an MLflow
    server also costs, predictions, the report and the cards of exported files.  The same again changes nothing.

    \b
    Example:
      suite results reports/vision
      suite results reports/vision --table scores --out scores.parquet
      suite results reports/vision --format latex --out table.tex
      suite results reports/vision --to tensorboard:./curves
      suite results reports/vision --to mlflow:http://127.0.0.1:5000
    """
    load_plugins(plugins)
    if store is not None:
        store.attach(folder)
    if destinations or overwrite:
        _send(folder, destinations, overwrite=overwrite, table=any(one is not None for one in (name, kind, out)))
        return
    chosen = format_of(out, kind)
    which: TableName = name or "leaderboard"
    text = write_table(table(folder, which, tell=warn), chosen, out, caption=f"{which.capitalize()} of {folder.name}")
    click.echo(out if text is None else text, nl=text is None)


def _send(folder: Path, destinations: tuple[str, ...], *, overwrite: bool, table: bool) -> None:
    from suite.publish.destinations import choose, send

    if destinations and table:
        raise SuiteError("--to sends whole trials; --table, --format and --out are for tables. Give one or the other.")
    deliveries = choose(destinations, overwrite=overwrite)
    for delivery in deliveries:
        sent = send(folder, delivery)
        counts = {"trials written": sent.written, "unchanged": sent.unchanged, "left out": sent.left_out}
        said = ", ".join(f"{count} {word}" for word, count in counts.items() if count or word == "trials written")
        click.echo(f"{delivery.shown}: {said}. {sent.note}")
