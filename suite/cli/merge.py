"""``suite merge``: the results of several machines in one folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.cli.main import COMMANDS
from suite.cli.options import as_json, json_option, load_plugins, plugin_option, store_options, warn

if TYPE_CHECKING:
    from suite.store.address import StoreChoice

__all__ = ["command"]

_FOLDER = click.Path(path_type=Path)


@click.command("merge", short_help=COMMANDS["merge"].summary)
@click.argument("folders", type=_FOLDER, metavar="DIR...", nargs=-1, required=True)
@click.option("--into", type=_FOLDER, required=True, metavar="DIR", help="The joined run; made where it is missing.")
@click.option("--no-report", is_flag=True, help="Leave the report as it is; 'suite report' writes it.")
@store_options
@json_option
@plugin_option
def command(
    folders: tuple[Path, ...],
    *,
    into: Path,
    no_report: bool,
    store: StoreChoice | None,
    plugins: tuple[Path, ...],
    json_: bool,
) -> None:
    """Join the results of several machines in one run.

    Each DIR is the folder of a run: parts of one spec (--only), other seeds, other models.  A trial that several have
    is stored once: done goes before not done, what --into holds before the rest, then the first DIR before later ones.
    Task, headline metric, splits and search budget must be the same.  The folders are only read; the same command
    again changes nothing, and goes on where it was broken off.

    The same trial on other data, weights or versions of suite, tensorflow, keras or keras-hub is a conflict: it is
    named, kept apart in conflicts/NAME inside --into, a run of its own, and the exit code is 1.

    \b
    Example:
      suite merge reports/desktop reports/server --into reports/vision
      suite merge reports/server --into reports/vision
      suite merge reports/vision --into reports/team --store postgresql+psycopg://me@server/suite
    """
    from suite.api import rebuild_report
    from suite.runner.merging.merge import attach_all, merge

    load_plugins(plugins)
    if store is not None:
        attach_all(store, folders, into)
    done = merge(folders, into, tell=lambda line: click.echo(line, err=True))
    for line in (*done.notes, *done.warnings):
        click.echo(line, err=True)
    if not json_:
        for line in done.sentences:
            click.echo(line)
    files = () if no_report else rebuild_report(into, tell=warn)
    if json_:
        as_json({**done.as_json(), "files": [str(path) for path in files]})
    else:
        for path in files:
            click.echo(path)
    if done.conflicts:
        raise click.exceptions.Exit(1)
