"""``suite lint``: what would mislead, before training and after."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.cli.main import COMMANDS
from suite.cli.options import PairsCommand, as_json, json_option, plugin_option, set_option, store_options
from suite.spec.shipped import find_spec

if TYPE_CHECKING:
    from suite.report.checkup import Checkup
    from suite.store.address import StoreChoice
    from suite.store.records.check import Finding

__all__ = ["command"]

COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}
WIDTH = 100


def _find(_ctx: click.Context, _parameter: click.Parameter, value: Path) -> Path:
    return find_spec(value)


@click.command("lint", cls=PairsCommand, short_help=COMMANDS["lint"].summary)
@click.argument("target", type=click.Path(path_type=Path), metavar="SPEC|RUN", callback=_find)
@set_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="With SPEC: the folder of the run, where findings are kept for the report.  [default: reports/<name>]",
)
@store_options
@plugin_option
@click.option("--strict", is_flag=True, help="Notes count too: exit code 1 with any finding.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    target: Path,
    *,
    overrides: tuple[str, ...],
    out: Path | None,
    store: StoreChoice | None,
    plugins: tuple[Path, ...],
    strict: bool,
    json_: bool,
) -> None:
    """Check a spec and its data, or a run's results, for what misleads.

    SPEC is a spec file: its plan, data sets and models are checked before anything is trained. Every example is
    read once; nothing is downloaded. The findings are kept beside the results, and the report lists them.
    RUN is the folder of a run: its results are checked, and its stored spec without the data.

    Ends with exit code 0 without findings above a note, 1 with warnings or errors, 2 where the input cannot be used.

    \b
    Example:
      suite lint specs/vision.json
      suite lint reports/vision --json
    """
    from suite.report.checkup import lint

    def tell(line: str) -> None:
        click.echo(line, err=True)

    found = lint(target, overrides=overrides, plugins=plugins, out=out, store=store, tell=tell)
    if json_:
        as_json(found.as_json())
    else:
        _print(found)
    if found.fails(strict=strict):
        ctx.exit(1)


def _print(found: Checkup) -> None:
    click.echo(found.sentence)
    for finding in found.findings:
        _print_finding(finding)
    if found.left_out:
        click.echo("\nNot checked:")
    for place, reason in found.left_out.items():
        click.echo(_wrapped(f"{place}: {reason}", "  ", "    "))
    if found.remarks or found.kept:
        click.echo()
    for remark in found.remarks:
        click.echo(remark)
    if found.kept:
        click.echo(f"Kept for the report: {found.kept}")


def _print_finding(finding: Finding) -> None:
    """Severity and place, then what, why and what to do, a line or a few each."""
    severity = click.style(finding.severity, fg=COLOURS[finding.severity], bold=True)
    click.echo(f"\n{severity}  {finding.where}  [{finding.check}]")
    click.echo(_wrapped(finding.what, "  ", "  "))
    click.echo(_wrapped(finding.why, "  why  ", "       "))
    click.echo(_wrapped(finding.mend, "  do   ", "       "))


def _wrapped(text: str, first: str, rest: str) -> str:
    """In a pipe lines are as long as they need to be."""
    if not sys.stdout.isatty():
        return first + text
    return click.wrap_text(text, min(WIDTH, shutil.get_terminal_size().columns), first, rest)
