"""``suite list``: what there is to choose from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.cli.catalogue import listings
from suite.cli.main import COMMANDS
from suite.cli.options import as_json, json_option, load_plugins, plugin_option, print_table

if TYPE_CHECKING:
    from suite.cli.catalogue import Listing

__all__ = ["command"]

KINDS = (
    "models", "datasets", "strategies", "exporters", "destinations", "metrics", "charts", "checks", "corruptions",
    "transferability",
)  # fmt: skip


@click.command("list", short_help=COMMANDS["list"].summary)
@click.argument("kind", type=click.Choice(KINDS))
@plugin_option
@json_option
def command(kind: str, *, plugins: tuple[Path, ...], json_: bool) -> None:
    """List models, datasets, strategies, export formats, metrics, charts, checks or estimators.

    Variants of installed plugins and of --plugin files are in the list.

    \b
    Example:
      suite list models
      suite list strategies --json
    """
    load_plugins(plugins)
    found = listings(kind)
    if json_:
        as_json([asdict(listing) for listing in found])
        return
    print_table(["name", "what it is"], [(listing.name, listing.summary) for listing in found])
    for listing in found:
        if listing.known_names:
            click.echo(f"\n{listing.name}:")
            for licence, names in _by_licence(listing).items():
                click.echo(click.wrap_text(f"{licence}{', '.join(names)}", 100, "  ", "    " if licence else "  "))


def _by_licence(listing: Listing) -> dict[str, list[str]]:
    """The names of a model source by the licence of their weights, the most frequent first; of others all together."""
    found: dict[str, list[str]] = {}
    for name in listing.known_names:
        licence = listing.licences.get(name, "licence not stated")
        found.setdefault(f"{licence}: " if listing.licences else "", []).append(name)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))
