"""What a strategy needs of a task and of a backbone; a cell without it is skipped with the reason."""

from __future__ import annotations

from typing import Any, Literal

from suite.registry import MODELS, STRATEGIES, TASKS
from suite.spec.trial import Cell

__all__ = ["Need", "unmet_need"]

Need = Literal["class_head", "class_probabilities", "features", "gradient"]
"""``features``: classes are learned from frozen features. ``class_probabilities``: a model answers with them.
``class_head``: a head of classes is on the backbone. ``gradient``: the backbone itself can be trained."""
WITHOUT_CLASSES: dict[Need, str] = {
    "class_head": "it leaves the head of classes as it is",
    "class_probabilities": "a teacher answers with probabilities of classes",
    "features": "it learns classes from frozen features",
}


def unmet_need(cell: Cell) -> str | None:
    """What the strategy of a cell needs and cannot have, as the reason of a skip; None where it has everything."""
    task: Any = TASKS.get(cell.task)
    source: Any = MODELS.get(cell.model.source)
    needs: frozenset[Need] = getattr(STRATEGIES.get(cell.strategy.strategy), "needs", frozenset())
    for need, what in WITHOUT_CLASSES.items():
        if need in needs and not task.classifies:
            return f"{what}, and {cell.task} has no classes"
    if not task.classifies and cell.strategy.own().get("class_weights"):
        return f"'class_weights' weigh classes, and {cell.task} has no classes"
    if "gradient" in needs and not getattr(source, "differentiable", True):
        return f"it trains the backbone, and those of the source '{cell.model.source}' can only be run"
    return None
