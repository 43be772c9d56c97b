"""The card of one file: what was written, what it costs, and how far it is from the Keras model."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suite.export.place import bytes_of, gzip_bytes_of, sha256_of
from suite.export.requests import Outcome
from suite.export.subject import Subject
from suite.metrics import metrics_named
from suite.metrics.intervals import difference_of, luck_of, with_interval
from suite.registry import EXPORTERS, METRICS, OUTPUTS, TASKS
from suite.store.records.export_card import Difference, ExportCard, Parity, Precision
from suite.store.records.outputs import Outputs
from suite.store.records.result import Score
from suite.version import __version__

__all__ = ["AGREEMENT", "card_of", "with_measures", "without_file"]

AGREEMENT = 0.99
"""Share of examples for which a file in full precision must name the class that the Keras model names."""


def without_file(subject: Subject, format_: str, precision: Precision, *, status: str, reason: str) -> ExportCard:
    """A card of a file that there is none of, ``failed`` or ``skipped``."""
    return ExportCard.model_validate(
        {
            **_identity(subject, format_, precision),
            "status": status,
            "reason": reason,
            "bytes": 0,
            "sha256": "",
            "inputs": (),
            "output": {"name": "", "shape": (), "dtype": "", "meaning": ""},
            "export_seconds": 0.0,
        }
    )


def card_of(
    subject: Subject, format_: str, precision: Precision, file: Path, *, written: Outcome, seconds: float
) -> ExportCard:
    """A card of a file that was written and not yet run.

    Args:
        subject: What was exported.
        format_: Its format.
        precision: Its precision.
        file: The file or folder.
        written: What the writer of the full file said of inputs and output.
        seconds: Writing took, from the Keras model on.
    """
    return ExportCard.model_validate(
        {
            **_identity(subject, format_, precision),
            "status": "done",
            "bytes": bytes_of(file),
            "compressed_bytes": gzip_bytes_of(file),
            "sha256": sha256_of(file),
            "inputs": written.inputs,
            "output": written.output,
            "export_seconds": seconds,
            "notes": written.notes,
        }
    )


def _identity(subject: Subject, format_: str, precision: Precision) -> dict[str, object]:
    result, exporter = subject.result, EXPORTERS.get(format_)
    packages = dict.fromkeys(("tensorflow", "keras", exporter.runtime, *exporter.quantisers))
    return {
        "format": format_,
        "precision": precision,
        "task": str(result.trial["task"]),
        "model": result.model,
        "dataset": result.dataset,
        "strategy": result.strategy,
        "seed": result.seed,
        "trial_id": result.id,
        "model_sha256": subject.model_sha256,
        "cell_id": result.cell_id,
        "file": exporter.file,
        "labels": result.data[0].class_names,
        "tokenizer": subject.tokenizer,
        "resizing": subject.resizing,
        "levels": subject.levels,
        "versions": {"suite": __version__, **{package: version(package) for package in packages}},
    }


def with_measures(
    card: ExportCard, subject: Subject, outcome: Outcome, probabilities: NDArray[np.float32] | None
) -> ExportCard:
    """The card with what the file's own runtime said; ``failed`` where it says something else than Keras does."""
    if probabilities is None:
        return card.model_copy(update={"status": "failed", "reason": f"the file does not run: {outcome.problem}"})
    parity = _parity(subject, probabilities)
    update: dict[str, object] = {"measured": outcome.measured, "parity": parity, **_scores(subject, probabilities)}
    if card.precision == "fp32" and parity.agreement < AGREEMENT:
        update |= {"status": "failed", "reason": _disagreement(parity, card)}
    if not np.isfinite(probabilities).all():
        update |= {"status": "failed", "reason": "the file answers numbers that are none (NaN or infinite)"}
    return card.model_copy(update=update)


def _scores(subject: Subject, probabilities: NDArray[np.float32]) -> dict[str, object]:
    known = subject.expected
    if known is None or not np.isfinite(probabilities).all():
        return {}
    # A plugin that is not given cannot score the file; its metric stays with the run.
    names = tuple(name for name in subject.result.scores["test"] if name in METRICS)
    found = known.of_file(probabilities).with_facts(known.facts)
    scores = {metric.name: with_interval(metric, found) for metric in metrics_named(names)}
    keras_scores = subject.result.scores["test"]
    return {
        "scores": scores,
        "keras_scores": keras_scores,
        "difference": _difference(subject.headline, (found, scores), (known, keras_scores)),
    }


def _difference(
    name: str, ours: tuple[Outputs, dict[str, Score]], theirs: tuple[Outputs, dict[str, Score]]
) -> Difference | None:
    """Paired over examples: both stand on the same."""
    if name not in ours[1]:
        return None
    value, other = ours[1][name].value, theirs[1][name].value
    if value is None or other is None:
        return None
    (metric,) = metrics_named((name,))
    low, high = difference_of(luck_of(metric, [ours[0]]), luck_of(metric, [theirs[0]]), paired=True) or (None, None)
    return Difference(metric=name, value=value - other, low=low, high=high)


def _parity(subject: Subject, probabilities: NDArray[np.float32]) -> Parity:
    difference = np.nan_to_num(np.abs(probabilities.astype(np.float64) - subject.reference), nan=np.inf)
    return Parity(
        examples=len(probabilities),
        max_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
        agreement=float(_kind_of(subject).same_answers(probabilities, subject.reference).mean()),
        on="test" if subject.expected is not None else "noise",
    )


def _kind_of(subject: Subject) -> type[Outputs]:
    """The kind of outputs that the model gives, noise or not."""
    kind: type[Outputs] = OUTPUTS.get(TASKS.get(str(subject.result.trial["task"])).answers)
    return kind


def _disagreement(parity: Parity, card: ExportCard) -> str:
    what, numbers = (
        ("names another class", "probabilities") if card.labels else ("answers something else", "its numbers")
    )
    return (
        f"{what} than the Keras model for {1 - parity.agreement:.1%} of {parity.examples} examples; "
        f"{numbers} differ by up to {parity.max_difference:.2g}"
    )
