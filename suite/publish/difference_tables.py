"""What changed between two runs as tables: the same for a terminal, for Markdown and for a page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from suite.compare.advice.wording import amount, between, quality
from suite.compare.cell import MetricInfo
from suite.compare.number_format import MISSING, count, duration, megabytes, number, short
from suite.publish.difference import CellDifference, CellName, CostChange, CostName, RunDifference
from suite.publish.difference_words import p_words, package
from suite.publish.differing import TIMES
from suite.report.markdown import literal
from suite.report.tables import Box, Column, Table

__all__ = ["NOTE", "difference_markdown", "difference_tables"]

HASH_DIGITS = 12
MOST_LETTERS = 120
NOTICED = 1.25
"""Times of the same work differ by as much from run to run; below that a change of theirs is not told."""
COST_WORDS: dict[CostName, str] = {
    "latency_ms": "latency",
    "training_seconds": "training time",
    "parameters": "parameters",
    "trainable_parameters": "trainable parameters",
    "macs": "multiply-accumulates",
    "size_bytes": "size",
}
CELL = (Column("model"), Column("strategy"), Column("data set"))


def difference_tables(found: RunDifference, *, everything: bool = False) -> tuple[Table, ...]:
    """Scores, answers, costs, spec, versions, data, weights and cells that only one run has.

    Args:
        found: What changed.
        everything: Also what did not change; otherwise tables without a change are left out, too.
    """
    made = (
        _scores(found, everything=everything),
        _answers(found, everything=everything),
        _costs(found, everything=everything),
        _spec(found),
        _versions(found),
        _data(found, everything=everything),
        _weights(found),
        _only("Only before", found.only_before, found.metric),
        _only("Only after", found.only_after, found.metric),
    )
    return tuple(table for table in made if table.rows)


def _scores(found: RunDifference, *, everything: bool) -> Table:
    label = found.metric.label if found.metric else "score"
    columns = (
        *CELL,
        Column(f"{label} before", number=True),
        Column("after", number=True),
        Column("change", number=True, best_high=True),
        Column("95 % interval", number=True),
        Column("p, corrected", number=True),
        Column("verdict", long=True),
    )
    told = found.cells if everything else sorted(filter(_is_told, found.cells), key=_place)
    return Table("Scores", columns, tuple(_score_row(cell, found.metric) for cell in told))


def _is_told(cell: CellDifference) -> bool:
    """Every score that was made again, with what it was before; not those where nothing was run again."""
    return (cell.before is not None or cell.after is not None) and cell.verdict != "same"


def _place(cell: CellDifference) -> tuple[bool, float]:
    """The largest loss first, what cannot be compared last."""
    return cell.verdict == "not comparable", cell.difference or 0.0


def _score_row(cell: CellDifference, metric: MetricInfo | None) -> tuple[Box, ...]:
    verdict = cell.verdict if cell.reason is None else f"{cell.verdict}: {cell.reason}"
    if cell.proof:
        verdict += f" by {cell.proof}"
    if cell.p_value is not None and not cell.paired:
        verdict += " (unpaired)"
    ends = between(cell.low, cell.high, metric) if metric is not None else ""
    return (
        *_cell(cell),
        _score(cell.before, metric),
        _score(cell.after, metric),
        _box(cell.difference, MISSING if cell.difference is None or metric is None else _signed(cell, metric)),
        _box(cell.low, ends or MISSING),
        _box(cell.p_corrected, MISSING if cell.p_corrected is None else p_words(cell.p_corrected)),
        Box(verdict, title=" ".join(cell.notes)),
    )


def _signed(cell: CellDifference, metric: MetricInfo) -> str:
    """With its sign, so that a gain is not read as a loss."""
    said = amount(cell.difference or 0.0, metric)
    return f"+{said}" if (cell.difference or 0.0) > 0 else said


def _answers(found: RunDifference, *, everything: bool) -> Table:
    rows = tuple(
        (
            Box(one.dataset),
            Box(one.before.name if one.before else MISSING),
            Box(one.after.name if one.after else MISSING),
        )
        for one in found.winners
        if everything or one.changed
    )
    return Table("What to take", (Column("data set"), Column("before"), Column("after")), rows)


def _costs(found: RunDifference, *, everything: bool) -> Table:
    columns = (
        *CELL,
        Column("cost"),
        Column("before", number=True),
        Column("after", number=True),
        Column("times", number=True),
    )
    rows = tuple(
        (
            *_cell(cell),
            Box(COST_WORDS[cost.name]),
            Box(_cost(cost.name, cost.before), cost.before),
            Box(_cost(cost.name, cost.after), cost.after),
            Box(_times(cost), "" if cost.ratio is None else cost.ratio),
        )
        for cell in found.cells
        for cost in cell.costs
        if everything or _is_noticed(cost)
    )
    return Table("Costs", columns, rows)


def _is_noticed(cost: CostChange) -> bool:
    if cost.name not in TIMES:
        return cost.before != cost.after
    if cost.other_device or cost.ratio is None:
        return False
    return not 1 / NOTICED < cost.ratio < NOTICED


def _cost(name: CostName, value: float) -> str:
    if name in TIMES:
        return duration(value / 1000 if name == "latency_ms" else value)
    if name == "size_bytes":
        return megabytes(round(value))
    return count(round(value)) if name != "macs" else short(value)


def _times(cost: CostChange) -> str:
    said = number(cost.ratio)
    return f"{said} (other device)" if cost.other_device else said


def _spec(found: RunDifference) -> Table:
    columns = (
        Column("where", code=True),
        Column("before", code=True, long=True),
        Column("after", code=True, long=True),
    )
    rows = tuple(
        (
            Box(one.path),
            Box(MISSING if one.kind == "added" else _value(one.before)),
            Box(MISSING if one.kind == "removed" else _value(one.after)),
        )
        for one in found.spec
    )
    return Table("Spec", columns, rows)


def _value(value: Any) -> str:
    """As JSON has it, its end cut off where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"


