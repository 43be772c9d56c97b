"""A comparison in a notebook: its leaderboard, its answer and its charts."""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from suite.compare.advice.readiness import dataset_answers
from suite.compare.comparison import Comparison
from suite.registry import CHARTS
from suite.report.frames import leaderboard_frame
from suite.report.leaderboard_text import leaderboard_columns, leaderboard_row

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ComparisonView"]

SHOWN = ("quality_latency", "quality_training", "generalisation")
"""Charts that a notebook shows by itself; ``chart`` gives any."""


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

    def leaderboard(self) -> pd.DataFrame:
        """One row per cell; see ``suite.report.frames.leaderboard_frame``."""
        return leaderboard_frame(self.comparison)

    def charts(self) -> tuple[str, ...]:
        """Names of the charts that ``chart`` takes."""
        return CHARTS.names()

    def chart(self, name: str, *, dataset: str | None = None) -> Any | None:
        """An Altair chart, or None where there is nothing to draw; the first data set when left out.

        Raises:
            UnknownNameError: With the nearest name.
        """
        return CHARTS.get(name).build(self.comparison, dataset=dataset)

    def _repr_html_(self) -> str:
        """The answer, and for each data set its leaderboard and main charts; everything is escaped."""
        parts = [f"<h3>{html.escape(self.comparison.title or self.comparison.spec_name)}</h3>"]
        if self.comparison.across and self.comparison.across.answer:
            parts.append(f"<p>{html.escape(self.comparison.across.answer)}</p>")
        for answer in dataset_answers(self.comparison):
            parts += [f"<p>{html.escape(text)}</p>" for text in (answer.take, answer.leading) if text]
        found = self.comparison.checks.beside_answer if self.comparison.checks else ()
        parts += [f"<p>{html.escape(one.sentence)}</p>" for one in found]
        for dataset in self.comparison.datasets:
            parts.append(_table(dataset, self.comparison))
            parts += [_image(chart) for name in SHOWN if (chart := self.chart(name, dataset=dataset)) is not None]
        return "\n".join(parts)


def _image(chart: Any) -> str:
    """A still image: a notebook may hold several comparisons, and shows it without scripts too."""
    from suite.report.charts.render import svg

    drawn = base64.b64encode(svg(chart).encode()).decode()
    return f'<p><img alt="chart" src="data:image/svg+xml;base64,{drawn}"></p>'


def _table(dataset: str, comparison: Comparison) -> str:
    rows = [leaderboard_row(cell) for cell in comparison.cells if cell.dataset == dataset]
    head = _line(leaderboard_columns(comparison), "th")
    body = "\n".join(_line(row, "td") for row in rows)
    caption = f"<caption>{html.escape(dataset)}</caption>"
    return f"<table>{caption}<thead>{head}</thead><tbody>\n{body}\n</tbody></table>"


def _line(texts: tuple[str, ...], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in texts) + "</tr>"
