"""What is known of cells beyond their test set, as flat rows for charts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from suite.compare.advice.wording import in_points
from suite.compare.comparison import CellSummary, Comparison
from suite.compare.number_format import THIN, percent
from suite.compare.robustness.records import Estimate
from suite.report.charts.rows import MOST_CURVES, MOST_ROWS, Row

__all__ = [
    "aware_rows",
    "calibration_rows",
    "clean_and_corrupted_rows",
    "cross_rows",
    "lost_rows",
    "risk_rows",
    "severity_rows",
    "the_best",
]


def clean_and_corrupted_rows(comparison: Comparison, dataset: str | None = None) -> tuple[list[Row], list[Row]]:
    """Points (cell, clean or corrupted) and spans (cell), by rank."""
    dots: list[Row] = []
    spans: list[Row] = []
    for cell in _tested(comparison, dataset)[:MOST_ROWS]:
        found = cell.robustness
        if found is None or found.accuracy.value is None:
            continue
        clean = {"score": found.clean, "low": None, "high": None, "lost": "–"}
        dots.append({**_names(cell), "set": "as it is", "home": True, **clean})
        corrupted = {"score": found.accuracy.value, "low": found.accuracy.low, "high": found.accuracy.high}
        dots.append(
            {**_names(cell), "set": "corrupted", "home": False, **corrupted, "lost": _with_interval(found.lost)}
        )
        ends = sorted((found.clean, found.accuracy.value))
        spans.append({**_names(cell), "least": ends[0], "most": ends[1]})
    return dots, spans


def lost_rows(comparison: Comparison, dataset: str | None = None) -> list[Row]:
    """One row per cell and corruption: what is lost of the accuracy, mean over severities."""
    cells = _tested(comparison, dataset)[:MOST_ROWS]
    most = max(
        (one.lost.value or 0.0 for cell in cells if cell.robustness for one in cell.robustness.corruptions), default=0
    )
    return [
        {
            **_names(cell),
            "corruption": one.corruption,
            "lost": one.lost.value,
            "share": max(0.0, one.lost.value or 0.0) / most if most > 0 else 0.0,
            "text": in_points(one.lost.value),
            "exact": _with_interval(one.lost),
            "accuracy": one.accuracy.value,
        }
        for cell in cells
        if cell.robustness
        for one in cell.robustness.corruptions
    ]


def severity_rows(comparison: Comparison, dataset: str | None = None) -> list[Row]:
    """One row per corruption, severity (0: as it is) and model, for the best cell of each model."""
    rows: list[Row] = []
    for cell in the_best(_tested(comparison, dataset)):
        found = cell.robustness
        if found is None:
            continue
        for name in (one.corruption for one in found.corruptions):
            start = {**_names(cell), "corruption": name}
            rows.append({**start, "severity": 0, "score": found.clean, "low": None, "high": None})
            rows.extend(
                {
                    **start,
                    "severity": one.severity,
                    "score": one.accuracy.value,
                    "low": one.accuracy.low,
                    "high": one.accuracy.high,
                }
                for one in found.conditions
                if one.corruption == name
            )
    return rows


def calibration_rows(comparison: Comparison, dataset: str | None = None) -> tuple[list[Row], list[Row]]:
    """Points (cell, before or after) and spans (cell) of the calibration error, by rank."""
    dots: list[Row] = []
    spans: list[Row] = []
    for cell in _of(comparison, dataset):
        found = cell.calibration
        name = "expected_calibration_error"
        if found is None or name not in found.before or name not in found.after or len(spans) >= MOST_ROWS:
            continue
        before, after = found.before[name], found.after[name]
        common = {**_names(cell), "temperature": found.temperature}
        dots.append({**common, "state": "as it is", "home": True, "error": before})
        dots.append({**common, "state": "after scaling", "home": False, "error": after})
        spans.append({**_names(cell), "least": min(before, after), "most": max(before, after)})
    return dots, spans


def risk_rows(comparison: Comparison, dataset: str | None = None) -> list[Row]:
    """One row per coverage for the best cell of each model."""
    return [
        {**_names(cell), "coverage": coverage, "risk": risk, "area": cell.selective.area}
        for cell in the_best([cell for cell in _of(comparison, dataset) if cell.selective is not None])
        if cell.selective is not None
        for coverage, risk in zip(cell.selective.coverages, cell.selective.risks, strict=True)
    ]


def aware_rows(comparison: Comparison, dataset: str | None = None) -> list[Row]:
    """One row per cell and out-of-class set, by rank."""
    cells = [cell for cell in _of(comparison, dataset) if cell.aware][:MOST_ROWS]
    return [
        {
            **_names(cell),
            "set": one.name,
            "auroc": one.auroc.value,
            "low": one.auroc.low,
            "high": one.auroc.high,
            "passing": "–" if one.passing is None else percent(one.passing),
        }
        for cell in cells
        for one in cell.aware
        if one.auroc.value is not None
    ]


def cross_rows(comparison: Comparison) -> list[Row]:
    """One row per method, home data set and data set of the test, for methods that were crossed; home included."""
    methods = dict.fromkeys((cell.model, cell.strategy) for cell in comparison.cells if cell.cross)
    shown = list(methods)[:MOST_CURVES]
    rows: list[Row] = []
    for cell in comparison.cells:
        if (cell.model, cell.strategy) in shown and cell.cross:
            value = cell.headline.value if cell.headline else None
            rows.append(_cross_row(cell, cell.dataset, value, "its own test set"))
            rows.extend(
                _cross_row(cell, one.dataset, one.score.value, _shared(one.classes, one.score)) for one in cell.cross
            )
    return rows


def the_best(cells: Iterable[CellSummary]) -> list[CellSummary]:
    """The best cell of each model, by rank."""
    best: dict[str, CellSummary] = {}
    for cell in cells:
        best.setdefault(cell.model, cell)
    return list(best.values())[:MOST_CURVES]


def _cross_row(cell: CellSummary, tested: str, value: float | None, note: str) -> Row:
    text = "none" if value is None else f"{value:.2f}"
    method = f"{cell.model} · {cell.strategy}"
    return {
        "method": method, "home": cell.dataset, "tested": tested, "score": value, "text": text, "note": note,
        "share": value if value is not None and 0 <= value <= 1 else 0.0,
    }  # fmt: skip


def _shared(classes: Sequence[str], score: Estimate) -> str:
    return score.reason or f"{len(classes)} shared classes"


def _tested(comparison: Comparison, dataset: str | None) -> list[CellSummary]:
    return [cell for cell in _of(comparison, dataset) if cell.robustness is not None]


def _of(comparison: Comparison, dataset: str | None) -> list[CellSummary]:
    wanted = dataset if dataset is not None else next(iter(comparison.datasets), None)
    return [cell for cell in comparison.cells if cell.dataset == wanted and cell.headline is not None]


def _with_interval(estimate: Estimate) -> str:
    said = in_points(estimate.value)
    if estimate.low is None or estimate.high is None:
        return said
    return f"{said} points (95{THIN}% interval {in_points(estimate.low)} to {in_points(estimate.high)})"


def _names(cell: CellSummary) -> Row:
    return {
        "id": cell.cell_id,
        "cell": f"{cell.model} · {cell.strategy}",
        "model": cell.model,
        "strategy": cell.strategy,
    }
