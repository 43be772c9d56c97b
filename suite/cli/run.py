"""``suite run``: everything, from a spec to the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from suite.cli.export import say_nothing, told
from suite.cli.leaderboard import print_leaderboard
from suite.cli.main import COMMANDS
from suite.cli.options import (
    PairsCommand,
    as_json,
    cluster_option,
    json_option,
    only_option,
    out_option,
    plugin_option,
    set_option,
    spec_argument,
    store_options,
)
from suite.errors import SuiteError

if TYPE_CHECKING:
    from suite.api import Outcome
    from suite.runner.workers import ClusterChoice
    from suite.spec.placement import DistributionName
    from suite.store.address import StoreChoice

__all__ = ["command"]


@click.command("run", cls=PairsCommand, short_help=COMMANDS["run"].summary)
@spec_argument
@only_option
@set_option
@click.option(
    "--redo",
    type=click.Choice(("none", "failed", "all")),
    default="failed",
    show_default=True,
    help="Which trials with a result are run again.",
)
@click.option(
    "--jobs", type=click.IntRange(min=1), help="Trials at once on one machine.  [default: one, or one per GPU]"
)
@click.option(
    "--distribution",
    metavar="[auto|none|mirrored]",
    help="Share each fit out over all GPUs of its worker, or not.  [default: the spec's, else auto]",
)
@click.option(
    "--gpu-memory-mb",
    type=click.IntRange(min=64),
    metavar="MB",
    help="The most that a worker takes of each of its GPUs.  [default: the spec's, else what it needs]",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Longest time that one trial may take.  [default: the spec's, else none]",
)
@cluster_option
@out_option
@store_options
@plugin_option
@json_option
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@click.pass_context
def command(
    ctx: click.Context,
    spec: Path,
    *,
    only: tuple[str, ...],
    overrides: tuple[str, ...],
    redo: Literal["none", "failed", "all"],
    jobs: int | None,
    distribution: DistributionName | None,
    gpu_memory_mb: int | None,
    timeout: float | None,
    cluster: ClusterChoice | None,
    out: Path | None,
    store: StoreChoice | None,
    plugins: tuple[Path, ...],
    json_: bool,
    quiet: bool,
) -> None:
    """Run what is missing of a spec, then print the leaderboard.

    The same command goes on where it stopped, after Ctrl-C, a crash or a new seed in the spec; on a finished
    run it does nothing and says so.  Files that the spec asks for under
    "exports" are made last.  Ends with exit code 1 where trials or files failed, and names them; with 2 where nothing
    could be done before something is mended.

    \b
    Example:
      suite run specs/vision.json
      suite run specs/vision.json --only model=vit_tiny strategy=linear_probe,fine_tune
      suite run specs/vision.json --set training.epochs=3 seeds=[1] --out /tmp/short
      suite run specs/vision.json --store postgresql+psycopg://me@server/suite
      suite run specs/vision.json --cluster auto
    """
    import suite

    outcome = suite.run(
        spec,
        only=only,
        overrides=overrides,
        redo=redo,
        jobs=jobs,
        distribution=distribution,
        gpu_memory_mb=gpu_memory_mb,
        timeout_seconds=timeout,
        out=out,
        store=store,
        cluster=cluster,
        plugins=plugins,
        quiet=quiet,
        on_export=say_nothing if quiet else told,
    )
    _end(ctx, outcome, as_json_=json_)


def _end(ctx: click.Context, outcome: Outcome, *, as_json_: bool) -> None:
    """Prints what came out, and ends with the exit code that says it."""
    if outcome.mistakes and not as_json_:
        raise SuiteError("\n".join(outcome.mistakes))
    if as_json_:
        as_json(outcome.as_json())
    else:
        _print(outcome)
    if outcome.failed:
        from suite.cli.leaderboard import print_failures

        print_failures(outcome.failed)
        ctx.exit(2 if outcome.mistakes else 1)
    if outcome.mistakes:
        ctx.exit(2)
    if outcome.failed_files:
        ctx.exit(1)


def _print(outcome: Outcome) -> None:
    click.echo(outcome.sentence)
    print_leaderboard(outcome.comparison)
    click.echo(f"\n{outcome.report}")
