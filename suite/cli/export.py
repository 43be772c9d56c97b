"""``suite export``: kept models as files of other formats, each measured in its own runtime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.cli.main import COMMANDS
from suite.cli.options import as_json, json_option, print_table, size_in_words

if TYPE_CHECKING:
    from suite.exporters.exporter import ExportCard

__all__ = ["command"]


@click.command("export", short_help=COMMANDS["export"].summary)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--best", is_flag=True, help="The model with the highest score, instead of the recommended one.")
@click.option("--all", "all_", is_flag=True, help="The kept model of every cell.")
@click.option("--trial", "trials", multiple=True, metavar="ID", help="This trial; the beginning of its id will do.")
@click.option("--format", "formats", metavar="NAME,...", help="Formats; all that are installed when left out.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the files.  [default: DIR/exports]")
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of each runtime.  [default: all cores]")
@json_option
def command(
    folder: Path,
    *,
    best: bool,
    all_: bool,
    trials: tuple[str, ...],
    formats: str | None,
    out: Path | None,
    overwrite: bool,
    threads: int | None,
    json_: bool,
) -> None:
    """Write kept models in other formats, and measure each file.

    DIR is the folder of a run of image classification.  Each file takes raw pictures, answers probabilities, and is
    run on the home test set in its own runtime: size, latency, throughput, how far it is from the Keras model, and
    its scores are in card.json beside it, with labels.txt and an example.py that needs nothing of the suite.
    Exit code 1 says that some file failed.

    \b
    Example:
      suite export reports/vision
      suite export reports/vision --best --format onnx,litert
      suite export reports/vision --trial 3f2a --out ./deploy
    """
    from suite.errors import SuiteError
    from suite.exporting import export

    if best + all_ + bool(trials) > 1:
        raise SuiteError("--best, --all and --trial say which models; give one of them.")
    cards = export(
        folder,
        which="best" if best else "all" if all_ else "recommended",
        trials=trials,
        formats=tuple(name.strip() for name in (formats or "").split(",") if name.strip()),
        out=out,
        overwrite=overwrite,
        threads=threads,
        on_card=_progress,
    )
    if json_:
        as_json([card.model_dump(mode="json") for card in cards])
    else:
        _print(cards)
    if any(card.status != "done" for card in cards):
        raise click.exceptions.Exit(1)


def _progress(card: ExportCard) -> None:
    said = f"failed: {card.reason}" if card.status == "failed" else f"done in {card.export_seconds:.1f} s"
    click.echo(f"{card.model}, {card.strategy}, {card.format}: {said}", err=True)


def _print(cards: tuple[ExportCard, ...]) -> None:
    columns = ("model", "strategy", "format", "size", "latency ms", "p95", "per s", "largest difference", "agreement")
    headline = next((name for card in cards for name, score in card.scores.items() if score.low is not None), None)
    rows = []
    for card in cards:
        measured, parity = card.measured, card.parity
        if measured is None or parity is None:
            rows.append(
                (card.model, card.strategy, card.format, *["-"] * (len(columns) - 3), *([""] if headline else []))
            )
            continue
        score = card.scores.get(headline or "")
        rows.append(
            (
                card.model,
                card.strategy,
                card.format,
                size_in_words(card.bytes),
                f"{measured.latency_ms_p50:.2f}",
                f"{measured.latency_ms_p95:.2f}",
                f"{measured.throughput_per_second:.0f}",
                f"{parity.max_difference:.1g}",
                f"{parity.agreement:.1%}",
                *([f"{score.value:.3f}" if score and score.value is not None else "-"] if headline else []),
            )
        )
    print_table((*columns, *([headline.replace("_", " ")] if headline else [])), rows)
