"""A comparison as flat rows: what charts draw. Every row is a plain dictionary of numbers and words."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from suite.compare.comparison import (
    Bin,
    CellSummary,
    Comparison,
    ElsewhereScore,
    Ledger,
    ProfileSummary,
    Spread,
    Tried,
)
from suite.compare.number_format import count, duration, megabytes, number, score, short

__all__ = [
    "MOST_CURVES",
    "MOST_ROWS",
    "Row",
    "all_models",
    "all_strategies",
    "board",
    "candidate_rows",
    "complexity_rows",
    "confusion_rows",
    "curve_rows",
    "generalisation_rows",
    "per_class_rows",
    "reliability_rows",
    "score_title",
    "seed_rows",
    "setting_text",
]

Row = dict[str, Any]
MOST_ROWS = 30
"""Lines that a chart with one line per cell shows; the tables have all."""
MOST_CURVES = 12
MOST_EPOCHS = 60
MOST_CLASSES = 40
Z = 1.959964


def all_models(comparison: Comparison) -> list[str]:
    """Labels of all models, of unfinished cells too, so that colours do not change during a run."""
    planned = [trial.model for trial in comparison.missing] + [skip.model for skip in comparison.skips]
    return sorted({cell.model for cell in comparison.cells} | set(planned))


def all_strategies(comparison: Comparison) -> list[str]:
    """Labels of all strategies, sorted, so that shapes do not follow the ranking."""
    planned = [trial.strategy for trial in comparison.missing] + [skip.strategy for skip in comparison.skips]
    return sorted({cell.strategy for cell in comparison.cells} | set(planned))


def score_title(comparison: Comparison) -> str:
    """The headline metric in words."""
    return comparison.headline.label


def board(comparison: Comparison, dataset: str | None = None) -> list[Row]:
    """One row per cell of a data set (the first when None), by rank, cells without a score last."""
    return [_cell_row(cell) for cell in _cells(comparison, dataset)]


def seed_rows(comparison: Comparison, dataset: str | None = None) -> list[Row]:
    """One row per cell and seed that has a score."""
    return [
        {**_names(cell), "seed": str(seed.seed), "score": seed.value}
        for cell in _ranked(comparison, dataset)
        for seed in (cell.headline.seeds if cell.headline else ())
        if seed.value is not None
    ]


def complexity_rows(comparison: Comparison) -> list[Row]:
    """One row per model and measure, from the best cell of each of the first models; what was not measured is left
    out.
    """
    best: dict[str, CellSummary] = {}
    for cell in comparison.cells:
        if cell.profile is not None:
            best.setdefault(cell.model, cell)
    rows: list[Row] = []
    for model, cell in list(best.items())[:MOST_ROWS]:
        if cell.profile is not None:
            rows.extend({"model": model, **measure} for measure in _measures(cell.profile))
    lightest = {row["model"]: row["value"] for row in rows if row["measure"] == "parameters"}
    return sorted(rows, key=lambda row: lightest.get(row["model"], 0))  # what has no parameters has no such row


def generalisation_rows(comparison: Comparison, dataset: str | None = None) -> tuple[list[Row], list[Row]]:
    """Points (cell and evaluation set) and spans (cell), best at home first."""
    home = dataset or (comparison.datasets[0] if comparison.datasets else "")
    points: list[Row] = []
    spans: list[Row] = []
    for cell in _ranked(comparison, dataset):
        further = [score for score in cell.elsewhere if score.name != "validation" and score.headline.mean is not None]
        if not further or cell.headline is None or len(spans) >= MOST_ROWS:
            continue
        ends = cell.headline.interval or (None, None)
        here = {"score": cell.headline.value, "low": ends[0], "high": ends[1]}
        own = [{**_names(cell), "set": home, "home": True, **here, "drop_text": "–"}]
        own.extend({**_names(cell), "set": score.name, "home": False, **_elsewhere(score)} for score in further)
        scores = [point["score"] for point in own]
        points.extend(own)
        spans.append({**_names(cell), "least": min(scores), "most": max(scores)})
    return points, spans


def curve_rows(comparison: Comparison, dataset: str | None = None) -> list[Row]:
    """Mean, least and most validation score over seeds, by cell and epoch."""
    cells = [cell for cell in _cells(comparison, dataset) if any(curve.epochs for curve in cell.curves)]
    models = list(dict.fromkeys(cell.model for cell in cells))[:MOST_CURVES]
    rows: list[Row] = []
    for cell in cells:
        if cell.model in models:
            rows.extend(_curve(cell))
    return rows


def confusion_rows(comparison: Comparison, cell_id: str | None = None) -> tuple[tuple[str, ...], list[Row]] | None:
    """Class names and one row per pair of classes that occurred, of a cell (the best when None)."""
    cell = _chosen(comparison, cell_id)
    if cell is None or cell.confusion is None:
        return None
    names = cell.confusion.class_names
    rows: list[Row] = []
    for truth, counts in enumerate(cell.confusion.counts):
        total = sum(counts)
        rows.extend(
            {"truth": names[truth], "predicted": names[predicted], "count": many, "share": round(many / total, 5)}
            for predicted, many in enumerate(counts)
            if many
        )
    return names, rows


def reliability_rows(comparison: Comparison, cell_id: str | None = None) -> list[Row]:
    """One row per bin that holds predictions, with a Wilson interval, of a cell (the best when None)."""
    cell = _chosen(comparison, cell_id)
    if cell is None:
        return []
    seeds = cell.confusion.seeds if cell.confusion else 1
    return [_bin_row(bin_, bin_.confidence, bin_.accuracy, seeds) for bin_ in cell.reliability if bin_.count]


def per_class_rows(comparison: Comparison, dataset: str | None = None) -> list[Row]:
    """F1 of every class for the best cell of each model; the hardest class first."""
    best: dict[str, CellSummary] = {}
    for cell in _ranked(comparison, dataset):
        if cell.classes:
            best.setdefault(cell.model, cell)
    rows = [
        {
            **_names(cell),
            "class": scores.name,
            "f1": scores.f1,
            "precision": scores.precision,
            "recall": scores.recall,
            "support": scores.support,
        }
        for cell in list(best.values())[:MOST_CURVES]
        for scores in cell.classes
        if scores.f1 is not None
    ]
    hardness: dict[str, list[float]] = {}
    for row in rows:
        hardness.setdefault(row["class"], []).append(row["f1"])
    order = sorted(hardness, key=lambda name: statistics.mean(hardness[name]))[:MOST_CLASSES]
    place = {name: index for index, name in enumerate(order)}
    return sorted((row for row in rows if row["class"] in place), key=lambda row: place[row["class"]])


def candidate_rows(comparison: Comparison, dataset: str | None = None) -> list[Row]:
    """One row per setting that was tried and scored, of the cells that had a choice."""
    rows: list[Row] = []
    cells = [cell for cell in _cells(comparison, dataset) if cell.ledger.candidates > 1]
    for cell in cells[:MOST_ROWS]:
        rows.extend(
            {
                **_names(cell),
                "setting": setting_text(tried.hyperparameters),
                "seed": str(tried.seed),
                "score": tried.validation_score,
                "epochs": tried.epochs,
                "seconds": tried.seconds,
                "chosen": _was_chosen(tried, cell.ledger, cell),
            }
            for tried in cell.ledger.tried
            if tried.validation_score is not None
        )
    return rows


def setting_text(hyperparameters: dict[str, Any]) -> str:
    """Hyperparameters as ``learning_rate 0.003, weight_decay 0.01``."""
    return ", ".join(f"{name} {_value_text(value)}" for name, value in hyperparameters.items()) or "as given"


def _value_text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list | tuple):
        return " + ".join(map(_value_text, value)) or "none"
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _cells(comparison: Comparison, dataset: str | None) -> list[CellSummary]:
    wanted = dataset if dataset is not None else next(iter(comparison.datasets), None)
    return [cell for cell in comparison.cells if cell.dataset == wanted]


def _ranked(comparison: Comparison, dataset: str | None) -> list[CellSummary]:
    return [cell for cell in _cells(comparison, dataset) if cell.headline is not None]


def _chosen(comparison: Comparison, cell_id: str | None) -> CellSummary | None:
    if cell_id is not None:
        return comparison.cell(cell_id)
    if comparison.recommendation is not None:
        return comparison.cell(comparison.recommendation.cell_id)
    return next(iter(_ranked(comparison, None)), None)


def _names(cell: CellSummary) -> Row:
    return {
        "id": cell.cell_id,
        "cell": f"{cell.model} · {cell.strategy}",
        "model": cell.model,
        "strategy": cell.strategy,
    }


def _cell_row(cell: CellSummary) -> Row:
    headline, profile, timings = cell.headline, cell.profile, cell.timings
    ends = (headline.interval if headline else None) or (None, None)
    row = {
        **_names(cell),
        "rank": cell.rank,
        "score": headline.value if headline else None,
        "low": ends[0],
        "high": ends[1],
        "least": headline.lowest_seed if headline else None,
        "most": headline.highest_seed if headline else None,
        "parameters": profile.parameters if profile else None,
        "latency_ms": profile.latency_ms_p50.mean if profile else None,
        "latency_ms_range": _range(profile.latency_ms_p50 if profile else None),
        "training_seconds": timings.training_seconds.mean if timings else None,
        "training_seconds_range": _range(timings.training_seconds if timings else None),
        "compile_seconds": timings.compile_seconds.mean if timings else None,
        "best_seconds": timings.seconds_to_best.mean if timings else None,
        "examples_per_second": timings.examples_per_second.mean if timings else None,
    }
    total = (row["training_seconds"] or 0.0) + (row["compile_seconds"] or 0.0)
    return {**row, "total_seconds": total, "total_text": duration(total)}


def _range(found: Spread | None) -> str:
    """Lowest and highest as text; empty where it was measured once."""
    if found is None or found.lowest is None or found.highest is None or found.lowest == found.highest:
        return ""
    return f"{number(found.lowest)} to {number(found.highest)}"


def _measures(profile: ProfileSummary) -> Iterable[Row]:
    def measure(name: str, value: float | None, text: str, exact: str) -> Iterable[Row]:
        if value is not None and value > 0:
            yield {"measure": name, "value": value, "text": text, "exact": exact}

    macs, latency, memory = profile.macs, profile.latency_ms_p50.mean, profile.peak_memory_bytes.mean
    yield from measure(
        "parameters", profile.parameters, short(profile.parameters), f"{count(profile.parameters)} parameters"
    )
    yield from measure("MACs", macs, short(macs), f"{count(macs)} MACs")
    yield from measure(
        "size on disk", profile.size_bytes, megabytes(profile.size_bytes), f"{count(profile.size_bytes)} bytes"
    )
    yield from measure("median latency", latency, f"{number(latency)} ms", f"{number(latency, digits=4)} ms")
    whole = round(memory) if memory else None
    yield from measure("peak memory", memory, megabytes(whole), f"{count(whole)} bytes")


def _elsewhere(elsewhere: ElsewhereScore) -> Row:
    text = "–"
    if elsewhere.drop is not None:
        word = "worse" if elsewhere.drop >= 0 else "better"
        ends = sorted(abs(end) for end in (elsewhere.drop_low, elsewhere.drop_high) if end is not None)
        same_side = (elsewhere.drop_low or 0.0) * (elsewhere.drop_high or 0.0) > 0
        text = f"{word} by {score(abs(elsewhere.drop))}"
        text += f" ({score(ends[0])} to {score(ends[1])})" if len(ends) == 2 and same_side else ""
    return {"score": elsewhere.headline.mean, "low": elsewhere.low, "high": elsewhere.high, "drop_text": text}


def _curve(cell: CellSummary) -> list[Row]:
    by_epoch: dict[int, list[float]] = {}
    for curve in cell.curves:
        for record in curve.epochs:
            if math.isfinite(record.validation_score):
                by_epoch.setdefault(record.epoch, []).append(record.validation_score)
    step = math.ceil(len(by_epoch) / MOST_EPOCHS) or 1
    kept = [epoch for epoch in sorted(by_epoch) if (epoch - 1) % step == 0 or epoch == max(by_epoch)]
    return [
        {
            **_names(cell),
            "epoch": epoch,
            "score": round(statistics.mean(by_epoch[epoch]), 5),
            "low": min(by_epoch[epoch]),
            "high": max(by_epoch[epoch]),
            "seeds": len(by_epoch[epoch]),
        }
        for epoch in kept
    ]


def _bin_row(bin_: Bin, confidence: float | None, accuracy: float | None, seeds: int) -> Row:
    low, high = _wilson(accuracy or 0.0, bin_.independent or bin_.count / max(1, seeds))
    return {
        "low": bin_.low,
        "high": bin_.high,
        "confidence": confidence,
        "correct": accuracy,
        "count": bin_.count,
        "from": low,
        "to": high,
    }


def _wilson(share: float, examples: float) -> tuple[float, float]:
    """95 % interval of a share; seeds saw the same examples, so they do not count as more of them."""
    spread = 1 + Z**2 / examples
    middle = (share + Z**2 / (2 * examples)) / spread
    half = Z * math.sqrt(share * (1 - share) / examples + Z**2 / (4 * examples**2)) / spread
    return round(max(0.0, middle - half), 5), round(min(1.0, middle + half), 5)


def _was_chosen(tried: Tried, ledger: Ledger, cell: CellSummary) -> bool:
    """A setting tried inside a trial is judged by that trial's choice, others by any of the cell's."""
    seeds: Sequence[int] = [seed.seed for seed in cell.headline.seeds] if cell.headline else []
    choices = ledger.chosen
    if tried.seed in seeds and len(seeds) == len(choices):
        choices = (choices[seeds.index(tried.seed)],)
    wanted = tried.hyperparameters.items()
    return any(all(choice.get(name) == value for name, value in wanted) for choice in choices)
