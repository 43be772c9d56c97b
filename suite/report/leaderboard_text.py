"""The leaderboard as text: the same cells in the terminal and in a notebook."""

from __future__ import annotations

from suite.compare.advice.verdict_words import verdict_of
from suite.compare.comparison import CellSummary, Comparison

__all__ = ["NUMBERS", "leaderboard_columns", "leaderboard_row"]

ABSENT = "-"
NUMBERS = frozenset({0, 3, 6, 7, 8, 9})
"""Positions of the columns that hold numbers, to be aligned at the right."""


def leaderboard_columns(comparison: Comparison) -> tuple[str, ...]:
    """Headings; units are in them."""
    score = comparison.headline.label.lower()
    return ("rank", "model", "strategy", score, "95 %", "verdict", "latency ms", "parameters", "training s", "n")


def leaderboard_row(cell: CellSummary) -> tuple[str, ...]:
    """One cell, a text per column; what is missing is a dash."""
    score, profile, timings = cell.headline, cell.profile, cell.timings
    ends = score.interval if score else None
    return (
        _number(cell.rank, ".0f"),
        cell.model,
        cell.strategy,
        _number(score.value if score else None, ".3f"),
        f"{ends[0]:.3f}-{ends[1]:.3f}" if ends else ABSENT,
        verdict_of(cell) or ABSENT,
        _number(profile.latency_ms_p50.mean if profile else None, ".2f"),
        _number(profile.parameters if profile else None, ",.0f"),
        _number(timings.training_seconds.mean if timings else None, ".1f"),
        f"{cell.finished}/{cell.planned}",
    )


def _number(value: float | None, form: str) -> str:
    return ABSENT if value is None else format(value, form)