def _versions(found: RunDifference) -> Table:
    rows = [(Box(package(one.name)), Box(one.before or MISSING), Box(one.after or MISSING)) for one in found.versions]
    if found.devices_before != found.devices_after:
        devices = (", ".join(side) or MISSING for side in (found.devices_before, found.devices_after))
        rows.append((Box("device"), *(Box(text) for text in devices)))  # type: ignore[arg-type]  # two of them
    return Table("Versions", (Column("package"), Column("before"), Column("after")), tuple(rows))


def _data(found: RunDifference, *, everything: bool) -> Table:
    columns = (
        Column("data set"),
        Column("content"),
        Column("examples before", long=True),
        Column("examples after", long=True),
        Column("fingerprint before", code=True),
        Column("after", code=True),
    )
    rows = tuple(
        (
            Box(one.name),
            Box(one.state),
            Box(_sizes(one.sizes_before)),
            Box(_sizes(one.sizes_after)),
            Box((one.fingerprint_before or "")[:HASH_DIGITS] or MISSING),
            Box((one.fingerprint_after or "")[:HASH_DIGITS] or MISSING),
        )
        for one in found.data
        if everything or one.changed
    )
    return Table("Data", columns, rows)


def _sizes(sizes: dict[str, int]) -> str:
    return ", ".join(f"{name} {size:,}" for name, size in sizes.items()) or MISSING


def _weights(found: RunDifference) -> Table:
    columns = (Column("model"), Column("SHA-256 before", code=True), Column("after", code=True))
    rows = tuple((Box(one.model), Box(one.before[:HASH_DIGITS]), Box(one.after[:HASH_DIGITS])) for one in found.weights)
    return Table("Weights", columns, rows)


def _only(title: str, cells: tuple[CellName, ...], metric: MetricInfo | None) -> Table:
    columns = (*CELL, Column(metric.label if metric else "score", number=True))
    return Table(title, columns, tuple((*_cell(cell), _score(cell.score, metric)) for cell in cells))


def _cell(cell: CellDifference | CellName) -> Iterator[Box]:
    yield from (Box(cell.model), Box(cell.strategy), Box(cell.dataset))


def _score(value: float | None, metric: MetricInfo | None) -> Box:
    return _box(value, MISSING if value is None or metric is None else quality(value, metric))


def _box(value: float | None, text: str) -> Box:
    return Box(text, "" if value is None else value)


# What changed between two runs as Markdown, for a pull request or a chat.

NOTE = (
    "Change: after less before, turned so that positive is better. Intervals and p count other test examples and other "
    "seeds, and allow for the number of cells: all intervals together hold the truth in 95 of 100 comparisons. Better "
    "and worse are beyond noise: their interval leaves out 0. What is not proven may be a change all the same."
)


def difference_markdown(found: RunDifference, *, shown: tuple[str, str], everything: bool = False) -> str:
    """The difference as a page of Markdown; names come out as text, whatever is in them.

    Args:
        found: What changed.
        shown: What the reader calls the two runs.
        everything: Also what did not change.
    """
    from suite.report.writing import environment

    template = environment("site", finalize=literal).get_template("difference.md.j2")
    tables = difference_tables(found, everything=everything)
    return template.render(found=found, shown=shown, tables=tables, note=NOTE).rstrip() + "\n"
