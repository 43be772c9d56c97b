"""A comparison in a notebook: its leaderboard, its answer and its charts."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from suite.compare.comparison import CellSummary, Comparison

if TYPE_CHECKING:
    import pandas

__all__ = ["ComparisonView"]

_COLUMNS = ("", "model", "strategy", "", "95 %", "ties", "latency ms", "parameters", "training s", "n")


@dataclass(frozen=True)
class ComparisonView:
    """What ``suite.load_comparison`` returns. Shown in a notebook, it is the leaderboard.

    Example:
        >>> comparison = suite.load_comparison("reports/vision")  # doctest: +SKIP
        >>> comparison.leaderboard()  # doctest: +SKIP
        >>> comparison.chart("quality_latency")  # doctest: +SKIP
    """

    comparison: Comparison
    """Everything, typed."""

    def leaderboard(self) -> pandas.DataFrame:
        """One row per cell; see ``suite.frames.leaderboard_frame``."""
        from suite.frames import leaderboard_frame

        return leaderboard_frame(self.comparison)

    def charts(self) -> tuple[str, ...]:
        """Names of the charts that ``chart`` takes."""
        from suite.registry import CHARTS

        return CHARTS.names()

    def chart(self, name: str, *, dataset: str | None = None) -> Any | None:
        """An Altair chart, or None where there is nothing to draw; the first data set when left out.

        Raises:
            UnknownNameError: With the nearest name.
        """
        from suite.registry import CHARTS

        return CHARTS.get(name).build(self.comparison, dataset=dataset)

    def _repr_html_(self) -> str:
        """The answer and one table per data set, everything escaped."""
        parts = [f"<h3>{html.escape(self.comparison.title or self.comparison.spec_name)}</h3>"]
        parts += [f"<p>{html.escape(answer.take)}</p>" for answer in self.comparison.recommendations]
        for dataset in self.comparison.datasets:
            cells = [cell for cell in self.comparison.cells if cell.dataset == dataset]
            parts.append(_table(dataset, cells, self.comparison.headline.label))
        return "\n".join(parts)


def _table(dataset: str, cells: list[CellSummary], headline: str) -> str:
    names = [headline if index == 3 else name for index, name in enumerate(_COLUMNS)]
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in _texts(cell)) + "</tr>" for cell in cells
    )
    caption = f"<caption>{html.escape(dataset)}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def _texts(cell: CellSummary) -> tuple[str, ...]:
    from suite.compare.wording import cell_texts

    return cell_texts(cell)
