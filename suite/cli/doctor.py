"""``suite doctor``: is this machine ready."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from suite.cli.main import COMMANDS
from suite.cli.options import as_json, json_option, print_table, size_in_words

if TYPE_CHECKING:
    from suite.cli.machine_check import Examination

__all__ = ["command"]


@click.command("doctor", short_help=COMMANDS["doctor"].summary)
@click.option("--deep", is_flag=True, help="Also start TensorFlow and ask it for its devices (10 s).")
@json_option
@click.pass_context
def command(ctx: click.Context, *, deep: bool, json_: bool) -> None:
    """Look over versions, devices, caches, weights and data.

    Ends with exit code 1 where something keeps the suite from running.  Weights and data that a shipped spec
    would have to download are listed with their place; they are no fault.

    \b
    Example:
      suite doctor
      suite doctor --deep --json
    """
    from suite.cli.machine_check import examine

    found = examine(deep=deep)
    if json_:
        as_json(asdict(found))
    else:
        _print(found)
    if found.complaints:
        ctx.exit(1)


def _print(found: Examination) -> None:
    click.echo("Versions")
    print_table(["package", "version"], [(name, version or "missing") for name, version in found.versions.items()])
    machine = found.machine
    click.echo(
        f"\nMachine\n{machine['processor']}; {machine['words']}; {size_in_words(machine['memory_bytes'])} memory"
    )
    click.echo(f"fits: {machine['fits']}")
    if found.deep is not None:
        click.echo("\nTensorFlow")
        for name, value in found.deep.items():
            click.echo(f"{name.replace('_', ' ')}: {', '.join(value) if isinstance(value, list) else value}")
    click.echo("\nCaches")
    rows = [
        (cache["name"], "none" if cache["bytes"] is None else size_in_words(cache["bytes"]), cache["path"])
        for cache in found.caches
    ]
    print_table(["cache", "size", "folder"], rows, right=["size"])
    click.echo(f"\nZoo\n{', '.join(found.zoo) or 'no pretrained backbone is here'}")
    click.echo("\nSpecs that ship with the suite")
    for spec in found.specs:
        state = (
            "not valid" if spec["problem"] else f"{len(spec['missing'])} to download" if spec["missing"] else "ready"
        )
        click.echo(f"{spec['name']}: {state}")
        for need in spec["missing"]:
            click.echo(f"  {need['what']}\n    from  {need['url']}\n    to    {need['path']}")
    click.echo()
    for complaint in found.complaints:
        click.echo(f"Problem: {complaint}")
    if not found.complaints:
        click.echo("Nothing keeps the suite from running.")
