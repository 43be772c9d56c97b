"""The section on corrupted examples, where the spec asks for some."""

from __future__ import annotations

from collections.abc import Iterator

from suite.compare.advice.wording import in_points
from suite.compare.comparison import CellSummary, Comparison
from suite.compare.number_format import percent, plural, thin, thing
from suite.compare.robustness.records import CorruptionLeader, CorruptionScore, RobustnessFacts, RobustnessSummary
from suite.report.layout import Section
from suite.report.sections.dataset_charts import (
    chosen_cell,
    each_dataset,
    points_box,
    range_of,
    share_box,
    subject,
    tabs_by_dataset,
)
from suite.report.tables import MODEL, STRATEGY, Box, Column, Table, cell_names

__all__ = ["robustness_section"]

MOST_ANSWERS = 3
"""Data sets of which the section's first lines speak; the table has all."""
CHARTS = ("robustness", "corruptions", "severity")


def robustness_section(comparison: Comparison) -> tuple[Section, ...]:
    """The section; none where nothing was corrupted."""
    if not comparison.robustness:
        return ()
    facts = {one.dataset: one for one in comparison.robustness}
    several = len(comparison.datasets) > 1
    leaders = tuple(_leaders_table(comparison, one, named=several) for one in comparison.robustness if one.leaders)
    answers = [
        f"{f'{one.dataset}: ' if several else ''}{text}"
        for one in comparison.robustness[:MOST_ANSWERS]
        for text in _of_chosen(chosen_cell(comparison, one.dataset))
    ]
    sentences = [
        f"{f'{one.dataset}: ' if several else ''}{text}"
        for one in comparison.robustness
        for text in _sentences(comparison, one)
    ]
    return (
        Section(
            "robustness",
            f"Corrupted {thing(comparison.task)}s",
            thin(" ".join([*answers, _read(comparison)])),
            charts=tabs_by_dataset(comparison, CHARTS),
            tables=(
                *leaders[1:],
                *each_dataset(comparison, lambda dataset: _errors_table(comparison, facts.get(dataset))),
                *each_dataset(comparison, lambda dataset: _lost_table(comparison, dataset)),
            ),
            first=leaders[0] if leaders else None,
            sentences=tuple(map(thin, sentences)),
        ),
    )


def _read(comparison: Comparison) -> str:
    kinds: dict[str, None] = {}
    for cell in comparison.cells:
        if cell.robustness is not None:
            kinds |= dict.fromkeys(one.corruption for one in cell.robustness.corruptions)
    severities = [str(severity) for severity in comparison.robustness[0].severities]
    joined = _listed(severities)
    return (
        f"The same test examples, corrupted in {plural(len(kinds), 'way')} ({', '.join(kinds)}) at "
        f"{'severity' if len(severities) == 1 else 'severities'} {joined} of 5. Every model is given the same "
        "corrupted examples. Lost is what accuracy falls by, in points; bars are 95 % intervals. "
        "Beside the cell that is named "
        "stands how many others may be the best at it, by the rule of the leaderboard."
    )


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _sentences(comparison: Comparison, facts: RobustnessFacts) -> Iterator[str]:
    yield from _unharmed(comparison, facts.dataset)
    if not facts.leaders:
        return
    overall = facts.leaders[0]
    right, least = comparison.cell(overall.most_right), comparison.cell(overall.least_lost)
    if right.robustness is None or least.robustness is None or right.robustness.accuracy.value is None:
        return
    yield (
        f"Right most often on corrupted examples: {subject(right)} "
        f"({percent(right.robustness.accuracy.value)}){_others_too(overall.as_right)}."
    )
    start = f"from {percent(least.robustness.clean)}"
    lost = in_points(least.robustness.lost.value)
    yield f"Loses least: {subject(least)} ({lost} points {start}){_others_too(overall.as_little)}."


def _others_too(cells: tuple[str, ...]) -> str:
    return f"; {plural(len(cells), 'other')} may be the best too" if cells else ""


def _unharmed(comparison: Comparison, dataset: str) -> Iterator[str]:
    """Corruption that changes nobody's accuracy, with what may be behind it."""
    lost: dict[str, set[float | None]] = {}
    for cell in comparison.ranking(dataset):
        for one in cell.robustness.conditions if cell.robustness else ():
            lost.setdefault(one.corruption, set()).add(one.lost.value)
    without = [name for name, values in lost.items() if values == {0.0}]
    why = "" if thing(comparison.task) == "text" else ": images of few pixels have no detail that it could take away"
    if without:
        yield (f"Nobody's accuracy changes under {_listed(without)}{why}.")


