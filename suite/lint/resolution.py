"""Check ``resolution``: input sizes, preprocessing and crops that the weights were not trained with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from suite.lint.subjects import LooksAt
from suite.registry import MODELS
from suite.spec.plan import Plan, label_of
from suite.store.records.check import Finding
from suite.store.records.resizing import Resizing

__all__ = ["Resolution", "input_side", "models_of"]

MUCH = 1.5
"""Factor between two sides from which a difference is a warning."""


class Resolution:
    """Models that are asked to see images otherwise than their weights did."""

    summary: ClassVar[str] = "input sizes, preprocessing and crops other than the weights' own"
    looks_at: ClassVar[tuple[LooksAt, ...]] = ("plan",)

    @classmethod
    def findings(cls, subject: Plan) -> Iterator[Finding]:
        """Per model with pretrained weights whose own size is known."""
        for label, source, options in models_of(subject):
            yield from _size(label, source, options)
            yield from _preprocessing(label, source, options)
            yield from _resizing(label, source, options, subject.spec.resizing)


def models_of(plan: Plan) -> Iterator[tuple[str, Any, Any]]:
    """Label, source and options of each model of a plan."""
    for model in plan.spec.models:
        source = MODELS.get(model.source)
        yield label_of(model, source), source, model.options(source)


def input_side(source: Any, options: Any) -> float | None:
    """Side of the square of the same area as the model's input, pixels; None where it is not known yet."""
    size = source.input_size(options) if hasattr(source, "input_size") else None
    return None if size is None else float((size[0] * size[1]) ** 0.5)


def _size(label: str, source: Any, options: Any) -> Iterator[Finding]:
    asked = getattr(options, "input_size", None)
    own = source.weights_size(options) if hasattr(source, "weights_size") else None
    if asked is None or own is None or tuple(asked) == tuple(own):
        return
    factor = (asked[0] * asked[1] / (own[0] * own[1])) ** 0.5
    yield Finding(
        check="resolution",
        severity="warning" if not 1 / MUCH < factor < MUCH else "note",
        what=f"{label} takes images of {asked[0]} x {asked[1]} pixels; its weights were trained at "
        f"{own[0]} x {own[1]}.",
        where=f"model {label}",
        why="Objects then have another size for the filters than in training: features are worse than the weights "
        "could give, and the comparison with models at their own size is uneven.",
        mend="Leave 'input_size' out, or add the model at its own size beside it and compare the two.",
    )


def _preprocessing(label: str, source: Any, options: Any) -> Iterator[Finding]:
    """Where ``auto`` would take what comes with the weights; without a file to fetch, the weights are random."""
    field = type(options).model_fields.get("preprocessing")
    asked = getattr(options, "preprocessing", "auto")
    if field is None or field.default != "auto" or asked == "auto" or not source.requirements(options):
        return
    yield Finding(
        check="resolution",
        severity="warning",
        what=f"{label} is given the preprocessing '{asked}' instead of the one that comes with its weights.",
        where=f"model {label}",
        why="Weights that see other numbers than in training give worse features, and nothing complains.",
        mend="Leave 'preprocessing' out, unless the weights' own is known to be wrong.",
    )


def _resizing(label: str, source: Any, options: Any, for_all: Resizing | None) -> Iterator[Finding]:
    """Where the spec resizes images otherwise than the weights were evaluated; a note where all models are alike."""
    asked = for_all or getattr(options, "resizing", None)
    own = source.weights_resizing(options) if hasattr(source, "weights_resizing") else None
    if asked is None or own is None or asked == own:
        return
    yield Finding(
        check="resolution",
        severity="note" if for_all else "warning",
        what=f"{label} is given images {asked.words}; its weights were evaluated with images {own.words}.",
        where=f"model {label}",
        why="Objects then have other proportions or another size for the filters than in training: features may be "
        "worse than the weights could give.",
        mend="Leave 'resizing' out, unless all models shall see the same of an image.",
    )
