"""``suite import``: a table of published results."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from suite.cli.main import COMMANDS
from suite.cli.options import STORE_URL, as_json, json_option, store_options

if TYPE_CHECKING:
    from suite.store.address import StoreChoice

__all__ = ["command"]

_FILE = click.Path(path_type=Path)


@click.command("import", short_help=COMMANDS["import"].summary)
@click.argument("table", type=_FILE, metavar="TABLE.csv")
@click.option("--out", type=_FILE, required=True, help="Folder of results and report.")
@click.option("--model", required=True, metavar="COLUMN", help="The column that names the model.")
@click.option(
    "--dataset", metavar="COLUMN", help="The column that names the data set; with --wide a row of the header."
)
@click.option("--dataset-name", metavar="NAME", help="The data set, where the whole table is of one.")
@click.option(
    "--score", "scores", multiple=True, metavar="COLUMN", help="The column of the score; several with --wide."
)
@click.option("--strategy", metavar="COLUMN", help="The column that says how the model was adapted.")
@click.option("--seed", metavar="COLUMN", help="The column of the seed; 0 where there is none.")
@click.option("--train-examples", metavar="COLUMN", help="The column of the number of training examples.")
@click.option("--classes", metavar="COLUMN", help="The column of the number of classes.")
@click.option("--metric", default="accuracy", show_default=True, help="What the score is; see 'suite list metrics'.")
@click.option("--scale", type=float, default=1.0, help="Multiplies each score: 0.01 for a table in per cent.")
@click.option("--name", help="Of the comparison.  [default: the name of the folder]")
@click.option("--wide", is_flag=True, help="One column per data set, one row per model.")
@click.option("--ignore", multiple=True, metavar="COLUMN", help="A column of a wide table that holds no scores.")
@store_options
@json_option
def command(
    table: Path,
    *,
    out: Path,
    model: str,
    dataset: str | None,
    dataset_name: str | None,
    scores: tuple[str, ...],
    strategy: str | None,
    seed: str | None,
    train_examples: str | None,
    classes: str | None,
    metric: str,
    scale: float,
    name: str | None,
    wide: bool,
    ignore: tuple[str, ...],
    store: StoreChoice | None,
    json_: bool,
) -> None:
    """Read a table of published results as results.

    TABLE.csv has a header.  Its results have no predictions and no costs: they are ranked and drawn, and nothing can
    be said of chance.  An empty value, n/a or a dash stays missing, with its place as the reason.  The same table
    again adds nothing; a changed value replaces the one before.

    A wide table may have a header of several rows, each with its name in the first column, as pandas writes it; then
    --dataset, --train-examples and --classes name rows of the header.

    \b
    Example:
      suite import results.csv --out reports/papers --model model --dataset dataset --score accuracy
      suite import vtab.csv --out reports/vtab --wide --model method --dataset dataset \\
        --train-examples train_examples_if_subset --ignore metadata --scale 0.01
    """
    from suite.runner.importing.importing import import_table
    from suite.runner.importing.table import Columns

    columns = Columns(
        model=model,
        dataset=dataset,
        dataset_name=dataset_name,
        scores=scores,
        strategy=strategy,
        seed=seed,
        train_examples=train_examples,
        classes=classes,
        wide=wide,
        ignore=ignore,
    )
    if store is not None:
        store.attach(out)
    typed = _typed(click.get_current_context(), table)
    done = import_table(table, out, columns, metric=metric, scale=scale, name=name, command=typed)
    if json_:
        as_json(done.as_json())
        return
    click.echo(done.sentence)
    for path in done.files:
        click.echo(path)


def _typed(context: click.Context, table: Path) -> str:
    """The command as it was typed, in the order of the help, without ``--json`` and an address with its password."""
    words = ["suite", "import", str(table)]
    for option in context.command.params:
        name = option.name or ""
        typed = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not isinstance(option, click.Option) or name in {"json_", STORE_URL} or not typed:
            continue
        flag, value = option.opts[0], context.params[name]
        many = value if isinstance(value, tuple) else (value,)
        words += [flag] if option.is_flag else [word for one in many for word in (flag, str(one))]
    return shlex.join(words)
