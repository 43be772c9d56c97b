"""``suite schema``: the spec as JSON Schema."""

from __future__ import annotations

from pathlib import Path

import click

from suite.cli.main import COMMANDS
from suite.cli.options import as_json, load_plugins, plugin_option

__all__ = ["command"]


@click.command("schema", short_help=COMMANDS["schema"].summary)
@plugin_option
def command(*, plugins: tuple[Path, ...]) -> None:
    """Print the JSON Schema of the spec, for editors.

    Every source and strategy is in it with its own options, those of plugins too.  A spec that names the
    file in "$schema" is completed and checked while it is typed.

    \b
    Example:
      suite schema > spec.schema.json
    """
    from suite.spec.schema import spec_schema

    load_plugins(plugins)
    as_json(spec_schema())
