"""The 95 % interval of every score of a cell, over test examples and, with two or more seeds, over seeds together.

One interval, one meaning, on every page: how far another test set of this size, and other seeds, could have moved the
mean.  With one seed nothing is known of others, and the interval is over examples only (``HeadlineScore.covers``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from suite.compare.cell import CellSummary, ElsewhereScore, HeadlineScore, MetricSpread
from suite.compare.statistics.evidence import SetEvidence
from suite.compare.statistics.intervals import luck_spreads, overall_interval
from suite.metrics import Metric, MissingScore
from suite.metrics.intervals import Luck, luck_of
from suite.metrics.plugin_metrics import metrics_to_read
from suite.store.records.result import Result

__all__ = ["Lucks", "lucks_of", "with_intervals"]

Lucks = dict[tuple[str, str], Luck | str]
"""Evaluation set and metric to what is known of luck with its examples, or the reason why nothing is."""
Scored = TypeVar("Scored", HeadlineScore, ElsewhereScore, MetricSpread)
NOT_LOADED = "the plugin that this metric is from is not loaded, and the results do not say enough of it."


def lucks_of(evidence: SetEvidence, name: str, metrics: Sequence[str], results: Sequence[Result]) -> Lucks:
    """What is known of luck with the examples of one evaluation set, for several metrics.

    Args:
        evidence: The predictions of a cell on it.
        name: Of the evaluation set.
        metrics: Their names; of those that are neither registered nor kept with the results nothing is known.
        results: The trials of the cell, whose scores need not be computed again.
    """
    found: Lucks = {}
    by_seed = {result.seed: result.scores.get(name, {}) for result in results}
    known = {metric.name: metric for metric in metrics_to_read(metrics, results)}
    for metric in metrics:
        if not evidence.predictions:
            found[name, metric] = evidence.reason or "the predictions were not kept."
        elif metric not in known:
            found[name, metric] = NOT_LOADED
        else:
            stored = [score.value if (score := by_seed[seed].get(metric)) else None for seed in evidence.seeds]
            found[name, metric] = _luck(known[metric], evidence, stored)
    return found


def with_intervals(cells: Sequence[CellSummary], lucks: Mapping[str, Lucks], headline: str) -> list[CellSummary]:
    """The cells of one data set with the interval of each score, in the order given.

    Args:
        cells: Without.
        lucks: Of each, by cell id. Cells learn from each other how far seeds differ.
        headline: Name of the metric that ranks.
    """
    ends: dict[tuple[str, tuple[str, str]], tuple[float, float] | str] = {}
    for key in dict.fromkeys(key for one in lucks.values() for key in one):
        known = {cell: one[key] for cell, one in lucks.items() if key in one}
        able = {cell: one for cell, one in known.items() if isinstance(one, Luck)}
        ends |= {(cell, key): one for cell, one in known.items() if isinstance(one, str)}
        if able:
            spreads = luck_spreads(list(able.values()))
            for (cell, luck), spread in zip(able.items(), spreads, strict=True):
                ends[cell, key] = overall_interval(luck, spread)
    return [
        _with_ends(cell, {key: one for (name, key), one in ends.items() if name == cell.cell_id}, headline)
        for cell in cells
    ]


def _luck(metric: Metric, evidence: SetEvidence, stored: Sequence[float | None]) -> Luck | str:
    scores = None if None in stored else np.array(stored, dtype=np.float64)
    try:
        found = luck_of(metric, evidence.predictions, scores=scores, shared=len(set(evidence.keys)) == 1)
    except MissingScore as missing:
        return str(missing)
    return found if isinstance(found, str) else replace(found, seed_factor=evidence.seed_factor)


def _with_ends(
    cell: CellSummary, ends: Mapping[tuple[str, str], tuple[float, float] | str], headline: str
) -> CellSummary:
    metrics = {name: _bounded(spread, ends.get(("test", name))) for name, spread in cell.metrics.items()}
    elsewhere = tuple(_bounded(one, ends.get((one.name, headline))) for one in cell.elsewhere)
    ranking = _bounded(cell.headline, ends.get(("test", headline))) if cell.headline is not None else None
    return cell.model_copy(update={"metrics": metrics, "elsewhere": elsewhere, "headline": ranking})


def _bounded(scored: Scored, ends: tuple[float, float] | str | None) -> Scored:
    if ends is None:
        return scored
    field = "no_interval" if isinstance(scored, MetricSpread) else "reason"
    if isinstance(ends, str):
        return scored.model_copy(update={field: ends})
    return scored.model_copy(update={"low": ends[0], "high": ends[1]})
