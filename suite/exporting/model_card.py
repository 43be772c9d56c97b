"""A Hugging Face model card for an exported file: what it is, what it scored, how to run it.

Its metadata are those of the Hub: https://huggingface.co/docs/hub/model-cards, ``model-index`` with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from suite.exported import ExportCard
from suite.results import Result, Score

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

__all__ = ["model_card"]

PIPELINES = {"image_classification": "image-classification", "text_classification": "text-classification"}
LIBRARIES = {"saved_model": "tensorflow", "litert": "tflite"}
"""Formats whose library the Hub calls otherwise."""
LICENCES = ("apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "cc-by-sa-4.0", "cc0-1.0", "gemma", "openrail")
"""Of those that the Hub knows, what published weights come under."""
METRIC_TYPES = {"accuracy", "f1", "precision", "recall"}
PRECISIONS = {
    "fp32": "32-bit floating point, as trained",
    "fp16": "weights in half precision",
    "int8_dynamic": "weights in 8 bits, the head in 32",
    "int8": "weights and activations in 8 bits, the head in 32",
}


def model_card(card: ExportCard, result: Result) -> str:
    """The text of ``README.md``: YAML metadata between two lines of dashes, then Markdown.

    Args:
        card: Of a file that is ``done``.
        result: Of the trial that it was made of.
    """
    from huggingface_hub import ModelCardData

    licence = result.weights.licence if result.weights else None
    known = licence.lower() if licence and licence.lower() in LICENCES else None
    data = ModelCardData(
        model_name=_title(card),
        library_name=LIBRARIES.get(card.format, card.format),
        pipeline_tag=PIPELINES[card.task],
        license=known or "other",
        license_name=None if known else _line(licence or "not stated"),
        tags=[card.task.replace("_", "-"), card.precision],
        eval_results=list(_evaluations(card)) or None,
    )
    return f"---\n{data.to_yaml()}\n---\n\n{_body(card, result)}"


def _evaluations(card: ExportCard) -> Iterator[EvalResult]:
    from huggingface_hub import EvalResult

    for name, score in card.scores.items():
        if score.value is not None:
            yield EvalResult(
                task_type=PIPELINES[card.task],
                dataset_type=_line(card.dataset),
                dataset_name=_line(card.dataset),
                dataset_split="test",
                metric_type=name if name in METRIC_TYPES else name.replace("_", "-"),
                metric_name=name.replace("_", " "),
                metric_value=score.value,
            )


def _title(card: ExportCard) -> str:
    return _line(f"{card.model} on {card.dataset}, {card.strategy}, {card.format} {card.precision}")


def _body(card: ExportCard, result: Result) -> str:
    parts = [f"# {_escaped(_title(card))}", _origin(card, result), _use(card), _scores(card), _costs(card)]
    versions = ", ".join(f"{name} {version}" for name, version in card.versions.items())
    notes = "\n".join(f"- {_escaped(note)}" for note in (*card.notes, *result.notes))
    parts += ["## Made with", versions, f"SHA-256 of `{card.file}`: `{card.sha256}`"]
    return "\n\n".join([*parts, *(["## Notes", notes] if notes else [])]) + "\n"


def _origin(card: ExportCard, result: Result) -> str:
    weights = result.weights
    trained = f", pretrained on {weights.pretrained_on}" if weights and weights.pretrained_on else ""
    said = (
        f"The backbone {card.model}{trained}, adapted to {card.dataset} by {card.strategy} (seed {card.seed}), "
        f"as a file of the format `{card.format}`: {PRECISIONS[card.precision]}."
    )
    if card.calibration_examples is not None:
        said += f" Ranges of activations were measured on {card.calibration_examples} training examples."
    data = result.data[0]
    licences = (
        f"Licence of the pretrained weights: {(weights.licence if weights else None) or 'not stated'}; of the data: "
        f"{data.licence or 'not stated'}."
    )
    return f"{_escaped(said)}\n\n{_escaped(licences)}"


def _use(card: ExportCard) -> str:
    rows = [
        f"| {way} | `{one.name}` | {'x'.join('any' if size is None else str(size) for size in one.shape)} | "
        f"{one.dtype} | {_escaped(one.meaning)} |"
        for way, tensors in (("input", card.inputs), ("output", (card.output,)))
        for one in tensors
    ]
    given = "photo.jpg" if len(card.inputs[0].shape) == 4 else '"a sentence"'
    lines = ["## Use", "", "| | name | shape | type | meaning |", "|---|---|---|---|---|", *rows, ""]
    if card.tokenizer is not None:
        lines += [f"`tokenizer.json` makes tokens of texts: {_escaped(card.tokenizer)}.", ""]
    labels = ", ".join(_escaped(_line(label)) for label in card.labels[:20])
    more = f" and {len(card.labels) - 20} more" if len(card.labels) > 20 else ""
    return "\n".join([*lines, f"    python example.py {given}", "", f"Classes, as in `labels.txt`: {labels}{more}."])


def _scores(card: ExportCard) -> str:
    parity = card.parity
    if parity is None or not card.scores:
        return (
            "## Scores\n\nThe test set was not at hand when this file was made, so it has no scores. It was compared "
            "with the Keras model on noise."
        )
    rows = [
        f"| {name.replace('_', ' ')} | {_number(score)} | {_interval(score)} | {_number(card.keras_scores.get(name))} |"
        for name, score in card.scores.items()
    ]
    said = (
        f"On the {parity.examples} examples of the test set of {_escaped(card.dataset)}, by the file itself in its own "
        f"runtime. It names the class that the Keras model names for {parity.agreement:.1%} of them; probabilities "
        f"differ by up to {parity.max_difference:.1e}."
    )
    if card.difference is not None and card.difference.low is not None:
        change = card.difference
        said += (
            f" Its {change.metric.replace('_', ' ')} minus that of the Keras model: {change.value:+.4f} (95 % paired "
            f"interval {change.low:+.4f} to {change.high:+.4f})."
        )
    table = ["| metric | this file | 95 % interval | Keras |", "|---|---|---|---|", *rows]
    return "\n".join(["## Scores", "", said, "", *table])


def _costs(card: ExportCard) -> str:
    measured = card.measured
    lines = ["## Cost", "", f"{card.bytes:,} bytes"]
    if measured is not None:
        lines[-1] += (
            f"; one example in {measured.latency_ms_p50:.3g} ms (median; 95th percentile {measured.latency_ms_p95:.3g} "
            f"ms), {measured.throughput_per_second:,.0f} examples per second in batches of "
            f"{measured.throughput_batch_size}, with {measured.runtime} on {measured.threads} threads of "
            f"{_escaped(measured.device)}."
        )
    return "\n".join(lines)


def _number(score: Score | None) -> str:
    return "-" if score is None or score.value is None else f"{score.value:.4f}"


def _interval(score: Score) -> str:
    return "-" if score.low is None or score.high is None else f"{score.low:.4f} to {score.high:.4f}"


def _line(text: str) -> str:
    return " ".join(text.split())


def _escaped(text: str) -> str:
    """Names from data as plain text: they make neither tables nor headings nor HTML."""
    plain = _line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for letter in "\\`*_[]#|":
        plain = plain.replace(letter, f"\\{letter}")
    return plain
