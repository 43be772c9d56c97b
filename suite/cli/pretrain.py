"""``suite pretrain``: makes a backbone of the zoo."""

from __future__ import annotations

from pathlib import Path

import click

from suite.cli.main import COMMANDS
from suite.cli.options import load_plugins, plugin_option, spec_argument

__all__ = ["command"]


@click.command("pretrain", short_help=COMMANDS["pretrain"].summary)
@spec_argument
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="A local copy of the data: class folders under train and test, or a zip of them.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder that gets the preset.  [default: the zoo of the suite]"
)
@plugin_option
def command(spec: Path, *, data: Path | None, out: Path | None, plugins: tuple[Path, ...]) -> None:
    """Pretrain a small backbone of the zoo.

    Writes config, weights and a card that says what they were trained on, with which licence and how well.

    \b
    Example:
      suite pretrain specs/pretrain/vgg_tiny.json
      suite pretrain specs/pretrain/vgg_tiny.json --data cifar10.zip --out ./presets
    """
    from suite.strategies.pretraining.pretrain import pretrain

    load_plugins(plugins)
    click.echo(pretrain(spec, data=data, out=out))
