"""``suite cache``: what is kept between runs to be faster."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from suite.cli.main import COMMANDS
from suite.cli.options import as_json, json_option, print_table, size_in_words
from suite.errors import SuiteError, UnknownNameError, did_you_mean

if TYPE_CHECKING:
    from suite.cache import CacheEntry

__all__ = ["command"]


@click.group("cache", short_help=COMMANDS["cache"].summary)
def command() -> None:
    """List, prune or clear what the suite keeps to be faster.

    Decoded images, features of frozen backbones, the script that draws a report's charts; nothing in there is needed,
    all of it is made again.
    The folder is SUITE_CACHE_DIR, else the user's cache folder.

    \b
    Example:
      suite cache ls
      suite cache prune --max-size 5GB
    """


@command.command("ls")
@json_option
def list_entries(*, json_: bool) -> None:
    """List what is kept, the least recently used first.

    \b
    Example:
      suite cache ls --json
    """
    from suite.cache import cache_root, entries

    found = entries()
    if json_:
        as_json([_as_json(entry) for entry in found])
        return
    now = time.time()
    rows = [
        (entry.kind, size_in_words(entry.bytes), f"{max(0.0, now - entry.last_used) / 86_400:.1f}", _describe(entry))
        for entry in found
    ]
    if rows:
        print_table(["kind", "size", "days unused", "what"], rows, right=["size", "days unused"])
    click.echo(f"{cache_root()}: {_summary(found)}")


@command.command("prune")
@click.option("--max-size", metavar="SIZE", help="Remove the least recently used until this holds: 500MB, 5GB.")
@click.option("--unused-days", type=click.FloatRange(min=0), help="Remove what was not used for so long.")
@json_option
def prune_entries(*, max_size: str | None, unused_days: float | None, json_: bool) -> None:
    """Remove what was not used lately, or what is too much.

    Without an option: what was not used for 30 days.

    \b
    Example:
      suite cache prune --max-size 5GB --unused-days 14
    """
    from suite.cache import prune

    if max_size is None and unused_days is None:
        unused_days = 30.0
    removed = prune(max_bytes=None if max_size is None else _bytes(max_size), unused_days=unused_days)
    _tell_removed(removed, json_=json_)


@command.command("clear")
@click.option("--kind", help="Only this kind, as 'suite cache ls' shows it.")
@json_option
def clear_entries(*, kind: str | None, json_: bool) -> None:
    """Remove everything that is kept.

    \b
    Example:
      suite cache clear --kind features
    """
    from suite.cache import clear, entries

    kinds = {entry.kind for entry in entries()}
    if kind is not None and kinds and kind not in kinds:
        raise UnknownNameError(f"--kind {kind}: {did_you_mean(kind, kinds, what='kind of entry')}")
    _tell_removed(clear(kind=kind), json_=json_)


def _tell_removed(removed: tuple[CacheEntry, ...], *, json_: bool) -> None:
    if json_:
        as_json([_as_json(entry) for entry in removed])
    else:
        click.echo(f"Removed {_summary(removed)}.")


def _summary(found: Iterable[CacheEntry]) -> str:
    sizes = [entry.bytes for entry in found]
    return f"{len(sizes)} {'entry' if len(sizes) == 1 else 'entries'}, {size_in_words(sum(sizes))}"


def _describe(entry: CacheEntry) -> str:
    shown = ("dataset", "model", "backbone", "split", "size", "examples")
    return ", ".join(f"{key} {entry.description[key]}" for key in shown if key in entry.description)


def _as_json(entry: CacheEntry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "path": str(entry.path),
        "bytes": entry.bytes,
        "last_used": entry.last_used,
        "description": dict(entry.description),
    }


def _bytes(text: str) -> int:
    """``5GB`` in bytes. Raises ``SuiteError`` for anything else."""
    number = text.strip().upper().removesuffix("B")
    factor = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}.get(number[-1:], 1)
    try:
        size = float(number.rstrip("KMGT")) * factor
    except ValueError:
        size = -1.0
    if not 0 <= size < 1e18:
        raise SuiteError(f"--max-size {text}: expected a size such as 500MB or 5GB.")
    return int(size)
