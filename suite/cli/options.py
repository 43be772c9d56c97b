"""Arguments and options that several commands share, and how results are printed."""

from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from suite.errors import SuiteError
from suite.registry import load_plugin_file
from suite.spec.shipped import find_spec
from suite.store.credentials import without_credentials

if TYPE_CHECKING:
    from suite.runner.workers import ClusterChoice
    from suite.store.address import StoreChoice

__all__ = [
    "STORE_URL",
    "PairsCommand",
    "as_json",
    "cluster_option",
    "json_option",
    "load_plugins",
    "only_option",
    "out_option",
    "plugin_option",
    "print_table",
    "runs_store_option",
    "say",
    "set_option",
    "size_in_words",
    "spec_argument",
    "store_options",
    "warn",
]

STORE_URL = "store_url"
"""The parameter of ``--store``, which may hold a password."""
F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[F], F]

_FILE = click.Path(path_type=Path)
_WAY = (
    "  With --cluster and no --store, or as a URL such as s3://bucket/folder: where nodes leave such files for this "
    "machine to take.  [default: they come through Ray]"
)


class PairsCommand(click.Command):
    """A command where ``--only`` and ``--set`` may be followed by several ``key=value`` pairs."""

    repeatable = frozenset({"--only", "--set"})

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Writes ``--only a=1 b=2`` as ``--only a=1 --only b=2``."""
        spread: list[str] = []
        option = ""
        for index, word in enumerate(args):
            continues = option and "=" in word and not word.startswith("-") and args[index - 1] != option
            if word.startswith("-"):
                option = word if word in self.repeatable else ""
            elif continues:
                spread.append(option)
            elif "=" not in word:
                option = ""
            spread.append(word)
        return super().parse_args(ctx, spread)


def spec_argument(function: F) -> F:
    """``SPEC``, a path; ``specs/<name>.json`` also finds the specs that ship with the suite."""

    def find(_ctx: click.Context, _parameter: click.Parameter, value: Path) -> Path:
        return find_spec(value)

    return click.argument("spec", type=_FILE, callback=find)(function)


def json_option(function: F) -> F:
    """``--json``: the result for a program."""
    return click.option("--json", "json_", is_flag=True, help="Print JSON on stdout.")(function)


def only_option(function: F) -> F:
    """``--only key=value ...``."""
    return click.option(
        "--only",
        multiple=True,
        metavar="KEY=VALUE...",
        help="Only these trials: model=, dataset=, strategy=, labels=, seed= or phase=. Values of one key are "
        "alternatives (a comma or the key again), different keys narrow each other.",
    )(function)


def set_option(function: F) -> F:
    """``--set key.path=value ...``."""
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE...",
        help="Change the spec before it is read, for instance training.epochs=3 or models.0.name=vit_tiny.",
    )(function)


def out_option(function: F) -> F:
    """``--out FOLDER``."""
    return click.option(
        "--out", type=_FILE, help="Folder of results and report.  [default: reports/<name of the spec>]"
    )(function)


def cluster_option(function: F) -> F:
    """``--cluster ADDRESS``; above ``store_options``, which make a ``ClusterChoice`` of it."""
    return click.option(
        "--cluster",
        metavar="auto|HOST:PORT|local",
        help="Run the trials on a cluster of Ray: the one of this machine, the one there, or one that this machine is "
        "alone in.  [default: this machine's own workers]",
    )(function)


def plugin_option(function: F) -> F:
    """``--plugin FILE``, repeatable."""
    return click.option(
        "--plugin", "plugins", type=_FILE, multiple=True, help="A Python file that registers further variants."
    )(function)


def store_options(function: F) -> F:
    """``--store``, ``--run`` and ``--artifacts``; the command gets ``store``, a ``StoreChoice`` or None.

    A command with ``--cluster`` gets that as a ``ClusterChoice``, or None.
    """

    @functools.wraps(function)
    def chosen(*words: Any, store_url: str | None, run_name: str | None, artifacts: str | None, **more: Any) -> Any:
        if more.get("cluster") is not None:
            # A URL is no folder of a store: it is the way back from the cluster, whatever store there is.
            is_way = not store_url or "://" in (artifacts or "")
            more["cluster"] = _cluster(more["cluster"], artifacts if is_way else None)
            artifacts = None if is_way else artifacts
        return function(*words, store=_choice(store_url, run_name, artifacts), **more)

    way = _WAY if "cluster" in inspect.signature(function).parameters else ""
    for option in (
        click.option(
            "--artifacts",
            metavar="FOLDER",
            help="With --store: a folder that all machines share, for predictions, models and logs.  [default: the "
            f"folder of the run]{way}",
        ),
        click.option(
            "--run",
            "run_name",
            metavar="NAME",
            help="With --store: the name of the run in the database.  [default: that of its folder]",
        ),
        _url_option(
            "Results in a team's database instead of the run's folder: postgresql+psycopg://USER@HOST/DATABASE.  "
            "[default: SUITE_STORE, for folders without results of their own]"
        ),
    ):
        chosen = option(chosen)
    return cast("F", chosen)


def _cluster(address: str, artefacts: str | None) -> ClusterChoice:
    from suite.runner.workers import ClusterChoice

    return ClusterChoice(address, artefacts)


def runs_store_option(function: F) -> F:
    """``--store`` of a command that reads several runs; it gets ``store``, a ``StoreChoice`` or None."""

    @functools.wraps(function)
    def chosen(*words: Any, store_url: str | None, **more: Any) -> Any:
        return function(*words, store=_choice(store_url, None, None), **more)

    said = (
        "A team's database, where runs without results of their own are looked for by the names of their folders: "
        "postgresql+psycopg://USER@HOST/DATABASE.  [default: SUITE_STORE]"
    )
    return cast("F", _url_option(said)(chosen))


def _url_option(said: str) -> Callable[[F], F]:
    return click.option("--store", STORE_URL, envvar="SUITE_STORE", metavar="URL", help=said)


def _choice(url: str | None, run: str | None, artefacts: str | None) -> StoreChoice | None:
    from suite.store.address import SUITE_STORE, StoreChoice

    if not url:
        for name, given in (("--run", run), ("--artifacts", artefacts)):
            if given is not None:
                raise SuiteError(f"{name} {given}: belongs to a database; give --store URL too, or set {SUITE_STORE}.")
        return None
    if artefacts is not None and "://" in artefacts:
        raise SuiteError(
            f"--artifacts {without_credentials(artefacts)}: expected a folder; a store keeps no files at a URL."
        )
    source = click.get_current_context().get_parameter_source(STORE_URL)
    folder = None if artefacts is None else Path(artefacts)
    return StoreChoice(url, run, folder, is_default=source is click.core.ParameterSource.ENVIRONMENT)


def load_plugins(plugins: Iterable[Path]) -> None:
    """Imports the files of ``--plugin``. Raises ``SuiteError`` where one cannot be."""
    for plugin in plugins:
        load_plugin_file(plugin)


CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What moves the cursor, clears the screen or renames the window of a terminal, and no line break or tab."""


def say(text: str, *, err: bool = False) -> None:
    """A line with names that somebody chose: what would steer a terminal is shown as a mark instead."""
    click.echo(CONTROL.sub("\N{REPLACEMENT CHARACTER}", text), err=err)


def warn(line: str) -> None:
    """A sentence on stderr, of what was left out."""
    say(f"Warning: {line}", err=True)


def as_json(value: Any) -> None:
    """Prints a result for a program: indented JSON, never NaN."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(columns: Iterable[str], rows: Iterable[Iterable[str]], *, right: Iterable[str] = ()) -> None:
    """Prints a table on stdout; in a pipe its lines are as long as they need to be."""
    import sys

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in set(right) else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(CONTROL.sub("\N{REPLACEMENT CHARACTER}", cell)) for cell in row))
    width = None if sys.stdout.isatty() else 200
    Console(width=width, highlight=False).print(table)


def size_in_words(size_bytes: float) -> str:
    """``12.3 MB``, in powers of ten."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} TB"
