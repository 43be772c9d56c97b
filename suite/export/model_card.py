"""``README.md`` beside a file: a model card as the Hugging Face Hub reads it, metadata above and text below."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from suite.compare.number_format import MISSING, count, megabytes, number, plural, thing
from suite.registry import EXPORTERS, METRICS
from suite.report.markdown import fenced, literal, plain
from suite.report.writing import environment
from suite.store.records.example_files import file_safe
from suite.store.records.export_card import PRECISION_WORDS, ExportCard
from suite.store.records.result import Result, WeightsRecord

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

__all__ = ["README", "hub_licence", "model_card_data", "write_model_card"]

README = "README.md"
HUB_LICENCES = {
    "apache-2.0", "mit", "openrail", "bigscience-openrail-m", "creativeml-openrail-m", "bigscience-bloom-rail-1.0",
    "bigcode-openrail-m", "afl-3.0", "artistic-2.0", "bsl-1.0", "bsd", "bsd-2-clause", "bsd-3-clause",
    "bsd-3-clause-clear", "c-uda", "cc", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0",
    "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0",
    "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cdla-sharing-1.0",
    "cdla-permissive-1.0", "cdla-permissive-2.0", "wtfpl", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1",
    "agpl-3.0", "gfdl", "gpl", "gpl-2.0", "gpl-3.0", "lgpl", "lgpl-2.1", "lgpl-3.0", "isc", "lppl-1.3c", "ms-pl",
    "mpl-2.0", "odc-by", "odbl", "openrail++", "osl-3.0", "postgresql", "ofl-1.1", "ncsa", "unlicense", "zlib",
    "pddl", "lgpl-lr", "deepfloyd-if-license", "llama2", "gemma",
}  # fmt: skip
"""Names that the Hub has for licences (huggingface.co/docs/hub/repositories-licenses)."""
HUB_METRICS: Mapping[str, tuple[str, str | None]] = {
    "brier": ("brier_score", None),
    "f1_macro": ("f1", "macro"),
    "f1_weighted": ("f1", "weighted"),
    "precision_macro": ("precision", "macro"),
    "precision_weighted": ("precision", "weighted"),
    "recall_macro": ("recall", "macro"),
    "recall_weighted": ("recall", "weighted"),
}
"""Metrics that the Hub calls otherwise, with how they are averaged over classes."""
MOST_CLASSES = 50
"""More are left to ``labels.txt``."""
FROM_SCRATCH, RANDOM = "from_scratch", "random"
"""The strategy that throws pretrained weights away, and the name of weights that never were."""


@dataclass(frozen=True)
class _Page:
    """What the template says; every text becomes literal Markdown there."""

    title: str
    opening: str
    facts: tuple[str, ...]
    tensors: tuple[tuple[str, ...], ...]
    classes: str
    commands: Markup | None
    runtime: str
    quality: str
    scores: tuple[tuple[str, ...], ...]
    comparisons: tuple[str, ...]
    machine: str
    costs: tuple[tuple[str, str], ...]
    method: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    licence: str


def write_model_card(folder: Path, card: ExportCard, result: Result, *, headline: str) -> None:
    """Writes ``README.md`` into the folder of a file that is done; ``example.py`` is there already or never will be.

    Args:
        folder: Of the file.
        card: What is known of it.
        result: Of the trial that it was made of.
        headline: The metric that comes first.
    """
    from huggingface_hub import ModelCard

    template = environment("export", finalize=literal).get_template(f"{README}.j2")
    body = re.sub(r"\n{3,}", "\n\n", template.render(page=_page(folder, card, result, headline))).strip()
    ModelCard(f"---\n{model_card_data(card, result).to_yaml()}\n---\n\n{body}\n").save(folder / README)


def model_card_data(card: ExportCard, result: Result) -> ModelCardData:
    """The metadata: what the Hub lists, filters by and shows as results; without scores there are no results."""
    from huggingface_hub import ModelCardData

    dataset, results = _hub_name(card.dataset), _eval_results(card)
    known, name = _licence_fields(_weights(result))
    return ModelCardData(
        library_name=EXPORTERS.get(card.format).library,
        pipeline_tag=_pipeline(card),
        license=known,
        license_name=name,
        tags=list(dict.fromkeys([_pipeline(card), card.format, card.precision, *_tags(result)])),
        datasets=[dataset],
        metrics=list(dict.fromkeys(one.metric_type for one in results)) or None,
        model_name=_title(card) if results else None,
        eval_results=results or None,
    )


def hub_licence(licence: str) -> str | None:
    """The Hub's name of a licence, for instance of ``Apache-2.0`` or ``CC BY 4.0``; None where it has none."""
    name = "-".join(plain(licence).lower().split())
    return name if name in HUB_LICENCES else None


def _licence_fields(weights: WeightsRecord | None) -> tuple[str | None, str | None]:
    """``license`` and ``license_name``; neither where nothing is stated."""
    if weights is None or not weights.licence:
        return None, None
    known = hub_licence(weights.licence)
    return (known, None) if known else ("other", _hub_name(weights.licence).lower())


