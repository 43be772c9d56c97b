"""Picks the test examples that a report shows. The same results give the same examples; nobody chooses them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from suite.compare.cell import CellSummary
from suite.compare.example_records import Answered, Disagreement, Disagreements, SideBySide, WrittenExample
from suite.compare.robustness.corruptions import FindFile
from suite.compare.statistics.evidence import SetEvidence
from suite.errors import StoreError
from suite.store.records.example_files import PASSAGES, Passages
from suite.store.records.generations import Generations
from suite.store.records.result import Predictions, Result

__all__ = ["MOST_DISAGREEMENTS", "MOST_MODELS", "MOST_WRITTEN", "disagreements_of", "side_by_side"]

MOST_MODELS = 8
"""More answers beside each other cannot be read."""
MOST_DISAGREEMENTS = 12
MOST_WRITTEN = 8
LONGEST_SHOWN = 1_500
"""Letters of a source, reference or text in a report."""


def disagreements_of(
    dataset: str,
    ranked: Sequence[CellSummary],
    evidence: Mapping[str, SetEvidence],
    results: Mapping[str, Sequence[Result]],
    find: FindFile,
) -> Disagreements | None:
    """Where the best cells of the models name different classes; None with fewer than two models of classes.

    Args:
        dataset: Its label.
        ranked: Its cells, best first.
        evidence: Cell id to predictions on the home test set; the first seed's are shown.
        results: All results by cell id.
        find: Gives the file with the texts of the test set, where one was kept.
    """
    shown = [
        (cell.cell_id, evidence[cell.cell_id].classified[0])
        for cell in _best_of_models(ranked, evidence)
        if evidence[cell.cell_id].classified
    ]
    if len(shown) < 2 or not len(shown[0][1].targets):
        return None
    first = shown[0][1]
    labels = np.stack([made.labels for _, made in shown])
    confidence = np.stack([made.probabilities.max(axis=1) for _, made in shown]).astype(np.float64)
    wrong = labels != first.targets
    ordered = np.sort(labels, axis=0)
    different = 1 + (ordered[1:] != ordered[:-1]).sum(axis=0)
    surest_wrong = np.where(wrong, confidence, 0.0).max(axis=0)
    ids = first.example_ids.tolist()
    differing = np.flatnonzero(different > 1).tolist()
    chosen = sorted(differing, key=lambda row: (-different[row], -surest_wrong[row], ids[row]))[:MOST_DISAGREEMENTS]
    texts = _passages([cell_id for cell_id, _ in shown], results, find) if chosen else {}
    return Disagreements(
        dataset=dataset,
        cells=tuple(cell_id for cell_id, _ in shown),
        examples=len(ids),
        differing=len(differing),
        all_wrong=int(wrong.all(axis=0).sum()),
        shown=tuple(
            Disagreement(
                example_id=ids[row],
                texts=texts.get(ids[row], ()),
                truth=first.class_names[first.targets[row]],
                answers=tuple(_answered(made, row) for _, made in shown),
            )
            for row in chosen
        ),
    )


def side_by_side(dataset: str, ranked: Sequence[CellSummary], evidence: Mapping[str, SetEvidence]) -> SideBySide | None:
    """What the best cell of each model wrote, by its first seed; None where nothing was written."""
    shown: list[tuple[str, Generations, tuple[str, ...]]] = []
    for cell in _best_of_models(ranked, evidence):
        made = evidence[cell.cell_id].predictions[0]
        if isinstance(made, Generations) and made.texts is not None:
            shown.append((cell.cell_id, made, made.texts))
    if not shown or not len(shown[0][1].example_ids):
        return None
    first = shown[0][1]
    ids = first.example_ids.tolist()
    chosen = sorted(range(len(ids)), key=lambda row: hashlib.sha256(str(ids[row]).encode()).digest())[:MOST_WRITTEN]
    return SideBySide(
        dataset=dataset,
        cells=tuple(cell_id for cell_id, _, _ in shown),
        examples=len(ids),
        shown=tuple(
            WrittenExample(
                example_id=ids[row],
                source=_cut(first.sources[row]),
                reference=_cut(first.references[row]),
                texts=tuple(_cut(texts[row]) for _, _, texts in shown),
            )
            for row in chosen
        ),
    )


def _best_of_models(ranked: Sequence[CellSummary], evidence: Mapping[str, SetEvidence]) -> list[CellSummary]:
    """The highest cell of each of the first models; those that saw the same examples as the first of all."""
    best: dict[str, CellSummary] = {}
    key: str | None = None
    for cell in ranked:
        found = evidence[cell.cell_id]
        if not found.predictions or cell.model in best:
            continue
        key = key or found.keys[0]
        if found.keys[0] == key:
            best[cell.model] = cell
    return list(best.values())[:MOST_MODELS]


def _answered(made: Predictions, row: int) -> Answered:
    label = int(made.labels[row])
    return Answered(
        answer=made.class_names[label],
        confidence=float(made.probabilities[row, label]),
        right=label == int(made.targets[row]),
    )


def _passages(
    cells: Sequence[str], results: Mapping[str, Sequence[Result]], find: FindFile
) -> dict[str, tuple[str, ...]]:
    """Example id to its texts, from the first of these cells that kept them."""
    for cell_id in cells:
        for result in results.get(cell_id, ()):
            path = find(result, PASSAGES) if result.phase == "final" else None
            if path is None:
                continue
            try:
                return Passages.load(path).by_id()
            except StoreError:
                continue  # damaged: another trial kept the same texts
    return {}


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1].rstrip()}…"
