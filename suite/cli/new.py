"""``suite new``: a first spec for a folder of pictures."""

from __future__ import annotations

from pathlib import Path

import click

from suite.cli.main import COMMANDS
from suite.cli.options import as_json

__all__ = ["command"]


@click.command("new", short_help=COMMANDS["new"].summary)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="What the whole comparison may take on this machine.",
)
@click.option("--downloads", is_flag=True, help="Also choose models whose weights a run would have to download.")
def command(folder: Path, *, minutes: float, downloads: bool) -> None:
    """Write a first spec for your own folder of pictures.

    FOLDER has one sub-folder per class, with or without train/val/test above them; a zip of that will do.
    The spec goes to stdout, each choice explained in a "why" field that may stay or go.

    \b
    Example:
      suite new ./photos --minutes 20 > specs/mine.json
      suite run specs/mine.json
    """
    from suite.starter import first_spec

    starter = first_spec(folder, minutes=minutes, downloads=downloads)
    as_json(starter.spec)
    models, strategies = len(starter.spec["models"]), len(starter.spec["strategies"])
    time = max(1, round(starter.estimated_minutes))
    click.echo(
        f"{models} model{'s' * (models != 1)}, {strategies} strateg{'y' if strategies == 1 else 'ies'}, "
        f"about {time} minute{'s' * (time != 1)}. Next: suite plan FILE, then suite run FILE.",
        err=True,
    )