def _weights(result: Result) -> WeightsRecord | None:
    """Where the fit started; None where it started from random weights."""
    untrained = _strategy(result) == FROM_SCRATCH or (result.weights is not None and result.weights.name == RANDOM)
    return None if untrained else result.weights


def _strategy(result: Result) -> str:
    """Its name in the spec."""
    return str(result.trial["strategy"]["strategy"])


def _tags(result: Result) -> Iterator[str]:
    if result.family:
        yield _hub_name(result.family)
    yield _strategy(result)


def _pipeline(card: ExportCard) -> str:
    return card.task.replace("_", "-")


def _hub_name(text: str) -> str:
    """A name of letters, digits, dots, dashes and underscores, as the Hub wants of data sets and licences."""
    return file_safe(text)[:96]


def _title(card: ExportCard) -> str:
    return plain(f"{card.model}, {card.strategy}, on {card.dataset}: {card.format} in {card.precision}")


def _eval_results(card: ExportCard) -> list[EvalResult]:
    from huggingface_hub import EvalResult

    found = []
    for name, score in card.scores.items():
        if score.value is not None:
            kind, average = HUB_METRICS.get(name, (name, None))
            found.append(
                EvalResult(
                    task_type=_pipeline(card),
                    task_name=card.task.replace("_", " "),
                    dataset_type=_hub_name(card.dataset),
                    dataset_name=plain(card.dataset),
                    dataset_split="test",
                    metric_type=kind,
                    metric_name=_label(name),
                    metric_value=score.value,
                    metric_args={"average": average} if average else None,
                )
            )
    return found


def _page(folder: Path, card: ExportCard, result: Result, headline: str) -> _Page:
    exporter = EXPORTERS.get(card.format)
    return _Page(
        title=_title(card),
        opening=f"A classifier of {thing(card.task)}s, exported by the suite as {exporter.summary}. "
        "Its scores are the file's own, not those of the model that it was made of.",
        facts=tuple(_facts(card, result)),
        tensors=tuple(_tensors(card)),
        classes=_classes(card),
        commands=_commands(folder, card),
        runtime=exporter.runtime,
        quality=_quality(card),
        scores=tuple(_scores(card, headline)),
        comparisons=tuple(_comparisons(card)),
        machine=_machine(card),
        costs=tuple(_costs(card)),
        method=tuple(_method(card)),
        versions=tuple(card.versions.items()),
        licence=_licence_text(result),
    )


def _facts(card: ExportCard, result: Result) -> Iterator[str]:
    family = f" of the family {result.family}" if result.family else ""
    weights, home = _weights(result), result.data[0]
    if weights is None:
        yield f"Backbone: {card.model}{family}, from random weights; nothing was pretrained."
    else:
        on = f", pretrained on {weights.pretrained_on}" if weights.pretrained_on else ""
        yield f"Backbone: {card.model}{family}{on} (weights: {weights.name}, from {weights.location})."
    yield f"Adapted by: {card.strategy}{_settings(result)}."
    if result.teaching is not None:
        yield f"Taught by: {result.teaching.model}, {result.teaching.strategy}, beside the classes."
    learned = f" ({plural(home.sizes['train'], 'training example')})" if "train" in home.sizes else ""
    classes = f", {plural(len(card.labels), 'class', 'classes')}" if card.labels else ""
    yield f"On: {card.dataset}{learned}{classes}, seed {card.seed}."
    yield f"File: {card.file}, format {card.format}, {PRECISION_WORDS[card.precision]}."
    if card.calibration_examples is not None:
        examples = plural(card.calibration_examples, "training example")
        yield f"Calibration: ranges of activations were measured on {examples}, never on test examples."
    if card.resizing is not None:
        _, height, width, _ = card.inputs[0].shape
        yield (
            f"Images: {card.resizing.words}, to {height} x {width} pixels, before they go in; first turned as EXIF "
            f"says, transparency laid on white, 16 bits brought to 8{_levels(card)}. example.py does all of it."
        )
    if card.tokenizer is not None:
        yield f"Tokeniser: {card.tokenizer}."
    yield f"SHA-256: {card.sha256}"
    yield from dict.fromkeys((*card.notes, *result.notes))


def _settings(result: Result) -> str:
    said = ", ".join(
        f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in result.hyperparameters.items()
    )
    return f" ({said})" if said else ""


def _tensors(card: ExportCard) -> Iterator[tuple[str, ...]]:
    for role, one in (*(("in", one) for one in card.inputs), ("out", card.output)):
        shape = ", ".join("any" if size is None else str(size) for size in one.shape)
        yield role, one.name, f"({shape})", one.dtype, one.meaning


def _classes(card: ExportCard) -> str:
    if not card.labels:
        return ""
    named = "; ".join(plain(label) for label in card.labels[:MOST_CLASSES])
    rest = len(card.labels) - MOST_CLASSES
    more = f"; and {rest:,} more" if rest > 0 else ""
    return f"The classes, in the order of the probabilities: {named}{more}. One a line in labels.txt."


