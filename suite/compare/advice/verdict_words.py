"""The verdict of ``suite.compare.statistics.best`` in words, the same on every page."""

from __future__ import annotations

from suite.compare.advice.wording import between, points
from suite.compare.cell import BestComparison, CellSummary, MetricInfo

__all__ = [
    "HOW_TO_READ",
    "INTERVAL",
    "behind_of",
    "behind_words",
    "scatter_of",
    "scatter_words",
    "verdict_of",
    "verdict_words",
]

MAY_BE_BEST = "may be the best"
WORSE = "worse"
UNSETTLED = "unsettled"
NOT_TESTED = "not tested"
WHOLE = 10
"""From here on scores are no fractions or bits, and are written with four digits."""
HOW_TO_READ = (
    "Every cell is held against the best score, all of them together at 5 %: 'worse' is beyond luck with examples and "
    "seeds; 'may be the best' is not worse, nor is anything that scores higher; 'unsettled' is not worse only since "
    "its own scores scatter, below a cell that is."
)
"""What the three verdicts mean, said once on each page."""
INTERVAL = "The interval of a score is over other test examples and, with two seeds or more, other seeds."


def verdict_of(cell: CellSummary) -> str:
    """``may be the best``, ``worse``, or ``unsettled: seeds 0.58 to 0.79``; empty for a cell without a score."""
    return "" if cell.headline is None else verdict_words(cell.best, scatter_of(cell))


def verdict_words(best: BestComparison | None, scatter: str) -> str:
    """The same of a verdict alone; ``scatter`` as ``scatter_words`` has it."""
    if best is None:
        return NOT_TESTED
    if best.verdict == "unsettled":
        return ": ".join(filter(None, [UNSETTLED, scatter]))
    return MAY_BE_BEST if best.verdict == "may_be_best" else WORSE


def scatter_of(cell: CellSummary) -> str:
    """How far its seeds lie apart, ``seeds 0.58 to 0.79``; of one seed its interval; empty where there is none."""
    one = cell.headline
    return "" if one is None else scatter_words(one.lowest_seed, one.highest_seed, one.interval)


def scatter_words(lowest: float, highest: float, interval: tuple[float, float] | None) -> str:
    """The same of the lowest and the highest seed, and the interval."""
    if lowest < highest:
        ends, what = (lowest, highest), "seeds"
    elif interval is not None:
        ends, what = interval, "interval"
    else:
        return ""
    low, high = (f"{end:.2f}" if abs(end) < WHOLE else f"{end:.4g}" for end in ends)
    return f"{what} {low} to {high}"


def behind_of(cell: CellSummary, metric: MetricInfo) -> str:
    """How far it is behind the best score, with its interval: ``4.1 points (1.2 to 7.0)``.

    Empty for the best itself, and where nothing was tested.
    """
    return "" if cell.best is None or cell.best.against == cell.cell_id else behind_words(cell.best, metric)


def behind_words(best: BestComparison, metric: MetricInfo) -> str:
    """The same of a verdict alone."""
    ends = between(best.low, best.high, metric)
    return f"{points(best.behind, metric)}{f' ({ends})' if ends else ''}"
