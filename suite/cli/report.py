"""``suite report``: the pages of a run, made again from its results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.cli.main import COMMANDS
from suite.cli.options import load_plugins, plugin_option, store_options, warn

if TYPE_CHECKING:
    from suite.store.address import StoreChoice

__all__ = ["command"]


@click.command("report", short_help=COMMANDS["report"].summary)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@store_options
@plugin_option
def command(folder: Path, *, store: StoreChoice | None, plugins: tuple[Path, ...]) -> None:
    """Rebuild the report of a run from its results.

    DIR is the folder of a run.  It needs no TensorFlow, and may be called in the middle of the run.

    \b
    Example:
      suite report reports/vision
    """
    from suite.api import rebuild_report

    load_plugins(plugins)
    if store is not None:
        store.attach(folder)
    for path in rebuild_report(folder, tell=warn):
        click.echo(path)
