"""The section on confidence: temperature scaling, answering only when sure, and unknown classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from suite.compare.comparison import CellSummary, Comparison
from suite.compare.number_format import MISSING, percent, plural, score
from suite.compare.robustness.records import AwareScore, SelectiveSummary
from suite.report.layout import Section
from suite.report.sections.dataset_charts import (
    chosen_cell,
    each_dataset,
    headed_charts,
    interval_box,
    share_box,
    subject,
)
from suite.report.tables import MODEL, STRATEGY, Box, Column, Table, cell_names

__all__ = ["confidence_section"]

NEAR_ONE = 0.05
SHOWN = (0.5, 0.8, 1.0)
"""Shares that are answered, in the table."""
CALIBRATION_ERROR = "expected_calibration_error"
READ = (
    "With every answer a model states its confidence, the probability of the class that it names. "
    "Here is what it is good for; the sentences speak of the recommended cell."
)


def confidence_section(comparison: Comparison) -> tuple[Section, ...]:
    """The section; none where no predictions were kept."""
    if not any(cell.selective or cell.calibration or cell.aware for cell in comparison.cells):
        return ()

    def said(chart: str, dataset: str) -> tuple[str, ...]:
        cell = chosen_cell(comparison, dataset)
        return tuple(SENTENCES[chart](cell)) if cell is not None else ()

    return (
        Section(
            "confidence",
            "Confidence",
            READ,
            charts=headed_charts(comparison, tuple(SENTENCES), said),
            tables=(
                *each_dataset(comparison, lambda dataset: _selective_table(comparison.ranking(dataset))),
                *each_dataset(comparison, lambda dataset: _calibration_table(comparison.ranking(dataset))),
                *each_dataset(comparison, lambda dataset: _aware_table(comparison.ranking(dataset))),
            ),
        ),
    )


def _of_selective(cell: CellSummary) -> Iterator[str]:
    if cell.selective is None:
        return
    half, whole = _risk_at(cell.selective, 0.5), _risk_at(cell.selective, 1.0)
    if half is not None and whole:
        yield (
            f"If {subject(cell)} answers only the half that it is surest of, {percent(half)} of these answers are "
            f"wrong, instead of {percent(whole)} of all."
        )


def _of_calibration(cell: CellSummary) -> Iterator[str]:
    found = cell.calibration
    if found is None:
        return
    before, after = found.before.get(CALIBRATION_ERROR), found.after.get(CALIBRATION_ERROR)
    if found.temperature is None or before is None or after is None:
        if found.reason:
            yield f"{subject(cell)} has no temperature: {found.reason}"
        return
    effect = "lowers" if after < before else "does not lower"
    ends = f"from {score(before)} to {score(after)}" if after < before else f"({score(before)}, then {score(after)})"
    yield (
        f"Temperature scaling {effect} the calibration error of {subject(cell)} {ends}: its temperature is "
        f"{found.temperature:.2f}, so it {_promise(found.temperature)}. No answer changes by it."
    )


def _promise(temperature: float) -> str:
    """What a temperature says of the confidence on validation."""
    if abs(temperature - 1) < NEAR_ONE:
        return "promised about what it keeps"
    return "promised too much" if temperature > 1 else "promised too little"


def _of_all_unknown(cell: CellSummary) -> Iterator[str]:
    for one in cell.aware:
        yield from _of_unknown(cell, one)


def _of_unknown(cell: CellSummary, one: AwareScore) -> Iterator[str]:
    if one.auroc.value is None or one.passing is None:
        return
    ends = ""
    if one.auroc.low is not None and one.auroc.high is not None:
        ends = f" (95 % interval {100 * one.auroc.low:.1f} to {100 * one.auroc.high:.1f}; 50 would be guessing)"
    yield (
        f"Shown {one.name}, whose classes it never learned, {subject(cell)} gives a test example the higher confidence "
        f"in {percent(one.auroc.value)} of pairs{ends}. Of {plural(one.examples, 'unknown example')} "
        f"{percent(one.passing)} pass the threshold that 95 % of the known ones pass."
        f"{_verdict(one)}"
    )
    if one.left_out:
        classes = plural(len(one.shared), "class", "classes")
        yield (
            f"Of {one.name}, {plural(one.left_out, 'example')} of {classes} that the models did learn "
            f"({', '.join(one.shared[:4])}{', ...' if len(one.shared) > 4 else ''}) are left out."
        )


def _verdict(one: AwareScore) -> str:
    """What the interval says against guessing."""
    if one.auroc.high is not None and one.auroc.high < 0.5:
        return " So it is surer of what it does not know."
    if one.auroc.low is not None and one.auroc.low <= 0.5:
        return " So its confidence does not show what it does not know."
    return ""


def _risk_at(found: SelectiveSummary, coverage: float) -> float | None:
    places = zip(found.coverages, found.risks, strict=True)
    return next((risk for at, risk in places if abs(at - coverage) < 1e-9), None)


SENTENCES: dict[str, Callable[[CellSummary], Iterator[str]]] = {
    "risk_coverage": _of_selective,
    "calibration": _of_calibration,
    "out_of_class": _of_all_unknown,
}
"""The charts of the section, and what is said of the recommended cell before each."""


def _selective_table(cells: tuple[CellSummary, ...]) -> Table:
    """Wrong answers among the surest, and the area under the curve."""
    columns = (
        MODEL,
        STRATEGY,
        Column("area", "under the curve (AURC)", number=True),
        *(Column(f"wrong of the surest {100 * share:.0f} %", number=True) for share in SHOWN),
    )
    rows = tuple(
        (
            *cell_names(cell),
            share_box(cell.selective.area),
            *(share_box(_risk_at(cell.selective, share)) for share in SHOWN),
        )
        for cell in cells
        if cell.selective is not None
    )
    return Table("Answering only when sure, in numbers", columns, rows)


def _calibration_table(cells: tuple[CellSummary, ...]) -> Table:
    """Temperature, and what it does to calibration error, log loss and Brier score."""
    pairs = (("calibration error", CALIBRATION_ERROR), ("log loss", "log_loss"), ("Brier score", "brier"))
    columns = (
        MODEL,
        STRATEGY,
        Column("temperature", number=True),
        *(Column(label, when, number=True) for label, _ in pairs for when in ("before", "after")),
    )
    rows = []
    for cell in cells:
        found = cell.calibration
        if found is None:
            continue
        temperature = found.temperature
        note = found.reason or f"over {found.seeds} of {found.of} seeds"
        rows.append(
            (
                *cell_names(cell),
                Box(
                    MISSING if temperature is None else f"{temperature:.2f}",
                    "" if temperature is None else temperature,
                    note,
                ),
                *(share_box(values.get(name), note) for _, name in pairs for values in (found.before, found.after)),
            )
        )
    return Table("Temperature scaling in numbers", columns, tuple(rows))


def _aware_table(cells: tuple[CellSummary, ...]) -> Table:
    """Every cell on every set of unknown classes."""
    columns = (
        MODEL,
        STRATEGY,
        Column("unknown classes of"),
        Column("examples", number=True),
        Column("AUROC", number=True, best_high=True),
        Column("95 % interval", number=True),
        Column("pass", "at 95 % of known", number=True),
        Column("mean confidence", "unknown", number=True),
        Column("mean confidence", "known", number=True),
    )
    rows = tuple(
        (
            *cell_names(cell),
            Box(one.name),
            Box(
                f"{one.examples:,}", one.examples, f"{one.left_out} of shared classes left out" if one.left_out else ""
            ),
            share_box(one.auroc.value, one.auroc.reason or ""),
            interval_box(one.auroc),
            share_box(one.passing),
            share_box(one.mean_confidence),
            share_box(one.home_confidence),
        )
        for cell in cells
        for one in cell.aware
    )
    return Table("Unknown classes in numbers", columns, rows)
