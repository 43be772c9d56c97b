"""``suite show``: one model or data set in full."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import click

from suite.cli.catalogue import describe_dataset, describe_model
from suite.cli.main import COMMANDS
from suite.cli.options import as_json, json_option, load_plugins, plugin_option, print_table
from suite.store.records.reading import CANNOT_BE_DECODED, NAMED, Reading

__all__ = ["command"]

_SAMPLE_CHARACTERS = 600
FEATURES = {
    "average": "mean over positions",
    "token": "first token",
    "mean": "mean over tokens",
    "cls": "first token",
    "last": "last token",
}


@click.command("show", short_help=COMMANDS["show"].summary)
@click.argument("kind", type=click.Choice(("model", "dataset")))
@click.argument("name")
@plugin_option
@json_option
def command(kind: str, name: str, *, plugins: tuple[Path, ...], json_: bool) -> None:
    """Show one model or data set in full.

    NAME is a name from 'suite list', 'source:name', or the path of a .keras file or of a folder of images.
    Of a model its stages are shown: what fine_tune counts with "unfreeze".

    \b
    Example:
      suite show model resnet_tiny
      suite show model hub:vit_base_patch16_224_imagenet
      suite show dataset ./photos
    """
    load_plugins(plugins)
    description = describe_model(name) if kind == "model" else describe_dataset(name)
    if json_:
        as_json(description)
    elif kind == "model":
        _print_model(description)
    else:
        _print_dataset(description)


def _print_model(model: dict[str, Any]) -> None:
    _print_facts(
        {
            "model": model["name"],
            "source": model["source"],
            "family": model["family"],
            "input": _input_words(model),
            "tokeniser" if model["sequence_length"] else "preprocessing": model["preprocessing"],
            "resizing": model["resizing"],
            "features": FEATURES.get(model["pooling"], "vector"),
            "parameters": f"{model['parameters']:,}",
            "weights": model["weights"],
            "pretrained on": model["pretrained_on"],
            "licence": model["licence"],
            "hash": model["sha256"][:16],
        }
    )
    click.echo('\nStages, from the input to the output ("unfreeze": 1 trains the last):')
    rows = [
        (str(number), stage["name"], str(stage["layers"]), f"{stage['parameters']:,}", _span(stage["paths"]))
        for number, stage in enumerate(model["stages"], start=1)
    ]
    print_table(["", "stage", "layers", "parameters", "from ... to"], rows, right=["", "layers", "parameters"])
    _print_requirements(model["requirements"])


def _input_words(model: dict[str, Any]) -> str:
    if model["sequence_length"]:
        return f"texts of at most {model['sequence_length']:,} of {model['vocabulary_size']:,} tokens"
    height, width = model["input_size"]
    return f"{height} x {width} px, RGB"


def _print_dataset(dataset: dict[str, Any]) -> None:
    names = dataset["class_names"]
    reading = Reading.model_validate(dataset["reading"]) if dataset["reading"] else None
    _print_facts(
        {
            "data set": dataset["name"],
            "source": dataset["source"],
            "classes": f"{len(names)}: {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}" if names else None,
            "answers": "texts" if dataset["answers"] == "text" else None,
            **{f"{split} examples": f"{size:,}" for split, size in dataset["examples"].items()},
            "images": (reading and reading.images) or _sizes(dataset["picture_sizes"])
            if dataset["content"] == "image"
            else None,
            "texts": _lengths(dataset["words"]) if dataset["words"] else None,
            "read": f"{reading.counted}; {reading.left or 'nothing left out'}" if reading else None,
            "written in": ", ".join(reading.recognised) if reading else None,
            "class sizes": reading.classes if reading else None,
            "splits": reading.splits if reading else None,
            "copies": reading.again if reading else None,
            "licence": dataset["licence"] or "not known",
            "origin": dataset["origin"],
            "fingerprint": dataset["fingerprint"],
        }
    )
    for example, reason in dataset["skipped"]:
        click.echo(f"  left out: {example}: {reason}")
    for one in reading.left_out if reading else ():
        if not one.expected and one.reason != CANNOT_BE_DECODED:
            named = ", ".join(one.names) + (f" and {one.count - len(one.names):,} more" if one.count > NAMED else "")
            click.echo(f"  {one.count:,} {one.reason}: {named}")
    _print_samples(dataset["samples"])
    _print_requirements(dataset["requirements"])


def _print_samples(samples: list[dict[str, Any]]) -> None:
    """Whole texts, unless they are long; where answers are texts, the last of them is marked."""
    for sample in samples:
        answer = f" ({sample['answer']})" if sample["answer"] else ""
        click.echo(f"\n{sample['id']}{answer}")
        for number, text in enumerate(sample["texts"]):
            is_answer = sample["answer"] is None and number == len(sample["texts"]) - 1
            if text:
                shown = textwrap.shorten(text, _SAMPLE_CHARACTERS, placeholder=" ...")
                start = "  -> " if is_answer else "  "
                click.echo(textwrap.fill(shown, 100, initial_indent=start, subsequent_indent=" " * len(start)))


def _print_facts(facts: dict[str, str | None]) -> None:
    width = max(map(len, facts))
    for name, value in facts.items():
        if value:
            click.echo(f"{name:<{width}}  {value}")


def _print_requirements(requirements: list[dict[str, Any]]) -> None:
    for need in requirements:
        if not need["present"]:
            click.echo(f"\nNot on this machine: {need['what']}\n  from  {need['url']}\n  to    {need['path']}")


def _sizes(sizes: list[Any]) -> str:
    """The most frequent sizes, height first."""
    shown = ", ".join(f"{height} x {width}" for (height, width), _ in sizes[:3])
    return f"{shown}{f' and {len(sizes) - 3} other sizes' if len(sizes) > 3 else ''} px"


def _lengths(words: list[int]) -> str:
    """Of the shortest, the middle and the longest text."""
    shortest, middle, longest = words
    return f"{shortest} to {longest} words, half of them up to {middle}"


def _span(layers: list[str]) -> str:
    return layers[0] if len(layers) == 1 else f"{layers[0]} ... {layers[-1]}"
