"""Who beats whom: the pairs of a data set as a table, the same for the page and the Markdown twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from suite.compare.comparison import CellSummary, Comparison, Difference
from suite.compare.number_format import MISSING, THIN, plural, score
from suite.report.tables import Box, Column, Table

__all__ = ["MOST_CELLS", "MOST_IN_MATRIX", "pairs_matrix", "pairs_read", "pairs_table"]

MOST_CELLS = 8
"""With more cells the table has the pairs of the best cell only: 9 cells have 36 pairs, 20 have 190."""
MOST_IN_MATRIX = 40
"""With more cells there is no room for a matrix of all pairs."""
NUMBERS = (
    Column("by", number=True, best_high=True),
    Column("interval", number=True),
    Column("p, adjusted", number=True),
    Column("chance to stay ahead", number=True, best_high=True),
    Column("would show from", number=True),
    Column("so they", long=True),
)
AHEAD, BEHIND, OPEN, UNTESTED = "+", "−", "·", "?"


def pairs_table(comparison: Comparison, cells: Sequence[CellSummary]) -> Table:
    """One row per pair of ranked cells of one data set, or per pair with the best where there are many."""
    ranked = [cell for cell in cells if cell.rank is not None]
    names = {cell.cell_id: cell.name for cell in ranked}
    pairs = [pair for pair in comparison.pairs if pair.better in names and pair.worse in names]
    if len(ranked) <= MOST_CELLS:
        rows = tuple((Box(names[pair.better]), Box(names[pair.worse]), *_of(pair)) for pair in pairs)
        both = (Column("ahead", long=True), Column("behind", long=True))
        return Table(f"All {plural(len(pairs), 'pair')}", (*both, *NUMBERS), rows)
    best = ranked[0]
    own = [pair for pair in pairs if pair.better == best.cell_id]
    title = f"{best.name}, against every other ({len(own):,} of {len(pairs):,} pairs)"
    rows = tuple((Box(names[pair.worse]), *_of(pair)) for pair in own)
    return Table(title, (Column("behind", long=True), *NUMBERS), rows)


def pairs_matrix(comparison: Comparison, cells: Sequence[CellSummary]) -> Table:
    """Every pair at once, where the table has not all of them: what the cell of the row is to that of the column.

    Without rows where the table has them all, or where there are too many cells.
    """
    ranked = [cell for cell in cells if cell.rank is not None]
    title = (
        f"All pairs: the row is ahead ({AHEAD}) of the column, behind it ({BEHIND}), or not to be told apart ({OPEN})"
    )
    pairs = {
        (pair.better, pair.worse): pair
        for cell in ranked[:1]
        for pair in comparison.pairs
        if pair.dataset == cell.dataset
    }
    if not (MOST_CELLS < len(ranked) <= MOST_IN_MATRIX and pairs):
        return Table(title, (), ())
    head = (Column("place", number=True), Column("cell"))
    columns = (*head, *(Column(str(place)) for place in range(1, len(ranked) + 1)))
    rows = tuple(
        (Box(str(place), place), Box(one.name), *(_mark(one, other, pairs) for other in ranked))
        for place, one in enumerate(ranked, start=1)
    )
    return Table(title, columns, rows, narrow=False)


def _mark(one: CellSummary, other: CellSummary, pairs: Mapping[tuple[str, str], Difference]) -> Box:
    if one is other:
        return Box("")
    ahead = pairs.get((one.cell_id, other.cell_id))
    pair = ahead or pairs.get((other.cell_id, one.cell_id))
    if pair is None or pair.p_adjusted is None:
        mark, said = UNTESTED, "not tested against"
    elif not pair.different:
        mark, said = OPEN, "cannot be told apart from"
    else:
        mark, said = (AHEAD, "ahead of") if ahead else (BEHIND, "behind")
    return Box(mark, title=f"{one.name}: {said} {other.name}")


def pairs_read(comparison: Comparison) -> str:
    """How to read the table, for the way in which these pairs were tested."""
    same = "on the same test examples" + (", seed by seed" if comparison.resample else "")
    return (
        f"Every two cells are compared {same}. 'By' is the difference of their scores. Its interval is adjusted for "
        "looking at many pairs: those of the best cell hold the truth all together in 95 of 100 comparisons, and so do "
        "those of all pairs. It leaves out 0 exactly where 'p' is below 0.05: how often luck makes so large a "
        f"difference in any of the pairs. {_luck(comparison)} 'Chance to stay ahead' says how likely the order of this "
        "pair alone would be the same. A true difference would show from the size in the column before the last, 4 "
        "times in 5."
    )


def _luck(comparison: Comparison) -> str:
    """Which luck the numbers of a pair count: known of seeds only where some cell has several."""
    if any(cell.headline is not None and len(cell.headline.seeds) > 1 for cell in comparison.cells):
        return (
            "Luck is that of other test examples and other seeds: few seeds say little, so cells learn from each other."
        )
    return "Luck is that of other test examples alone: with one seed, the spread over seeds is unknown."


def _of(pair: Difference) -> tuple[Box, ...]:
    """The boxes of ``NUMBERS``."""
    ends = MISSING if pair.low is None or pair.high is None else f"{_signed(pair.low)} to {_signed(pair.high)}"
    return (
        _box(pair.difference, _signed(pair.difference)),
        _box(pair.low, ends, pair.reason or ""),
        _box(
            pair.p_adjusted,
            _p_value(pair.p_adjusted),
            "" if pair.p_value is None else f"{pair.p_value:.2g} for this pair alone",
        ),
        _box(pair.probability_better, _chance(pair.probability_better)),
        _box(pair.smallest_detectable, score(pair.smallest_detectable)),
        _verdict(pair),
    )


def _verdict(pair: Difference) -> Box:
    if pair.p_adjusted is None:
        return Box(f"have no test: {pair.reason or 'no reason was recorded.'}")
    if not pair.different:
        return Box("cannot be told apart")
    return Box("can be told apart")


def _box(value: float | None, text: str, title: str = "") -> Box:
    return Box(text, "" if value is None else value, title)


def _signed(value: float | None) -> str:
    return score(value).replace("-", "−")


def _p_value(value: float | None) -> str:
    if value is None:
        return MISSING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _chance(value: float | None) -> str:
    """Whole per cent; never 0 or 100, which no sample shows."""
    if value is None:
        return MISSING
    if value > 0.99:
        return f"> 99{THIN}%"
    return f"< 1{THIN}%" if value < 0.01 else f"{100 * value:.0f}{THIN}%"
