"""``suite rank``: which models are worth training, before any is trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.cli.main import COMMANDS
from suite.cli.options import (
    PairsCommand,
    as_json,
    cluster_option,
    json_option,
    out_option,
    plugin_option,
    print_table,
    set_option,
    spec_argument,
    store_options,
)
from suite.errors import SuiteError
from suite.registry import TRANSFERABILITY

if TYPE_CHECKING:
    from suite.compare.funnel import FunnelSummary, RankedModel
    from suite.runner.workers import ClusterChoice
    from suite.store.address import StoreChoice
    from suite.store.records.result import Score

__all__ = ["command"]


@click.command("rank", cls=PairsCommand, short_help=COMMANDS["rank"].summary)
@spec_argument
@set_option
@click.option("--jobs", type=click.IntRange(min=1), help="Models at once.  [default: one, or one per GPU]")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Longest time that one model may take.  [default: the spec's, else none]",
)
@cluster_option
@out_option
@store_options
@plugin_option
@json_option
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
def command(
    spec: Path,
    *,
    overrides: tuple[str, ...],
    jobs: int | None,
    timeout: float | None,
    cluster: ClusterChoice | None,
    out: Path | None,
    store: StoreChoice | None,
    plugins: tuple[Path, ...],
    json_: bool,
    quiet: bool,
) -> None:
    """Rank the models of a spec before any is trained.

    Each model is held against the limits in "constraints", runs once over the training images, and is judged by how
    well its features suit the labels.  That costs seconds and is a guess: good enough to drop the hopeless, not to
    choose between neighbours.  A spec with a "funnel" goes on from here with suite run.

    \b
    Example:
      suite rank specs/vision.json
      suite rank specs/mine.json --set constraints.max_latency_ms=20
      suite rank specs/mine.json --cluster auto
    """
    import suite

    found = suite.rank(
        spec,
        overrides=overrides,
        jobs=jobs,
        timeout_seconds=timeout,
        cluster=cluster,
        out=out,
        store=store,
        plugins=plugins,
        quiet=quiet,
    )
    if json_:
        as_json(found.as_json())
    else:
        known = "nothing to do, everything was known" if not found.new else f"looked at {found.new} models"
        click.echo(f"{known} in {found.seconds:.1f} s.")
        for summary in found.summaries:
            _print(summary)
    nobody = [summary.nobody for summary in found.summaries if summary.nobody]
    if nobody and len(nobody) == len(found.summaries):
        raise SuiteError("\n".join(nobody))


def _print(summary: FunnelSummary) -> None:
    click.echo(f"\n{summary.dataset}")
    there = [name for name in TRANSFERABILITY.names() if any(name in one.estimates for one in summary.models)]
    names = sorted(there, key=lambda name: name != summary.ranked_by)
    labels = [str(TRANSFERABILITY.get(name).label) for name in names]
    columns = ["model", "latency ms", "size MB", "parameters", *labels]
    print_table(columns, [_row(one, names) for one in summary.models], right=columns[1:])
    before = [stage for stage in summary.stages if stage.kind in {"limits", "rank"}]
    drops = {drop.model: drop.reason for stage in before for drop in stage.drops}
    on = [one.model for one in summary.models if one.model not in drops and one.reason is None]
    if on:
        click.echo(f"\nWorth training: {', '.join(on)}.")
    for model, reason in drops.items():
        click.echo(f"  not {model}: {reason}")
    for text in (*(stage.remark for stage in before), *_missing(summary)):
        if text:
            click.echo(text)


def _row(one: RankedModel, names: list[str]) -> list[str]:
    profile = one.profile
    cost = ["-", "-", "-"]
    if profile is not None:
        latency = "-" if profile.latency_ms_p50 is None else f"{profile.latency_ms_p50:.2f}"
        cost = [latency, f"{profile.size_bytes / 1e6:.2f}", f"{profile.parameters:,}"]
    return [
        one.model,
        *cost,
        *(_shown(one.estimates.get(name), interval=not place) for place, name in enumerate(names)),
    ]


def _shown(score: Score | None, *, interval: bool) -> str:
    """An estimate; of the one that decides with its 95 % interval, where it has one."""
    if score is None or score.value is None:
        return "-"
    known = interval and score.low is not None and score.high is not None
    return f"{score.value:.3f}" + (f" [{score.low:.3f}, {score.high:.3f}]" if known else "")


def _missing(summary: FunnelSummary) -> list[str]:
    """Why there are dashes, each reason once; what decides says it in its stage."""
    reasons: dict[str, list[str]] = {}
    for one in summary.models:
        for name, score in one.estimates.items():
            if score.value is None and name != summary.ranked_by:
                reasons.setdefault(score.reason or "", []).append(one.model)
        if one.reason is not None:
            reasons.setdefault(one.reason, []).append(one.model)
    return [f"- {', '.join(dict.fromkeys(models))}: {reason}" for reason, models in reasons.items()]