def _commands(folder: Path, card: ExportCard) -> Markup | None:
    if not (folder / "example.py").is_file():
        return None
    images = thing(card.task) == "image"
    packages = ["numpy", "pillow" if images else "tokenizers", EXPORTERS.get(card.format).runtime]
    if card.format == "keras":
        packages += ["tensorflow", "keras-hub"]  # a backend, and the layers of KerasHub's backbones
    given = "photo.jpg" if images else '"a sentence"'
    return fenced(f"pip install {' '.join(packages)}\npython example.py {given}")


def _quality(card: ExportCard) -> str:
    parity = card.parity
    if card.scores and parity is not None:
        examples = plural(parity.examples, "example")
        return f"This very file, run on the whole test set of {card.dataset} ({examples}) in its own runtime."
    return (
        "There are no scores: the test set was not at hand when the file was exported. It was compared with the Keras "
        "model on noise, which says whether it is the same model, not how good that is."
    )


def _scores(card: ExportCard, headline: str) -> Iterator[tuple[str, ...]]:
    for name in sorted(card.scores, key=lambda name: name != headline):
        score, other = card.scores[name], card.keras_scores.get(name)
        value = f"missing: {score.reason}" if score.value is None else _digits(score.value)
        keras = MISSING if other is None or other.value is None else _digits(other.value)
        yield _label(name), value, _between(score.low, score.high) or MISSING, keras


def _label(name: str) -> str:
    """A metric as reports print it; by its name where it is of a plugin that is not given."""
    return str(METRICS.get(name).label) if name in METRICS else name.replace("_", " ")


def _between(low: float | None, high: float | None) -> str:
    """The two ends; empty where there are none."""
    return "" if low is None or high is None else f"{_digits(low)} to {_digits(high)}"


def _digits(value: float) -> str:
    return f"{value:.4f}"


def _comparisons(card: ExportCard) -> Iterator[str]:
    change, parity = card.difference, card.parity
    if change is not None:
        ends = (
            "" if change.low is None or change.high is None else f" ({_digits(change.low)} to {_digits(change.high)})"
        )
        yield (
            f"Difference of {_label(change.metric)} to the Keras model, on the same examples: "
            f"{change.value:+.4f}{ends}."
        )
    if parity is not None:
        on = "the test set" if parity.on == "test" else "noise"
        yield (
            f"It names the class that the Keras model names for {100 * parity.agreement:.1f} % of "
            f"{plural(parity.examples, 'example')} of {on}. Probabilities differ by {parity.max_difference:.1e} at the "
            f"most, by {parity.mean_difference:.1e} on average."
        )


def _machine(card: ExportCard) -> str:
    measured = card.measured
    if measured is None:
        return "It was not timed."
    return f"In {measured.runtime}, on {plural(measured.threads, 'thread')} of {measured.device}."


def _costs(card: ExportCard) -> Iterator[tuple[str, str]]:
    yield "size", f"{megabytes(card.bytes)} ({count(card.bytes)} bytes)"
    if card.compressed_bytes is not None:
        yield "size after gzip", megabytes(card.compressed_bytes)
    measured, one = card.measured, thing(card.task)
    if measured is not None:
        length = f" of {measured.tokens} tokens" if measured.tokens else ""
        yield f"latency of one {one}{length}, median", f"{number(measured.latency_ms_p50)} ms"
        yield "latency, 95th percentile", f"{number(measured.latency_ms_p95)} ms"
        batch = measured.throughput_batch_size
        yield f"throughput in batches of {batch}", f"{number(measured.throughput_per_second)} {one}s a second"
        yield "time to load", f"{number(measured.load_seconds)} s"
        yield "peak memory of the process", megabytes(measured.peak_memory_bytes)


def _method(card: ExportCard) -> Iterator[str]:
    if card.scores:
        yield (
            "Intervals are 95 % intervals over test examples. The interval of the difference is paired: both models "
            "answered the same examples."
        )
    yield (
        "Latency and throughput were taken after warm-up, with no other runtime in the process. They hold for this "
        "machine."
    )
    yield (
        "The test set was used neither to train this model, nor to choose its settings, nor to find ranges of "
        "activations. Where it was picked among others for its test score, that score is a little too good."
    )


def _licence_text(result: Result) -> str:
    weights, home = _weights(result), result.data[0]
    if weights is None:
        said = "The weights started from random numbers, so no licence comes with them."
    elif weights.licence:
        said = f"The pretrained weights are under {weights.licence}."
    else:
        said = "The source of the pretrained weights states no licence."
    return f"{said} Licence of the data set {home.name}: {home.licence or 'not stated by its source'}."


def _levels(card: ExportCard) -> str:
    """`` (120 becomes 0, 3,990 becomes 255, as in training)``; empty where the whole range is taken."""
    return "" if card.levels is None else " ({:,g} becomes 0, {:,g} becomes 255, as in training)".format(*card.levels)
