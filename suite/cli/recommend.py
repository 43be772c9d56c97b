"""``suite recommend``: what to take within limits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suite.cli.leaderboard import print_findings
from suite.cli.main import COMMANDS
from suite.cli.options import PairsCommand, as_json, json_option, load_plugins, plugin_option, say, store_options, warn
from suite.errors import SuiteError

if TYPE_CHECKING:
    from suite.compare.comparison import Recommendation
    from suite.store.address import StoreChoice

__all__ = ["command"]

COSTS = {
    "max_latency_ms": "Median milliseconds for one example.",
    "max_size_mb": "Megabytes (10^6 bytes) of weights.",
    "max_parameters": "Parameters of the adapted model.",
    "max_macs": "Multiply-accumulate operations for one example.",
    "max_training_seconds": "Seconds of one training.",
    "max_memory_mb": "Megabytes of peak memory of the worker.",
    "min_slice_accuracy": "Accuracy, 0 to 1, on every slice of the test set.",
}


class _BoundsCommand(PairsCommand):
    """``--min`` and ``--max`` may be followed by several ``METRIC=VALUE`` pairs."""

    repeatable = frozenset({"--min", "--max"})


def _cost_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for name, text in reversed(COSTS.items()):
        function = click.option(f"--{name.replace('_', '-')}", name, type=float, help=text)(function)
    return function


@click.command("recommend", cls=_BoundsCommand, short_help=COMMANDS["recommend"].summary)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@_cost_options
@click.option("--min", "minimum", multiple=True, metavar="METRIC=VALUE...", help="The least that a metric may be.")
@click.option("--max", "maximum", multiple=True, metavar="METRIC=VALUE...", help="The most that a metric may be.")
@click.option(
    "--licence",
    "licences",
    multiple=True,
    metavar="NAME",
    help="A licence of pretrained weights that will do, such as Apache-2.0; give it again for another.",
)
@click.option("--dataset", help="Only for this data set.")
@store_options
@json_option
@plugin_option
def command(
    folder: Path,
    *,
    store: StoreChoice | None,
    plugins: tuple[Path, ...],
    minimum: tuple[str, ...],
    maximum: tuple[str, ...],
    licences: tuple[str, ...],
    dataset: str | None,
    json_: bool,
    **costs: float | None,
) -> None:
    """Say what to take within limits, why, and what would change it.

    DIR is the folder of a run; nothing is trained.  Limits given here replace those of the spec's "constraints".
    A metric is meant on the home test set, with a name before it on that evaluation set: digits:accuracy=0.8.
    Where nothing keeps the limits, the complaint says which of them exclude everything and the nearest that do not.

    \b
    Example:
      suite recommend reports/vision
      suite recommend reports/vision --max-latency-ms 20 --max-size-mb 30 --min accuracy=0.9
      suite recommend reports/vision --licence Apache-2.0 --licence MIT
      suite recommend reports/vision --min accuracy=0.7 digits:accuracy=0.6 --json
    """
    from suite.api import recommendations
    from suite.compare.advice.records import Unmet
    from suite.spec.constraints import Constraints, parse_bounds
    from suite.spec.spec import validate

    load_plugins(plugins)
    if store is not None:
        store.attach(folder)
    bounds = {"minimum": parse_bounds("--min", minimum), "maximum": parse_bounds("--max", maximum)}
    document = {**costs, **bounds, "licences": list(licences) or None}
    given = validate(Constraints, document, place="suite recommend", at="")
    answers = recommendations(folder, given, dataset=dataset, tell=warn)
    unmet = [answer for answer in answers if isinstance(answer, Unmet)]
    if len(unmet) == len(answers):
        raise SuiteError("\n".join(f"{answer.dataset}: {answer.text}" for answer in unmet))
    met = [answer for answer in answers if not isinstance(answer, Unmet)]
    if json_:
        as_json({name: [one.model_dump(mode="json") for one in of] for name, of in _parts(met, unmet).items()})
        return
    for answer in met:
        _print(answer, named=len(answers) > 1)
    for missed in unmet:
        say(f"\n{missed.dataset}: {missed.text}")


def _parts(met: list[Any], unmet: list[Any]) -> dict[str, list[Any]]:
    return {"recommendations": met, "unmet": unmet}


def _print(answer: Recommendation, *, named: bool) -> None:
    say(f"\n{answer.dataset}: {answer.take}" if named else answer.take)
    if answer.leading:
        say(answer.leading)
    print_findings(answer.findings, mends=False)
    if answer.findings and answer.reasons:
        say("\nWhy")
    for reason in answer.reasons:
        say(f"  - {reason.text}")
    beyond = sum(bool(other.beyond) for other in answer.others)
    if beyond:
        say(f"\nBeyond the limits: {beyond} of {len(answer.others) + 1} cells.")
    for title, items in (("What would change the answer", answer.changes), ("Next steps", answer.next_steps)):
        if items:
            say(f"\n{title}")
        for item in items:
            say(f"  - {item.text}")
    if answer.labels:
        say("\nBy the number of labels")
    for sentence in answer.labels:
        say(f"  - {sentence}")
    if answer.others:
        say("\nWhy not the others: in the report, and with --json.")
