"""``suite serve``: a run or a site in the browser, while it changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.cli.main import COMMANDS
from suite.cli.options import load_plugins, plugin_option, store_options
from suite.runner.process import terminable

if TYPE_CHECKING:
    from suite.store.address import StoreChoice

__all__ = ["command"]


@click.command("serve", short_help=COMMANDS["serve"].summary)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--port", type=click.IntRange(0, 65535), help="0 takes any.  [default: the first free one from 8000 on]")
@click.option("--host", metavar="ADDRESS", help="Another address of this machine than 127.0.0.1; others may reach it.")
@click.option("--open", "open_", is_flag=True, help="Open the browser.")
@click.option("--no-rebuild", is_flag=True, help="Never make the report again where results are new.")
@store_options
@plugin_option
def command(
    folder: Path,
    *,
    port: int | None,
    host: str | None,
    open_: bool,
    no_rebuild: bool,
    store: StoreChoice | None,
    plugins: tuple[Path, ...],
) -> None:
    """Preview a run while it goes on, or a site, in the browser.

    DIR is the folder of a run: its first page shows progress, time left, the curves of running trials, what failed and
    what is done, and changes by itself; the report is beside it, and is made again now and then.  Or DIR is a site that
    the suite wrote: its pages load again when their files change.  The address is the first line on stdout.  Only
    this machine can see it.  Ctrl-C ends it.

    \b
    Example:
      suite serve reports/vision
      suite serve reports/vision --port 8080 --open
    """
    from suite.publish.serving import LOOPBACK, Preview, find_place, open_server

    load_plugins(plugins)
    place = find_place(folder, store)
    server = open_server(Preview(place, rebuild=not no_rebuild), host=host or LOOPBACK, port=port)
    try:
        click.echo(server.url)
        if server.is_open:
            click.echo(f"Warning: whoever reaches {host} reads everything in {folder}.", err=True)
        click.echo(f"Shows the {place.kind} in {folder}. Ctrl-C ends it.", err=True)
        if open_:
            click.launch(server.url)
        with terminable():
            server.serve_forever()
    except KeyboardInterrupt:
        click.echo("", err=True)
    finally:
        server.server_close()
