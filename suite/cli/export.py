"""``suite export``: kept models as files of other formats, each measured in its own runtime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suite.cli.main import COMMANDS
from suite.cli.options import (
    as_json,
    json_option,
    load_plugins,
    plugin_option,
    print_table,
    size_in_words,
    store_options,
)
from suite.errors import SuiteError

if TYPE_CHECKING:
    from suite.store.address import StoreChoice
    from suite.store.records.export_card import ExportCard

__all__ = ["command", "say_nothing", "told"]

COLUMNS = ("model", "strategy", "format", "precision", "size", "latency ms", "p95", "per s", "difference", "agreement")


@click.command("export", short_help=COMMANDS["export"].summary)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--best", is_flag=True, help="The model with the highest score, instead of the recommended one.")
@click.option("--all", "all_", is_flag=True, help="The kept model of every cell.")
@click.option("--trial", "trials", multiple=True, metavar="ID", help="This trial; the beginning of its id will do.")
@click.option("--format", "formats", metavar="NAME,...", help="Formats; all that are installed when left out.")
@click.option(
    "--precision",
    "precisions",
    metavar="NAME,...",
    help="fp32, fp16, int8_dynamic (weights in 8 bits), int8 (activations too).  [default: fp32]",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the files.  [default: DIR/exports]")
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of each runtime.  [default: all cores]")
@store_options
@json_option
@plugin_option
def command(
    folder: Path,
    *,
    store: StoreChoice | None,
    plugins: tuple[Path, ...],
    best: bool,
    all_: bool,
    trials: tuple[str, ...],
    formats: str | None,
    precisions: str | None,
    json_: bool,
    **where: Any,
) -> None:
    """Write kept models in other formats, and measure each file.

    DIR is the folder of a run of image or text classification.  Each file takes raw images or tokens, answers
    probabilities, and is run on the home test set in its own runtime: size, latency, throughput, how far it is from
    the Keras model, and its scores are in card.json beside it, with labels.txt and an example.py that needs nothing
    of the suite.  What a format cannot have is skipped with the reason.  The run's report shows the files.  Exit
    code 1 says that some file failed.

    \b
    Example:
      suite export reports/vision
      suite export reports/vision --best --format onnx,litert --precision fp32,int8
      suite export reports/vision --trial 3f2a --out ./deploy
    """
    from suite.api import rebuild_report
    from suite.export.export import export

    if best + all_ + bool(trials) > 1:
        raise SuiteError("--best, --all and --trial say which models; give one of them.")
    load_plugins(plugins)
    if store is not None:
        store.attach(folder)
    cards = export(
        folder,
        which="best" if best else "all" if all_ else "recommended",
        trials=trials,
        formats=_names(formats),
        precisions=_names(precisions) or ("fp32",),
        on_card=told,
        **where,
    )
    if any(card.folder for card in cards):
        rebuild_report(folder)
    if json_:
        as_json([card.model_dump(mode="json") for card in cards])
    else:
        _print(cards)
    if any(card.status == "failed" for card in cards):
        raise click.exceptions.Exit(1)


def _names(words: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (words or "").split(",") if name.strip())


def say_nothing(card: ExportCard) -> None:
    """For runs that are quiet; failed files are still told."""
    if card.status == "failed":
        told(card)


def told(card: ExportCard) -> None:
    """One line on stderr."""
    said = f"done in {card.export_seconds:.1f} s" if card.status == "done" else f"{card.status}: {card.reason}"
    click.echo(f"{card.model}, {card.strategy}, {card.format} {card.precision}: {said}", err=True)


def _print(cards: tuple[ExportCard, ...]) -> None:
    headline = next((name for card in cards for name, score in card.scores.items() if score.low is not None), None)
    columns = COLUMNS if headline is None else (*COLUMNS, headline.replace("_", " "))
    print_table(columns, [_row(card, headline) for card in cards])


def _row(card: ExportCard, headline: str | None) -> tuple[str, ...]:
    named = (card.model, card.strategy, card.format, card.precision)
    measured, parity = card.measured, card.parity
    row: tuple[str, ...]
    if measured is None or parity is None:
        row = (*named, card.status, *["-"] * (len(COLUMNS) - len(named) - 1))
    else:
        row = (
            *named,
            size_in_words(card.bytes),
            f"{measured.latency_ms_p50:.2f}",
            f"{measured.latency_ms_p95:.2f}",
            f"{measured.throughput_per_second:.0f}",
            f"{parity.max_difference:.1g}",
            f"{parity.agreement:.1%}",
        )
    if headline is None:
        return row
    score = card.scores.get(headline)
    return (*row, f"{score.value:.3f}" if score and score.value is not None else "-")
