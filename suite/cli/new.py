"""``suite new``: a first spec for a folder of images or a table of texts."""

from __future__ import annotations

from pathlib import Path

import click

from suite.cli.main import COMMANDS
from suite.cli.options import as_json

__all__ = ["command"]


@click.command("new", short_help=COMMANDS["new"].summary)
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="What the whole comparison may take on this machine.",
)
@click.option(
    "--text", metavar="COLUMN", help="Of a table: the column of the texts, or of the paths of images.  [default: found]"
)
@click.option("--label", metavar="COLUMN", help="Of a table: the column of the classes.  [default: found]")
@click.option("--downloads", is_flag=True, help="Also choose models whose weights a run would have to download.")
def command(data: Path, *, minutes: float, text: str | None, label: str | None, downloads: bool) -> None:
    """Write a first spec for your own folder of images or table of texts.

    DATA is a folder with one sub-folder per class, with or without train/val/test above them, or a zip of that; or a
    CSV, TSV, JSON Lines or Parquet file with a column of texts or of paths of images, and one of classes.
    The minutes are for learning: a search over learning rates that is the same for every model, then epochs, then
    seeds.  The spec goes to stdout, each choice explained in a "why" field that may stay or go.

    \b
    Example:
      suite new ./photos --minutes 20 > specs/mine.json
      suite new reviews.csv --label stars > specs/reviews.json
      suite run specs/mine.json
    """
    from suite.runner.starter import first_spec

    starter = first_spec(data, minutes=minutes, downloads=downloads, text=text, label=label)
    as_json(starter.spec)
    models, strategies = len(starter.spec["models"]), len(starter.spec["strategies"])
    time = max(1, round(starter.estimated_minutes))
    click.echo(
        f"{models} model{'s' * (models != 1)}, {strategies} strateg{'y' if strategies == 1 else 'ies'}, "
        f"about {time} minute{'s' * (time != 1)}. Next: suite plan FILE, then suite run FILE.",
        err=True,
    )
