"""Check ``seen_before``: weights that were pretrained on the data they are tested on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import ClassVar

from suite.lint.names import shared_source
from suite.lint.resolution import models_of
from suite.lint.subjects import LooksAt, Run
from suite.registry import DATASETS
from suite.spec.plan import Plan, label_of
from suite.spec.spec import DatasetSpec
from suite.store.records.check import Finding

__all__ = ["SeenBefore"]

UNTRAINED = "from_scratch"
"""The strategy that leaves the weights out."""

Seen = dict[tuple[str, str, str], dict[str, None]]
"""Data set, what the weights were pretrained on, and their common source, to the models."""


class SeenBefore:
    """Names are compared, not images: what the card of the weights says, and what the data set is called."""

    summary: ClassVar[str] = "weights that were pretrained on the data set that they are tested on"
    looks_at: ClassVar[tuple[LooksAt, ...]] = ("plan", "results")

    @classmethod
    def findings(cls, subject: Plan | Run) -> Iterator[Finding]:
        """One finding per data set and source of weights, with all models that it concerns."""
        for (dataset, pretrained_on, source), models in (
            _planned(subject) if isinstance(subject, Plan) else _recorded(subject)
        ).items():
            yield _finding(dataset, pretrained_on, source, list(models))


def _planned(plan: Plan) -> Seen:
    if all(one.strategy == UNTRAINED for one in plan.spec.strategies):
        return {}
    seen: Seen = {}
    for label, source, options in models_of(plan):
        words = source.pretrained_on(options) if hasattr(source, "pretrained_on") else None
        for choice in (*plan.spec.datasets, *plan.spec.evaluate_on):
            _note(seen, label, words, label_of(choice, DATASETS.get(choice.source)), _names(choice))
    return seen


def _recorded(run: Run) -> Seen:
    seen: Seen = {}
    for cell in run.comparison.cells:
        words = cell.weights.pretrained_on if cell.weights and cell.strategy_name != UNTRAINED else None
        home = run.home(cell)
        _note(seen, cell.model, words, cell.dataset, (cell.dataset, home.name if home else ""))
        for further in cell.elsewhere:
            if further.name != "validation":
                _note(seen, cell.model, words, further.name, (further.name,))
    return seen


def _note(seen: Seen, model: str, pretrained_on: str | None, dataset: str, names: Iterable[str]) -> None:
    source = shared_source(pretrained_on, tuple(names)) if pretrained_on else None
    if pretrained_on and source:
        seen.setdefault((dataset, pretrained_on, source), {})[model] = None


def _names(choice: DatasetSpec) -> tuple[str, ...]:
    """What a data set is called: its label, its name at its source, its file or folder."""
    own = choice.own()
    paths = [PurePath(str(own["path"]))] if own.get("path") else []
    label = label_of(choice, DATASETS.get(choice.source))
    return (label, str(own.get("name") or ""), *(name for path in paths for name in (path.name, path.parent.name)))


def _finding(dataset: str, pretrained_on: str, source: str, models: list[str]) -> Finding:
    named = ", ".join(models[:5]) + (f" and {len(models) - 5} more" if len(models) > 5 else "")
    known = "" if source.lower() == pretrained_on.lower() else f" ({source})"
    return Finding(
        check="seen_before",
        severity="warning",
        what=f"The weights of {named} were pretrained on {pretrained_on}, and {dataset} is, or comes from, the same "
        f"data{known}.",
        where=f"{dataset}",
        why="These models have seen the images, or images of the same classes with their labels: their scores say "
        "what they remember, and other weights cannot be compared with them fairly.",
        mend="Test on other data, or leave these weights out; where the test split is known to be apart from the "
        "pretraining examples, say so beside the scores.",
    )