def _of_chosen(cell: CellSummary | None) -> Iterator[str]:
    found = cell.robustness if cell is not None else None
    if cell is None or found is None or found.accuracy.value is None or found.lost.value is None:
        return
    ends = range_of(found.lost)
    interval = f" (95 % interval {ends})" if ends else ""
    yield (
        f"{subject(cell)} is right on {percent(found.accuracy.value)} of corrupted examples instead of "
        f"{percent(found.clean)}: it loses {in_points(found.lost.value)} points{interval}."
    )
    by_loss = sorted(found.corruptions, key=lambda one: one.lost.value or 0.0)
    if len(by_loss) > 1:
        most, least = by_loss[-1], by_loss[0]
        ends = f"most under {most.corruption} ({_lost(most)}) and least under {least.corruption} ({_lost(least)})"
        yield f"It loses {ends}."


def _lost(one: CorruptionScore) -> str:
    return f"{in_points(one.lost.value)} points"


def _leaders_table(comparison: Comparison, facts: RobustnessFacts, *, named: bool) -> Table:
    """Who is right most often and who loses least, under each kind of corruption."""
    columns = (
        Column("corruption"),
        Column("right most often"),
        Column("accuracy", number=True, best_high=True),
        Column("may be best too", "others", number=True),
        Column("loses least"),
        Column("lost", "points", number=True),
        Column("may be best too", "others", number=True),
    )
    title = f"Who does best under what: {facts.dataset}" if named else "Who does best under what"
    return Table(title, columns, tuple(_leader_row(comparison, one) for one in facts.leaders))


def _leader_row(comparison: Comparison, leader: CorruptionLeader) -> tuple[Box, ...]:
    right, least = comparison.cell(leader.most_right), comparison.cell(leader.least_lost)
    of_right, of_least = _under(right, leader.corruption), _under(least, leader.corruption)
    return (
        Box(leader.corruption or "all together", "" if not leader.corruption else leader.corruption),
        Box(right.name),
        share_box(of_right.accuracy.value if of_right else None),
        _others(comparison, leader.as_right),
        Box(least.name),
        points_box(of_least.lost if of_least else None),
        _others(comparison, leader.as_little),
    )


def _others(comparison: Comparison, cells: tuple[str, ...]) -> Box:
    names = ", ".join(comparison.cell(cell_id).name for cell_id in cells[:8])
    return Box(str(len(cells)), len(cells), f"may be the best too: {names}" if names else "none")


def _under(cell: CellSummary, corruption: str) -> CorruptionScore | None:
    """A cell under one corruption; under all of them where there is no name."""
    found = cell.robustness
    if found is None:
        return None
    if not corruption:
        return CorruptionScore(corruption="", accuracy=found.accuracy, lost=found.lost)
    return next((one for one in found.corruptions if one.corruption == corruption), None)


def _errors_table(comparison: Comparison, facts: RobustnessFacts | None) -> Table:
    """Means over all corruption, unnormalised and as multiples of the reference's errors."""
    columns = (
        MODEL,
        STRATEGY,
        Column("as it is", number=True, best_high=True),
        Column("corrupted", number=True, best_high=True),
        Column("error", "mean", number=True),
        Column("lost", "points", number=True),
        Column("95 % interval", number=True),
        Column("mCE", number=True),
        Column("relative mCE", number=True),
    )
    if facts is None:
        return Table("Mean corruption error", columns, ())
    reference = comparison.cell(facts.reference)
    rows = []
    for cell in comparison.ranking(facts.dataset):
        found = cell.robustness
        if found is None or found.accuracy.value is None:
            continue
        rows.append(
            (
                *cell_names(cell),
                share_box(found.clean),
                share_box(found.accuracy.value),
                share_box(1 - found.accuracy.value),
                points_box(found.lost),
                Box(
                    range_of(found.lost) or "–",
                    "" if found.lost.low is None else found.lost.low,
                    found.lost.reason or "",
                ),
                share_box(found.mean_corruption_error),
                _relative(found),
            )
        )
    title = f"Mean corruption error (mCE: the errors of {reference.name} count as 1)"
    return Table(title, columns, tuple(rows))


def _relative(found: RobustnessSummary) -> Box:
    """Relative mCE; with its corruptions beside it, where it covers fewer than all."""
    box = share_box(found.relative_mean_error, found.reason or "")
    if box.missing or found.relative_over == len(found.corruptions):
        return box
    return Box(f"{box.text} ({found.relative_over}/{len(found.corruptions)})", box.value, box.title)


def _lost_table(comparison: Comparison, dataset: str) -> Table:
    """Points lost under every corruption, severities apart."""
    tested = [cell for cell in comparison.ranking(dataset) if cell.robustness is not None]
    conditions = [
        (one.corruption, one.severity)
        for cell in tested[:1]
        if cell.robustness is not None
        for one in cell.robustness.conditions
    ]
    columns = tuple(Column(name, f"severity {severity}", number=True) for name, severity in conditions)
    rows = tuple(
        (*cell_names(cell), *(points_box(one.lost) for one in cell.robustness.conditions))
        for cell in tested
        if cell.robustness is not None
    )
    return Table("Points lost, by severity", (MODEL, STRATEGY, *columns), rows, narrow=len(conditions) <= 12)
